//! Redis 6.0.16: one append-only file, and syncs whose failure goes unnoticed.
//!
//! Must not know: other generations.

use super::definition::{
    AgedPastTheClock, AofLayout, Autosync, ChildReport, Commands, Compact, Directives, FailedSync,
    Fields, ForksInTransactions, Generation, Installation, KilledSave, Libraries, PanicSignal,
    Propagation, RdbFormat, SharedErrors, ShutdownWay, StreamForm, Translation, ValueChecks,
    WordLists,
};
use super::words::{ConfigRefused, RdbBlock, RdbDefect, RdbOpen, StreamDefect, Words, quoted};

pub static REDIS_6_0: Generation = Generation {
    name: "redis-6.0",
    version: "6.0.16",
    words: &Redis60,
    rdb: RdbFormat {
        version: 9,
        aof_aux: "aof-preamble",
        compact: Compact::Ziplist,
        streams: StreamForm::Plain,
        newest_kind: 15,
        checks: ValueChecks::Trusting,
        libraries: Libraries::Unknown,
        autosync: Autosync::Whole(32 << 20),
        installation: Installation::Rename,
    },
    layout: AofLayout::SingleFile,
    translation: Translation::SeparateExpiry,
    propagation: Propagation::OneByOne,
    failed_sync: FailedSync::Unnoticed,
    child_report: ChildReport::AtTheEnd,
    panic: PanicSignal::Segv,
    killed_save: KilledSave::AtOnce,
    forks_in_transactions: ForksInTransactions::AtOnce,
    shutdown: ShutdownWay::Plain,
    aged_past_the_clock: AgedPastTheClock::Half,
    shared_errors: SharedErrors::NotLogged,
    directives: Directives::Redis60,
    word_lists: WordLists::NonEmpty,
    optional_addresses: false,
    commands: Commands::Redis60,
    fields: Fields::Redis60,
};

#[derive(Debug)]
struct Redis60;

