//! Blocked clients: blocking, serving, timeouts (Redis: blocked.c, timeout.c).
//!
//! Must not know: what the commands do with the key.

use super::Server;
use crate::clock::mstime;
use crate::command::blocking::{Served, abandoned, serve};
use crate::command::{Blocked, Context, Failure};
use crate::keyspace::interest::DbKey;
use crate::os::{Fd, Os};
use crate::resp::Reply;

impl Server {
    /// Blocks a client on its keys (Redis: `blockForKeys`).
    pub(super) fn block_for_keys(&mut self, fd: Fd, blocked: Blocked) -> Reply {
        let client = self.clients.expect_mut(fd);
        for key in &blocked.keys {
            self.keyspace.interest.block_for_key(client.session.id, client.session.db, key);
        }
        client.blocked = Some(blocked);
        Reply::Nothing
    }

    /// Serves the clients blocked on keys that have become ready. Serving one may make another key
    /// ready (BRPOPLPUSH), so this loops until there are none (Redis:
    /// `handleClientsBlockedOnKeys`).
    pub(super) fn handle_clients_blocked_on_keys(&mut self, os: &mut dyn Os) {
        self.unblock_abandoned();
        loop {
            let ready = self.keyspace.interest.take_ready_keys();
            if ready.is_empty() {
                return;
            }
            for key in ready {
                self.update_cached_time(os);
                self.serve_key(os, &key);
            }
        }
    }

    /// Replies to clients that wait for what will not come.
    fn unblock_abandoned(&mut self) {
        if !self.keyspace.interest.is_anyone_blocked() {
            return;
        }
        let waiting = self.clients.blocked().filter_map(|(fd, blocked)| {
            let db = self.clients.expect(fd).session.db;
            Some((fd, abandoned(&self.keyspace, db, blocked)?))
        });
        for (fd, failure) in waiting.collect::<Vec<_>>() {
            self.unblock_client(fd);
            self.count_failed(fd);
            self.clients.add_reply(fd, &failure.into());
        }
    }

    /// The command that has blocked a client ends with an error.
    fn count_failed(&mut self, fd: Fd) {
        let name = self.clients.expect(fd).last_command;
        self.stats.commands.entry(name).or_default().failed += 1;
    }

    /// Serves clients in the order in which they blocked, while the key has elements.
    fn serve_key(&mut self, os: &mut dyn Os, db_key: &DbKey) {
        for id in self.keyspace.interest.blocked_on(db_key).to_vec() {
            if let Some(fd) = self.clients.fd_by_id(id) {
                self.serve_client(os, fd, db_key);
            }
        }
    }

    fn serve_client(&mut self, os: &mut dyn Os, fd: Fd, (db, key): &DbKey) {
        let client = self.clients.expect_mut(fd);
        let Some(blocked) = client.blocked.clone() else { return };
        let session = &mut client.session;
        let mut ctx = Context::new(&mut self.keyspace, session, self.time.ustime, false);
        let served = serve(&mut ctx, &blocked, key);
        let mut effects = ctx.effects;
        self.apply_effects(os, &mut effects);
        let reply = match served {
            None => return,
            Some(Ok(Served { reply, propagated, counts })) => {
                if counts {
                    self.rdb.dirty += effects.dirty as i64;
                }
                for command in &propagated {
                    self.propagate(os, *db, command);
                }
                reply
            }
            Some(Err(failure)) => {
                self.count_failed(fd);
                failure.into()
            }
        };
        self.end_unit(os, true);
        self.unblock_client(fd);
        self.clients.add_reply(fd, &reply);
    }

    /// Replies to blocked clients whose timeout has passed (Redis: `handleBlockedClientsTimeout`).
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

    /// CLIENT UNBLOCK. Replies whether the client was blocked.
    pub(super) fn client_unblock(&mut self, id: u64, error: bool) -> Reply {
        let waiting = self.clients.fd_by_id(id).filter(|&fd| self.unblock_client(fd).is_some());
        let Some(fd) = waiting else { return Reply::Integer(0) };
        let reply = match error {
            true => Failure::coded("UNBLOCKED client unblocked via CLIENT UNBLOCK").into(),
            false => Reply::NullArray,
        };
        self.clients.add_reply(fd, &reply);
        Reply::Integer(1)
    }
}
