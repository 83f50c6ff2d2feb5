//! Client I/O: accept, read, write, close (Redis: networking.c, connection.c).
//!
//! Must not know: what the requests mean.

use super::Server;
use crate::aof::State;
use crate::command::{Blocked, Failure};
use crate::config::AppendFsync;
use crate::networking::{Client, Clients, Listener, Transport};
use crate::os::{Errno, Fd, Interest, Os, strerror};
use crate::resp::ProtocolError;

/// Connections accepted per event.
const MAX_ACCEPTS_PER_CALL: usize = 1000;
/// Bytes per read (Redis: `PROTO_IOBUF_LEN`).
const IOBUF_LEN: usize = 16 * 1024;
/// Bytes written to one client per event (Redis: `NET_MAX_WRITES_PER_EVENT`).
const MAX_WRITES_PER_EVENT: usize = 64 * 1024;
/// An empty reply buffer with more capacity than this is freed.
const OUT_KEPT: usize = 64 * 1024;
/// Bytes of malformed input shown in the log.
const PROTO_DUMP_LEN: usize = 128;

impl Clients {
    fn free(&mut self, os: &mut dyn Os, epoll: Fd, fd: Fd) {
        if self.all.remove(&fd).is_some() {
            self.pending_write.retain(|&pending| pending != fd);
            self.to_close.retain(|&closing| closing != fd);
            self.unblocked.retain(|&unblocked| unblocked != fd);
            let _ = os.epoll_ctl(epoll, fd, Interest::default());
            let _ = os.close(fd);
        }
    }
}

impl Server {
    /// Accepts pending connections (Redis: `acceptTcpHandler`, `acceptUnixHandler`).
    pub fn accept_clients(&mut self, os: &mut dyn Os, listener: Listener) {
        for _ in 0..MAX_ACCEPTS_PER_CALL {
            match os.accept(listener.fd) {
                Ok(fd) => self.create_client(os, fd, listener.transport),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return,
                Err(errno) => {
                    let reason = strerror(errno);
                    self.warning(os, &format!("Accepting client connection: accept: {reason}"));
                    return;
                }
            }
        }
    }

    fn create_client(&mut self, os: &mut dyn Os, fd: Fd, transport: Transport) {
        match (transport, &self.config.unixsocket) {
            (Transport::Unix, Some(path)) => {
                self.verbose(os, &format!("Accepted connection to {path}"));
            }
            _ => self.verbose(os, "Accepted a connection over TCP"),
        }
        if self.clients.len() >= self.config.maxclients as usize {
            let _ = os.write(fd, b"-ERR max number of clients reached\r\n");
            self.stats.rejected_conn += 1;
            let _ = os.close(fd);
            return;
        }
        if let Err(errno) = os.epoll_ctl(self.epoll, fd, Interest::READABLE) {
            let reason = strerror(errno);
            let line = format!("Error registering fd event for the new client: {reason} (fd={fd})");
            self.warning(os, &line);
            let _ = os.close(fd);
            return;
        }
        self.clients.next_id += 1;
        let trusted = self.config.requirepass.is_empty();
        let now = self.time.unixtime();
        let client = Client::new(self.clients.next_id, transport, trusted, now);
        self.clients.all.insert(fd, client);
        self.stats.numconnections += 1;
    }

    /// Called by the event loop when a client's socket is ready (Redis: `connSocketEventHandler`).
    pub fn on_client_event(&mut self, os: &mut dyn Os, fd: Fd, ready: Interest) {
        let Some(client) = self.clients.get(fd) else { return };
        if self.clients.protected == Some(fd) {
            return;
        }
        let barrier = client.write_barrier;
        let write = ready.writable && client.write_handler;
        if ready.readable && !barrier {
            self.read_query_from_client(os, fd);
        }
        if write && self.clients.get(fd).is_some_and(|client| client.write_handler) {
            self.write_to_client(os, fd);
        }
        if ready.readable && barrier {
            self.read_query_from_client(os, fd);
        }
    }

