//! Checks a file after loading has failed: reads it again and prints where it is damaged to
//! standard output (Redis: redis-check-rdb.c, which the server calls in this case).
//!
//! Must not know: why loading failed.

use super::file_source::FileSource;
use super::format::{kind, opcode};
use super::modules::{self, module_name};
use super::receiver::LoadOptions;
use super::source::{LoadError, Loaded, Reader, c_string, internal_error};
use crate::clock;
use crate::keyspace::Bytes;
use crate::log::{Level, Log};
use crate::os::{OFlag, Os, STDOUT};
use crate::rio::stdio::{FileReader, FileWriter};

/// The names of the types, by number.
const KINDS: [&str; 19] = [
    "string",
    "list-linked",
    "set-hashtable",
    "zset-v1",
    "hash-hashtable",
    "zset-v2",
    "module-value",
    "",
    "",
    "hash-zipmap",
    "list-ziplist",
    "set-intset",
    "zset-ziplist",
    "hash-ziplist",
    "quicklist",
    "stream",
    "hash-listpack",
    "zset-listpack",
    "quicklist-v2",
];

/// Reads the file again, prints what is wrong, and ends the process: with 1, or with 0 if it finds
/// nothing, as when the first read failed by an I/O error.
pub(super) fn redis_check_rdb_main(os: &mut dyn Os, log: &Log, options: &LoadOptions) -> ! {
    let mut out = format!("[offset 0] Checking RDB file {}\n", options.filename);
    let checked = match os.open(&options.filename, OFlag::O_RDONLY, 0o666) {
        Ok(fd) => {
            let size = os.fstat(fd).map_or(0, |stat| stat.size);
            let mut file = FileReader::new(fd, size);
            let now = clock::mstime(os);
            let source = FileSource::new(os, &mut file, None, options.checksum);
            let mut check = Check::new(source, options, now);
            let checked = check.redis_check_rdb();
            out.push_str(&check.out);
            checked
        }
        Err(_) => Err(LoadError::ShortRead),
    };
    let mut stdout = FileWriter::new(STDOUT);
    let _ = stdout.write(os, out.as_bytes());
    let _ = stdout.flush(os);
    if matches!(checked, Err(LoadError::Corrupt { .. })) {
        log.line(os, Level::Warning, "Terminating server after rdb file reading failure.");
    }
    os.exit(i32::from(checked.is_err()))
}

/// A check in progress (Redis: `rdbstate`).
struct Check<'a> {
    source: FileSource<'a>,
    options: &'a LoadOptions,
    /// Milliseconds since the epoch.
    now: i64,
    out: String,
    /// What is being read.
    doing: &'static str,
    key: Option<Bytes>,
    /// The type of the key being read. Redis does not clear it before the first one.
    kind: Option<u8>,
    keys: u64,
    expires: u64,
    already_expired: u64,
}

impl<'a> Check<'a> {
    fn new(source: FileSource<'a>, options: &'a LoadOptions, now: i64) -> Self {
        Check {
            source,
            options,
            now,
            out: String::new(),
            doing: "start",
            key: None,
            kind: Some(kind::STRING),
            keys: 0,
            expires: 0,
            already_expired: 0,
        }
    }

