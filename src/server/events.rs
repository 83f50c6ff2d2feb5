//! Which of the server's descriptors became ready, and serving clients in the middle of something
//! long (Redis: `processEventsWhileBlocked`).
//!
//! Must not know: the event loop that calls it otherwise.

use super::Server;
use crate::os::{Event, Os};

/// So many turns are taken at most, or clients that keep sending would stop the work.
const ITERATIONS: usize = 4;

impl Server {
    /// Sees to one descriptor.
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

    /// A few turns of the event loop that wait for nothing and do nothing but serve clients.
    /// Nothing is flushed, because nothing that clients may do meanwhile changes the dataset.
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
                return;
            }
        }
    }
}
