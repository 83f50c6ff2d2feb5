//! Sockets and epoll instances of a simulated machine, as far as one server and its clients use
//! them.
//!
//! An epoll instance keeps its ready list as Linux does (`fs/eventpoll.c`): a source that becomes
//! ready is appended once; a level-triggered entry goes back to the tail after it was reported; one
//! that turns out not to be ready is dropped. This decides the order in which a server sees its
//! clients and pipes.
//!
//! Not modelled: socket buffers that fill up, addresses. Must not know: tasks, files.

use std::collections::{BTreeMap, VecDeque};

use sabot_server::os::{Event, Interest};

use super::pipes::Pipes;
use crate::kernel::{Fd, Kernel, Object, Pid, TaskId};

/// Descriptors of sockets start here, apart from those of files.
const FIRST_FD: Fd = 1000;

/// The number of a socket in this machine.
pub type SocketId = usize;

#[derive(Debug)]
enum Kind {
    Listener { backlog: VecDeque<SocketId> },
    Connection { inbox: VecDeque<u8>, outbox: Vec<u8>, hung_up: bool },
    Epoll { owner: TaskId, interest: Vec<(Fd, Interest)>, ready: Vec<Fd> },
}

#[derive(Debug)]
struct Socket {
    kind: Kind,
    /// How many descriptors stand for it in all processes.
    references: usize,
}

/// Everything but files and pipes that a descriptor can stand for.
#[derive(Debug, Default)]
pub struct Net {
    sockets: Vec<Socket>,
    tables: BTreeMap<Pid, BTreeMap<Fd, SocketId>>,
}

impl Net {
    fn open(&mut self, pid: Pid, kind: Kind) -> Fd {
        let id = self.create(kind);
        self.install(pid, id)
    }

    fn create(&mut self, kind: Kind) -> SocketId {
        self.sockets.push(Socket { kind, references: 0 });
        self.sockets.len() - 1
    }

    fn install(&mut self, pid: Pid, id: SocketId) -> Fd {
        self.sockets[id].references += 1;
        let table = self.tables.entry(pid).or_default();
        let fd = (FIRST_FD..).find(|fd| !table.contains_key(fd)).expect("numbers are many");
        table.insert(fd, id);
        fd
    }

    /// The socket a descriptor stands for.
    pub fn lookup(&self, pid: Pid, fd: Fd) -> Option<SocketId> {
        self.tables.get(&pid)?.get(&fd).copied()
    }

    /// A child gets copies of all descriptors.
    pub fn fork(&mut self, parent: Pid, child: Pid) {
        let table = self.tables.get(&parent).cloned().unwrap_or_default();
        for id in table.values() {
            self.sockets[*id].references += 1;
        }
        self.tables.insert(child, table);
    }

    /// A process has ended: its descriptors close.
    pub fn ended(&mut self, pid: Pid) {
        for id in self.tables.remove(&pid).unwrap_or_default().into_values() {
            self.sockets[id].references -= 1;
        }
    }

    /// Closes a descriptor. False: there was none.
    pub fn close(&mut self, pid: Pid, fd: Fd) -> bool {
        let Some(id) = self.tables.get_mut(&pid).and_then(|table| table.remove(&fd)) else {
            return false;
        };
        self.sockets[id].references -= 1;
        if self.sockets[id].references == 0 {
            self.forget(pid, fd);
        }
        true
    }

    /// Removes a closed descriptor from the epoll instances of its process.
    pub fn forget(&mut self, pid: Pid, fd: Fd) {
        for id in self.tables.get(&pid).into_iter().flat_map(|table| table.values()) {
            if let Kind::Epoll { interest, ready, .. } = &mut self.sockets[*id].kind {
                interest.retain(|(known, _)| *known != fd);
                ready.retain(|known| *known != fd);
            }
        }
    }

    // The server's side ---------------------------------------------------------------------------

    pub fn listen(&mut self, pid: Pid) -> Fd {
        self.open(pid, Kind::Listener { backlog: VecDeque::new() })
    }

    /// The next connection; None: there is none.
    pub fn accept(&mut self, pid: Pid, fd: Fd) -> Option<Fd> {
        let id = self.lookup(pid, fd)?;
        let Kind::Listener { backlog } = &mut self.sockets[id].kind else { return None };
        let connection = backlog.pop_front()?;
        Some(self.install(pid, connection))
    }

    /// Moves what has arrived into `buf`. None: nothing has yet. 0: the client has hung up.
    pub fn read(&mut self, id: SocketId, buf: &mut [u8]) -> Option<usize> {
        let Kind::Connection { inbox, hung_up, .. } = &mut self.sockets[id].kind else {
            return None;
        };
        if inbox.is_empty() {
            return hung_up.then_some(0);
        }
        let count = buf.len().min(inbox.len());
        for (to, byte) in buf.iter_mut().zip(inbox.drain(..count)) {
            *to = byte;
        }
        Some(count)
    }

    /// Writes to a client. False: it has hung up.
    pub fn write(&mut self, id: SocketId, data: &[u8]) -> bool {
        match &mut self.sockets[id].kind {
            Kind::Connection { outbox, hung_up: false, .. } => {
                outbox.extend_from_slice(data);
                true
            }
            _ => false,
        }
    }

    // The client's side ---------------------------------------------------------------------------

