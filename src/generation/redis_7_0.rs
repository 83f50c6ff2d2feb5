//! Redis 7.0.15: an append-only file of many parts, and syncs that matter.
//!
//! Must not know: other generations.

use super::definition::{
    AgedPastTheClock, AofLayout, Autosync, ChildReport, Commands, Compact, Directives, FailedSync,
    Fields, ForksInTransactions, Generation, Installation, KilledSave, Libraries, PanicSignal,
    Propagation, RdbFormat, SharedErrors, ShutdownWay, StreamForm, Translation, ValueChecks,
    WordLists,
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
        libraries: Libraries::Kept,
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
    aged_past_the_clock: AgedPastTheClock::Wraps,
    shared_errors: SharedErrors::Logged,
    directives: Directives::Redis70,
    word_lists: WordLists::Any,
    optional_addresses: true,
    commands: Commands::Redis70,
    fields: Fields::Redis70,
};

#[derive(Debug)]
struct Redis70;

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
            RdbDefect::ValueType => 2673,
            RdbDefect::Block(block) => block_line(block),
            RdbDefect::DuplicateInteger => 1809,
            RdbDefect::DuplicateMember => 1829,
            RdbDefect::DuplicateField => 1969,
            RdbDefect::DuplicateFieldInTable => 2019,
            RdbDefect::ZSetNan => 1882,
            RdbDefect::ZSetDuplicate => 1894,
            RdbDefect::ModuleType => 2628,
            RdbDefect::ModuleAux => 3058,
            RdbDefect::Checksum => 3217,
            RdbDefect::UnexpectedEof => 3241,
            RdbDefect::Stream(defect) => stream_line(defect),
        }
    }

    fn rdb_loaded(&self, loaded: u64, expired: u64) -> Option<String> {
        Some(format!("Done loading RDB, keys loaded: {loaded}, keys expired: {expired}"))
    }

    fn duplicate_field_in_table(&self) -> &'static str {
        "Duplicate hash fields detected"
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

    fn zpop_of_served(&self, highest: bool) -> &'static str {
        if highest { "ZPOPMAX" } else { "ZPOPMIN" }
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
        StreamDefect::NodesLen => 2326,
        StreamDefect::NodeId => 2337,
        StreamDefect::NodeIdSize => 2342,
        StreamDefect::Listpack => 2354,
        StreamDefect::BadListpack => 2361,
        StreamDefect::EmptyListpack => 2373,
        StreamDefect::RepeatedNode => 2385,
        StreamDefect::Metadata => 2423,
        StreamDefect::LengthWithoutNodes => 2429,
        StreamDefect::GroupsLen => 2437,
        StreamDefect::GroupName => 2448,
        StreamDefect::GroupId => 2457,
        StreamDefect::GroupOffset => 2468,
        StreamDefect::RepeatedGroup => 2479,
        StreamDefect::PendingLen => 2494,
        StreamDefect::PendingId => 2501,
        StreamDefect::PendingDelivery => 2509,
        StreamDefect::RepeatedPending => 2515,
        StreamDefect::ConsumersLen => 2527,
        StreamDefect::ConsumerName => 2534,
        StreamDefect::RepeatedConsumer => 2543,
        StreamDefect::SeenTime => 2549,
        StreamDefect::ConsumerPendingLen => 2558,
        StreamDefect::ConsumerPendingId => 2566,
        StreamDefect::NotInGroup => 2573,
        StreamDefect::RepeatedConsumerPending => 2584,
        StreamDefect::PendingWithoutConsumer => 2603,
    }
}

/// The same for a block.
fn block_line(block: RdbBlock) -> u32 {
    match block {
        RdbBlock::Quicklist => 2048,
        RdbBlock::Listpack => 2071,
        RdbBlock::Ziplist => 2081,
        RdbBlock::Zipmap => 2130,
        RdbBlock::ZipmapDuplicate => 2154,
        RdbBlock::ListZiplist => 2188,
        RdbBlock::Intset => 2213,
        RdbBlock::ZSetZiplist => 2228,
        RdbBlock::ZSetListpack => 2254,
        RdbBlock::HashZiplist => 2274,
        RdbBlock::HashListpack => 2300,
        // 7.0 has no such type.
        RdbBlock::SetListpack => 2318,
    }
}
