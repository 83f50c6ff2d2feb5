//! Clients: the state of each, and Redis' lists of them (Redis: networking.c).
//!
//! Replies are collected here; the server sends them after the AOF was flushed.
//! Must not know: what commands do.

use std::collections::BTreeMap;

use crate::command::{Blocked, KillFilter, ReplyMode, Session};
use crate::os::Fd;
use crate::resp::{Reply, RequestParser};

/// The kind of socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    Unix,
}

/// A listening socket.
#[derive(Clone, Copy, Debug)]
pub struct Listener {
    pub fd: Fd,
    pub transport: Transport,
}

/// One connection.
#[derive(Debug)]
pub struct Client {
    pub session: Session,
    pub transport: Transport,
    /// Why it is blocked; meanwhile none of its commands run.
    pub blocked: Option<Blocked>,
    /// The name of its last command, for CLIENT LIST.
    pub last_command: &'static str,
    pub(crate) parser: RequestParser,
    /// The reply buffer; the bytes from `sent` on are unsent.
    pub(crate) out: Vec<u8>,
    pub(crate) sent: usize,
    /// It is in `Clients::pending_write`.
    pub(crate) pending_write: bool,
    /// The event loop polls for writability.
    pub(crate) write_handler: bool,
    /// Write before reading: under `appendfsync always` the AOF has to be flushed between a command
    /// and its reply, so both must not happen in one iteration (Redis: `AE_BARRIER`).
    pub(crate) write_barrier: bool,
    pub(crate) close_after_reply: bool,
    pub(crate) close_asap: bool,
    /// Seconds since the epoch.
    created: i64,
    pub(crate) last_interaction: i64,
}

impl Client {
    pub(crate) fn new(id: u64, transport: Transport, authenticated: bool, now: i64) -> Client {
        Client {
            session: Session { id, authenticated, ..Session::default() },
            transport,
            blocked: None,
            last_command: "NULL",
            parser: RequestParser::default(),
            out: Vec::new(),
            sent: 0,
            pending_write: false,
            write_handler: false,
            write_barrier: false,
            close_after_reply: false,
            close_asap: false,
            created: now,
            last_interaction: now,
        }
    }

    pub(crate) fn has_pending_replies(&self) -> bool {
        self.sent < self.out.len()
    }

    /// Redis: `getClientPeerId`.
    fn address(&self, socket: &str) -> String {
        match self.transport {
            Transport::Tcp => "?:0".to_string(),
            Transport::Unix => format!("{socket}:0"),
        }
    }

    fn flags(&self) -> String {
        let flags = [
            ('x', self.session.transaction.is_some()),
            ('b', self.blocked.is_some()),
            ('c', self.close_after_reply),
            ('A', self.close_asap),
            ('U', self.transport == Transport::Unix),
        ];
        let set: String = flags.iter().filter(|(_, set)| *set).map(|(flag, _)| flag).collect();
        if set.is_empty() { "N".to_string() } else { set }
    }

    /// One line of CLIENT LIST (Redis: `catClientInfoString`). Addresses of TCP clients are not
    /// known.
    pub(crate) fn describe(&self, fd: Fd, socket: &str, now: i64) -> String {
        let address = self.address(socket);
        let flags = self.flags();
        let queued = self.session.transaction.as_ref().map_or(-1, |t| t.queued.len() as i64);
        format!(
            "id={} addr={address} fd={fd} name={} age={} idle={} flags={flags} db={} sub=0 psub=0 \
             multi={queued} qbuf={} qbuf-free=0 obl=0 oll=0 omem={} events={} cmd={} user=default",
            self.session.id,
            String::from_utf8_lossy(&self.session.name),
            now - self.created,
            now - self.last_interaction,
            self.session.db,
            self.parser.pending(),
            self.out.len() - self.sent,
            if self.write_handler { "rw" } else { "r" },
            self.last_command,
        )
    }
}

/// All clients and the listening sockets.
#[derive(Default)]
pub struct Clients {
    pub listeners: Vec<Listener>,
    /// The path of the unix socket, for CLIENT LIST.
    pub unixsocket: String,
    pub(crate) all: BTreeMap<Fd, Client>,
    pub(crate) next_id: u64,
    /// Clients with unsent replies, in order (Redis: `clients_pending_write`).
    pub(crate) pending_write: Vec<Fd>,
    /// Clients that were unblocked and whose queued input has to run (Redis: `unblocked_clients`).
    pub(crate) unblocked: Vec<Fd>,
    /// Clients to be closed outside of their own commands (Redis: `clients_to_close`).
    pub(crate) to_close: Vec<Fd>,
    /// The client whose command is running while others are served. It is neither read from nor
    /// freed (Redis: `CLIENT_PROTECTED`).
    pub protected: Option<Fd>,
    /// The read buffer.
    pub(crate) input: Vec<u8>,
    /// How many errors were replied, by their codes.
    pub errors: BTreeMap<Vec<u8>, u64>,
}

