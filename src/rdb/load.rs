//! Loads a snapshot, from its own file or as the preamble of an AOF (Redis: `rdbLoad`,
//! `rdbLoadRio`, rdb.c).
//!
//! On success every key of the file is in the dataset, except expired ones; those of a preamble are
//! kept, because the commands after it rely on them. A damaged file ends the server:
//! [`super::check`] prints where, and the exit code is 1. If that second read finds no damage, the
//! server still ends, with 0, as in Redis.
//!
//! Must not know: what the values are used for.

use super::check;
use super::file_source::FileSource;
use super::format::{Versions, opcode};
use super::modules::{self, module_name};
use super::receiver::{KeysLoaded, LoadOptions, LoadedKey, Receiver};
use super::source::{LoadError, Loaded, Reader, c_string, internal_error};
use crate::clock;
use crate::generation::RdbDefect;
use crate::keyspace::Bytes;
use crate::keyspace::access::Usage;
use crate::log::{Level, Log};
use crate::os::{Errno, OFlag, Os};
use crate::rio::stdio::FileReader;
use crate::text::atoi;

/// Loads the file `options.filename`. Fails with the error of open(2), or with EINVAL if the file
/// is not an RDB file of a supported version.
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

/// Loads from the current position of `file` to the EOF opcode and checksum; an AOF tail may
/// follow.
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
    let words = options.generation.words;
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
        LoadError::Panic(message) => log.server_panic(os, options.generation, &message),
        LoadError::ShortRead | LoadError::EmptyKey => {
            warning(os, "Short read or OOM loading DB. Unrecoverable error, aborting now.");
            let reason = "Unexpected EOF reading RDB file";
            warning(os, &internal_error(words, loaded_bytes, RdbDefect::UnexpectedEof, reason));
            check::redis_check_rdb_main(os, log, options)
        }
        LoadError::Corrupt { defect, reason } => {
            warning(os, &internal_error(words, loaded_bytes, defect, &reason));
            check::redis_check_rdb_main(os, log, options)
        }
    }
}

/// How many empty keys are named in the log.
const EMPTY_KEYS_NAMED: u64 = 10;

/// A load in progress.
pub(super) struct Loader<'a> {
    source: FileSource<'a>,
    log: &'a Log,
    options: &'a LoadOptions,
    /// The selected database.
    db: usize,
    /// Expiry time of the next key, in milliseconds since the epoch.
    expire: Option<i64>,
    /// Access data of the next key.
    usage: Usage,
    keys: KeysLoaded,
}

impl<'a> Loader<'a> {
    pub(super) fn new(source: FileSource<'a>, log: &'a Log, options: &'a LoadOptions) -> Self {
        let (usage, keys) = (Usage::default(), KeysLoaded::default());
        Loader { source, log, options, db: 0, expire: None, usage, keys }
    }

