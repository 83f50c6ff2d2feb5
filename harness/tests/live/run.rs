//! One sequence on both sides, call by call.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::rc::Rc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::statfs::{EXT4_SUPER_MAGIC, TMPFS_MAGIC, statfs};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use sabot_server::os::Os;
use sabot_server::os::linux::LinuxOs;
use tempfile::TempDir;

use crate::calls::{Call, PROCESSES, Step};
use crate::linux::{Child, Reply, Setup, channels};
use crate::model::{FIRST_PID, Machine};

/// How long a real process may take for a step, in real time.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where sequences run, and what they have reached so far.
pub struct Comparison {
    place: TempDir,
    holes: bool,
    sequences: u64,
    /// How often each call came to each result: its name, and 0 or the errno.
    reached: BTreeMap<(String, i64), u64>,
    waits: u64,
}

/// The real processes of one sequence.
struct Real {
    channels: Vec<UnixStream>,
    pids: Vec<i32>,
}

impl Comparison {
    pub fn new() -> Comparison {
        let place = TempDir::new().expect("a temporary directory");
        let kind = statfs(place.path()).expect("it is there").filesystem_type();
        let holes = kind == EXT4_SUPER_MAGIC || kind == TMPFS_MAGIC;
        if !holes {
            eprintln!("holes are not compared: they are on ext4 and tmpfs only");
        }
        nix::sys::prctl::set_child_subreaper(true).expect("it may");
        Comparison { place, holes, sequences: 0, reached: BTreeMap::new(), waits: 0 }
    }

    /// Runs a sequence; an error is the first difference.
    pub fn run(&mut self, steps: &[Step]) -> Result<(), String> {
        self.sequences += 1;
        let directory = self.place.path().join(self.sequences.to_string());
        fs::create_dir(&directory).expect("it is new");
        let mut real = Real::start(steps, &directory);
        let mut model = Machine::new();
        let result = self
            .compare_calls(steps, &mut real, &mut model)
            .and_then(|()| compare_files(&directory, &model));
        real.end();
        fs::remove_dir_all(&directory).expect("it is ours");
        result
    }

    fn compare_calls(
        &mut self,
        steps: &[Step],
        real: &mut Real,
        model: &mut Machine,
    ) -> Result<(), String> {
        let mut told = String::new();
        for (n, step) in steps.iter().enumerate() {
            let ready = model.ready();
            let Some(process) = ready.get(step.process % ready.len().max(1)).copied() else {
                break;
            };
            let fd = step.call.fd().map_or(0, |fd| model.pick(process, fd));
            let call = step.call.with_fd(fd);
            let full = matches!(call, Call::Fork) && model.processes() == PROCESSES;
            if full || !model.is_comparable(process, &call, self.holes) {
                continue;
            }
            told += &format!("process {process}: {call:?}");
            let both = self.compare_call(n, (process, &call), real, model);
            told += &both.map_err(|difference| format!("{told}\n{difference}"))?;
        }
        Ok(())
    }

    /// Makes one call on both sides, and lets one that waits go on. Returns what came of it.
    fn compare_call(
        &mut self,
        step: usize,
        (process, call): (usize, &Call),
        real: &mut Real,
        model: &mut Machine,
    ) -> Result<String, String> {
        real.send(process, step, model.processes(), call.fd());
        let mut told = match model.make(process, step, call) {
            Some(expected) => {
                let found = real.receive(process, call)?;
                self.count(call, found);
                same(expected, found)?;
                format!(" = {}\n", found.value)
            }
            None => {
                self.waits += 1;
                real.expect_wait(process)?;
                " waits\n".to_string()
            }
        };
        if let Some(waiting) = model.waiting_process().filter(|waiting| *waiting != process) {
            match model.go_on() {
                Some((_, expected)) => {
                    let found = real.receive(waiting, &Call::Poll(0))?;
                    same(expected, found)?;
                    told += &format!("process {waiting} goes on: {}\n", found.value);
                }
                None => real.expect_wait(waiting)?,
            }
        }
        Ok(told)
    }

