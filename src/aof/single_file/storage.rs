//! What the server asks of a single file, and where it is done.
//!
//! Must not know: how.

use super::super::read_commands::{CannotLoad, Executor};
use super::super::state::{Core, State};
use super::super::storage::{LoadResult, RewriteFailed, Storage};
use super::load;
use super::state::{SingleFile, open_for_appending};
use crate::env::Env;
use crate::keyspace::Keyspace;
use crate::os::{Errno, Fd, Interest, Pid, WaitStatus};

impl Storage for SingleFile {
    fn open_early(&mut self, core: &mut Core, env: &mut Env<'_>) -> Result<(), Errno> {
        core.last_fsync = env.unixtime;
        core.fd = Some(open_for_appending(env)?);
        Ok(())
    }

    fn before_load(&mut self, _env: &mut Env<'_>) {}

    fn before_reload(&mut self, _env: &mut Env<'_>) {}

    fn load(
        &mut self,
        core: &mut Core,
        env: &mut Env<'_>,
        executor: &mut dyn Executor,
    ) -> Result<LoadResult, CannotLoad> {
        load::load(core, env, executor)
    }

    fn after_load(&mut self, _core: &mut Core, _env: &mut Env<'_>, _keyspace: &Keyspace) {}

    fn annotate(&mut self, _core: &Core, _env: &mut Env<'_>, _bytes: &mut Vec<u8>) {}

    /// The command is in `buf` if the AOF is on, and in the rewrite buffer if a child is rewriting.
    /// If the AOF is waiting for its first rewrite and no child is running, it is in neither: only
    /// the dataset has it.
    fn feed(&mut self, core: &mut Core, env: &mut Env<'_>, bytes: &[u8]) {
        if core.state == State::On {
            core.buf.extend_from_slice(bytes);
        }
        if env.children.aof.is_some()
            && let Some(pipes) = &mut self.pipes
        {
            pipes.feed(env, &mut self.rewrite_buffer, bytes);
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

    fn is_rewrite_limited(&mut self, _core: &Core, _env: &mut Env<'_>) -> bool {
        false
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

    fn rewrite_buffer_size(&self) -> u64 {
        self.rewrite_buffer.size()
    }

    fn owns_pipe(&self, fd: Fd) -> bool {
        self.pipes.as_ref().is_some_and(|pipes| pipes.watches(fd))
    }

    fn on_pipe_event(&mut self, env: &mut Env<'_>, fd: Fd, ready: Interest) {
        if let Some(pipes) = &mut self.pipes {
            pipes.on_event(env, &mut self.rewrite_buffer, fd, ready);
        }
    }
}
