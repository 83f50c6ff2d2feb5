//! SIGTERM and SIGINT: they are noted when they are seen, and server_cron ends the server.
//!
//! Redis does the noting in a signal handler; here the event loop asks the operating system right
//! after each wait, which a signal interrupts. Must not know: how the server ends.

use super::Server;
use crate::log::Level;
use crate::os::{Os, Signal};

impl Server {
    /// Takes the signals that came (Redis: `sigShutdownHandler`).
    pub fn take_signals(&mut self, os: &mut dyn Os) {
        while let Some(signal) = os.take_signal() {
            if self.shutdown_asap && signal == Signal::SIGINT {
                self.log.line_from_handler(os, Level::Warning, "You insist... exiting now.");
                os.exit(1);
            }
            let message = match signal {
                Signal::SIGINT => "Received SIGINT scheduling shutdown...",
                Signal::SIGTERM => "Received SIGTERM scheduling shutdown...",
                _ => "Received shutdown signal, scheduling shutdown...",
            };
            self.log.line_from_handler(os, Level::Warning, message);
            self.shutdown_asap = true;
        }
    }

    /// The same right after loading: what came meanwhile ends the process at once.
    pub(super) fn take_signals_of_loading(&mut self, os: &mut dyn Os) {
        if os.take_signal().is_some() {
            let message = "Received shutdown signal during loading, exiting now.";
            self.log.line_from_handler(os, Level::Warning, message);
            os.exit(0);
        }
    }
}