impl Words for Redis60 {
    fn snapshots_failing(&self) -> &'static str {
        "MISCONF Redis is configured to save RDB snapshots, but it is currently not able to \
         persist on disk. Commands that may modify the data set are disabled, because this \
         instance is configured to report errors during writes if RDB snapshotting fails \
         (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the \
         RDB error."
    }

    fn cannot_open_rdb(&self, file: &RdbOpen<'_>) -> String {
        let RdbOpen { filename, dir, reason, .. } = file;
        format!(
            "Failed opening the RDB file {filename} (in server root dir {dir}) for saving: {reason}"
        )
    }

    fn reason_beside_dir<'a>(&self, first: &'a str, getcwd: Option<&'a str>) -> &'a str {
        getcwd.unwrap_or(first)
    }

    fn rdb_line(&self, defect: RdbDefect) -> u32 {
        match defect {
            RdbDefect::LengthEncoding => 221,
            RdbDefect::StringEncoding => 506,
            RdbDefect::Lzf => 393,
            RdbDefect::ValueType => 2027,
            // 6.0 checks none of these; the line is that of the next check that it has.
            RdbDefect::Block(RdbBlock::ZipmapDuplicate) => 1739,
            RdbDefect::Block(_) => 1783,
            RdbDefect::DuplicateInteger
            | RdbDefect::DuplicateMember
            | RdbDefect::ZSetNan
            | RdbDefect::ZSetDuplicate => 1651,
            RdbDefect::DuplicateField => 1651,
            RdbDefect::DuplicateFieldInTable => 1686,
            RdbDefect::ModuleType => 1990,
            RdbDefect::ModuleAux => 2282,
            RdbDefect::Checksum => 2407,
            RdbDefect::UnexpectedEof => 2420,
            RdbDefect::Stream(defect) => stream_line(defect),
        }
    }

    fn rdb_loaded(&self, _loaded: u64, _expired: u64) -> Option<String> {
        None
    }

    fn duplicate_field_in_table(&self) -> &'static str {
        "Duplicate keys detected"
    }

    fn stream_defect(&self, defect: StreamDefect) -> &'static str {
        match defect {
            StreamDefect::RepeatedPending => {
                "Duplicated gobal PEL entry loading stream consumer group"
            }
            other => other.reason(),
        }
    }

    fn script_in_rdb(&self) -> Option<&'static str> {
        Some("The RDB file contains a script, and this server keeps none.")
    }

    /// Quotes about 128 bytes of the arguments.
    fn unknown_command(&self, argv: &[Vec<u8>]) -> Vec<u8> {
        let name = argv[0].as_slice();
        let args = quoted(&argv[1..], [b"`", b"`, "]);
        [b"unknown command `", name, b"`, with args beginning with: ", &args].concat()
    }

    fn unknown_subcommand(&self, command: &str, sub: &str) -> String {
        format!("Unknown subcommand or wrong number of arguments for '{sub}'. Try {command} HELP.")
    }

    fn config_refused(&self, refused: &ConfigRefused) -> String {
        match refused {
            ConfigRefused::Unknown { name }
            | ConfigRefused::Immutable { name }
            | ConfigRefused::Protected { name }
            | ConfigRefused::Duplicate { name } => format!("Unsupported CONFIG parameter: {name}"),
            ConfigRefused::Invalid { name, value, reason } if reason.is_empty() => {
                format!("Invalid argument '{value}' for CONFIG SET '{name}'")
            }
            ConfigRefused::Invalid { name, value, reason }
            | ConfigRefused::NotApplied { name, value, reason } => {
                format!("Invalid argument '{value}' for CONFIG SET '{name}' - {reason}")
            }
            ConfigRefused::NoDirectory { reason } => format!("Changing directory: {reason}"),
        }
    }

    fn config_restored(&self, _name: &str) -> Option<String> {
        None
    }

    fn invalid_expire_time(&self, command: &str) -> String {
        format!("invalid expire time in {command}")
    }

    /// As its command table has them.
    fn zpop_of_served(&self, highest: bool) -> &'static str {
        if highest { "zpopmax" } else { "zpopmin" }
    }

    fn must_be_one_of(&self) -> &'static str {
        "argument must be one of the following"
    }

    fn documentation(&self) -> &'static str {
        "http://redis.io"
    }

    fn panic_end(&self) -> &'static [&'static str] {
        &[
            "(forcing SIGSEGV in order to print the stack trace)",
            "------------------------------------------------",
        ]
    }

    fn signal_while_loading(&self) -> &'static str {
        "Received shutdown signal during loading, exiting now."
    }

    fn wait_error(&self, reason: &str, rdb: i32, aof: i32) -> String {
        format!(
            "wait3() returned an error: {reason}. rdb_child_pid = {rdb}, aof_child_pid = {aof}, \
             module_child_pid = -1"
        )
    }

    fn rdb_write_error(&self, _step: &str, reason: &str) -> String {
        format!("Write error saving DB on disk: {reason}")
    }
}

/// The line of rdb.c that reports this. 6.0 does not check everything; what it leaves out stands
/// with the check before it.
fn stream_line(defect: StreamDefect) -> u32 {
    match defect {
        StreamDefect::NodesLen => 1791,
        StreamDefect::NodeId => 1802,
        StreamDefect::NodeIdSize => 1807,
        StreamDefect::Listpack => 1815,
        StreamDefect::BadListpack => 1825,
        StreamDefect::EmptyListpack => 1825,
        StreamDefect::RepeatedNode => 1833,
        StreamDefect::Metadata => 1843,
        StreamDefect::LengthWithoutNodes => 1843,
        StreamDefect::GroupsLen => 1851,
        StreamDefect::GroupName => 1862,
        StreamDefect::GroupId => 1871,
        StreamDefect::GroupOffset => 1871,
        StreamDefect::RepeatedGroup => 1879,
        StreamDefect::PendingLen => 1890,
        StreamDefect::PendingId => 1897,
        StreamDefect::PendingDelivery => 1905,
        StreamDefect::RepeatedPending => 1911,
        StreamDefect::ConsumersLen => 1919,
        StreamDefect::ConsumerName => 1926,
        StreamDefect::RepeatedConsumer => 1936,
        StreamDefect::SeenTime => 1936,
        StreamDefect::ConsumerPendingLen => 1945,
        StreamDefect::ConsumerPendingId => 1953,
        StreamDefect::NotInGroup => 1960,
        StreamDefect::RepeatedConsumerPending => 1968,
        StreamDefect::PendingWithoutConsumer => 1967,
    }
}
