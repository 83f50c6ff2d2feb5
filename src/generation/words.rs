//! Log lines and errors that two generations word differently. What all say alike stands where it
//! is logged.
//!
//! Must not know: when they are said.

use std::fmt::Debug;

/// What is known where a snapshot could not be opened for writing.
pub struct RdbOpen<'a> {
    pub temp: &'a str,
    /// The final name.
    pub filename: &'a str,
    pub dir: &'a str,
    pub reason: &'a str,
}

/// Where an RDB file is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RdbDefect {
    LengthEncoding,
    StringEncoding,
    Lzf,
    Double,
    ValueType,
    Block,
    DuplicateField,
    ZSet,
    Checksum,
    UnexpectedEof,
}

/// Why CONFIG SET is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigRefused {
    Unknown {
        name: String,
    },
    Immutable {
        name: String,
    },
    Protected {
        name: String,
    },
    Duplicate {
        name: String,
    },
    Invalid {
        name: String,
        value: String,
        /// May be empty.
        reason: String,
    },
    /// The value is good, but it could not be put into effect.
    NotApplied {
        name: String,
        value: String,
        reason: String,
    },
    /// The directory cannot be entered.
    NoDirectory {
        reason: String,
    },
}

/// The words of one generation.
pub trait Words: Debug + Sync {
    /// The error for write commands while background saves fail (Redis: `shared.bgsaveerr`).
    fn snapshots_failing(&self) -> &'static str;

    /// Redis: `rdbSave`.
    fn cannot_open_rdb(&self, file: &RdbOpen<'_>) -> String;

    /// The error that is printed next to the working directory: `first`, or the one of getcwd(3),
    /// if that failed meanwhile and the number is only looked at afterwards.
    fn reason_beside_dir<'a>(&self, first: &'a str, getcwd: Option<&'a str>) -> &'a str;

    /// The line of rdb.c that reports a defect, which the log shows.
    fn rdb_line(&self, defect: RdbDefect) -> u32;

    /// After an RDB file was loaded; None if nothing is said (Redis: `rdbLoadRio`).
    fn rdb_loaded(&self, loaded: u64, expired: u64) -> Option<String>;

    /// The file contains a script; None if nothing is said.
    fn script_in_rdb(&self) -> Option<&'static str>;

    /// The error for a command that is not known, after its code (Redis: `processCommand`).
    fn unknown_command(&self, argv: &[Vec<u8>]) -> Vec<u8>;

    /// The error for a subcommand that is not known or has the wrong number of arguments, after its
    /// code; `command` is in upper case.
    fn unknown_subcommand(&self, command: &str, sub: &str) -> String;

    /// The error of CONFIG SET, after its code (Redis: `configSetCommand`).
    fn config_refused(&self, refused: &ConfigRefused) -> String;

    /// The log line before a configuration is restored that could not be put into effect; None if
    /// nothing is said.
    fn config_restored(&self, name: &str) -> Option<String>;

    /// The error for a time to live that is none, after its code.
    fn invalid_expire_time(&self, command: &str) -> String;

    /// What is propagated when a client that waited for a member of a sorted set is served.
    fn zpop_of_served(&self, highest: bool) -> &'static str;

    /// Before the names that a directive can have.
    fn must_be_one_of(&self) -> &'static str;

    /// The site of Redis' documentation, as the latency doctor gives it.
    fn documentation(&self) -> &'static str;

    /// The lines after a panic's message.
    fn panic_end(&self) -> &'static [&'static str];

    /// A signal arrived while a file is loaded.
    fn signal_while_loading(&self) -> &'static str;

    /// wait(2) failed; the pids of the children, or -1 (Redis: `checkChildrenDone`).
    fn wait_error(&self, reason: &str, rdb: i32, aof: i32) -> String;

    /// A step of saving failed: `rdbSaveRio`, `fflush` and so on.
    fn rdb_write_error(&self, step: &str, reason: &str) -> String;
}

/// The first 128 bytes or so of arguments, each between these marks.
pub(super) fn quoted(arguments: &[Vec<u8>], [before, after]: [&[u8]; 2]) -> Vec<u8> {
    let mut quoted = Vec::new();
    for argument in arguments {
        if quoted.len() >= 128 {
            break;
        }
        let shown = &argument[..argument.len().min(128 - quoted.len())];
        quoted.extend([before, shown, after].concat());
    }
    quoted
}
