//! Redis 6.0.16: one append-only file, and syncs whose failure goes unnoticed.
//!
//! Must not know: other generations.

use super::words::{RdbOpen, Words};
use super::{
    AofLayout, ChildReport, Commands, Compact, Directives, FailedSync, Fields, Generation,
    Installation, KilledSave, RdbFormat, ShutdownWay, Translation,
};

pub static REDIS_6_0: Generation = Generation {
    name: "redis-6.0",
    version: "6.0.16",
    words: &Redis60,
    rdb: RdbFormat {
        version: 9,
        aof_aux: "aof-preamble",
        compact: Compact::Ziplist,
        autosync_bytes: 32 << 20,
        installation: Installation::Rename,
    },
    layout: AofLayout::SingleFile,
    translation: Translation::SeparateExpiry,
    failed_sync: FailedSync::Unnoticed,
    child_report: ChildReport::AtTheEnd,
    killed_save: KilledSave::AtOnce,
    shutdown: ShutdownWay::Plain,
    directives: Directives::Redis60,
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
