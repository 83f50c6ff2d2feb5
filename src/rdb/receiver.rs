//! What the loader of RDB files, the checker and the server have in common: the options, and who
//! takes the keys.
//!
//! Must not know: the format.

use crate::config::Config;
use crate::keyspace::access::Usage;
use crate::keyspace::{Bytes, Keyspace, Limits, Value};
use crate::os::Os;

/// One key of a file.
#[derive(Debug)]
pub struct LoadedKey {
    pub db: usize,
    pub key: Bytes,
    pub value: Value,
    /// When it ends, in milliseconds since the epoch.
    pub expire: Option<i64>,
    /// How it was used before.
    pub usage: Usage,
}

/// Who takes what a file holds, and serves others meanwhile.
pub trait Receiver {
    /// Loading of a file of this many bytes begins (Redis: `startLoading`).
    fn start(&mut self, os: &mut dyn Os, total_bytes: u64);

    /// Takes a key. False when it is there already and was not to be replaced.
    fn add(&mut self, entry: LoadedKey, replace: bool) -> bool;

    /// A key was read: a moment at which the work may be interrupted.
    fn after_key(&mut self, os: &mut dyn Os) {
        let _ = os;
    }

    /// So many bytes were read; called every 2 MB (Redis: `loadingProgress`,
    /// `processEventsWhileBlocked`).
    fn progress(&mut self, os: &mut dyn Os, loaded_bytes: u64);
}

impl Receiver for Keyspace {
    fn start(&mut self, _os: &mut dyn Os, _total_bytes: u64) {}

    fn add(&mut self, entry: LoadedKey, replace: bool) -> bool {
        let db = &mut self.dbs[entry.db];
        if db.dict.contains_key(&entry.key) && !replace {
            return false;
        }
        let mut object = self.access.object(entry.value);
        self.access.restore(&mut object, entry.usage);
        db.set(&entry.key, object, false);
        if let Some(when) = entry.expire {
            db.set_expire(&entry.key, when);
        }
        true
    }

    fn progress(&mut self, _os: &mut dyn Os, _loaded_bytes: u64) {}
}

/// How to load.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    pub filename: String,
    /// Whether the checksum is looked at.
    pub checksum: bool,
    /// Microseconds to sleep after each key.
    pub key_load_delay: u64,
    /// It is the preamble of an AOF.
    pub aof_preamble: bool,
    /// A key that is there already is replaced.
    pub allow_duplicates: bool,
    pub databases: usize,
    pub limits: Limits,
}

impl LoadOptions {
    pub fn new(config: &Config, keyspace: &Keyspace) -> Self {
        LoadOptions {
            filename: config.dbfilename.clone(),
            checksum: config.rdbchecksum,
            key_load_delay: config.key_load_delay,
            aof_preamble: false,
            allow_duplicates: false,
            databases: keyspace.dbs.len(),
            limits: keyspace.limits,
        }
    }
}
