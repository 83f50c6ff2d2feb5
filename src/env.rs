//! What the two halves of persistence, the AOF and the RDB, work with and share.
//!
//! Must not know: either of them.

use std::borrow::Cow;

use crate::bio::Bio;
use crate::child;
use crate::child_info::{ChildInfo, ChildInfoPipe, ProcessType};
use crate::clock;
use crate::config::Config;
use crate::keyspace::Keyspace;
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

    /// Opens the child-info pipe and forks the child that is made of what every child takes with
    /// it; fork(2) is accounted for. When it fails, the pipe is closed and the log says what cannot
    /// be done (Redis: `redisFork`).
    pub(crate) fn redis_fork<'k, C: ForkChild>(
        &mut self,
        keyspace: &'k Keyspace,
        make: impl FnOnce(&Config, Inherited<'k>) -> C,
        failure: &str,
    ) -> Option<Pid> {
        self.children.info.open(self.os);
        let child = make(self.config, Inherited::new(self, keyspace));
        let start = clock::ustime(self.os);
        let forked = self.os.fork(&child);
        let fork_time = (clock::ustime(self.os) - start).max(0) as u64;
        self.children.stat_fork_time = fork_time;
        if self.latency.threshold != 0 {
            let bytes_per_second = keyspace.used_memory() as f64 * 1e6 / fork_time as f64;
            self.children.stat_fork_rate = bytes_per_second / f64::from(1 << 30);
        }
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

/// What every child takes with it from its parent.
pub(crate) struct Inherited<'a> {
    pub keyspace: Cow<'a, Keyspace>,
    pub log: Log,
    info: ChildInfoPipe,
    close_first: Vec<Fd>,
}

impl<'a> Inherited<'a> {
    fn new(env: &Env<'_>, keyspace: &'a Keyspace) -> Self {
        Inherited {
            keyspace: Cow::Borrowed(keyspace),
            log: env.log.in_child(),
            info: env.children.info,
            close_first: env.children.close_first.clone(),
        }
    }

    /// The same with a dataset of its own, for a process that shares no memory.
    pub fn copy(&self) -> Inherited<'static> {
        Inherited {
            keyspace: Cow::Owned(Keyspace::clone(&self.keyspace)),
            log: self.log.clone(),
            info: self.info,
            close_first: self.close_first.clone(),
        }
    }

    /// The first things that a child does.
    pub fn begin(&self, os: &mut dyn Os) {
        child::close_unused_resources(os, &self.close_first);
        child::setup_child_signal_handlers(os, &self.log);
    }

    /// The last thing that a child does when all went well.
    pub fn report(&self, os: &mut dyn Os, process: ProcessType, name: &str) {
        self.info.send_cow_info(os, &self.log, process, name);
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
    /// GB of memory per second that it took over; kept only while latency is watched.
    pub stat_fork_rate: f64,
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
