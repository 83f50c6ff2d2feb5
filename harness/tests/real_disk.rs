//! The simulation compared with a real kernel: the core runs in real time, on a small file system
//! or under a limit on file size, with an ordinary client; the same story runs as a case.
//!
//! A full tmpfs gives a real ENOSPC, RLIMIT_FSIZE a real EFBIG. Replies, log lines, exit code and
//! the bytes of the file must be what the simulated kernel makes of them. Only policies without a
//! background sync are used, because a real thread may sync at any time. A tmpfs needs root or user
//! namespaces; where there are none, the test is skipped with a notice, and fails when
//! `SABOT_REQUIRE` names `server`.

mod support {
    pub mod skip;
}

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use redis::{Connection, Value};
use sabot::engine::reexec::{SERVER_CORE, WORD};
use sabot::{Case, World};
use support::skip::skip;
use tempfile::TempDir;

const FILE: &str = "appendonly.aof";

/// Two blocks of 4 KiB are left for the file: room for two of these values.
const STORY: &str = "\
> SET a VALUE
> SET bb VALUE
> SET c VALUE
> SET d 1
> STRLEN c
HEAL
advance 1s
> SET d 1
> SET e VALUE
> DBSIZE
";

/// The result of a story.
#[derive(Debug, PartialEq, Eq)]
struct Story {
    replies: Vec<String>,
    log: Vec<String>,
    exit: Option<i32>,
    file: Vec<u8>,
}

/// Value lengths: one fills the file to its last byte, the other does not.
const EXACT: usize = 4055;
const ODD: usize = 3000;

fn story(fsync: &str, fault: &str, heal: &str, length: usize) -> String {
    let story = STORY.replace("VALUE", &"x".repeat(length)).replace("HEAL", heal);
    format!("config appendonly yes\nconfig appendfsync {fsync}\n{fault}\n{story}")
}

#[test]
fn a_full_disk_is_as_simulated() {
    for length in [ODD, EXACT] {
        let text = story("no", "space 8192", "space free", length);
        let Some(real) = on_small_disk(&text) else { return };
        assert!(real.replies.iter().any(|reply| reply.starts_with("-MISCONF")), "{real:?}");
        assert!(real.log.iter().any(|line| line.contains("looks solved")), "{real:?}");
        assert_same(&real, &simulated(&text));
    }
}

#[test]
fn a_full_disk_ends_a_server_that_syncs_always_as_simulated() {
    for length in [ODD, EXACT] {
        let text = story("always", "space 8192", "space free", length);
        let text = &text[..text.find("> SET d").expect("it is in the story")];
        let Some(real) = on_small_disk(text) else { return };
        assert_eq!(real.exit, Some(1));
        assert_same(&real, &simulated(text));
    }
}

