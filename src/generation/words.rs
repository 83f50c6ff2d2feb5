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
    ValueType,
    Block(RdbBlock),
    /// A member of an intset.
    DuplicateInteger,
    /// A member of a set that is a hash table.
    DuplicateMember,
    /// The field with which a hash becomes a hash table.
    DuplicateField,
    DuplicateFieldInTable,
    ZSetNan,
    ZSetDuplicate,
    ModuleType,
    ModuleAux,
    Checksum,
    UnexpectedEof,
    Stream(StreamDefect),
}

/// A value or a part of one that is stored as a single block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RdbBlock {
    Quicklist,
    Listpack,
    Ziplist,
    Zipmap,
    ZipmapDuplicate,
    ListZiplist,
    Intset,
    SetListpack,
    ZSetZiplist,
    ZSetListpack,
    HashZiplist,
    HashListpack,
}

impl RdbBlock {
    /// As 7.0 logs it.
    pub fn reason(self) -> &'static str {
        match self {
            RdbBlock::Quicklist => "Quicklist integrity check failed.",
            RdbBlock::Listpack => "Listpack integrity check failed.",
            RdbBlock::Ziplist => "Ziplist integrity check failed.",
            RdbBlock::Zipmap => "Zipmap integrity check failed.",
            RdbBlock::ZipmapDuplicate => "Hash zipmap with dup elements, or big length",
            RdbBlock::ListZiplist => "List ziplist integrity check failed.",
            RdbBlock::Intset => "Intset integrity check failed.",
            RdbBlock::SetListpack => "Set listpack integrity check failed.",
            RdbBlock::ZSetZiplist => "Zset ziplist integrity check failed.",
            RdbBlock::ZSetListpack => "Zset listpack integrity check failed.",
            RdbBlock::HashZiplist => "Hash ziplist integrity check failed.",
            RdbBlock::HashListpack => "Hash listpack integrity check failed.",
        }
    }
}

/// What is wrong with a stream in an RDB file, or what of it was being read when the file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamDefect {
    NodesLen,
    NodeId,
    NodeIdSize,
    Listpack,
    BadListpack,
    EmptyListpack,
    RepeatedNode,
    Metadata,
    LengthWithoutNodes,
    GroupsLen,
    GroupName,
    GroupId,
    GroupOffset,
    RepeatedGroup,
    PendingLen,
    PendingId,
    PendingDelivery,
    RepeatedPending,
    ConsumersLen,
    ConsumerName,
    RepeatedConsumer,
    SeenTime,
    ConsumerPendingLen,
    ConsumerPendingId,
    NotInGroup,
    RepeatedConsumerPending,
    PendingWithoutConsumer,
}

impl StreamDefect {
    /// As it is logged.
    pub fn reason(self) -> &'static str {
        match self {
            StreamDefect::NodesLen => "Stream listpacks len loading failed.",
            StreamDefect::NodeId => {
                "Stream master ID loading failed: invalid encoding or I/O error."
            }
            StreamDefect::NodeIdSize => "Stream node key entry is not the size of a stream ID",
            StreamDefect::Listpack => "Stream listpacks loading failed.",
            StreamDefect::BadListpack => "Stream listpack integrity check failed.",
            StreamDefect::EmptyListpack => "Empty listpack inside stream",
            StreamDefect::RepeatedNode => "Listpack re-added with existing key",
            StreamDefect::Metadata => "Stream object metadata loading failed.",
            StreamDefect::LengthWithoutNodes => "Stream length inconsistent with rax entries",
            StreamDefect::GroupsLen => "Stream cgroup count loading failed.",
            StreamDefect::GroupName => "Error reading the consumer group name from Stream",
            StreamDefect::GroupId => "Stream cgroup ID loading failed.",
            StreamDefect::GroupOffset => "Stream cgroup offset loading failed.",
            StreamDefect::RepeatedGroup => "Duplicated consumer group name",
            StreamDefect::PendingLen => "Stream PEL size loading failed.",
            StreamDefect::PendingId => "Stream PEL ID loading failed.",
            StreamDefect::PendingDelivery => "Stream PEL NACK loading failed.",
            StreamDefect::RepeatedPending => {
                "Duplicated global PEL entry loading stream consumer group"
            }
            StreamDefect::ConsumersLen => "Stream consumers num loading failed.",
            StreamDefect::ConsumerName => "Error reading the consumer name from Stream group.",
            StreamDefect::RepeatedConsumer => "Duplicate stream consumer detected.",
            StreamDefect::SeenTime => "Stream short read reading seen time.",
            StreamDefect::ConsumerPendingLen => "Stream consumer PEL num loading failed.",
            StreamDefect::ConsumerPendingId => "Stream short read reading PEL streamID.",
            StreamDefect::NotInGroup => "Consumer entry not found in group global PEL",
            StreamDefect::RepeatedConsumerPending => {
                "Duplicated consumer PEL entry  loading a stream consumer group"
            }
            StreamDefect::PendingWithoutConsumer => "Stream CG PEL entry without consumer",
        }
    }
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

    /// A hash in an RDB file, already a hash table, has a field twice.
    fn duplicate_field_in_table(&self) -> &'static str;

    /// The reason of this defect of a stream, as far as generations word it differently.
    fn stream_defect(&self, defect: StreamDefect) -> &'static str {
        defect.reason()
    }

    /// After an RDB file was loaded, without the full stop; None if nothing is said (Redis:
    /// `rdbLoadRio`).
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