    fn read_query_from_client(&mut self, os: &mut dyn Os, fd: Fd) {
        self.stats.total_reads_processed += 1;
        let client = self.clients.expect_mut(fd);
        let want = client.parser.missing_of_big_argument().unwrap_or(IOBUF_LEN).min(IOBUF_LEN);
        let mut chunk = std::mem::take(&mut self.clients.input);
        chunk.resize(IOBUF_LEN, 0);
        let read = os.read(fd, &mut chunk[..want]);
        let client = self.clients.expect_mut(fd);
        client.parser.feed(&chunk[..read.unwrap_or(0)]);
        self.clients.input = chunk;
        let count = match read {
            Ok(0) => {
                self.verbose(os, "Client closed connection");
                return self.clients.free_async(fd);
            }
            Ok(count) => count,
            Err(Errno::EAGAIN) => return,
            Err(errno) => {
                self.verbose(os, &format!("Reading from client: {}", strerror(errno)));
                return self.clients.free_async(fd);
            }
        };
        let client = self.clients.expect_mut(fd);
        client.last_interaction = self.time.unixtime();
        self.stats.net_input_bytes += count as u64;
        if client.parser.pending() as u64 > self.config.client_query_buffer_limit {
            self.warning(os, "Closing client that reached max query buffer length");
            return self.clients.free_async(fd);
        }
        self.process_input_buffer(os, fd);
    }

    /// Runs all complete commands in a client's input (Redis: `processInputBuffer`).
    fn process_input_buffer(&mut self, os: &mut dyn Os, fd: Fd) {
        loop {
            let client = self.clients.expect_mut(fd);
            if client.blocked.is_some() || client.close_after_reply || client.close_asap {
                return;
            }
            match client.parser.next_request() {
                Ok(None) => return,
                Ok(Some(argv)) => self.process_command(os, fd, argv),
                Err(error) => self.refuse_protocol(os, fd, &error),
            }
        }
    }

    fn refuse_protocol(&mut self, os: &mut dyn Os, fd: Fd, error: &ProtocolError) {
        let reply = Failure::new(format!("Protocol error: {}", error.reply)).into();
        self.clients.add_reply(fd, &reply);
        let now = self.time.unixtime();
        let socket = self.clients.unixsocket.clone();
        let client = self.clients.expect_mut(fd);
        client.close_after_reply = true;
        let input = client.parser.pending_bytes();
        let printable = |&byte: &u8| match byte {
            b' '..=b'~' => char::from(byte),
            _ => '.',
        };
        let dump: String = input.iter().take(PROTO_DUMP_LEN).map(printable).collect();
        let line = format!(
            "Protocol error ({}) from client: {}. Query buffer during protocol error: '{dump}'",
            error.log,
            client.describe(fd, &socket, now)
        );
        self.verbose(os, &line);
    }

    /// Sends pending replies, in Redis' order: the last client first. Polls clients that cannot
    /// take everything (Redis: `handleClientsWithPendingWrites`).
    pub fn handle_clients_with_pending_writes(&mut self, os: &mut dyn Os) {
        let always = self.aof.state == State::On && self.config.appendfsync == AppendFsync::Always;
        for fd in std::mem::take(&mut self.clients.pending_write).into_iter().rev() {
            self.clients.expect_mut(fd).pending_write = false;
            self.write_to_client(os, fd);
            let client = self.clients.expect_mut(fd);
            if client.close_asap || client.write_handler || !client.has_pending_replies() {
                continue;
            }
            client.write_handler = true;
            client.write_barrier = always;
            if os.epoll_ctl(self.epoll, fd, Interest::BOTH).is_err() {
                self.clients.free_async(fd);
            }
        }
    }

