//! Clients that wait for a key: putting them there, serving them, and the end of their patience
//! (Redis: blocked.c, timeout.c).
//!
//! Must not know: what they do with the key.

use super::Server;
use crate::clock::mstime;
use crate::command::blocking::{Served, serve};
use crate::command::{Blocked, Context, Failure};
use crate::keyspace::interest::DbKey;
use crate::os::{Fd, Os};
use crate::resp::Reply;

impl Server {
    /// Has a client wait (Redis: `blockForKeys`).
    pub(super) fn block_for_keys(&mut self, fd: Fd, blocked: Blocked) -> Reply {
        let client = self.clients.expect_mut(fd);
        for key in &blocked.keys {
            self.keyspace.interest.wait_for(client.session.id, client.session.db, key);
        }
        client.blocked = Some(blocked);
        Reply::Nothing
    }

    /// Serves those who wait for keys that came to be. Serving one may bring another key to be
    /// (BRPOPLPUSH), so this goes on until nothing is new.
    pub(super) fn handle_clients_blocked_on_keys(&mut self, os: &mut dyn Os) {
        loop {
            let ready = self.keyspace.interest.take_ready();
            if ready.is_empty() {
                return;
            }
            for key in ready {
                self.update_cached_time(os);
                self.serve_key(os, &key);
            }
        }
    }

    /// The first to come is the first to be served, as long as the key has something for them.
    fn serve_key(&mut self, os: &mut dyn Os, db_key: &DbKey) {
        for id in self.keyspace.interest.waiting_for(db_key).to_vec() {
            if let Some(fd) = self.clients.fd_of(id) {
                self.serve_client(os, fd, db_key);
            }
        }
    }

    fn serve_client(&mut self, os: &mut dyn Os, fd: Fd, (db, key): &DbKey) {
        let client = self.clients.expect_mut(fd);
        let Some(Blocked { op, .. }) = client.blocked.clone() else { return };
        let session = &mut client.session;
        let mut ctx = Context::new(&mut self.keyspace, session, self.time.ustime, false);
        let served = serve(&mut ctx, &op, key);
        let mut effects = ctx.effects;
        self.take_over(os, &mut effects);
        let reply = match served {
            None => return,
            Some(Ok(Served { reply, propagated, counts })) => {
                if counts {
                    self.rdb.dirty += effects.dirty as i64;
                }
                self.propagate(os, *db, &propagated);
                reply
            }
            Some(Err(failure)) => failure.into(),
        };
        self.unblock_client(fd);
        self.clients.add_reply(fd, &reply);
    }

    /// Tells those who have waited for long enough that there is nothing (Redis:
    /// `handleBlockedClientsTimeout`).
    pub fn handle_blocked_clients_timeout(&mut self, os: &mut dyn Os) {
        let waiting = self.clients.blocked().filter(|(_, blocked)| blocked.timeout != 0);
        let mut waiting: Vec<(i64, Fd)> =
            waiting.map(|(fd, blocked)| (blocked.timeout, fd)).collect();
        if waiting.is_empty() {
            return;
        }
        waiting.sort_unstable();
        let now = mstime(os);
        for (_, fd) in waiting.into_iter().take_while(|&(timeout, _)| timeout < now) {
            self.unblock_client(fd);
            self.clients.add_reply(fd, &Reply::NullArray);
        }
    }

    /// CLIENT UNBLOCK; whether it waited.
    pub(super) fn client_unblock(&mut self, id: u64, error: bool) -> Reply {
        let waiting = self.clients.fd_of(id).filter(|&fd| self.unblock_client(fd).is_some());
        let Some(fd) = waiting else { return Reply::Integer(0) };
        let reply = match error {
            true => Failure::coded("UNBLOCKED client unblocked via CLIENT UNBLOCK").into(),
            false => Reply::NullArray,
        };
        self.clients.add_reply(fd, &reply);
        Reply::Integer(1)
    }
}
