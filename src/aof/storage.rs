//! How the append only file is kept on disk: what a layout has to do.
//!
//! Must not know: which layouts there are.

use super::read_commands::{CannotLoad, Executor};
use super::state::Core;
use crate::env::Env;
use crate::keyspace::Keyspace;
use crate::os::{Errno, Fd, Interest, Pid, WaitStatus};

/// No rewrite was started. The log says why, unless a child is already running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RewriteFailed;

/// How loading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadResult {
    /// The files were loaded, possibly after being truncated.
    Loaded,
    /// The one file is empty.
    Empty,
    /// The file does not exist.
    NotExist,
}

/// A layout, with what it remembers besides the [`Core`].
pub(super) trait Storage {
    /// While the server is being set up, if the AOF is on. Does not log.
    fn open_early(&mut self, core: &mut Core, env: &mut Env<'_>) -> Result<(), Errno>;

    /// Before anything is loaded.
    fn before_load(&mut self, env: &mut Env<'_>);

    /// The same before the files are loaded once more, by DEBUG LOADAOF.
    fn before_reload(&mut self, env: &mut Env<'_>);

    /// Loads the files. The AOF is off meanwhile, so that commands are not appended to the files
    /// they come from.
    fn load(
        &mut self,
        core: &mut Core,
        env: &mut Env<'_>,
        executor: &mut dyn Executor,
    ) -> Result<LoadResult, CannotLoad>;

    /// After loading at a start, whether or not the AOF is on.
    fn after_load(&mut self, core: &mut Core, env: &mut Env<'_>, keyspace: &Keyspace);

    /// What goes before the next command in the files, for example its time.
    fn annotate(&mut self, core: &Core, env: &mut Env<'_>, bytes: &mut Vec<u8>);

    /// Takes an executed command.
    fn feed(&mut self, core: &mut Core, env: &mut Env<'_>, bytes: &[u8]);

    /// Starts a rewrite (Redis: `rewriteAppendOnlyFileBackground`). No child is running.
    fn start_rewrite(
        &mut self,
        core: &mut Core,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
    ) -> Result<Pid, RewriteFailed>;

    /// Whether a rewrite that nobody asked for has to wait.
    fn is_rewrite_limited(&mut self, core: &Core, env: &mut Env<'_>) -> bool;

    /// The child was reaped (Redis: `backgroundRewriteDoneHandler`).
    fn rewrite_done(&mut self, core: &mut Core, env: &mut Env<'_>, pid: Pid, status: WaitStatus);

    /// Kills the child and waits for it (Redis: `killAppendOnlyChild`).
    fn kill_child(&mut self, core: &mut Core, env: &mut Env<'_>, pid: Pid);

    /// `appendonly` changes from `no` to `yes` at run time (Redis: `startAppendOnly`).
    fn start(
        &mut self,
        core: &mut Core,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
    ) -> Result<(), RewriteFailed>;

    /// `appendonly` changes from `yes` to `no` at run time (Redis: `stopAppendOnly`).
    fn stop(&mut self, core: &mut Core, env: &mut Env<'_>);

    /// Deletes parts that nothing needs, if the configuration allows it.
    fn delete_history(&mut self, _env: &mut Env<'_>) {}

    /// Bytes that wait for the rewrite child.
    fn rewrite_buffer_size(&self) -> u64 {
        0
    }

    /// Whether events on this descriptor are for [`Storage::on_pipe_event`].
    fn owns_pipe(&self, _fd: Fd) -> bool {
        false
    }

    /// A pipe of the rewrite is ready.
    fn on_pipe_event(&mut self, _env: &mut Env<'_>, _fd: Fd, _ready: Interest) {}
}