    fn count(&mut self, call: &Call, found: Reply) {
        let name = format!("{call:?}");
        let name = name.split([' ', '(']).next().unwrap_or_default().to_string();
        *self.reached.entry((name, found.value.min(0))).or_default() += 1;
    }

    /// How many calls were compared, and how often each came to what.
    pub fn summary(&self) -> String {
        let calls: u64 = self.reached.values().sum();
        let (sequences, waits) = (self.sequences, self.waits);
        let mut lines = vec![format!("{sequences} sequences, {calls} calls, {waits} waited")];
        for ((name, value), count) in &self.reached {
            let result = match value {
                0 => "ok".to_string(),
                errno => format!("{:?}", Errno::from_raw(-*errno as i32)),
            };
            lines.push(format!("{name} {result}: {count}"));
        }
        lines.join("\n")
    }

    /// A comparison that never came to some result says nothing about it.
    pub fn assert_reached(&self) {
        use Errno::*;
        let wanted: &[(&str, &[Errno])] = &[
            ("Open", &[ENOENT, ENOTDIR, EEXIST, EISDIR, EINVAL, ENAMETOOLONG]),
            ("Rename", &[ENOENT, ENOTDIR, EISDIR, EINVAL, EBUSY, ENOTEMPTY]),
            ("Unlink", &[ENOENT, ENOTDIR, EISDIR]),
            ("Mkdir", &[ENOENT, ENOTDIR, EEXIST]),
            ("Rmdir", &[ENOENT, ENOTDIR, ENOTEMPTY, EINVAL]),
            ("Truncate", &[ENOENT, ENOTDIR, EISDIR, EINVAL]),
            ("Ftruncate", &[EBADF, EINVAL]),
            ("Lseek", if self.holes { &[EINVAL, ENXIO, ESPIPE] } else { &[EINVAL, ESPIPE] }),
            ("Read", &[EBADF, EISDIR, EAGAIN]),
            ("Write", &[EBADF, EAGAIN, EPIPE]),
            ("Pread", &[EBADF, EINVAL, ESPIPE, EISDIR]),
            ("Pwrite", &[EBADF, EINVAL, ESPIPE]),
            ("Fsync", &[EBADF, EINVAL]),
            ("Wait", &[ECHILD]),
        ];
        let has = |name: &str, value: i64| self.reached.contains_key(&(name.to_string(), value));
        let missing: Vec<String> = wanted
            .iter()
            .flat_map(|(name, errnos)| {
                let values = errnos.iter().map(|errno| -i64::from(*errno as i32)).chain([0]);
                let missing = values.filter(|value| !has(name, *value));
                missing.map(move |value| format!("{name} {value}"))
            })
            .collect();
        assert!(missing.is_empty() && self.waits > 0, "never reached: {missing:?}");
    }
}

fn same(expected: Reply, found: Reply) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    Err(format!("the model says {expected:?}, Linux {found:?}"))
}

impl Real {
    fn start(steps: &[Step], directory: &Path) -> Real {
        let (channels, theirs) = channels();
        for channel in &channels {
            channel.set_nonblocking(true).expect("a socket");
        }
        let (steps, directory) = (steps.to_vec(), directory.to_path_buf());
        let setup = Rc::new(Setup { steps, directory, channels: theirs });
        let child = Child { setup, process: 0, fds: RefCell::default() };
        let pid = LinuxOs::new().fork(&child).expect("it forks");
        Real { channels, pids: vec![pid] }
    }

    fn send(&mut self, process: usize, step: usize, next: usize, fd: Option<i32>) {
        let words = [step as u32, next as u32, fd.unwrap_or(0) as u32];
        let words = words.map(u32::to_ne_bytes).concat();
        self.channels[process].write_all(&words).expect("it listens");
    }

