//! What the two halves of persistence, the AOF and the RDB, work with and share.
//!
//! Must not know: either of them.

use crate::bio::Bio;
use crate::child;
use crate::child_info::{ChildInfo, ChildInfoPipe};
use crate::config::Config;
use crate::latency::{Latency, Started};
use crate::log::{Level, Log};
use crate::os::{Fd, ForkChild, Os, Pid, strerror};

/// What persistence works with besides its own state; made afresh by the server for each call.
pub struct Env<'a> {
    pub os: &'a mut dyn Os,
    pub config: &'a Config,
    pub log: &'a Log,
    pub bio: &'a Bio,
    pub children: &'a mut Children,
    pub latency: &'a mut Latency,
    /// Where the pipes of a rewrite are registered.
    pub epoll: Fd,
    /// `server.unixtime`: seconds since the epoch, as old as the turn of the event loop.
    pub unixtime: i64,
    /// `server.mstime`: the same in milliseconds.
    pub mstime: i64,
}

impl Env<'_> {
    pub(crate) fn notice(&mut self, message: &str) {
        self.log.line(self.os, Level::Notice, message);
    }

    pub(crate) fn warning(&mut self, message: &str) {
        self.log.line(self.os, Level::Warning, message);
    }

    /// fork(2), accounted for. When it fails, the child-info pipe is closed and the log says what
    /// cannot be done (Redis: `redisFork`).
    pub(crate) fn redis_fork(&mut self, child: &dyn ForkChild, failure: &str) -> Option<Pid> {
        let start = child::ustime(self.os);
        let forked = self.os.fork(child);
        self.children.stat_fork_time = child::ustime(self.os).saturating_sub(start);
        self.latency_sample("fork", (self.children.stat_fork_time / 1000) as i64);
        let errno = match forked {
            Ok(pid) => return Some(pid),
            Err(errno) => errno,
        };
        self.children.close_info_pipe(self.os);
        self.warning(&format!("{failure}: fork: {}", strerror(errno)));
        None
    }

    pub(crate) fn latency_start(&mut self) -> Started {
        self.latency.start(self.os)
    }

    /// Milliseconds since then.
    pub(crate) fn latency_end(&mut self, started: Started) -> i64 {
        self.latency.end(self.os, started)
    }

    pub(crate) fn latency_sample(&mut self, event: &'static str, latency: i64) {
        self.latency.add_sample_if_needed(self.os, event, latency);
    }
}

/// How the last attempt at something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    Err,
}

/// The forked children, of which there is at most one at a time, and what they have in common.
#[derive(Debug, Default)]
pub struct Children {
    /// The child that saves a snapshot, while there is one (Redis: `rdb_child_pid`).
    pub rdb: Option<Pid>,
    /// The child that rewrites the AOF, while there is one (Redis: `aof_child_pid`).
    pub aof: Option<Pid>,
    /// Microseconds that the last fork took.
    pub stat_fork_time: u64,
    /// Descriptors that a child gives back first: the listening sockets.
    pub close_first: Vec<Fd>,
    /// Through which either child reports.
    pub info: ChildInfoPipe,
}

impl Children {
    /// Whether any child is at work (Redis: `hasActiveChildProcess`).
    pub fn any(&self) -> bool {
        self.rdb.is_some() || self.aof.is_some()
    }

    /// What a child that ended well has told (Redis: `receiveChildInfo`).
    pub fn receive_info(&self, os: &mut dyn Os) -> Option<ChildInfo> {
        self.info.receive(os)
    }

    /// Closes the pipe; called whenever a child was reaped (Redis: `closeChildInfoPipe`).
    pub fn close_info_pipe(&mut self, os: &mut dyn Os) {
        self.info.close(os);
    }
}
