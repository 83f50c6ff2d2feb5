//! SIGTERM and SIGINT: they set a flag, and server_cron shuts the server down (Redis:
//! `sigShutdownHandler`, server.c).
//!
//! Redis sets the flag in a signal handler. Here the event loop polls for signals after each wait,
//! which a signal interrupts, and saving and loading poll after each key or command.
//! Must not know: how the server ends.

use super::Server;
use crate::generation::{Generation, ShutdownWay};
use crate::log::{Level, Log};
use crate::os::{Os, Signal};
use crate::rdb::rdb_remove_temp_file_from_signal;

/// The state that handling a signal needs.
pub(super) struct Signals {
    generation: &'static Generation,
    log: Log,
    loading: bool,
    pub(super) shutdown_asap: bool,
}

impl Signals {
    /// Handles all pending signals.
    pub(super) fn take(&mut self, os: &mut dyn Os) {
        while let Some(signal) = os.take_signal() {
            self.sig_shutdown_handler(os, signal);
        }
    }

    /// Handles a signal. A second SIGINT ends the process at once, with any snapshot that it is
    /// saving.
    fn sig_shutdown_handler(&mut self, os: &mut dyn Os, signal: Signal) {
        if self.shutdown_asap && signal == Signal::SIGINT {
            self.say(os, "You insist... exiting now.");
            let pid = os.getpid();
            rdb_remove_temp_file_from_signal(os, pid);
            os.exit(1);
        }
        let message = match signal {
            _ if self.loading => self.generation.words.signal_while_loading(),
            Signal::SIGINT => "Received SIGINT scheduling shutdown...",
            Signal::SIGTERM => "Received SIGTERM scheduling shutdown...",
            _ => "Received shutdown signal, scheduling shutdown...",
        };
        self.say(os, message);
        match self.generation.shutdown {
            ShutdownWay::Plain if self.loading => os.exit(0),
            _ => self.shutdown_asap = true,
        }
    }

    fn say(&self, os: &mut dyn Os, message: &str) {
        self.log.line_from_handler(os, Level::Warning, message);
    }
}

impl Server {
    /// A copy of that state, for use while the server is borrowed.
    pub(super) fn signals(&self) -> Signals {
        let loading = self.loading.is_some();
        Signals {
            generation: self.config.generation,
            log: self.log.clone(),
            loading,
            shutdown_asap: self.shutdown_asap,
        }
    }

    /// Handles all pending signals.
    pub fn take_signals(&mut self, os: &mut dyn Os) {
        while let Some(signal) = os.take_signal() {
            let mut signals = self.signals();
            signals.sig_shutdown_handler(os, signal);
            self.shutdown_asap = signals.shutdown_asap;
        }
    }

    /// The same right after loading: signals that arrived meanwhile count as during it.
    pub(super) fn take_signals_of_loading(&mut self, os: &mut dyn Os) {
        let mut signals = Signals { loading: true, ..self.signals() };
        signals.take(os);
        self.shutdown_asap = signals.shutdown_asap;
    }
}