    /// The result of the call that a process makes. An error: it waits.
    fn receive(&mut self, process: usize, call: &Call) -> Result<Reply, String> {
        let begin = Instant::now();
        let mut reply = loop {
            let asleep = self.sleeps(process);
            match self.try_receive(process) {
                Some(reply) => break reply,
                None if asleep => return Err("Linux waits, the model does not".to_string()),
                None => assert!(begin.elapsed() < PATIENCE, "no answer to {call:?}"),
            }
            std::thread::yield_now();
        };
        match call {
            Call::Fork if reply.value > 0 => {
                self.pids.push(reply.value as i32);
                reply.value = i64::from(FIRST_PID) + self.pids.len() as i64 - 1;
            }
            Call::Wait if reply.value > 0 => {
                let known = self.pids.iter().position(|pid| i64::from(*pid) == reply.value);
                reply.value = i64::from(FIRST_PID) + known.expect("it was forked here") as i64;
            }
            Call::Exit => {
                while !matches!(self.state(process), Some('Z') | None) {
                    assert!(begin.elapsed() < PATIENCE, "it does not exit");
                    sleep(Duration::from_micros(50));
                }
            }
            _ => {}
        }
        Ok(reply)
    }

    fn try_receive(&mut self, process: usize) -> Option<Reply> {
        let mut bytes = [0; Reply::SIZE];
        match self.channels[process].read(&mut bytes) {
            Ok(Reply::SIZE) => Some(Reply::from_bytes(bytes)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            other => panic!("process {process} is lost: {other:?}"),
        }
    }

    /// A process waits in its call: it sleeps and has not answered.
    fn expect_wait(&mut self, process: usize) -> Result<(), String> {
        let begin = Instant::now();
        loop {
            let asleep = self.sleeps(process);
            if let Some(reply) = self.try_receive(process) {
                return Err(format!("the model waits, Linux says {reply:?}"));
            }
            if asleep {
                return Ok(());
            }
            assert!(begin.elapsed() < PATIENCE, "it neither waits nor answers");
            std::thread::yield_now();
        }
    }

    /// Whether a process has left its processor to wait for something. One that is about to, and
    /// may find that it need not, has the state S already, but no system call to show.
    fn sleeps(&self, process: usize) -> bool {
        let path = format!("/proc/{}/syscall", self.pids[process]);
        let call = || fs::read_to_string(&path).expect("it is our child");
        self.state(process) == Some('S') && !call().starts_with("running")
    }

    /// The state of a process, from /proc/PID/stat; None: it is gone.
    fn state(&self, process: usize) -> Option<char> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pids[process])).ok()?;
        stat.rsplit_once(')')?.1.trim_start().chars().next()
    }

    /// Kills and collects all processes.
    fn end(self) {
        for pid in &self.pids {
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        while waitpid(None, None).is_ok() {}
    }
}

/// The names and contents on both sides.
fn compare_files(directory: &Path, model: &Machine) -> Result<(), String> {
    let mut real = BTreeMap::new();
    walk(directory, "", &mut real);
    let disk = &model.kernel.disk;
    let content = |(name, ino): (&str, u64)| {
        let inode = disk.inode(ino);
        (name.to_string(), (!inode.is_dir).then(|| inode.content.live().to_vec()))
    };
    let modelled: BTreeMap<_, _> = disk.names.iter().map(content).collect();
    if real == modelled {
        return Ok(());
    }
    let names = |files: &BTreeMap<String, Option<Vec<u8>>>| {
        let size = |content: &Option<Vec<u8>>| content.as_ref().map(Vec::len);
        let names = files.iter().map(|(name, content)| format!("{name} {:?}", size(content)));
        names.collect::<Vec<_>>().join(", ")
    };
    Err(format!("in the end the model has {}; Linux has {}", names(&modelled), names(&real)))
}

/// Every name below, with the content of files.
fn walk(root: &Path, prefix: &str, found: &mut BTreeMap<String, Option<Vec<u8>>>) {
    for entry in fs::read_dir(root.join(prefix)).expect("it is ours") {
        let entry = entry.expect("it is ours");
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().expect("it is there").is_dir() {
            walk(root, &format!("{name}/"), found);
            found.insert(name, None);
        } else {
            found.insert(name, Some(fs::read(entry.path()).expect("it is ours")));
        }
    }
}
