//! What the server asks of the parts, and where it is done.
//!
//! Must not know: how.

use super::super::read_commands::{CannotLoad, Executor};
use super::super::state::{Core, State};
use super::super::storage::{LoadResult, RewriteFailed, Storage};
use super::limiter::Limit;
use super::manifest_file;
use super::state::MultiPart;
use crate::env::Env;
use crate::keyspace::Keyspace;
use crate::os::{Errno, Pid, WaitStatus};

impl Storage for MultiPart {
    /// Files are opened after loading; only the time counts from here.
    fn open_early(&mut self, core: &mut Core, env: &mut Env<'_>) -> Result<(), Errno> {
        core.last_fsync = env.unixtime;
        Ok(())
    }

    fn before_load(&mut self, env: &mut Env<'_>) {
        self.manifest = manifest_file::read(env);
    }

    fn before_reload(&mut self, env: &mut Env<'_>) {
        self.manifest = manifest_file::read(env);
        self.delete_history(env);
    }

    fn load(
        &mut self,
        core: &mut Core,
        env: &mut Env<'_>,
        executor: &mut dyn Executor,
    ) -> Result<LoadResult, CannotLoad> {
        self.load_parts(core, env, executor)
    }

    fn after_load(&mut self, core: &mut Core, env: &mut Env<'_>, keyspace: &Keyspace) {
        self.open_on_start(core, env, keyspace);
        self.delete_history(env);
    }

    fn delete_history(&mut self, env: &mut Env<'_>) {
        MultiPart::delete_history(self, env);
    }

    /// `#TS:` and the time, whenever it has changed.
    fn annotate(&mut self, _core: &Core, env: &mut Env<'_>, bytes: &mut Vec<u8>) {
        if env.config.aof_timestamp_enabled && self.cur_timestamp < env.unixtime {
            self.cur_timestamp = env.unixtime;
            bytes.extend_from_slice(format!("#TS:{}\r\n", env.unixtime).as_bytes());
        }
    }

    /// The command is in `buf` if the AOF is on, or if the child of its first rewrite is running.
    /// If it waits for that child, only the dataset has the command.
    fn feed(&mut self, core: &mut Core, env: &mut Env<'_>, bytes: &[u8]) {
        let collects = match core.state {
            State::On => true,
            State::WaitRewrite => env.children.aof.is_some(),
            State::Off => false,
        };
        if collects {
            core.buf.extend_from_slice(bytes);
        }
    }

    fn start_rewrite(
        &mut self,
        core: &mut Core,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
    ) -> Result<Pid, RewriteFailed> {
        self.start_child(core, env, keyspace)
    }

    fn is_rewrite_limited(&mut self, core: &Core, env: &mut Env<'_>) -> bool {
        match self.limiter.ask(core.stat_rewrites_consecutive_failures, env.unixtime) {
            Limit::May => false,
            Limit::Waits => true,
            Limit::Begins(minutes) => {
                env.warning(&format!(
                    "Background AOF rewrite has repeatedly failed and triggered the limit, will \
                     retry in {minutes} minutes"
                ));
                true
            }
        }
    }

    fn rewrite_done(&mut self, core: &mut Core, env: &mut Env<'_>, pid: Pid, status: WaitStatus) {
        self.child_done(core, env, pid, status);
    }

    fn kill_child(&mut self, core: &mut Core, env: &mut Env<'_>, pid: Pid) {
        self.kill(core, env, pid);
    }

    fn start(
        &mut self,
        core: &mut Core,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
    ) -> Result<(), RewriteFailed> {
        self.switch_on(core, env, keyspace)
    }

    fn stop(&mut self, core: &mut Core, env: &mut Env<'_>) {
        self.switch_off(core, env);
    }
}
