//! The system calls that the kernel decides about, by the names used in plans, sites and traces.
//!
//! Variants that differ only in how the path is given share one name (`openat` is `open`), so that
//! a site means the same with every C library. Must not know: what a call does.

use std::fmt;

/// A system call about files, pipes or processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallName {
    Open,
    Close,
    Read,
    Write,
    Fsync,
    Fdatasync,
    SyncFileRange,
    Ftruncate,
    Truncate,
    Rename,
    Unlink,
    Mkdir,
    Rmdir,
    Dup,
    Pipe,
    Fork,
    Wait4,
    Stat,
    Fstat,
    Getcwd,
    Fadvise,
}

/// Each call with its name in sites and the other names that select it.
const NAMES: &[(CallName, &str, &[&str])] = &[
    (CallName::Open, "open", &["openat", "openat2", "creat"]),
    (CallName::Close, "close", &[]),
    (CallName::Read, "read", &["pread64", "readv", "preadv"]),
    (CallName::Write, "write", &["pwrite64", "writev", "pwritev"]),
    (CallName::Fsync, "fsync", &[]),
    (CallName::Fdatasync, "fdatasync", &[]),
    (CallName::SyncFileRange, "sync_file_range", &[]),
    (CallName::Ftruncate, "ftruncate", &[]),
    (CallName::Truncate, "truncate", &[]),
    (CallName::Rename, "rename", &["renameat", "renameat2"]),
    (CallName::Unlink, "unlink", &["unlinkat"]),
    (CallName::Mkdir, "mkdir", &["mkdirat"]),
    (CallName::Rmdir, "rmdir", &[]),
    (CallName::Dup, "dup", &["dup2", "dup3"]),
    (CallName::Pipe, "pipe", &["pipe2"]),
    (CallName::Fork, "fork", &["vfork", "clone", "clone3"]),
    (CallName::Wait4, "wait4", &["wait3", "waitpid", "waitid"]),
    (CallName::Stat, "stat", &["lstat", "newfstatat", "statx"]),
    (CallName::Fstat, "fstat", &[]),
    (CallName::Getcwd, "getcwd", &[]),
    (CallName::Fadvise, "fadvise", &["fadvise64", "posix_fadvise"]),
];

impl CallName {
    /// The name in sites.
    pub fn as_str(self) -> &'static str {
        NAMES
            .iter()
            .find(|(call, ..)| *call == self)
            .map(|(_, name, _)| *name)
            .expect("every call has a name")
    }

    /// The calls that a word in a plan selects: a system call's name, or the family `sync`.
    /// None when there is no such call.
    pub fn select(word: &str) -> Option<Vec<CallName>> {
        if word == "sync" {
            return Some(vec![CallName::Fsync, CallName::Fdatasync, CallName::SyncFileRange]);
        }
        NAMES
            .iter()
            .find(|(_, name, others)| *name == word || others.contains(&word))
            .map(|(call, ..)| vec![*call])
    }

    /// Every word that [`CallName::select`] understands, for error messages.
    pub fn words() -> Vec<&'static str> {
        let mut words: Vec<_> = NAMES.iter().map(|(_, name, _)| *name).collect();
        words.push("sync");
        words
    }

    /// Whether it only asks or advises. Such a call is a site only where a case is about it:
    /// servers make many of them, and each would cost a trap.
    pub fn is_question(self) -> bool {
        use CallName::{Fadvise, Fstat, Getcwd, Stat};
        matches!(self, Stat | Fstat | Getcwd | Fadvise)
    }

    /// Whether this call makes data durable.
    pub fn is_sync(self) -> bool {
        matches!(self, CallName::Fsync | CallName::Fdatasync | CallName::SyncFileRange)
    }
}

impl fmt::Display for CallName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
