//! A trapped call, decoded: what it asks for, and as a request to the kernel.
//!
//! Must not know: how a call is read from its caller's memory, and what becomes of it.

use nix::fcntl::OFlag;

use crate::kernel::calls::Number;
use crate::kernel::{CallName, Fd, Request, Target};

/// A call that the kernel decides about, with its arguments from the caller's memory.
#[derive(Clone, Debug)]
pub enum Call {
    Open {
        path: String,
        flags: OFlag,
        mode: u32,
    },
    Close(Fd),
    /// `at`: where, for pread and its like; None: where the descriptor stands.
    Read {
        fd: Fd,
        parts: Vec<(u64, usize)>,
        at: Option<i64>,
    },
    Write {
        fd: Fd,
        parts: Vec<(u64, usize)>,
        at: Option<i64>,
    },
    Sync(CallName, Fd),
    Ftruncate {
        fd: Fd,
        length: u64,
    },
    Truncate {
        path: String,
        length: u64,
    },
    Rename {
        from: String,
        to: String,
    },
    Unlink(String),
    Mkdir {
        path: String,
        mode: u32,
    },
    Rmdir(String),
    /// `flags`: O_CLOEXEC or nothing.
    Dup {
        fd: Fd,
        number: Number,
        flags: OFlag,
    },
    /// A call that only asks or advises.
    Question(CallName, About),
    Pipe {
        address: u64,
        flags: OFlag,
    },
    Fork {
        clear_tid: u64,
    },
    Wait {
        /// Where the status goes; 0: nowhere.
        status: u64,
        pid: i32,
        options: i32,
    },
}

/// What a question is about.
#[derive(Clone, Debug)]
pub enum About {
    Path(String),
    Fd(Fd),
    Nothing,
}

impl Call {
    /// How many bytes a read or write asks for.
    pub fn size(&self) -> u64 {
        match self {
            Call::Read { parts, .. } | Call::Write { parts, .. } => {
                parts.iter().map(|(_, len)| *len as u64).sum()
            }
            _ => 0,
        }
    }

    /// As the kernel takes it.
    pub(super) fn request(&self) -> Request<'_> {
        let (call, target, argument) = match self {
            Call::Open { path, flags, .. } => {
                (CallName::Open, Target::Path(path), flags.bits() as u64)
            }
            Call::Close(fd) => (CallName::Close, Target::Fd(*fd), 0),
            Call::Read { fd, .. } => (CallName::Read, Target::Fd(*fd), self.size()),
            Call::Write { fd, .. } => (CallName::Write, Target::Fd(*fd), self.size()),
            Call::Sync(call, fd) => (*call, Target::Fd(*fd), 0),
            Call::Ftruncate { fd, length } => (CallName::Ftruncate, Target::Fd(*fd), *length),
            Call::Truncate { path, length } => (CallName::Truncate, Target::Path(path), *length),
            Call::Rename { from, to } => (CallName::Rename, Target::Rename { from, to }, 0),
            Call::Unlink(path) => (CallName::Unlink, Target::Path(path), 0),
            Call::Mkdir { path, .. } => (CallName::Mkdir, Target::Path(path), 0),
            Call::Rmdir(path) => (CallName::Rmdir, Target::Path(path), 0),
            Call::Dup { fd, .. } => (CallName::Dup, Target::Fd(*fd), 0),
            Call::Question(call, about) => (*call, about.target(), 0),
            Call::Pipe { .. } => (CallName::Pipe, Target::None, 0),
            Call::Fork { .. } => (CallName::Fork, Target::None, 0),
            Call::Wait { .. } => (CallName::Wait4, Target::None, 0),
        };
        Request { call, target, argument }
    }
}

impl About {
    fn target(&self) -> Target<'_> {
        match self {
            About::Path(path) => Target::Path(path),
            About::Fd(fd) => Target::Fd(*fd),
            About::Nothing => Target::None,
        }
    }
}
