//! An [`Env`] on the real kernel for the unit tests of the AOF; its log is a file.
//!
//! Must not know: what is tested.

use crate::bio::Bio;
use crate::config::Config;
use crate::env::{Children, Env};
use crate::generation::FailedSync;
use crate::latency::Latency;
use crate::log::{Level, Log};
use crate::os::linux::LinuxOs;
use crate::os::{Fd, OFlag, Os};

/// What the AOF needs besides its own state.
pub(super) struct Fixture {
    os: LinuxOs,
    config: Config,
    log: Log,
    bio: Bio,
    children: Children,
    latency: Latency,
    epoll: Fd,
    _dir: tempfile::TempDir,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let mut os = LinuxOs::new();
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("log").to_str().expect("UTF-8").to_string();
        let log = Log { level: Level::Notice, file, role: 'M' };
        Fixture {
            epoll: os.epoll_create().expect("a descriptor"),
            os,
            config: Config::default(),
            bio: Bio::new(FailedSync::Unnoticed, &log),
            log,
            children: Children::default(),
            latency: Latency::default(),
            _dir: dir,
        }
    }

    /// The environment for calls on the AOF, 1 s past the epoch.
    pub(super) fn env(&mut self) -> Env<'_> {
        Env {
            os: &mut self.os,
            config: &self.config,
            log: &self.log,
            bio: &self.bio,
            children: &mut self.children,
            latency: &mut self.latency,
            epoll: self.epoll,
            in_exec: false,
            unixtime: 1,
            mstime: 1_000,
        }
    }

    /// The log, which must be short.
    pub(super) fn log(&mut self) -> String {
        let mut text = vec![0; 4096];
        let log = self.os.open(&self.log.file, OFlag::O_RDONLY, 0).expect("something was logged");
        let length = self.os.read(log, &mut text).expect("it can be read");
        self.os.close(log).expect("it was open");
        String::from_utf8_lossy(&text[..length]).into_owned()
    }
}
