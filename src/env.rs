//! What AOF and RDB share: the environment of a call, the fork, and the state of the children.
//!
//! Must not know: either of them.

use std::borrow::Cow;

use crate::bio::Bio;
use crate::child;
use crate::child_info::{ChildInfo, ChildInfoPipe, ProcessType, Progress, Reporter};
use crate::clock;
use crate::config::Config;
use crate::generation::ChildReport;
use crate::keyspace::Keyspace;
use crate::latency::{Latency, Started};
use crate::log::{Level, Log};
use crate::os::{Fd, ForkChild, Os, Pid, strerror};

/// What AOF and RDB need besides their own state. The server creates one for each call.
pub struct Env<'a> {
    pub os: &'a mut dyn Os,
    pub config: &'a Config,
    pub log: &'a Log,
    pub bio: &'a Bio,
    pub children: &'a mut Children,
    pub latency: &'a mut Latency,
    /// The event loop's epoll descriptor, for the pipes of a rewrite.
    pub epoll: Fd,
    /// A transaction is being executed (Redis: `server.in_exec`).
    pub in_exec: bool,
    /// `server.unixtime`: cached time in seconds since the epoch.
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

    /// Opens the child-info pipe and forks a child made from what every child inherits; records how
    /// long fork(2) took. On failure closes the pipe and logs `failure` (Redis: `redisFork`).
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
            Ok(pid) => {
                self.children.stat_total_forks += 1;
                self.children.save_keys_total =
                    keyspace.dbs.iter().map(|db| db.dict.len() as u64).sum();
                return Some(pid);
            }
            Err(errno) => errno,
        };
        self.children.close_info_pipe(self.os);
        self.warning(&format!("{failure}: fork: {}", strerror(errno)));
        None
    }

    pub(crate) fn latency_start(&mut self) -> Started {
        self.latency.start(self.os)
    }

    /// Milliseconds since `started`; 0 if not measured.
    pub(crate) fn latency_end(&mut self, started: Started) -> i64 {
        self.latency.end(self.os, started)
    }

    pub(crate) fn latency_sample(&mut self, event: &'static str, latency: i64) {
        self.latency.add_sample_if_needed(self.os, event, latency);
    }
}

/// What every child inherits from its parent.
pub(crate) struct Inherited<'a> {
    pub keyspace: Cow<'a, Keyspace>,
    pub log: Log,
    info: ChildInfoPipe,
    last_report: i64,
    close_first: Vec<Fd>,
}

impl<'a> Inherited<'a> {
    fn new(env: &Env<'_>, keyspace: &'a Keyspace) -> Self {
        Inherited {
            keyspace: Cow::Borrowed(keyspace),
            log: env.log.in_child(),
            info: env.children.info,
            last_report: env.children.last_rdb_report,
            close_first: env.children.close_first.clone(),
        }
    }

    /// The same with its own copy of the dataset, see [`ForkChild::copy`].
    pub fn copy(&self) -> Inherited<'static> {
        Inherited {
            keyspace: Cow::Owned(Keyspace::clone(&self.keyspace)),
            log: self.log.clone(),
            info: self.info,
            last_report: self.last_report,
            close_first: self.close_first.clone(),
        }
    }

    /// The first steps of a child.
    pub fn begin(&self, os: &mut dyn Os) {
        child::close_unused_resources(os, &self.close_first);
        child::setup_child_signal_handlers(os, &self.log);
        self.info.keep_write_end(os);
    }

    /// The same as if nothing had ever been reported.
    pub fn fresh_reporter(&self, process: ProcessType) -> Reporter {
        self.info.reporter(&self.log, process, 0)
    }

    /// How the child reports to its parent.
    pub fn reporter(&self, process: ProcessType) -> Reporter {
        self.info.reporter(&self.log, process, self.last_report)
    }
}

/// The result of the last attempt (Redis: `C_OK`, `C_ERR`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    Err,
}

/// The forked children, at most one at a time, and what they share.
#[derive(Debug, Default)]
pub struct Children {
    /// The child that is saving a snapshot (Redis: `rdb_child_pid`).
    pub rdb: Option<Pid>,
    /// The child that is rewriting the AOF (Redis: `aof_child_pid`).
    pub aof: Option<Pid>,
    /// How far the running child has come, as far as it says so.
    pub progress: Progress,
    /// When this process last reported how much of an RDB file it has written, in milliseconds
    /// since the epoch (Redis: `info_updated_time` in `rdbSaveDb`).
    pub last_rdb_report: i64,
    /// The most copy-on-write memory that the running child has reported, in bytes.
    pub cow_peak: u64,
    /// Keys that the running child has to write.
    pub save_keys_total: u64,
    /// Forks that succeeded.
    pub stat_total_forks: u64,
    /// Duration of the last fork, in microseconds.
    pub stat_fork_time: u64,
    /// Its speed in GB of memory per second; measured only while the latency monitor is on.
    pub stat_fork_rate: f64,
    /// Descriptors that a child closes first: the listening sockets.
    pub close_first: Vec<Fd>,
    /// The pipe by which a child reports.
    pub info: ChildInfoPipe,
}

impl Children {
    /// Whether any child is running (Redis: `hasActiveChildProcess`).
    pub fn any(&self) -> bool {
        self.rdb.is_some() || self.aof.is_some()
    }

    /// Children that report in this way.
    pub fn new(report: ChildReport) -> Children {
        Children { info: ChildInfoPipe::new(report), ..Children::default() }
    }

    /// The reports of a running child (Redis: `receiveChildInfo`).
    pub fn receive_progress(&mut self, os: &mut dyn Os) {
        for info in self.info.receive_progress(os) {
            self.update(info);
        }
    }

    /// The last report of a successful child: which one, and its copy-on-write memory in bytes.
    pub fn receive_info(&mut self, os: &mut dyn Os) -> Option<(ProcessType, u64)> {
        let infos = self.info.receive(os);
        infos.into_iter().filter_map(|info| self.update(info)).last()
    }

    /// Redis: `updateChildInfo`.
    fn update(&mut self, info: ChildInfo) -> Option<(ProcessType, u64)> {
        match info {
            ChildInfo::Progress(progress) => {
                self.cow_peak = self.cow_peak.max(progress.cow);
                self.progress = progress;
                None
            }
            ChildInfo::Done(process, cow) => {
                self.cow_peak = self.cow_peak.max(cow);
                Some((process, self.cow_peak))
            }
        }
    }

    /// wait(2) returned an error, or a child that nobody waits for.
    pub fn after_other_child(&mut self, os: &mut dyn Os) {
        self.info.after_other_child(os);
    }

    /// Closes the pipe; called after a child was reaped (Redis: `closeChildInfoPipe`,
    /// `resetChildState`).
    pub fn close_info_pipe(&mut self, os: &mut dyn Os) {
        self.info.close(os);
        self.progress = Progress::default();
        self.cow_peak = 0;
        self.save_keys_total = 0;
    }
}
