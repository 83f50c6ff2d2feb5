//! Dispatches events on descriptors, and serves clients during long operations (Redis:
//! `processEventsWhileBlocked`, networking.c).
//!
//! Must not know: the event loop.

use super::Server;
use crate::os::{Event, Os};

/// Most iterations, so that busy clients do not stop the operation.
const ITERATIONS: usize = 4;

impl Server {
    /// Handles an event on one descriptor.
    pub fn process_file_event(&mut self, os: &mut dyn Os, event: Event) {
        let fd = event.fd;
        if self.clients.get(fd).is_some() {
            self.on_client_event(os, fd, event.ready);
        } else if let Some(&listener) = self.clients.listeners.iter().find(|l| l.fd == fd) {
            self.accept_clients(os, listener);
        } else if self.aof.owns_pipe(fd) {
            let (aof, _, mut env) = self.persistence(os);
            aof.on_pipe_event(&mut env, fd, event.ready);
        }
    }

    /// A few iterations that serve clients without waiting. The AOF is not flushed, because clients
    /// cannot change the dataset meanwhile.
    pub(super) fn process_events_while_blocked(&mut self, os: &mut dyn Os) {
        for _ in 0..ITERATIONS {
            let sent = self.clients.has_pending_writes();
            self.handle_clients_with_pending_writes(os);
            self.free_clients_in_async_free_queue(os);
            let mut events = Vec::new();
            let _ = os.epoll_wait(self.epoll, &mut events, Some(0));
            self.take_signals(os);
            for &event in &events {
                self.process_file_event(os, event);
            }
            if events.is_empty() && !sent {
                break;
            }
        }
        self.shut_down_while_loading(os);
    }
}
