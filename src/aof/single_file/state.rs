//! What is remembered about a single file besides the [`Core`].
//!
//! Must not know: how it is rewritten.

use super::super::state::Core;
use super::pipes::Pipes;
use super::rewrite_buffer::RewriteBuffer;
use crate::env::Env;
use crate::os::{Errno, Fd, OFlag, strerror};

/// What this layout remembers.
#[derive(Default)]
pub(in crate::aof) struct SingleFile {
    /// The pipes to the rewrite child, while there is one.
    pub(super) pipes: Option<Pipes>,
    /// Commands that have not been sent to the child.
    pub(super) rewrite_buffer: RewriteBuffer,
}

/// Gets the file's length by fstat(2) (Redis: `aofUpdateCurrentSize`). Between these calls it is
/// tracked by adding what was written.
pub(super) fn update_current_size(core: &mut Core, env: &mut Env<'_>) {
    let started = env.latency_start();
    match env.os.fstat(core.raw_fd()) {
        Ok(stat) => {
            core.current_size = stat.size;
            core.file_size = stat.size;
        }
        Err(errno) => {
            let reason = strerror(errno);
            env.warning(&format!("Unable to obtain the AOF file length. stat: {reason}"));
        }
    }
    let latency = env.latency_end(started);
    env.latency_sample("aof-fstat", latency);
}

pub(super) fn open_for_appending(env: &mut Env<'_>) -> Result<Fd, Errno> {
    let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT;
    env.os.open(&env.config.appendfilename, flags, 0o644)
}
