//! Shutdown (Redis: `prepareForShutdown`, `closeListeningSockets`, server.c).
//!
//! Must not know: who asked for it.

use super::Server;
use crate::aof::State;
use crate::command::Shutdown;
use crate::os::Os;

impl Server {
    /// Ends the process with exit code 0. Returns only if the shutdown is refused, after logging
    /// why.
    ///
    /// With save points or SHUTDOWN SAVE a snapshot is saved first; if that fails, so does the
    /// shutdown. The AOF buffer is written and synced, but the result is ignored: on a disk error
    /// acknowledged writes are lost here, as in Redis.
    pub(super) fn shut_down(&mut self, os: &mut dyn Os, how: Shutdown) {
        if self.prepare_for_shutdown(os, how) {
            os.exit(0);
        }
    }

    fn prepare_for_shutdown(&mut self, os: &mut dyn Os, how: Shutdown) -> bool {
        self.warning(os, "User requested shutdown...");
        if self.children.rdb.is_some() {
            // It could overwrite the final snapshot with its older one.
            self.warning(os, "There is a child saving an .rdb. Killing it!");
            let (rdb, _, mut env) = self.snapshots(os);
            rdb.kill_rdb_child_for_good(&mut env);
        }
        if self.aof.state != State::Off && !self.prepare_aof(os) {
            return false;
        }
        if self.wants_snapshot(how) {
            self.notice(os, "Saving the final RDB snapshot before exiting.");
            if !self.rdb_save(os) {
                self.warning(os, "Error trying to save the DB, can't exit.");
                return false;
            }
        }
        if let Some(pidfile) = &self.config.pidfile {
            self.notice(os, "Removing the pid file.");
            let _ = os.unlink(pidfile);
        }
        self.close_listening_sockets(os);
        self.warning(os, "Redis is now ready to exit, bye bye...");
        true
    }

    /// A partly loaded dataset must not replace the complete snapshot.
    fn wants_snapshot(&self, how: Shutdown) -> bool {
        match how {
            _ if self.loading.is_some() => false,
            Shutdown::Default => !self.config.save.is_empty(),
            Shutdown::Save => true,
            Shutdown::NoSave => false,
        }
    }

    /// While the first AOF is being written the dataset may be nowhere on disk, so the shutdown is
    /// refused. A later rewrite only shortens a complete file and can be killed.
    fn prepare_aof(&mut self, os: &mut dyn Os) -> bool {
        if self.children.aof.is_some() {
            if self.aof.state == State::WaitRewrite {
                self.warning(os, "Writing initial AOF, can't exit.");
                return false;
            }
            self.warning(os, "There is a child rewriting the AOF. Killing it!");
            let (aof, _, mut env) = self.persistence(os);
            aof.kill_append_only_child(&mut env);
        }
        let (aof, _, mut env) = self.persistence(os);
        aof.fsync_for_shutdown(&mut env);
        true
    }

    fn close_listening_sockets(&mut self, os: &mut dyn Os) {
        for listener in self.clients.listeners.drain(..) {
            let _ = os.close(listener.fd);
        }
        if let Some(path) = &self.config.unixsocket {
            self.notice(os, "Removing the unix socket file.");
            let _ = os.unlink(path);
        }
    }
}
