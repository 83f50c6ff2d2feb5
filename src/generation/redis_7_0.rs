//! Redis 7.0.15: an append-only file of many parts, and syncs that matter.
//!
//! Must not know: other generations.

use super::definition::{
    AofLayout, Autosync, ChildReport, Commands, Compact, Directives, FailedSync, Fields,
    ForksInTransactions, Functions, Generation, Installation, KilledSave, PanicSignal, Propagation,
    RdbFormat, ShutdownWay, StreamForm, Translation, ValueChecks,
};
use super::words::{ConfigRefused, RdbBlock, RdbDefect, RdbOpen, StreamDefect, Words, quoted};

pub static REDIS_7_0: Generation = Generation {
    name: "redis-7.0",
    version: "7.0.15",
    words: &Redis70,
    rdb: RdbFormat {
        version: 10,
        aof_aux: "aof-base",
        compact: Compact::Listpack,
        streams: StreamForm::Counted,
        newest_kind: 19,
        checks: ValueChecks::Checking,
        functions: Functions::Kept,
        autosync: Autosync::Ranges(4 << 20),
        installation: Installation::RenameAndSync,
    },
    layout: AofLayout::MultiPart,
    translation: Translation::AbsoluteOption,
    propagation: Propagation::InUnits,
    failed_sync: FailedSync::Noticed,
    child_report: ChildReport::Continuous,
    panic: PanicSignal::Abrt,
    killed_save: KilledSave::WhenReaped,
    forks_in_transactions: ForksInTransactions::Scheduled,
    shutdown: ShutdownWay::Abortable,
    directives: Directives::Redis70,
    optional_addresses: true,
    commands: Commands::Redis70,
    fields: Fields::Redis70,
};

#[derive(Debug)]
struct Redis70;

/// The commands that consist of subcommands and may be in an AOF.
const CONTAINERS: [&str; 2] = ["xgroup", "function"];

impl Words for Redis70 {
    fn snapshots_failing(&self) -> &'static str {
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist \
         to disk. Commands that may modify the data set are disabled, because this instance is \
         configured to report errors during writes if RDB snapshotting fails \
         (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the \
         RDB error."
    }

    fn cannot_open_rdb(&self, file: &RdbOpen<'_>) -> String {
        let RdbOpen { temp, dir, reason, .. } = file;
        format!(
            "Failed opening the temp RDB file {temp} (in server root dir {dir}) for saving: \
             {reason}"
        )
    }

    fn reason_beside_dir<'a>(&self, first: &'a str, _getcwd: Option<&'a str>) -> &'a str {
        first
    }

    fn rdb_line(&self, defect: RdbDefect) -> u32 {
        match defect {
            RdbDefect::LengthEncoding => 236,
            RdbDefect::StringEncoding => 529,
            RdbDefect::Lzf => 413,
            RdbDefect::Double => 618,
            RdbDefect::ValueType => 2672,
            RdbDefect::Block(block) => block_line(block),
            RdbDefect::DuplicateMember => 1828,
            RdbDefect::DuplicateField => 2018,
            RdbDefect::ZSetNan => 1881,
            RdbDefect::ZSetDuplicate => 1893,
            RdbDefect::ModuleType => 2627,
            RdbDefect::Checksum => 3216,
            RdbDefect::UnexpectedEof => 3240,
            RdbDefect::Stream(defect) => stream_line(defect),
        }
    }

    fn rdb_loaded(&self, loaded: u64, expired: u64) -> Option<String> {
        Some(format!("Done loading RDB, keys loaded: {loaded}, keys expired: {expired}"))
    }

    fn error_while_loading(&self, error: &str, command: &str, sub: Option<&str>) -> String {
        let sub = sub.filter(|_| CONTAINERS.contains(&command));
        let sub = sub.map_or(String::new(), |sub| format!("|{}", sub.to_ascii_lowercase()));
        format!(
            "== CRITICAL == This server is sending an error to its AOF-loading-client: '{error}' \
             after processing the command '{command}{sub}'"
        )
    }

