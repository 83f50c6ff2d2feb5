//! Runs a scenario in a process of its own, with what the AOF needs around it, a dataset, and
//! helpers for the files it leaves.

// Each test file uses a part of it.
#![allow(dead_code)]

use std::path::Path;

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use sabot_server::aof::Env;
use sabot_server::bio::Bio;
use sabot_server::config::Config;
use sabot_server::env::Children;
use sabot_server::keyspace::{Hash, Keyspace, Limits, Set, Value};
use sabot_server::latency::Latency;
use sabot_server::log::{Level, Log};
use sabot_server::os::linux::LinuxOs;
use sabot_server::os::{Clock, Fd, ForkChild, OFlag, Os};
use sabot_server::rdb::{AfterKey, SaveOptions, rdb_save_rio};
use sabot_server::rio::Rio;

/// A scenario that a forked child runs in `dir`. Its exit code is the result.
struct Scenario<'a> {
    dir: &'a Path,
    body: &'a dyn Fn(&mut dyn Os) -> i32,
}

impl ForkChild for Scenario<'_> {
    fn copy(&self) -> Box<dyn ForkChild> {
        unreachable!("Linux copies")
    }

    fn run(&self, os: &mut dyn Os) -> i32 {
        os.chdir(self.dir.to_str().expect("UTF-8")).expect("the directory is there");
        (self.body)(os)
    }
}

/// Runs `body` in `dir` and returns its exit code.
pub fn run(dir: &Path, body: &dyn Fn(&mut dyn Os) -> i32) -> i32 {
    let pid = LinuxOs::new().fork(&Scenario { dir, body }).expect("a process");
    match waitpid(Pid::from_raw(pid), None) {
        Ok(WaitStatus::Exited(_, code)) => code,
        other => panic!("the scenario ended with {other:?}"),
    }
}

/// What the AOF needs besides its own state.
pub struct Fixture {
    pub config: Config,
    pub log: Log,
    pub bio: Bio,
    pub children: Children,
    pub latency: Latency,
    pub epoll: Fd,
}

impl Fixture {
    pub fn new(os: &mut dyn Os, config: Config) -> Self {
        let log = Log { level: Level::Notice, file: "log".to_string(), role: 'M' };
        let epoll = os.epoll_create().expect("a descriptor");
        let bio = Bio::new(config.generation.failed_sync, &log);
        let children = Children::new(config.generation.child_report);
        let latency = Latency::default();
        Fixture { config, log, bio, children, latency, epoll }
    }

    /// The environment for calls on the AOF, as of now.
    pub fn env<'a>(&'a mut self, os: &'a mut dyn Os) -> Env<'a> {
        let mstime = (os.clock_gettime(Clock::Realtime) / 1_000_000) as i64;
        let (config, log, bio, epoll) = (&self.config, &self.log, &self.bio, self.epoll);
        let (children, latency) = (&mut self.children, &mut self.latency);
        let (unixtime, in_exec) = (mstime / 1000, false);
        Env { os, config, log, bio, children, latency, epoll, in_exec, unixtime, mstime }
    }
}

/// The log's messages with their levels, without pids and dates.
pub fn messages(dir: &Path) -> Vec<String> {
    let log = std::fs::read_to_string(dir.join("log")).unwrap_or_default();
    let message = |line: &str| line.splitn(6, ' ').nth(5).map(str::to_string);
    log.lines().filter_map(message).collect()
}

/// The files in a directory.
pub fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("the directory is there");
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.expect("it can be read").file_name().to_string_lossy().into_owned()
    };
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

/// An AOF from text: blanks separate arguments, `;` ends a command.
pub fn aof(commands: &str) -> Vec<u8> {
    let mut file = String::new();
    for command in commands.split(';').filter(|command| !command.is_empty()) {
        let words: Vec<&str> = command.split(' ').collect();
        file.push_str(&format!("*{}\r\n", words.len()));
        for word in words {
            file.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
    }
    file.into_bytes()
}

/// One value of each type; the list needs two commands.
pub fn dataset() -> Keyspace {
    let bytes = |text: &str| text.as_bytes().to_vec();
    let mut keyspace = Keyspace::new(16);
    let db = &mut keyspace.dbs[3];
    db.set(b"s", Value::string("v"), false);
    db.set(b"l", Value::List((0..65).map(|i| bytes(&i.to_string())).collect()), false);
    let (mut set, mut hash, limits) = (Set::hashtable(), Hash::new(), Limits::default());
    set.insert(bytes("x"), &limits);
    set.insert(bytes("y"), &limits);
    hash.set(bytes("f"), bytes("1"), &limits);
    db.set(b"m", Value::Set(set), false);
    db.set(b"h", Value::Hash(hash), false);
    keyspace.dbs[3].expires.insert(bytes("s"), 9_000_000_000_000);
    keyspace
}

/// [`dataset`] as a preamble.
pub fn preamble() -> Vec<u8> {
    let mut os = LinuxOs::new();
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("UTF-8");
    let fd = os.open(path, OFlag::O_WRONLY, 0).expect("it is there");
    let mut rio = Rio::with_file(fd);
    let options = SaveOptions { aof_preamble: true, ..SaveOptions::new(&Config::default()) };
    let after_key: AfterKey<'_> = &mut |_os, _processed| {};
    rdb_save_rio(&mut os, &mut rio, &dataset(), &options, after_key).expect("there is room");
    rio.close(&mut os).expect("there is room");
    std::fs::read(path).expect("it is there")
}
