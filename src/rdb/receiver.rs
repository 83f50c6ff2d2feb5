//! What the loader of RDB files, the checker and the server have in common: the options, and who
//! takes the keys.
//!
//! Must not know: the format.

use super::format::Versions;
use super::load_value::ValueRules;
use crate::config::Config;
use crate::generation::Generation;
use crate::keyspace::access::Usage;
use crate::keyspace::{Bytes, Keyspace, Value};
use crate::os::Os;

/// A key read from a file.
#[derive(Debug)]
pub struct LoadedKey {
    pub db: usize,
    pub key: Bytes,
    pub value: Value,
    /// Expiry time, in milliseconds since the epoch.
    pub expire: Option<i64>,
    /// Access data from the file.
    pub usage: Usage,
}

/// How many keys a file had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeysLoaded {
    pub loaded: u64,
    /// Left out, because their time had passed.
    pub expired: u64,
    /// Left out, because there was nothing in them.
    pub empty: u64,
}

/// Receives the keys of a file, and serves clients meanwhile.
pub trait Receiver {
    /// Called when loading of a file of this many bytes starts (Redis: `startLoading`).
    fn start(&mut self, os: &mut dyn Os, total_bytes: u64);

    /// Adds a key. Returns false if it exists and `replace` is not set.
    fn add(&mut self, entry: LoadedKey, replace: bool) -> bool;

    /// Adds a library of functions. Fails with the reason.
    fn add_functions(&mut self, code: Bytes, replace: bool) -> Result<(), String>;

    /// Called after each key, so that signals can be handled.
    fn after_key(&mut self, os: &mut dyn Os) {
        let _ = os;
    }

    /// Called when an RDB file was loaded as a whole.
    fn rdb_loaded(&mut self, keys: KeysLoaded) {
        let _ = keys;
    }

    /// Called every 2 MB with the number of bytes read (Redis: `loadingProgress`,
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
        self.access.set_lru_or_lfu(&mut object, entry.usage);
        db.set(&entry.key, object, false);
        if let Some(when) = entry.expire {
            db.set_expire(&entry.key, when);
        }
        true
    }

    fn add_functions(&mut self, code: Bytes, replace: bool) -> Result<(), String> {
        self.functions.load(code, replace).map(drop)
    }

    fn progress(&mut self, _os: &mut dyn Os, _loaded_bytes: u64) {}
}

/// The options of a load.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    pub generation: &'static Generation,
    pub filename: String,
    /// Whether to verify the checksum.
    pub checksum: bool,
    /// Microseconds to sleep after each key.
    pub key_load_delay: u64,
    /// Write or load the preamble of an AOF.
    pub aof_preamble: bool,
    /// Existing keys are replaced.
    pub allow_duplicates: bool,
    pub databases: usize,
    pub versions: Versions,
    pub rules: ValueRules,
}

impl LoadOptions {
    pub fn new(config: &Config, keyspace: &Keyspace) -> Self {
        LoadOptions {
            generation: config.generation,
            filename: config.dbfilename.clone(),
            checksum: config.rdbchecksum,
            key_load_delay: config.key_load_delay,
            aof_preamble: false,
            allow_duplicates: false,
            databases: keyspace.dbs.len(),
            versions: Versions::UpTo(config.generation.rdb.version),
            rules: ValueRules::of(config.generation, &keyspace.limits),
        }
    }

    /// Reads the files of all servers, whatever this one would refuse.
    pub fn of_any_server(self) -> Self {
        LoadOptions { versions: Versions::All, rules: self.rules.of_any_server(), ..self }
    }
}
