//! What a generation consists of, and which mechanisms there are.
//!
//! Must not know: which generations there are.

use super::words::Words;

/// One generation.
#[derive(Debug)]
pub struct Generation {
    /// As `--as` takes it, for example `redis-6.0`.
    pub name: &'static str,
    /// The release that is followed.
    pub version: &'static str,
    pub words: &'static dyn Words,
    pub rdb: RdbFormat,
    pub layout: AofLayout,
    pub translation: Translation,
    pub propagation: Propagation,
    pub failed_sync: FailedSync,
    pub child_report: ChildReport,
    pub panic: PanicSignal,
    pub killed_save: KilledSave,
    pub forks_in_transactions: ForksInTransactions,
    pub shutdown: ShutdownWay,
    pub aged_past_the_clock: AgedPastTheClock,
    pub shared_errors: SharedErrors,
    pub directives: Directives,
    pub word_lists: WordLists,
    /// Whether an address of `bind` may be missing on this machine: `-::1`.
    pub optional_addresses: bool,
    pub commands: Commands,
    pub fields: Fields,
}

/// How the AOF is kept on disk, and how it is rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AofLayout {
    /// One file. What is executed during a rewrite reaches the child through a pipe.
    SingleFile,
    /// A directory with a base, increments, and a manifest that lists them.
    MultiPart,
}

/// How a relative expiry time becomes an absolute one in the AOF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Translation {
    /// A command of its own, PEXPIREAT, follows the one that sets the value.
    SeparateExpiry,
    /// The command itself gets an absolute time: `SET k v PXAT ms`.
    AbsoluteOption,
}

/// How executed commands get to the AOF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// One by one. A transaction is framed as soon as a command in it might write.
    OneByOne,
    /// Together with everything that belongs to the same command of a client; several are framed as
    /// a transaction.
    InUnits,
}

/// What a failed sync of the AOF means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedSync {
    /// Nothing: the result is not looked at.
    Unnoticed,
    /// Under `always` the end of the server, in the background the refusal of writes.
    Noticed,
}

/// What a child reports to its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildReport {
    /// Its copy-on-write memory, once, before it exits.
    AtTheEnd,
    /// Also its progress, every second; a child that cannot report exits.
    Continuous,
}

/// The signal by which a server ends after an internal error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PanicSignal {
    Segv,
    Abrt,
}

/// What becomes of BGSAVE and BGREWRITEAOF in a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForksInTransactions {
    AtOnce,
    /// They are scheduled: a child must not see half a transaction.
    Scheduled,
}

/// When the traces of a killed background save are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KilledSave {
    AtOnce,
    WhenReaped,
}

/// What becomes of an idle time that began before the LRU clock did (RESTORE, snapshots).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgedPastTheClock {
    /// It is half of what the clock can hold.
    Half,
    /// It wraps around.
    Wraps,
}

/// Whether errors that are shared objects are logged where no client sees them, like others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedErrors {
    NotLogged,
    Logged,
}

/// How a server is shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShutdownWay {
    /// At once, or not at all.
    Plain,
    /// It may be forced, and aborted while it is still to come.
    Abortable,
}

/// How a directive of many words is read, and when the default save points go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordLists {
    /// There is at least one word. Any argument of the server drops the default save points.
    NonEmpty,
    /// There may be none, and a single one is split. The first line drops the default.
    Any,
}

/// Which directives there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directives {
    Redis60,
    Redis70,
}

/// Which commands there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commands {
    Redis60,
    Redis70,
}

/// Which fields INFO has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fields {
    Redis60,
    Redis70,
}

/// How a snapshot is written.
#[derive(Debug)]
pub struct RdbFormat {
    /// The version in the header.
    pub version: u32,
    /// The field that says whether an AOF follows or the file is the base of one.
    pub aof_aux: &'static str,
    /// The compact encoding of hashes, sorted sets, and the nodes of lists.
    pub compact: Compact,
    pub streams: StreamForm,
    /// The highest type of a value.
    pub newest_kind: u8,
    pub checks: ValueChecks,
    pub libraries: Libraries,
    pub autosync: Autosync,
    /// Whether and how the directory is synced after the rename.
    pub installation: Installation,
}

/// How a file is synced while it is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Autosync {
    /// By fdatasync(2) once at least this many bytes have been written. Errors go unnoticed.
    Whole(u64),
    /// By sync_file_range(2), in ranges of exactly this many bytes, waiting for the one before.
    Ranges(u64),
}

/// The compact encoding of short values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compact {
    Ziplist,
    Listpack,
}

/// How carefully values are looked at when a file is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueChecks {
    /// What is well-formed is taken.
    Trusting,
    /// Empty collections are left out; what is there twice or was counted wrongly is refused.
    Checking,
}

/// Whether there are libraries of functions, which are kept as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Libraries {
    Unknown,
    Kept,
}

/// What a stream keeps besides its entries, its last id and its groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamForm {
    Plain,
    /// How many entries were ever added, the highest id deleted, and how many a group has read.
    Counted,
}

/// How a finished file gets its final name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installation {
    Rename,
    /// The directory is synced after the rename.
    RenameAndSync,
}
