//! Shutdown (Redis: `prepareForShutdown`, later `finishShutdown`, `closeListeningSockets`,
//! server.c).
//!
//! Must not know: who asked for it.

use super::Server;
use crate::aof::State;
use crate::command::{Failure, FinalSnapshot, Shutdown};
use crate::generation::ShutdownWay;
use crate::os::Os;
use crate::resp::Reply;

/// Something failed, and the server goes on.
struct Refused;

impl Server {
    /// Ends the process with exit code 0. Returns only if the shutdown is refused, after logging
    /// why.
    ///
    /// With save points or SHUTDOWN SAVE a snapshot is saved first; if that fails, so does the
    /// shutdown. The AOF buffer is written and synced, but at most a failure is logged: on a disk
    /// error acknowledged writes are lost here, as in Redis.
    pub(super) fn shut_down(&mut self, os: &mut dyn Os, how: Shutdown) {
        if self.prepare_for_shutdown(os, how).is_ok() {
            os.exit(0);
        }
        match self.config.generation.shutdown {
            ShutdownWay::Plain => {}
            ShutdownWay::Abortable => {
                self.warning(
                    os,
                    "Errors trying to shut down the server. Check the logs for more information.",
                );
                self.shutdown_asap = false;
            }
        }
    }

    /// The same because of a signal.
    pub(super) fn shut_down_by_signal(&mut self, os: &mut dyn Os) {
        self.shut_down(os, Shutdown::default());
        match self.config.generation.shutdown {
            ShutdownWay::Plain => self.log_refused_signal(os),
            ShutdownWay::Abortable => {}
        }
    }

    /// The same because of a signal that arrived while a file is loaded, where signals are not
    /// answered at once.
    pub(super) fn shut_down_while_loading(&mut self, os: &mut dyn Os) {
        let waits = self.config.generation.shutdown == ShutdownWay::Abortable;
        if waits && self.shutdown_asap && self.loading.is_some() {
            self.shut_down(os, Shutdown { snapshot: FinalSnapshot::NoSave, force: false });
            self.log_refused_signal(os);
        }
    }

    fn log_refused_signal(&mut self, os: &mut dyn Os) {
        self.warning(
            os,
            "SIGTERM received but errors trying to shut down the server, check the logs for more \
             information",
        );
        self.shutdown_asap = false;
    }

    /// SHUTDOWN ABORT: a shutdown that a signal has asked for does not take place (Redis:
    /// `abortShutdown`).
    pub(super) fn abort_shutdown(&mut self, os: &mut dyn Os) -> Reply {
        if !std::mem::take(&mut self.shutdown_asap) {
            return Failure::new("No shutdown in progress.").into();
        }
        self.notice(os, "Shutdown manually aborted.");
        Reply::OK
    }

    fn prepare_for_shutdown(&mut self, os: &mut dyn Os, how: Shutdown) -> Result<(), Refused> {
        self.warning(os, "User requested shutdown...");
        if self.children.rdb.is_some() {
            // It could overwrite the final snapshot with its older one.
            self.warning(os, "There is a child saving an .rdb. Killing it!");
            let (rdb, _, mut env) = self.snapshots(os);
            rdb.kill_rdb_child_for_good(&mut env);
        }
        self.end_rewrite(os, how)?;
        if self.aof.state != State::Off {
            let (aof, _, mut env) = self.persistence(os);
            aof.fsync_for_shutdown(&mut env);
        }
        if self.wants_snapshot(how) {
            self.notice(os, "Saving the final RDB snapshot before exiting.");
            if !self.rdb_save(os) {
                self.refuse(os, how, "Error trying to save the DB")?;
            }
        }
        if let Some(pidfile) = &self.config.pidfile {
            self.notice(os, "Removing the pid file.");
            let _ = os.unlink(pidfile);
        }
        self.close_listening_sockets(os);
        self.warning(os, "Redis is now ready to exit, bye bye...");
        Ok(())
    }

    /// Logs that something failed, which is the end of a shutdown that is not forced.
    fn refuse(&self, os: &mut dyn Os, how: Shutdown, what: &str) -> Result<(), Refused> {
        let (end, result) = match how.force {
            true => (". Exit anyway.", Ok(())),
            false => (", can't exit.", Err(Refused)),
        };
        self.warning(os, &format!("{what}{end}"));
        result
    }

    /// A partly loaded dataset must not replace the complete snapshot.
    fn wants_snapshot(&self, how: Shutdown) -> bool {
        match how.snapshot {
            _ if self.loading.is_some() => false,
            FinalSnapshot::BySavePoints => !self.config.save.is_empty(),
            FinalSnapshot::Save => true,
            FinalSnapshot::NoSave => false,
        }
    }

    /// While the first AOF is being written the dataset may be nowhere on disk, so the shutdown is
    /// refused. A later rewrite only shortens a complete file and can be killed.
    fn end_rewrite(&mut self, os: &mut dyn Os, how: Shutdown) -> Result<(), Refused> {
        let concerns = match self.config.generation.shutdown {
            ShutdownWay::Plain => self.aof.state != State::Off,
            ShutdownWay::Abortable => true,
        };
        if !concerns || self.children.aof.is_none() {
            return Ok(());
        }
        if self.aof.state == State::WaitRewrite {
            self.refuse(os, how, "Writing initial AOF")?;
        }
        self.warning(os, "There is a child rewriting the AOF. Killing it!");
        let (aof, _, mut env) = self.persistence(os);
        aof.kill_append_only_child(&mut env);
        Ok(())
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
