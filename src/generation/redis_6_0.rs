//! Redis 6.0.16: one append-only file, and syncs whose failure goes unnoticed.
//!
//! Must not know: other generations.

use super::definition::{
    AgedPastTheClock, AofLayout, Autosync, ChildReport, Commands, Compact, Directives, FailedSync,
    Fields, ForksInTransactions, Generation, Installation, KilledSave, PanicSignal, Propagation,
    RdbFormat, ShutdownWay, Translation,
};
use super::words::{ConfigRefused, RdbDefect, RdbOpen, Words, quoted};

pub static REDIS_6_0: Generation = Generation {
    name: "redis-6.0",
    version: "6.0.16",
    words: &Redis60,
    rdb: RdbFormat {
        version: 9,
        aof_aux: "aof-preamble",
        compact: Compact::Ziplist,
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
    directives: Directives::Redis60,
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
            RdbDefect::LengthEncoding => 217,
            RdbDefect::StringEncoding => 502,
            RdbDefect::Lzf => 389,
            RdbDefect::Double => 618,
            RdbDefect::ValueType => 1986,
            RdbDefect::Block => 1671,
            RdbDefect::DuplicateField => 1649,
            RdbDefect::ZSet => 1583,
            RdbDefect::Checksum => 2364,
            RdbDefect::UnexpectedEof => 2377,
        }
    }

    fn rdb_loaded(&self, _loaded: u64, _expired: u64) -> Option<String> {
        None
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
