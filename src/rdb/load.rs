//! Reading a snapshot back, as a file of its own or as the preamble of an AOF (Redis: `rdbLoad`,
//! `rdbLoadRio`).
//!
//! When loading returns without an error, every key of the file is in the dataset, but for those
//! whose time has passed; those of a preamble are kept even then, because the commands that follow
//! count on them. A file that is damaged ends the server: [`super::check`] says where, and the exit
//! code is 1. So does one that is read well the second time, with 0, as in Redis.
//!
//! Must not know: what the values are used for.

use super::check;
use super::file_source::FileSource;
use super::format::{RDB_VERSION_READ, opcode};
use super::source::{LoadError, Loaded, Reader};
use crate::child;
use crate::config::Config;
use crate::keyspace::access::Usage;
use crate::keyspace::{Bytes, Keyspace, Limits, Value};
use crate::log::{Level, Log};
use crate::os::{Errno, OFlag, Os};
use crate::rio::stdio::FileReader;
use crate::text::atoi;

/// One key of a file.
#[derive(Debug)]
pub struct Entry {
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
    fn add(&mut self, entry: Entry, replace: bool) -> bool;

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

    fn add(&mut self, entry: Entry, replace: bool) -> bool {
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

/// Loads the file of this name. The error is why it cannot be opened, or EINVAL when it is no RDB
/// file of a version that can be read.
pub fn rdb_load(
    os: &mut dyn Os,
    log: &Log,
    options: &LoadOptions,
    receiver: &mut dyn Receiver,
) -> Result<(), Errno> {
    let fd = os.open(&options.filename, OFlag::O_RDONLY, 0o666)?;
    let size = os.fstat(fd).map_or(0, |stat| stat.size);
    receiver.start(os, size);
    let mut file = FileReader::new(fd, size);
    let loaded = rdb_load_rio(os, log, options, &mut file, receiver);
    file.close(os);
    loaded
}

/// Loads what `file` holds from here to the end mark, which an AOF may follow.
pub fn rdb_load_rio(
    os: &mut dyn Os,
    log: &Log,
    options: &LoadOptions,
    file: &mut FileReader,
    receiver: &mut dyn Receiver,
) -> Result<(), Errno> {
    let source = FileSource::new(os, file, Some(receiver), options.checksum);
    let mut loader = Loader::new(source, log, options);
    let Err(error) = loader.run() else { return Ok(()) };
    let loaded_bytes = loader.source.loaded_bytes;
    let warning = |os: &mut dyn Os, line: &str| log.line(os, Level::Warning, line);
    match error {
        LoadError::Refused(line) => {
            warning(os, &line);
            Err(Errno::EINVAL)
        }
        LoadError::Fatal(line) => {
            warning(os, &line);
            os.exit(1)
        }
        LoadError::Panic(message) => log.server_panic(os, &message),
        LoadError::ShortRead => {
            warning(os, "Short read or OOM loading DB. Unrecoverable error, aborting now.");
            let reason = "Unexpected EOF reading RDB file";
            warning(os, &internal_error(loaded_bytes, 2377, reason));
            check::redis_check_rdb_main(os, log, options)
        }
        LoadError::Corrupt { line, reason } => {
            warning(os, &internal_error(loaded_bytes, line, &reason));
            check::redis_check_rdb_main(os, log, options)
        }
    }
}

/// The words of `rdbReportError`.
pub(super) fn internal_error(offset: u64, line: u32, reason: &str) -> String {
    format!("Internal error in RDB reading offset {offset}, function at rdb.c:{line} -> {reason}")
}

/// The version that a file of this header has.
pub(super) fn version(header: &[u8; 9]) -> Loaded<u32> {
    if !header.starts_with(b"REDIS") {
        let line = "Wrong signature trying to load DB from file";
        return Err(LoadError::Refused(line.to_string()));
    }
    let version = atoi(&header[5..]);
    match u32::try_from(version) {
        Ok(known @ 1..=RDB_VERSION_READ) => Ok(known),
        _ => Err(LoadError::Refused(format!("Can't handle RDB format version {version}"))),
    }
}

/// A file as it is being loaded.
pub(super) struct Loader<'a> {
    source: FileSource<'a>,
    log: &'a Log,
    options: &'a LoadOptions,
    /// The selected database.
    db: usize,
    /// When the next key ends, in milliseconds since the epoch.
    expire: Option<i64>,
    /// How the next key was used.
    usage: Usage,
}

impl<'a> Loader<'a> {
    pub(super) fn new(source: FileSource<'a>, log: &'a Log, options: &'a LoadOptions) -> Self {
        Loader { source, log, options, db: 0, expire: None, usage: Usage::default() }
    }

    fn reader(&mut self) -> Reader<'_> {
        Reader::new(&mut self.source)
    }

