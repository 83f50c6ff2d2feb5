//! `appendonly` changes at run time (Redis: `startAppendOnly`, `stopAppendOnly`, aof.c).
//!
//! Must not know: who changed it.

use super::super::state::{Core, State};
use super::super::storage::RewriteFailed;
use super::state::{SingleFile, open_for_appending};
use crate::env::Env;
use crate::keyspace::Keyspace;
use crate::os::strerror;

impl SingleFile {
    /// On success the file is open and a rewrite has started, or will start when the running
    /// snapshot is done. Nothing is appended until that rewrite finishes, so writes acknowledged
    /// until then survive only if it does.
    pub(super) fn switch_on(
        &mut self,
        core: &mut Core,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
    ) -> Result<(), RewriteFailed> {
        let fd = match open_for_appending(env) {
            Ok(fd) => fd,
            Err(errno) => {
                let dir = env.os.getcwd().unwrap_or_else(|_| "unknown".to_string());
                let (name, reason) = (&env.config.appendfilename, strerror(errno));
                env.warning(&format!(
                    "Redis needs to enable the AOF but can't open the append only file {name} (in \
                     server root dir {dir}): {reason}"
                ));
                return Err(RewriteFailed);
            }
        };
        if let Err(failed) = self.start_first_rewrite(core, env, keyspace) {
            let _ = env.os.close(fd);
            env.warning(
                "Redis needs to enable the AOF but can't trigger a background AOF rewrite \
                 operation. Check the above logs for more info about the error.",
            );
            return Err(failed);
        }
        core.state = State::WaitRewrite;
        core.last_fsync = env.unixtime;
        core.fd = Some(fd);
        Ok(())
    }

    /// Starts the first rewrite, or schedules it while a snapshot is being saved. A rewrite that is
    /// already running cannot be used, because commands executed since its fork were not collected.
    fn start_first_rewrite(
        &mut self,
        core: &mut Core,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
    ) -> Result<(), RewriteFailed> {
        if env.children.rdb.is_some() {
            core.rewrite_scheduled = true;
            env.warning(
                "AOF was enabled but there is already another background operation. An AOF \
                 background was scheduled to start when possible.",
            );
            return Ok(());
        }
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
        let _ = env.os.fdatasync(core.raw_fd());
        let _ = env.os.close(core.raw_fd());
        core.fd = None;
        core.selected_db = None;
        core.state = State::Off;
        core.rewrite_scheduled = false;
        if let Some(pid) = env.children.aof {
            self.kill(core, env, pid);
        }
    }
}