impl Clients {
    pub fn len(&self) -> usize {
        self.all.len()
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether any client has unsent replies.
    pub fn has_pending_writes(&self) -> bool {
        !self.pending_write.is_empty()
    }

    pub fn get(&self, fd: Fd) -> Option<&Client> {
        self.all.get(&fd)
    }

    /// The client of a descriptor; it must exist.
    pub fn expect(&self, fd: Fd) -> &Client {
        self.all.get(&fd).expect("a client is freed only between two commands")
    }

    /// The same, mutable.
    pub fn expect_mut(&mut self, fd: Fd) -> &mut Client {
        self.all.get_mut(&fd).expect("a client is freed only between two commands")
    }

    /// Appends to a client's reply buffer (Redis: `addReply`).
    pub fn add_reply(&mut self, fd: Fd, reply: &Reply) {
        self.count_errors(reply);
        // Not by expect_mut, because `pending_write` is borrowed too.
        let client = self.all.get_mut(&fd).expect("a client is freed only between two commands");
        let silent = matches!(client.session.replies, ReplyMode::Off | ReplyMode::Skip);
        if silent || *reply == Reply::Nothing {
            return;
        }
        if !client.has_pending_replies() && !client.pending_write {
            client.pending_write = true;
            self.pending_write.push(fd);
        }
        reply.encode(&mut client.out);
    }

    /// Redis: `incrementErrorCount`.
    fn count_errors(&mut self, reply: &Reply) {
        match reply {
            Reply::Error(text) => {
                let code = text.split(|&byte| byte == b' ').next().unwrap_or_default();
                *self.errors.entry(code.to_vec()).or_default() += 1;
            }
            Reply::Array(items) => items.iter().for_each(|item| self.count_errors(item)),
            _ => {}
        }
    }

    /// Runs no more commands of this client, and closes it once its replies are sent.
    pub fn close_after_reply(&mut self, fd: Fd) {
        self.expect_mut(fd).close_after_reply = true;
    }

    /// CLIENT LIST; `now` in seconds since the epoch.
    pub fn list(&self, now: i64) -> String {
        let mut clients: Vec<(&Fd, &Client)> = self.all.iter().collect();
        clients.sort_by_key(|(_, client)| client.session.id);
        clients
            .iter()
            .map(|(fd, client)| client.describe(**fd, &self.unixsocket, now) + "\n")
            .collect()
    }

    /// The descriptor of the client with this id.
    pub fn fd_by_id(&self, id: u64) -> Option<Fd> {
        self.all.iter().find(|(_, client)| client.session.id == id).map(|(&fd, _)| fd)
    }

    /// The blocked clients.
    pub fn blocked(&self) -> impl Iterator<Item = (Fd, &Blocked)> {
        self.all.iter().filter_map(|(&fd, client)| Some((fd, client.blocked.as_ref()?)))
    }

    /// The clients that CLIENT KILL selects, the oldest first; `asking` is the client that sent it.
    pub fn matching(&self, filter: &KillFilter, asking: Fd) -> Vec<Fd> {
        let socket = &self.unixsocket;
        let is_selected = |&(&fd, client): &(&Fd, &Client)| {
            let address_fits =
                filter.address.as_ref().is_none_or(|address| *address == client.address(socket));
            let id_fits = filter.id.is_none_or(|id| id == client.session.id);
            let excluded = filter.matches_none || (filter.skip_me && fd == asking);
            address_fits && id_fits && !excluded
        };
        let mut selected: Vec<_> = self.all.iter().filter(is_selected).collect();
        selected.sort_by_key(|(_, client)| client.session.id);
        selected.into_iter().map(|(&fd, _)| fd).collect()
    }

    /// The largest pending input and output, for INFO.
    pub fn max_buffers(&self) -> (usize, usize) {
        let input = self.all.values().map(|client| client.parser.pending()).max();
        let output = self.all.values().map(|client| client.out.len() - client.sent).max();
        (input.unwrap_or(0), output.unwrap_or(0))
    }

    pub(crate) fn free_async(&mut self, fd: Fd) {
        let client = self.expect_mut(fd);
        if !client.close_asap {
            client.close_asap = true;
            self.to_close.push(fd);
        }
    }
}
