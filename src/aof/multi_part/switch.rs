//! `appendonly` changes at run time (Redis: `startAppendOnly`, `stopAppendOnly`, aof.c).
//!
//! Must not know: who changed it.

use super::super::failed_sync::errors;
use super::super::state::{Core, State};
use super::super::storage::RewriteFailed;
use super::state::MultiPart;
use crate::env::Env;
use crate::keyspace::Keyspace;
use crate::os::strerror;

impl MultiPart {
    /// On success a rewrite has started, or will start when whatever hinders it is over. From its
    /// start on commands go to a temporary increment, which counts once the rewrite has finished.
    pub(super) fn switch_on(
        &mut self,
        core: &mut Core,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
    ) -> Result<(), RewriteFailed> {
        core.state = State::WaitRewrite;
        if env.children.rdb.is_some() {
            core.rewrite_scheduled = true;
            env.warning(
                "AOF was enabled but there is already another background operation. An AOF \
                 background was scheduled to start when possible.",
            );
        } else if env.in_exec {
            core.rewrite_scheduled = true;
            env.warning(
                "AOF was enabled during a transaction. An AOF background was scheduled to start \
                 when possible.",
            );
        } else if let Err(failed) = self.start_first_rewrite(core, env, keyspace) {
            core.state = State::Off;
            env.warning(
                "Redis needs to enable the AOF but can't trigger a background AOF rewrite \
                 operation. Check the above logs for more info about the error.",
            );
            return Err(failed);
        }
        core.last_fsync = env.unixtime;
        errors(env.config.generation.failed_sync).forget(core, env);
        Ok(())
    }

    /// A rewrite that is already running cannot be used, because what was executed since its fork
    /// is in no increment.
    fn start_first_rewrite(
        &mut self,
        core: &mut Core,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
    ) -> Result<(), RewriteFailed> {
        if let Some(pid) = env.children.aof {
            env.warning(
                "AOF was enabled but there is already an AOF rewriting in background. Stopping \
                 background AOF and starting a rewrite now.",
            );
            self.kill(core, env, pid);
        }
        self.start_child(core, env, keyspace).map(drop)
    }

    /// On return everything so far was flushed, fdatasync was called, the file is closed, and no
    /// rewrite is running.
    pub(super) fn switch_off(&mut self, core: &mut Core, env: &mut Env<'_>) {
        core.flush_append_only_file(env, true);
        match env.os.fdatasync(core.raw_fd()) {
            Ok(()) => core.last_fsync = env.unixtime,
            Err(errno) => {
                env.warning(&format!("Fail to fsync the AOF file: {}", strerror(errno)));
            }
        }
        let _ = env.os.close(core.raw_fd());
        core.fd = None;
        core.selected_db = None;
        core.state = State::Off;
        core.rewrite_scheduled = false;
        core.file_size = 0;
        core.fsync_offset = 0;
        if let Some(pid) = env.children.aof {
            self.kill(core, env, pid);
        }
        core.buf = Vec::new();
    }
}