    fn reader(&mut self) -> Reader<'_> {
        Reader::new(&mut self.source)
    }

    fn redis_check_rdb(&mut self) -> Loaded<()> {
        let checked = self.run();
        match &checked {
            Ok(()) => {
                self.info("\\o/ RDB looks OK! \\o/");
                self.generic_info();
            }
            Err(LoadError::ShortRead | LoadError::EmptyKey) => {
                self.error("Unexpected EOF reading RDB file")
            }
            Err(LoadError::Corrupt { defect, reason }) => {
                let words = self.options.generation.words;
                self.error(&internal_error(words, 0, *defect, reason));
            }
            Err(LoadError::Refused(words) | LoadError::Fatal(words) | LoadError::Panic(words)) => {
                self.error(words)
            }
        }
        checked
    }

    fn run(&mut self) -> Loaded<()> {
        let versions = self.options.versions;
        let version = self.reader().version(versions)?;
        let mut expire = None;
        loop {
            self.doing = "read-type";
            match self.reader().byte()? {
                opcode::EXPIRETIME => {
                    self.doing = "read-expire";
                    let seconds = i32::from_le_bytes(self.reader().array()?);
                    expire = Some(i64::from(seconds) * 1000);
                }
                opcode::EXPIRETIME_MS => {
                    self.doing = "read-expire";
                    expire = Some(i64::from_le_bytes(self.reader().array()?));
                }
                opcode::FREQ => drop(self.reader().byte()?),
                opcode::IDLE => drop(self.reader().len()?),
                opcode::EOF => break,
                opcode::SELECTDB => {
                    self.doing = "read-len";
                    let db = self.reader().len()?;
                    self.info(&format!("Selecting DB ID {db}"));
                }
                opcode::RESIZEDB => {
                    self.doing = "read-len";
                    self.reader().len()?;
                    self.reader().len()?;
                }
                opcode::AUX => {
                    self.doing = "read-aux";
                    let mut reader = self.reader();
                    let (key, value) = (reader.string()?, reader.string()?);
                    let (key, value) = (c_string(&key), c_string(&value));
                    self.info(&format!("AUX FIELD {key} = '{value}'"));
                }
                opcode::MODULE_AUX => self.check_module_aux()?,
                opcode::FUNCTION2 if self.options.rules.keeps_libraries() => {
                    self.doing = "read-functions";
                    self.reader().string()?;
                }
                opcode::FUNCTION_PRE_GA if self.options.rules.keeps_libraries() => {
                    self.doing = "read-functions";
                    self.reader().functions_pre_ga()?;
                }
                kind if self.is_object_type(kind) => self.check_key(kind, expire.take())?,
                kind => return Err(LoadError::Refused(format!("Invalid object type: {kind}"))),
            }
        }
        if version >= 5 && self.options.checksum { self.check_sum() } else { Ok(()) }
    }

    fn check_key(&mut self, kind: u8, expire: Option<i64>) -> Loaded<()> {
        self.kind = Some(kind);
        self.doing = "read-key";
        self.key = Some(self.reader().string()?);
        self.keys += 1;
        self.doing = "read-object-value";
        let rules = self.options.rules;
        match kind {
            kind::MODULE_2 => {
                self.reader().len()?;
                self.reader().skip_module_value()?;
            }
            _ => drop(self.reader().value(kind, &rules)?),
        }
        if let Some(when) = expire.filter(|&when| when != -1) {
            self.expires += 1;
            self.already_expired += u64::from(when < self.now);
        }
        self.key = None;
        self.kind = None;
        Ok(())
    }

    fn check_module_aux(&mut self) -> Loaded<()> {
        self.doing = "read-module-aux";
        let mut reader = self.reader();
        let (id, opcode, _) = (reader.len()?, reader.len()?, reader.len()?);
        if opcode != modules::UINT && self.options.rules.is_checking() {
            return Err(LoadError::Refused("bad when_opcode".to_string()));
        }
        self.info(&format!("MODULE AUX for: {}", module_name(id)));
        self.reader().skip_module_value()
    }

    /// Redis: `rdbIsObjectType`.
    fn is_object_type(&self, kind: u8) -> bool {
        let known = matches!(kind, kind::STRING..=kind::MODULE_2 | kind::HASH_ZIPMAP..);
        known && kind <= self.options.rules.newest_kind
    }

    fn check_sum(&mut self) -> Loaded<()> {
        self.doing = "check-sum";
        let expected = self.source.checksum();
        let found = u64::from_le_bytes(self.reader().array()?);
        if found == 0 {
            self.info("RDB file was saved with checksum disabled: no check performed.");
        } else if Some(found) != expected {
            return Err(LoadError::Refused("RDB CRC error".to_string()));
        } else {
            self.info("Checksum OK");
        }
        Ok(())
    }

    /// Redis: `rdbCheckInfo`.
    fn info(&mut self, words: &str) {
        let offset = self.source.processed_bytes;
        self.say(&format!("[offset {offset}] {words}"));
    }

    /// Redis: `rdbCheckError`.
    fn error(&mut self, words: &str) {
        self.say("--- RDB ERROR DETECTED ---");
        self.info(words);
        self.say(&format!("[additional info] While doing: {}", self.doing));
        if let Some(key) = &self.key {
            self.say(&format!("[additional info] Reading key '{}'", c_string(key)));
        }
        if let Some(kind) = self.kind {
            let name = KINDS.get(usize::from(kind)).unwrap_or(&"unknown");
            self.say(&format!("[additional info] Reading type {kind} ({name})"));
        }
        self.generic_info();
    }

    /// Redis: `rdbShowGenericInfo`.
    fn generic_info(&mut self) {
        self.say(&format!("[info] {} keys read", self.keys));
        self.say(&format!("[info] {} expires", self.expires));
        self.say(&format!("[info] {} already expired", self.already_expired));
    }

    fn say(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }
}