#[test]
fn a_limit_of_file_size_is_as_injected() {
    let heal = |pid: u32| {
        let limit = ["--fsize=unlimited", "--pid", &pid.to_string()];
        assert!(Command::new("prlimit").args(limit).status().expect("prlimit runs").success());
    };
    for (length, fault) in [
        (ODD, "inject write on=aof short=2110 when=3+2\ninject write on=aof error=EFBIG when=4+2"),
        (EXACT, "inject write on=aof error=EFBIG when=3+"),
    ] {
        let text = story("no", fault, "heal", length);
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("prlimit");
        command.args(["--fsize=8192:", "sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
        let server = Server::start(command, folder.path(), &text);
        let disk = File::open(folder.path()).expect("it is there");
        let pid = server.process.id();
        assert_same(&server.run(&text, &disk, || heal(pid)), &simulated(&text));
    }
}

fn assert_same(real: &Story, simulated: &Story) {
    assert_eq!(real.replies, simulated.replies);
    assert_eq!(real.log, simulated.log);
    assert_eq!(real.exit, simulated.exit);
    assert_eq!(real.file.len(), simulated.file.len());
    assert!(real.file == simulated.file, "the files have one length and other bytes");
}

/// The same story in the simulation, with an end that is judged, as every case must have.
fn simulated(text: &str) -> Story {
    let world = World::sim().expect("it is always there");
    let outcome = Case::parse("story", &format!("{text}show files\nkill all maybe\nrestart\n"));
    let outcome = outcome.and_then(|case| case.run(&world)).expect("a run");
    let (story, _) = outcome.transcript.split_once("\nkill all maybe\n").expect("it is there");
    let lines = || story.lines();
    let reply = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let replies = lines().filter(reply).map(str::trim_start);
    let replies = replies.filter(|line| line.starts_with(['+', '-', ':'])).map(String::from);
    let log = lines().filter_map(|line| line.strip_prefix("    log  ")).map(String::from);
    let exit = lines().find_map(|line| line.trim().strip_prefix("parent exited with "));
    // The judgement of the restart writes to the file, too.
    let length = lines().find_map(|line| line.strip_prefix("  aof  ")?.strip_suffix(" bytes"));
    let length: usize = length.expect("it was created").parse().expect("a number");
    let (_, file) = outcome.files.iter().find(|(name, _)| name == FILE).expect("it is there");
    Story {
        replies: replies.collect(),
        log: log.collect(),
        exit: exit.map(|code| code.parse().expect("a number")),
        file: file[..length].to_vec(),
    }
}

/// The story on a tmpfs of 24 KiB, of which 16 KiB are taken; None: nothing can be mounted here.
fn on_small_disk(text: &str) -> Option<Story> {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "mount -t tmpfs -o size=24k none \"$1\" && shift && exec \"$@\"";
    let mut command = unshare()?;
    command.args(["sh", "-c", script, "sh"]).arg(folder.path());
    let server = Server::start(command, folder.path(), text);
    // Only the server sees the mounted file system; an open directory keeps it mounted.
    let seen = format!("/proc/{}/root{}", server.process.id(), folder.path().display());
    let disk = File::open(seen).expect("the server runs");
    let ballast = inside(&disk, "ballast");
    fs::write(&ballast, [0; 16384]).expect("there is room");
    let heal = || fs::remove_file(&ballast).expect("it is there");
    Some(server.run(text, &disk, heal))
}

/// A command that runs another one in a mount namespace.
fn unshare() -> Option<Command> {
    let ways: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    for way in ways {
        let mut probe = Command::new("unshare");
        probe.args(way).args(["mount", "-t", "tmpfs", "none", "/proc"]).stderr(Stdio::null());
        if probe.status().is_ok_and(|status| status.success()) {
            let mut command = Command::new("unshare");
            command.args(way);
            return Some(command);
        }
    }
    skip("server", "nothing can be mounted here");
    None
}

/// A file in a directory that may be mounted only in another namespace.
fn inside(disk: &File, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/{name}", disk.as_raw_fd()))
}

/// The core as a process of its own, in real time.
struct Server {
    process: Child,
    output: BufReader<ChildStdout>,
    client: Connection,
    log: Vec<String>,
    _socket: TempDir,
}

impl Server {
    /// Starts it through `command`, whose last arguments say what to execute.
    fn start(mut command: Command, folder: &Path, text: &str) -> Server {
        let place = tempfile::tempdir().expect("a folder");
        let socket = place.path().join("socket");
        command.arg(env!("CARGO_BIN_EXE_sabot")).args([WORD, SERVER_CORE, "--port", "0"]);
        command.args(["--save", "", "--unixsocket"]).arg(&socket).arg("--dir").arg(folder);
        for words in text.lines().filter_map(|line| line.strip_prefix("config ")) {
            let (name, value) = words.split_once(' ').expect("a directive has a value");
            command.args([&format!("--{name}"), value]);
        }
        let mut process = command.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut output = BufReader::new(process.stdout.take().expect("its output is a pipe"));
        let mut said = String::new();
        while !said.contains("ready to accept connections") {
            let length = output.read_line(&mut said).expect("the log can be read");
            assert!(length > 0, "the server did not start: {said}");
        }
        let client = redis::Client::open(format!("redis+unix://{}", socket.display()));
        let client = client.expect("a well-formed address").get_connection();
        let client = client.expect("it accepts connections");
        Server { process, output, client, log: Vec::new(), _socket: place }
    }

    /// Runs a story; at its end the server is killed, if it has not ended by itself.
    fn run(mut self, text: &str, disk: &File, heal: impl Fn()) -> Story {
        let mut replies = Vec::new();
        for line in text.lines() {
            match line {
                "space free" | "heal" => heal(),
                "advance 1s" => self.await_log("looks solved"),
                _ => replies.extend(line.strip_prefix("> ").and_then(|words| self.send(words))),
            }
        }
        let exit = match self.process.try_wait().expect("it is our child") {
            // The connection may end before the process does.
            None if replies.len() < text.matches("> ").count() => self.process.wait().ok(),
            None => {
                self.process.kill().expect("it is our child");
                None
            }
            ended => ended,
        };
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("the log can be read");
        self.log.extend(rest.lines().filter_map(message));
        let file = fs::read(inside(disk, FILE)).expect("it was created");
        let exit = exit.and_then(|status| status.code());
        Story { replies, log: std::mem::take(&mut self.log), exit, file }
    }

    /// The reply as on the wire; None: the server has closed the connection instead.
    fn send(&mut self, words: &str) -> Option<String> {
        let mut words = words.split(' ');
        let mut command = redis::cmd(words.next().expect("a command has a name"));
        words.for_each(|word| {
            command.arg(word);
        });
        match command.query(&mut self.client) {
            Ok(Value::Okay) => Some("+OK".to_string()),
            Ok(Value::Int(number)) => Some(format!(":{number}")),
            Ok(other) => panic!("no command of the story is answered so: {other:?}"),
            Err(error) if error.is_connection_dropped() => None,
            Err(error) => Some(format!("-{} {}", error.code()?, error.detail()?)),
        }
    }

    fn await_log(&mut self, text: &str) {
        while !self.log.last().is_some_and(|line| line.contains(text)) {
            let mut line = String::new();
            let length = self.output.read_line(&mut line).expect("the log can be read");
            assert!(length > 0, "the log ended before {text:?}: {:?}", self.log);
            self.log.extend(message(&line));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A log line without pid and date.
fn message(line: &str) -> Option<String> {
    line.trim_end().splitn(6, ' ').nth(5).map(String::from)
}
