//! The append only file as the server sees it: state, and the layout that keeps it on disk.
//!
//! Must not know: how a layout does it.

use std::ops::{Deref, DerefMut};

use super::multi_part::MultiPart;
use super::read_commands::{CannotLoad, Executor};
use super::single_file::SingleFile;
use super::state::{Core, State};
use super::storage::{LoadResult, RewriteFailed, Storage};
use crate::config::Config;
use crate::env::Env;
use crate::generation::AofLayout;
use crate::keyspace::{Bytes, Keyspace};
use crate::os::{Errno, Fd, Interest, Pid, WaitStatus};

/// The append only file.
pub struct Aof {
    core: Core,
    storage: Box<dyn Storage>,
}

impl Deref for Aof {
    type Target = Core;

    fn deref(&self) -> &Core {
        &self.core
    }
}

impl DerefMut for Aof {
    fn deref_mut(&mut self) -> &mut Core {
        &mut self.core
    }
}

impl Aof {
    /// The state before anything is opened or loaded.
    pub fn new(config: &Config) -> Self {
        let storage: Box<dyn Storage> = match config.generation.layout {
            AofLayout::SingleFile => Box::new(SingleFile::default()),
            AofLayout::MultiPart => Box::new(MultiPart::default()),
        };
        Aof { core: Core::new(config), storage }
    }

    /// Opens what is opened while the server is being set up. Does not log.
    pub fn open(&mut self, env: &mut Env<'_>) -> Result<(), Errno> {
        self.storage.open_early(&mut self.core, env)
    }

    /// Finds out which files there are, before anything is loaded.
    pub fn before_load(&mut self, env: &mut Env<'_>) {
        self.storage.before_load(env);
    }

    /// The same before the files are loaded once more, by DEBUG LOADAOF.
    pub fn before_reload(&mut self, env: &mut Env<'_>) {
        self.storage.before_reload(env);
    }

    /// Loads the files. The AOF is off meanwhile.
    pub fn load(
        &mut self,
        env: &mut Env<'_>,
        executor: &mut dyn Executor,
    ) -> Result<LoadResult, CannotLoad> {
        self.storage.load(&mut self.core, env, executor)
    }

    /// Opens what is opened after loading, and tidies up.
    pub fn after_load(&mut self, env: &mut Env<'_>, keyspace: &Keyspace) {
        self.storage.after_load(&mut self.core, env, keyspace);
    }

    /// Starts a rewrite (Redis: `rewriteAppendOnlyFileBackground`). On failure no child is running.
    pub fn rewrite_append_only_file_background(
        &mut self,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
    ) -> Result<Pid, RewriteFailed> {
        if env.children.any() {
            return Err(RewriteFailed);
        }
        self.storage.start_rewrite(&mut self.core, env, keyspace)
    }

    /// Whether a rewrite that nobody asked for has to wait (Redis: `aofRewriteLimited`).
    pub fn is_rewrite_limited(&mut self, env: &mut Env<'_>) -> bool {
        self.storage.is_rewrite_limited(&self.core, env)
    }

    /// The child was reaped (Redis: `backgroundRewriteDoneHandler`).
    ///
    /// On return no descriptor or temporary file of the rewrite is left, and a new rewrite is
    /// scheduled if the AOF still waits for its first.
    pub fn background_rewrite_done_handler(&mut self, env: &mut Env<'_>, status: WaitStatus) {
        let Some(pid) = env.children.aof else { return };
        self.storage.rewrite_done(&mut self.core, env, pid, status);
    }

    /// Kills the rewrite child, if there is one, waits for it, and removes its files (Redis:
    /// `killAppendOnlyChild`).
    pub fn kill_append_only_child(&mut self, env: &mut Env<'_>) {
        let Some(pid) = env.children.aof else { return };
        self.storage.kill_child(&mut self.core, env, pid);
    }

    /// `appendonly` changes from `no` to `yes` at run time (Redis: `startAppendOnly`).
    ///
    /// On success a rewrite has started, or will start when the running snapshot is done. Writes
    /// acknowledged until it finishes survive only if it does.
    pub fn start_append_only(
        &mut self,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
    ) -> Result<(), RewriteFailed> {
        self.storage.start(&mut self.core, env, keyspace)
    }

    /// `appendonly` changes from `yes` to `no` at run time (Redis: `stopAppendOnly`).
    ///
    /// On return everything so far was flushed, fdatasync was called, the file is closed, and no
    /// rewrite is running.
    pub fn stop_append_only(&mut self, env: &mut Env<'_>) {
        self.storage.stop(&mut self.core, env);
    }

    /// Deletes parts that nothing needs, if the configuration allows it.
    pub fn delete_history(&mut self, env: &mut Env<'_>) {
        self.storage.delete_history(env);
    }

    /// Appends a command that was executed on database `db`.
    ///
    /// On return the command is in `buf` if the AOF is on, to be written before the next reply is
    /// sent, and wherever the layout collects what is executed during a rewrite.
    pub fn feed_append_only_file(&mut self, env: &mut Env<'_>, db: usize, argv: &[Bytes]) {
        let mut bytes = Vec::new();
        self.storage.annotate(&self.core, env, &mut bytes);
        self.core.cat_command(env, &mut bytes, db, argv);
        self.storage.feed(&mut self.core, env, &bytes);
    }

    /// Bytes not yet sent to the child (INFO `aof_rewrite_buffer_length`).
    pub fn rewrite_buffer_size(&self) -> u64 {
        self.storage.rewrite_buffer_size()
    }

    /// Memory of all buffers in bytes (INFO `mem_aof_buffer`).
    pub fn mem_aof_buffer(&self) -> u64 {
        match self.core.state {
            State::Off => 0,
            State::On | State::WaitRewrite => {
                self.core.buf.capacity() as u64 + self.rewrite_buffer_size()
            }
        }
    }

    /// Whether events on this descriptor belong to [`Aof::on_pipe_event`].
    pub fn owns_pipe(&self, fd: Fd) -> bool {
        self.storage.owns_pipe(fd)
    }

    /// Called by the event loop when a pipe of the rewrite is ready.
    pub fn on_pipe_event(&mut self, env: &mut Env<'_>, fd: Fd, ready: Interest) {
        self.storage.on_pipe_event(env, fd, ready);
    }
}

#[cfg(test)]
mod tests {
    use super::{Aof, Config, State};

    #[test]
    fn the_buffer_counts_as_memory_while_it_is_on() {
        let mut aof = Aof::new(&Config::default());
        aof.buf = Vec::with_capacity(100);
        assert_eq!(aof.mem_aof_buffer(), 0);
        for state in [State::On, State::WaitRewrite] {
            aof.state = state;
            assert_eq!(aof.mem_aof_buffer(), 100);
        }
    }

    #[test]
    fn without_a_rewrite_no_descriptor_is_a_pipe_of_it() {
        assert!(!Aof::new(&Config::default()).owns_pipe(0));
    }
}