    /// Redis: `writeToClient`.
    fn write_to_client(&mut self, os: &mut dyn Os, fd: Fd) {
        self.stats.total_writes_processed += 1;
        let client = self.clients.expect_mut(fd);
        let mut total = 0;
        let mut failed = None;
        while client.has_pending_replies() && total <= MAX_WRITES_PER_EVENT {
            match os.write(fd, &client.out[client.sent..]) {
                Ok(0) | Err(Errno::EAGAIN) => break,
                Ok(count) => {
                    client.sent += count;
                    total += count;
                }
                Err(errno) => {
                    failed = Some(errno);
                    break;
                }
            }
        }
        self.stats.net_output_bytes += total as u64;
        if let Some(errno) = failed {
            self.verbose(os, &format!("Error writing to client: {}", strerror(errno)));
            return self.clients.free_async(fd);
        }
        if total > 0 {
            client.last_interaction = self.time.unixtime();
        }
        if !client.has_pending_replies() {
            self.all_sent(os, fd);
        }
    }

    fn all_sent(&mut self, os: &mut dyn Os, fd: Fd) {
        let client = self.clients.expect_mut(fd);
        client.sent = 0;
        client.out.clear();
        if client.out.capacity() > OUT_KEPT {
            client.out = Vec::new();
        }
        let closing = client.close_after_reply;
        if std::mem::take(&mut client.write_handler) {
            client.write_barrier = false;
            let _ = os.epoll_ctl(self.epoll, fd, Interest::READABLE);
        }
        if closing {
            self.clients.free_async(fd);
        }
    }

    /// Closes a client; a protected one is closed later (Redis: `freeClient`).
    pub fn free_client(&mut self, os: &mut dyn Os, fd: Fd) {
        if self.clients.protected == Some(fd) {
            return self.clients.free_async(fd);
        }
        if let Some(client) = self.clients.get(fd) {
            let interest = &mut self.keyspace.interest;
            interest.unwatch_all_keys(client.session.id);
            interest.unblock(client.session.id);
        }
        self.clients.free(os, self.epoll, fd);
    }

    /// Unblocks a client; its queued input runs before the next wait (Redis: `unblockClient`).
    pub fn unblock_client(&mut self, fd: Fd) -> Option<Blocked> {
        let client = self.clients.expect_mut(fd);
        let blocked = client.blocked.take()?;
        self.keyspace.interest.unblock(client.session.id);
        self.clients.unblocked.push(fd);
        Some(blocked)
    }

    /// Runs what clients sent while they were blocked (Redis: `processUnblockedClients`).
    pub fn process_unblocked_clients(&mut self, os: &mut dyn Os) {
        while !self.clients.unblocked.is_empty() {
            let fd = self.clients.unblocked.remove(0);
            self.process_input_buffer(os, fd);
        }
    }

    /// Closes the clients that are queued for closing (Redis: `freeClientsInAsyncFreeQueue`).
    pub fn free_clients_in_async_free_queue(&mut self, os: &mut dyn Os) {
        let protected = self.clients.protected;
        let closing = std::mem::take(&mut self.clients.to_close);
        for fd in closing {
            if Some(fd) == protected {
                self.clients.to_close.push(fd);
            } else {
                self.free_client(os, fd);
            }
        }
    }

    /// Closes clients that were idle for longer than `timeout` (Redis: `clientsCronHandleTimeout`).
    pub fn clients_cron(&mut self, os: &mut dyn Os) {
        let limit = i64::from(self.config.timeout);
        if limit == 0 {
            return;
        }
        let now = self.time.unixtime();
        let all = self.clients.all.iter();
        let idle: Vec<Fd> = all
            .filter(|(_, client)| client.blocked.is_none())
            .filter(|(_, client)| now - client.last_interaction > limit)
            .map(|(&fd, _)| fd)
            .collect();
        for fd in idle {
            self.verbose(os, "Closing idle client");
            self.free_client(os, fd);
        }
    }
}