    /// Reads all of it. Nothing is ended here.
    pub(super) fn run(&mut self) -> Loaded<()> {
        let version = version(&self.reader().array()?)?;
        let now = child::mstime(self.source.os);
        loop {
            match self.reader().byte()? {
                opcode::EXPIRETIME => {
                    let seconds = i32::from_le_bytes(self.reader().array()?);
                    self.expire = Some(i64::from(seconds) * 1000);
                }
                opcode::EXPIRETIME_MS => {
                    self.expire = Some(i64::from_le_bytes(self.reader().array()?));
                }
                opcode::FREQ => self.usage.frequency = Some(self.reader().byte()?),
                opcode::IDLE => self.usage.idle = Some(self.reader().len()? as i64),
                opcode::EOF => break,
                opcode::SELECTDB => self.select()?,
                opcode::RESIZEDB => {
                    // A hint that is not trusted: the databases grow by themselves.
                    self.reader().len()?;
                    self.reader().len()?;
                }
                opcode::AUX => self.aux()?,
                opcode::MODULE_AUX => {
                    let line = "The RDB file contains AUX module data I can't load: no matching \
                                module";
                    return Err(LoadError::Fatal(line.to_string()));
                }
                opcode::FUNCTION2 => {
                    let line = "The RDB file contains functions, and this server has none.";
                    return Err(LoadError::Fatal(line.to_string()));
                }
                kind => self.key(kind, now)?,
            }
        }
        if version >= 5 { self.verify_checksum() } else { Ok(()) }
    }

    fn select(&mut self) -> Loaded<()> {
        let (db, databases) = (self.reader().len()?, self.options.databases);
        match usize::try_from(db) {
            Ok(db) if db < databases => {
                self.db = db;
                Ok(())
            }
            _ => Err(LoadError::Fatal(format!(
                "FATAL: Data file was created with a Redis server configured to handle more than \
                 {databases} databases. Exiting\n"
            ))),
        }
    }

    fn key(&mut self, kind: u8, now: i64) -> Loaded<()> {
        let limits = self.options.limits;
        let mut reader = self.reader();
        let (key, value) = (reader.string()?, reader.value(kind, &limits)?);
        let expire = self.expire.take().filter(|&when| when != -1);
        let usage = std::mem::take(&mut self.usage);
        let expired = !self.options.aof_preamble && expire.is_some_and(|when| when < now);
        if !expired {
            let name = String::from_utf8_lossy(&key).into_owned();
            let entry = Entry { db: self.db, key, value, expire, usage };
            let receiver = self.source.receiver.as_mut().expect("a loader has one");
            if !receiver.add(entry, self.options.allow_duplicates) {
                return Err(self.duplicate(&name));
            }
        }
        if self.options.key_load_delay != 0 {
            self.source.os.nanosleep(self.options.key_load_delay.saturating_mul(1000));
        }
        let receiver = self.source.receiver.as_mut().expect("a loader has one");
        receiver.after_key(self.source.os);
        Ok(())
    }

    fn duplicate(&mut self, key: &str) -> LoadError {
        self.warning(&format!("RDB has duplicated key '{key}' in DB {}", self.db));
        LoadError::Panic("Duplicated key found in RDB file #rdb.c:2322".to_string())
    }

    fn aux(&mut self) -> Loaded<()> {
        let mut reader = self.reader();
        let (key, value) = (reader.string()?, reader.string()?);
        let (key, text) = (c_string(&key), c_string(&value));
        let os = &mut *self.source.os;
        let (level, line) = match key.to_ascii_lowercase().as_str() {
            _ if key.starts_with('%') => (Level::Notice, format!("RDB '{key}': {text}")),
            "redis-ver" => (Level::Notice, format!("Loading RDB produced by version {text}")),
            "ctime" => {
                let age = child::time(os).saturating_sub(atoi(&value)).max(0);
                (Level::Notice, format!("RDB age {age} seconds"))
            }
            "used-mem" => {
                let megabytes = atoi(&value) as f64 / (1024.0 * 1024.0);
                (Level::Notice, format!("RDB memory usage when created {megabytes:.2} Mb"))
            }
            "aof-preamble" if atoi(&value) != 0 => {
                (Level::Notice, "RDB has an AOF tail".to_string())
            }
            "aof-preamble" | "redis-bits" => return Ok(()),
            "repl-stream-db" | "repl-id" | "repl-offset" => return Ok(()),
            "lua" => {
                let line = "The RDB file contains a script, and this server keeps none.";
                (Level::Warning, line.to_string())
            }
            _ => (Level::Debug, format!("Unrecognized RDB AUX field: '{key}'")),
        };
        self.log.line(os, level, &line);
        Ok(())
    }

    fn verify_checksum(&mut self) -> Loaded<()> {
        let expected = self.source.checksum();
        let found = u64::from_le_bytes(self.reader().array()?);
        match expected {
            Some(_) if found == 0 => {
                self.warning("RDB file was saved with checksum disabled: no check performed.");
                Ok(())
            }
            Some(expected) if found != expected => {
                self.warning(&format!(
                    "Wrong RDB checksum expected: ({expected:x}) but got ({found:x}). Aborting now."
                ));
                Err(LoadError::corrupt(2364, "RDB CRC error"))
            }
            _ => Ok(()),
        }
    }

    fn warning(&mut self, line: &str) {
        self.log.line(self.source.os, Level::Warning, line);
    }
}

/// The part of a string that C prints.
pub(super) fn c_string(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