    fn script_in_rdb(&self) -> Option<&'static str> {
        None
    }

    /// Quotes about 128 bytes of the arguments, and of the name.
    fn unknown_command(&self, argv: &[Vec<u8>]) -> Vec<u8> {
        let name = &argv[0][..argv[0].len().min(128)];
        let args = quoted(&argv[1..], [b"'", b"' "]);
        [b"unknown command '", name, b"', with args beginning with: ", &args].concat()
    }

    fn unknown_subcommand(&self, command: &str, sub: &str) -> String {
        let sub: String = sub.chars().take(128).collect();
        format!("unknown subcommand '{sub}'. Try {command} HELP.")
    }

    fn config_refused(&self, refused: &ConfigRefused) -> String {
        let (name, reason) = match refused {
            ConfigRefused::Unknown { name } => {
                let words = "Unknown option or number of arguments for CONFIG SET";
                return format!("{words} - '{name}'");
            }
            ConfigRefused::Immutable { name } => (name.as_str(), "can't set immutable config"),
            ConfigRefused::Protected { name } => (name.as_str(), "can't set protected config"),
            ConfigRefused::Duplicate { name } => (name.as_str(), "duplicate parameter"),
            ConfigRefused::Invalid { name, reason, .. }
            | ConfigRefused::NotApplied { name, reason, .. } => (name.as_str(), reason.as_str()),
            ConfigRefused::NoDirectory { reason } => ("dir", reason.as_str()),
        };
        let failed = format!("CONFIG SET failed (possibly related to argument '{name}')");
        if reason.is_empty() { failed } else { format!("{failed} - {reason}") }
    }

    fn config_restored(&self, name: &str) -> Option<String> {
        Some(format!(
            "Failed applying new configuration. Possibly related to new {name} setting. Restoring \
             previous settings."
        ))
    }

    fn invalid_expire_time(&self, command: &str) -> String {
        format!("invalid expire time in '{command}' command")
    }

    fn must_be_one_of(&self) -> &'static str {
        "argument(s) must be one of the following"
    }

    fn documentation(&self) -> &'static str {
        "https://redis.io"
    }

    fn panic_end(&self) -> &'static [&'static str] {
        &[]
    }

    fn signal_while_loading(&self) -> &'static str {
        "Received shutdown signal during loading, scheduling shutdown."
    }

    fn wait_error(&self, reason: &str, rdb: i32, aof: i32) -> String {
        let (kind, pid) = match (rdb, aof) {
            (-1, -1) => ("Unknown", -1),
            (-1, aof) => ("AOF", aof),
            (rdb, _) => ("RDB", rdb),
        };
        format!("waitpid() returned an error: {reason}. child_type: {kind}, child_pid = {pid}")
    }

    fn rdb_write_error(&self, step: &str, reason: &str) -> String {
        format!("Write error saving DB on disk({step}): {reason}")
    }
}

/// The line of rdb.c that reports this.
fn stream_line(defect: StreamDefect) -> u32 {
    match defect {
        StreamDefect::NodesLen => 2325,
        StreamDefect::NodeId => 2336,
        StreamDefect::NodeIdSize => 2341,
        StreamDefect::Listpack => 2353,
        StreamDefect::BadListpack => 2360,
        StreamDefect::EmptyListpack => 2372,
        StreamDefect::RepeatedNode => 2384,
        StreamDefect::Metadata => 2422,
        StreamDefect::LengthWithoutNodes => 2428,
        StreamDefect::GroupsLen => 2436,
        StreamDefect::GroupName => 2447,
        StreamDefect::GroupId => 2456,
        StreamDefect::GroupOffset => 2467,
        StreamDefect::RepeatedGroup => 2478,
        StreamDefect::PendingLen => 2493,
        StreamDefect::PendingId => 2500,
        StreamDefect::PendingDelivery => 2508,
        StreamDefect::RepeatedPending => 2514,
        StreamDefect::ConsumersLen => 2526,
        StreamDefect::ConsumerName => 2533,
        StreamDefect::RepeatedConsumer => 2542,
        StreamDefect::SeenTime => 2548,
        StreamDefect::ConsumerPendingLen => 2557,
        StreamDefect::ConsumerPendingId => 2565,
        StreamDefect::NotInGroup => 2572,
        StreamDefect::RepeatedConsumerPending => 2583,
        StreamDefect::PendingWithoutConsumer => 2602,
    }
}

/// The same for a block.
fn block_line(block: RdbBlock) -> u32 {
    match block {
        RdbBlock::Quicklist => 2047,
        RdbBlock::Listpack => 2070,
        RdbBlock::Ziplist => 2080,
        RdbBlock::Zipmap => 2129,
        RdbBlock::ZipmapDuplicate => 2153,
        RdbBlock::ListZiplist => 2187,
        RdbBlock::Intset => 2212,
        RdbBlock::ZSetZiplist => 2227,
        RdbBlock::ZSetListpack => 2253,
        RdbBlock::HashZiplist => 2273,
        RdbBlock::HashListpack => 2299,
        // 7.0 has no such type.
        RdbBlock::SetListpack => 2317,
    }
}
