//! The end of the server (Redis: `prepareForShutdown`, `closeListeningSockets`).
//!
//! Must not know: who asked for it.

use super::Server;
use crate::aof::State;
use crate::command::Shutdown;
use crate::os::Os;

impl Server {
    /// Ends the process with exit code 0; returns only when that is refused, with the reason in the
    /// log.
    ///
    /// With save points, or when asked to, a snapshot is saved first, and without it nobody leaves.
    /// What is in the AOF's buffer is written and synced, but the outcome is not looked at: with a
    /// disk that refuses, acknowledged writes are lost here, as they are with Redis.
    pub(super) fn shut_down(&mut self, os: &mut dyn Os, how: Shutdown) {
        if self.prepare_for_shutdown(os, how) {
            os.exit(0);
        }
    }

    fn prepare_for_shutdown(&mut self, os: &mut dyn Os, how: Shutdown) -> bool {
        self.warning(os, "User requested shutdown...");
        if self.children.rdb.is_some() {
            // It could replace the snapshot that is about to be saved with its older one.
            self.warning(os, "There is a child saving an .rdb. Killing it!");
            let (rdb, _, mut env) = self.snapshots(os);
            rdb.kill_rdb_child(&mut env);
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

    /// Half of a dataset that is being loaded must not replace the whole one.
    fn wants_snapshot(&self, how: Shutdown) -> bool {
        match how {
            _ if self.loading.is_some() => false,
            Shutdown::Default => !self.config.save.is_empty(),
            Shutdown::Save => true,
            Shutdown::NoSave => false,
        }
    }

    /// While the first AOF is being written the dataset is nowhere on disk, so nobody may leave. A
    /// later rewrite is only a shorter version of a file that is complete, and can go.
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