    fn reader(&mut self) -> Reader<'_> {
        Reader::new(&mut self.source)
    }

    /// Loads the file. Returns errors instead of ending the process.
    pub(super) fn run(&mut self) -> Loaded<()> {
        let versions = self.options.versions;
        let version = self.reader().version(versions)?;
        let now = clock::mstime(self.source.os);
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
                    // A size hint, which is not used.
                    self.reader().len()?;
                    self.reader().len()?;
                }
                opcode::AUX => self.aux()?,
                opcode::MODULE_AUX => return Err(self.module_aux()),
                opcode::FUNCTION2 if self.options.rules.keeps_libraries() => {
                    let code = self.reader().string()?;
                    self.functions(code)?;
                }
                opcode::FUNCTION_PRE_GA if self.options.rules.keeps_libraries() => {
                    let code = self.reader().functions_pre_ga()?;
                    self.functions(code)?;
                }
                opcode::SLOT_INFO if versions == Versions::All => {
                    // Where keys of a cluster belong.
                    (0..3).try_for_each(|_| self.reader().len().map(drop))?;
                }
                kind => self.key(kind, now)?,
            }
        }
        if version >= 5 {
            self.verify_checksum()?;
        }
        self.done();
        Ok(())
    }

    /// Tells the log and the receiver how many keys there were.
    fn done(&mut self) {
        let KeysLoaded { loaded, expired, empty } = self.keys;
        if let Some(line) = self.options.generation.words.rdb_loaded(loaded, expired) {
            match empty {
                0 => self.log.line(self.source.os, Level::Notice, &format!("{line}.")),
                _ => self.warning(&format!("{line}, empty keys skipped: {empty}.")),
            }
        }
        let receiver = self.source.receiver.as_mut().expect("a loader has one");
        receiver.rdb_loaded(self.keys);
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

    /// Data of a module, which is never there.
    fn module_aux(&mut self) -> LoadError {
        let mut reader = self.reader();
        let mut read = || Ok((reader.len()?, reader.len()?, reader.len()?));
        match read() {
            Err(error) => error,
            Ok((_, opcode, _)) if opcode != modules::UINT => {
                LoadError::corrupt(RdbDefect::ModuleAux, "bad when_opcode")
            }
            Ok((id, ..)) => LoadError::Fatal(format!(
                "The RDB file contains AUX module data I can't load: no matching module '{}'",
                module_name(id)
            )),
        }
    }

    fn functions(&mut self, code: Bytes) -> Loaded<()> {
        let replace = self.options.allow_duplicates;
        let receiver = self.source.receiver.as_mut().expect("a loader has one");
        receiver.add_functions(code, replace).map_err(|reason| {
            self.warning(&format!("Failed loading library, {reason}"));
            LoadError::ShortRead
        })
    }

    fn key(&mut self, kind: u8, now: i64) -> Loaded<()> {
        let rules = self.options.rules;
        let mut reader = self.reader();
        let key = reader.string()?;
        let value = match reader.value(kind, &rules) {
            Err(LoadError::EmptyKey) => return self.skip_empty(&key),
            value => value?,
        };
        let expire = self.expire.take().filter(|&when| when != -1);
        let usage = std::mem::take(&mut self.usage);
        let expired = !self.options.aof_preamble && expire.is_some_and(|when| when < now);
        if expired {
            self.keys.expired += 1;
        } else {
            self.keys.loaded += 1;
            let name = String::from_utf8_lossy(&key).into_owned();
            let entry = LoadedKey { db: self.db, key, value, expire, usage };
            let receiver = self.source.receiver.as_mut().expect("a loader has one");
            if !receiver.add(entry, self.options.allow_duplicates) {
                return Err(self.duplicate(&name));
            }
        }
        self.after_key();
        Ok(())
    }

    fn skip_empty(&mut self, key: &[u8]) -> Loaded<()> {
        if self.keys.empty < EMPTY_KEYS_NAMED {
            self.warning(&format!("rdbLoadObject skipping empty key: {}", c_string(key)));
        }
        self.keys.empty += 1;
        (self.expire, self.usage) = (None, Usage::default());
        self.after_key();
        Ok(())
    }

    fn after_key(&mut self) {
        if self.options.key_load_delay != 0 {
            self.source.os.nanosleep(self.options.key_load_delay.saturating_mul(1000));
        }
        let receiver = self.source.receiver.as_mut().expect("a loader has one");
        receiver.after_key(self.source.os);
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
                let age = clock::time(os).saturating_sub(atoi(&value)).max(0);
                (Level::Notice, format!("RDB age {age} seconds"))
            }
            "used-mem" => {
                let megabytes = atoi(&value) as f64 / (1024.0 * 1024.0);
                (Level::Notice, format!("RDB memory usage when created {megabytes:.2} Mb"))
            }
            "aof-preamble" if atoi(&value) != 0 => {
                (Level::Notice, "RDB has an AOF tail".to_string())
            }
            "aof-base" if atoi(&value) != 0 => (Level::Notice, "RDB is base AOF".to_string()),
            "aof-preamble" | "aof-base" | "redis-bits" => return Ok(()),
            "repl-stream-db" | "repl-id" | "repl-offset" => return Ok(()),
            "lua" => match self.options.generation.words.script_in_rdb() {
                Some(line) => (Level::Warning, line.to_string()),
                None => return Ok(()),
            },
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
                Err(LoadError::corrupt(RdbDefect::Checksum, "RDB CRC error"))
            }
            _ => Ok(()),
        }
    }

    fn warning(&mut self, line: &str) {
        self.log.line(self.source.os, Level::Warning, line);
    }
}