    /// Connects to the socket that the process listens on. None: it does not listen.
    pub fn connect(&mut self, pid: Pid) -> Option<SocketId> {
        let table = self.tables.get(&pid)?;
        let listener =
            *table.values().find(|id| matches!(self.sockets[**id].kind, Kind::Listener { .. }))?;
        let kind = Kind::Connection { inbox: VecDeque::new(), outbox: Vec::new(), hung_up: false };
        let id = self.create(kind);
        if let Kind::Listener { backlog } = &mut self.sockets[listener].kind {
            backlog.push_back(id);
        }
        Some(id)
    }

    pub fn send(&mut self, id: SocketId, data: &[u8]) {
        if let Kind::Connection { inbox, .. } = &mut self.sockets[id].kind {
            inbox.extend(data);
        }
    }

    /// What the server has written since the last call.
    pub fn receive(&mut self, id: SocketId) -> Vec<u8> {
        match &mut self.sockets[id].kind {
            Kind::Connection { outbox, .. } => std::mem::take(outbox),
            _ => Vec::new(),
        }
    }

    /// Whether no process holds the server's end any more, neither accepted nor in a backlog.
    pub fn is_closed(&self, id: SocketId) -> bool {
        let waiting = self.sockets.iter().any(|socket| match &socket.kind {
            Kind::Listener { backlog } => socket.references > 0 && backlog.contains(&id),
            _ => false,
        });
        self.sockets[id].references == 0 && !waiting
    }

    // Readiness -----------------------------------------------------------------------------------

    pub fn epoll_create(&mut self, pid: Pid, owner: TaskId) -> Fd {
        self.open(pid, Kind::Epoll { owner, interest: Vec::new(), ready: Vec::new() })
    }

    /// Sets, changes or (an empty interest) removes what an epoll instance waits for.
    pub fn epoll_ctl(&mut self, id: SocketId, fd: Fd, wanted: Interest) -> bool {
        let Kind::Epoll { interest, ready, .. } = &mut self.sockets[id].kind else { return false };
        let known = interest.iter_mut().find(|(known, _)| *known == fd);
        match known {
            _ if wanted.is_empty() => {
                interest.retain(|(known, _)| *known != fd);
                ready.retain(|known| *known != fd);
            }
            Some((_, old)) => *old = wanted,
            None => interest.push((fd, wanted)),
        }
        true
    }

    /// Appends what has become ready to every ready list. To be called whenever that may be so.
    pub fn refresh(&mut self, kernel: &Kernel, pipes: &Pipes) {
        for id in 0..self.sockets.len() {
            let Kind::Epoll { owner, interest, ready } = &self.sockets[id].kind else { continue };
            let news: Vec<Fd> = interest
                .iter()
                .filter(|(fd, _)| !ready.contains(fd))
                .filter(|(fd, wanted)| {
                    !self.ready_for(kernel, pipes, *owner, *fd, *wanted).is_empty()
                })
                .map(|(fd, _)| *fd)
                .collect();
            if let Kind::Epoll { ready, .. } = &mut self.sockets[id].kind {
                ready.extend(news);
            }
        }
    }

    /// The events that epoll_wait(2) reports with a timeout of 0.
    pub fn epoll_take(&mut self, kernel: &Kernel, pipes: &Pipes, id: SocketId) -> Vec<Event> {
        let Kind::Epoll { owner, interest, ready } = &self.sockets[id].kind else {
            return Vec::new();
        };
        let events: Vec<Event> = ready
            .iter()
            .filter_map(|fd| {
                let wanted = interest.iter().find(|(known, _)| known == fd)?.1;
                let ready = self.ready_for(kernel, pipes, *owner, *fd, wanted);
                (!ready.is_empty()).then_some(Event { fd: *fd, ready })
            })
            .collect();
        if let Kind::Epoll { ready, .. } = &mut self.sockets[id].kind {
            ready.clear();
            ready.extend(events.iter().map(|event| event.fd));
        }
        events
    }

    /// Whether epoll_wait(2) would return at once.
    pub fn epoll_is_ready(&self, kernel: &Kernel, pipes: &Pipes, id: SocketId) -> bool {
        let Kind::Epoll { owner, interest, ready } = &self.sockets[id].kind else { return false };
        interest.iter().any(|(fd, wanted)| {
            ready.contains(fd) && !self.ready_for(kernel, pipes, *owner, *fd, *wanted).is_empty()
        })
    }

    /// Which of the wanted directions a descriptor of `task` is ready for; after a hang-up, both.
    pub fn ready_for(
        &self,
        kernel: &Kernel,
        pipes: &Pipes,
        task: TaskId,
        fd: Fd,
        wanted: Interest,
    ) -> Interest {
        let ready = match kernel.lookup(task, fd) {
            Some(Object::Pipe(pipe, end)) => pipes.readiness(kernel, pipe, end),
            Some(Object::File(_)) => Interest::BOTH,
            None => match self.lookup(kernel.pid_of(task), fd) {
                Some(id) => return self.socket_readiness(id, wanted),
                None => Interest::default(),
            },
        };
        if ready == Interest::BOTH {
            return ready;
        }
        Interest {
            readable: ready.readable && wanted.readable,
            writable: ready.writable && wanted.writable,
        }
    }

    fn socket_readiness(&self, id: SocketId, wanted: Interest) -> Interest {
        match &self.sockets[id].kind {
            Kind::Listener { backlog } => {
                Interest { readable: wanted.readable && !backlog.is_empty(), writable: false }
            }
            Kind::Connection { hung_up: true, .. } => Interest::BOTH,
            Kind::Connection { inbox, .. } => Interest {
                readable: wanted.readable && !inbox.is_empty(),
                writable: wanted.writable,
            },
            Kind::Epoll { .. } => Interest::default(),
        }
    }
}
