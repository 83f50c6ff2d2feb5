//! A real server, in real time, on a loop device.
//!
//! Must not know: the model.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::Duration;

use nix::errno::Errno;
use sabot::profile::Profile;
use sabot::world::{Directive, arguments};
use tempfile::TempDir;

use crate::loop_device::{Found, Kind, LoopDevice, raw, while_forking};
use crate::story::{Player, Story, command, said};

/// Whether writing back has begun when the power is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writeback {
    Idle,
    Begun,
}

impl Writeback {
    pub const ALL: [Writeback; 2] = [Writeback::Idle, Writeback::Begun];

    pub fn words(self) -> &'static str {
        match self {
            Writeback::Idle => "at once",
            Writeback::Begun => "begun",
        }
    }
}

/// A server, and where it writes.
pub struct Place<'a> {
    pub server: &'a str,
    pub profile: Profile,
    pub program: PathBuf,
    pub kind: &'static Kind,
    pub device: LoopDevice,
}

/// What a story has left.
#[derive(Debug)]
pub struct Left<'a> {
    pub server: &'a str,
    pub profile: Profile,
    pub program: PathBuf,
    pub kind: &'static Kind,
    pub story: &'a Story,
    pub writeback: Writeback,
    /// What a reader of the disk saw just before the cut.
    pub live: Found,
    pub found: Found,
    pub outcome: String,
}

/// How long anything may take.
const PATIENCE: u32 = 600;
const ATTEMPTS: usize = 10;
const MOMENT: Duration = Duration::from_millis(50);

/// Plays a story on a real server up to the power cut, and starts it on what is found.
///
/// # Panics
/// The device never makes the error that the story asks for.
pub fn leave<'a>(place: &Place<'a>, story: &'a Story, writeback: Writeback) -> Left<'a> {
    let mut attempts = (0..ATTEMPTS).filter_map(|_| attempt(place, story, writeback));
    attempts.next().expect("a device that is full makes an error")
}

/// None: the device had a free block after all, so no sync has failed.
fn attempt<'a>(place: &Place<'a>, story: &'a Story, writeback: Writeback) -> Option<Left<'a>> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut real = Real { place, folder, process: None, witness: None, missed: false };
    let device = &place.device;
    story.play(&mut real);
    if real.missed {
        real.kill();
        device.clear();
        return None;
    }
    let live = device.read();
    if writeback == Writeback::Begun {
        live.files.keys().for_each(|name| begin(&device.root().join(name)));
    }
    device.stop();
    real.kill();
    device.start_again();
    let found = device.read();
    let outcome = real.outcome(&story.last_start(), &story.keys());
    real.kill();
    device.clear();
    let (profile, program) = (place.profile.clone(), place.program.clone());
    let Place { server, kind, .. } = *place;
    Some(Left { server, profile, program, kind, story, writeback, live, found, outcome })
}

fn begin(path: &Path) {
    let file = File::options().write(true).open(path).expect("it was read before");
    raw::sync_file_range(file.as_fd(), false).expect("writing back begins");
}

struct Real<'a> {
    place: &'a Place<'a>,
    /// For its socket and its log.
    folder: TempDir,
    process: Option<Child>,
    /// The append-only file, opened before a sync is to fail: it is told of the error, too.
    witness: Option<File>,
    /// No sync has failed that was to.
    missed: bool,
}

impl Real<'_> {
    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn ask(&self, words: &[Vec<u8>]) -> Option<String> {
        let mut client = UnixStream::connect(self.socket()).ok()?;
        client.set_read_timeout(Some(PATIENCE * MOMENT)).ok()?;
        client.write_all(&command(words)).ok()?;
        let (mut reply, mut part) = (Vec::new(), [0; 4096]);
        loop {
            let length = client.read(&mut part).ok().filter(|length| *length > 0)?;
            reply.extend_from_slice(&part[..length]);
            if let Some(said) = said(&reply) {
                return Some(said);
            }
        }
    }

    fn ask_words(&self, words: &str) -> Option<String> {
        self.ask(&words.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>())
    }

    /// Starts the server. False: it has ended instead of accepting connections.
    fn begin(&mut self, directives: &[Directive]) -> bool {
        assert!(self.process.is_none(), "one server is enough");
        let _ = fs::remove_file(self.socket());
        let log = self.folder.path().join("log");
        let mut all = Command::new(&self.place.program);
        let args = arguments(&self.place.profile, directives).expect("they can be given");
        all.args(args).arg("--unixsocket").arg(self.socket());
        all.arg("--dir").arg(self.place.device.root()).arg("--logfile").arg(log);
        all.env_clear().envs(&self.place.profile.environment).current_dir(self.folder.path());
        let forks = while_forking();
        let process = self.process.insert(all.spawn().expect("it can be executed"));
        let pid = process.id();
        drop(forks);
        for _ in 0..PATIENCE {
            if self.ask_words("PING").is_some_and(|said| said == "+PONG") {
                return true;
            }
            let process = self.process.as_mut().expect("it was started");
            if process.try_wait().expect("it is our child").is_some() {
                return false;
            }
            sleep(MOMENT);
        }
        panic!("process {pid} neither accepts connections nor ends");
    }

    fn outcome(&mut self, directives: &[Directive], keys: &[String]) -> String {
        if !self.begin(directives) {
            return "refused".to_string();
        }
        let value = |key: &String| self.ask_words(&format!("GET {key}")).expect("it answers");
        let all: BTreeMap<&String, String> = keys.iter().map(|key| (key, value(key))).collect();
        all.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
    }

    /// The append-only file, or its last increment.
    fn aof(&self) -> PathBuf {
        let mut names = self.place.device.read().files.into_keys();
        let name = names.rfind(|name| name.ends_with(".aof")).expect("there is one");
        self.place.device.root().join(name)
    }
}

impl Player for Real<'_> {
    fn start(&mut self, directives: &[Directive]) {
        assert!(self.begin(directives), "the server does not start before the power cut");
    }

    fn send(&mut self, words: &[Vec<u8>]) {
        self.ask(words).expect("it answers");
    }

    fn advance(&mut self, time: Duration) {
        sleep(time);
    }

    /// The device makes an error of its own, whichever was asked for.
    fn fail_sync(&mut self, _errno: Errno) {
        self.witness = File::open(self.aof()).ok();
        self.place.device.sync();
        self.place.device.trim();
        self.place.device.fill();
    }

    fn heal(&mut self) {
        // Not fsync, which might commit something.
        let told = self.witness.take().map(|file| raw::sync_file_range(file.as_fd(), true));
        self.missed |= told == Some(Ok(()));
        self.place.device.enlarge();
    }

    fn await_child(&mut self) {
        let ended = (0..PATIENCE).any(|_| {
            sleep(MOMENT);
            let info = self.ask_words("INFO persistence").expect("it answers");
            info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0")
        });
        assert!(ended, "the rewrite does not end");
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    fn cut_aof(&mut self, bytes: u64) {
        let file = File::options().write(true).open(self.aof()).expect("it is there");
        let length = file.metadata().expect("it is open").len();
        file.set_len(length - bytes).expect("it can be cut");
        self.place.device.sync();
    }
}

impl Drop for Real<'_> {
    fn drop(&mut self) {
        self.kill();
    }
}
