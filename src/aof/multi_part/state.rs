//! What is remembered about the parts besides the [`Core`](super::super::state::Core), and their
//! sizes.
//!
//! Must not know: how they are rewritten.

use super::limiter::Limiter;
use super::manifest::Manifest;
use super::manifest_file::{path, persist};
use crate::env::Env;
use crate::os::{Errno, strerror};

/// What this layout remembers.
#[derive(Default)]
pub(in crate::aof) struct MultiPart {
    pub(super) manifest: Manifest,
    pub(super) limiter: Limiter,
    /// The last time that was written as an annotation, in seconds since the epoch.
    pub(super) cur_timestamp: i64,
}

impl MultiPart {
    /// Deletes history in the background. If that fails, it stays: nothing needs it (Redis:
    /// `aofDelHistoryFiles`).
    pub(super) fn delete_history(&mut self, env: &mut Env<'_>) {
        if env.config.aof_disable_auto_gc || self.manifest.history.is_empty() {
            return;
        }
        for part in std::mem::take(&mut self.manifest.history) {
            let name = &part.name;
            env.notice(&format!("Removing the history file {name} in the background"));
            env.bio.bg_unlink(env.os, &path(env.config, name));
        }
        self.manifest.dirty = true;
        let _ = persist(env, &mut self.manifest);
    }
}

/// The size of a part in bytes. Logs an error (Redis: `getAppendOnlyFileSize`).
pub(super) fn size_of(env: &mut Env<'_>, name: &str) -> Result<u64, Errno> {
    let started = env.latency_start();
    let size = env.os.stat(&path(env.config, name)).map(|stat| stat.size);
    if let Err(errno) = size {
        let reason = strerror(errno);
        env.warning(&format!("Unable to obtain the AOF file {name} length. stat: {reason}"));
    }
    let latency = env.latency_end(started);
    env.latency_sample("aof-fstat", latency);
    size
}

/// The increment that is appended to while the AOF is being switched on.
pub(super) fn temp_increment(env: &Env<'_>) -> String {
    format!("temp-{}.incr", env.config.appendfilename)
}
