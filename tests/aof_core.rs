//! The append only file on a real kernel: loading, and a whole rewrite with a forked child.
//!
//! Each scenario runs in a process of its own with its own working directory, because loading may
//! end the process and children are waited for process-wide. It leaves files; the test reads them.

// The tests look at files from outside, where there is no `Os`.
#![allow(clippy::disallowed_methods)]

use std::path::Path;

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use sabot_server::aof::{Aof, Env, Executor, LoadResult, State, Status, UnknownCommand};
use sabot_server::bio::Bio;
use sabot_server::config::{AppendFsync, Config};
use sabot_server::keyspace::{Bytes, BytesMap, Keyspace, Value};
use sabot_server::log::{Level, Log};
use sabot_server::os::linux::LinuxOs;
use sabot_server::os::{Clock, Fd, ForkChild, OFlag, Os, Wait};

/// A scenario, as what a forked child does in `dir`. Its exit code tells how it ended.
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
fn run(dir: &Path, body: &dyn Fn(&mut dyn Os) -> i32) -> i32 {
    let pid = LinuxOs::new().fork(&Scenario { dir, body }).expect("a process");
    match waitpid(Pid::from_raw(pid), None) {
        Ok(WaitStatus::Exited(_, code)) => code,
        other => panic!("the scenario ended with {other:?}"),
    }
}

/// What the server owns besides the AOF.
struct Surroundings {
    config: Config,
    log: Log,
    bio: Bio,
    epoll: Fd,
}

impl Surroundings {
    fn new(os: &mut dyn Os, config: Config) -> Self {
        let log = Log { level: Level::Notice, file: "log".to_string(), role: 'M' };
        let epoll = os.epoll_create().expect("a descriptor");
        Surroundings { config, log, bio: Bio::new(), epoll }
    }

    fn env<'a>(&'a self, os: &'a mut dyn Os) -> Env<'a> {
        let mstime = (os.clock_gettime(Clock::Realtime) / 1_000_000) as i64;
        let (config, log, bio, epoll) = (&self.config, &self.log, &self.bio, self.epoll);
        Env { os, config, log, bio, epoll, unixtime: mstime / 1000, mstime }
    }
}

/// The messages of the log, with their level, without pids and dates.
fn messages(dir: &Path) -> Vec<String> {
    let log = std::fs::read_to_string(dir.join("log")).unwrap_or_default();
    let message = |line: &str| line.splitn(6, ' ').nth(5).map(str::to_string);
    log.lines().filter_map(message).collect()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("the directory is there");
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.expect("it can be read").file_name().to_string_lossy().into_owned()
    };
    let mut names: Vec<String> = entries.map(name).collect();
    names.sort();
    names
}

/// Spaces stand for the framing, `;` ends a command.
fn aof(commands: &str) -> Vec<u8> {
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

/// Knows SET, MULTI and EXEC, and notes what runs in a file.
struct Notes {
    os: LinuxOs,
    file: Fd,
    queued: Option<Vec<String>>,
}

impl Notes {
    fn note(&mut self, command: &str) {
        self.os.write(self.file, format!("{command};").as_bytes()).expect("there is room");
    }
}

impl Executor for Notes {
    fn execute(&mut self, argv: Vec<Bytes>) -> Result<(), UnknownCommand> {
        let words: Vec<_> = argv.iter().map(|word| String::from_utf8_lossy(word)).collect();
        let command = words.join(" ");
        match command.split(' ').next() {
            Some("MULTI") => self.queued = Some(Vec::new()),
            Some("EXEC") => {
                for command in self.queued.take().unwrap_or_default() {
                    self.note(&command);
                }
            }
            Some("SET") => match &mut self.queued {
                Some(queued) => queued.push(command),
                None => self.note(&command),
            },
            _ => return Err(UnknownCommand),
        }
        Ok(())
    }

    fn in_multi(&self) -> bool {
        self.queued.is_some()
    }

    fn discard(&mut self) {
        self.queued = None;
    }
}

/// What came of loading a file.
struct Loaded {
    code: i32,
    executed: String,
    left: Vec<u8>,
    messages: Vec<String>,
}

fn load(file: &[u8], truncated: bool) -> Loaded {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    std::fs::write(dir.join("appendonly.aof"), file).expect("there is room");
    let code = run(dir, &|os| {
        let config =
            Config { appendonly: true, aof_load_truncated: truncated, ..Config::default() };
        let around = Surroundings::new(os, config);
        let mut aof = Aof::new(&around.config);
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT;
        let notes = os.open("executed", flags, 0o644).expect("a file");
        let mut executor = Notes { os: LinuxOs::new(), file: notes, queued: None };
        let env = &mut around.env(os);
        aof.open(env).expect("the file is there");
        let result = aof.load(env, &mut executor);
        let size = std::fs::metadata("appendonly.aof").expect("it is there").len();
        assert_eq!((aof.state, aof.current_size), (State::On, size));
        if result == LoadResult::Empty { 2 } else { 0 }
    });
    Loaded {
        code,
        executed: std::fs::read_to_string(dir.join("executed")).unwrap_or_default(),
        left: std::fs::read(dir.join("appendonly.aof")).expect("it is there"),
        messages: messages(dir),
    }
}

const SHORT_READ: [&str; 1] = ["# !!! Warning: short read while loading the AOF file !!!"];
const LOADED_ANYWAY: &str = "# AOF loaded anyway because aof-load-truncated is enabled";

#[test]
fn a_whole_file_is_executed_in_order() {
    let file = aof(&format!("SET a 1;MULTI;SET b 2;EXEC;SET c {};SET d 4;", "x".repeat(9000)));
    let loaded = load(&file, true);
    let executed = format!("SET a 1;SET b 2;SET c {};SET d 4;", "x".repeat(9000));
    assert_eq!((loaded.code, loaded.executed), (0, executed));
    assert_eq!((loaded.left, loaded.messages), (file, vec![]));
}

#[test]
fn an_empty_file_is_no_error() {
    let loaded = load(b"", false);
    assert_eq!((loaded.code, loaded.messages), (2, vec![]));
}

#[test]
fn every_cut_inside_the_last_command_is_cut_back_to_the_one_before() {
    let (first, second) = (aof("SET a 1;"), aof("SET b 2;"));
    for cut in 1..second.len() {
        let loaded = load(&[&first, &second[..cut]].concat(), true);
        assert_eq!((loaded.code, loaded.executed.as_str()), (0, "SET a 1;"), "cut at {cut}");
        assert_eq!(loaded.left, first, "cut at {cut}");
        assert_eq!(loaded.messages[..1], SHORT_READ);
        assert_eq!(
            loaded.messages[1..],
            ["# !!! Truncating the AOF at offset 27 !!!", LOADED_ANYWAY]
        );
    }
}

#[test]
fn a_cut_file_is_refused_when_truncating_is_off() {
    let file = aof("SET a 1;SET b 2;");
    let loaded = load(&file[..file.len() - 1], false);
    assert_eq!((loaded.code, loaded.left.len()), (1, file.len() - 1));
    let unexpected = "# Unexpected end of file reading the append only file. You can: 1) Make a \
                      backup of your AOF file, then use ./redis-check-aof --fix <filename>. 2) \
                      Alternatively you can set the 'aof-load-truncated' configuration option to \
                      yes and restart the server.";
    assert_eq!(loaded.messages, [unexpected]);
}

#[test]
fn a_transaction_without_its_end_is_taken_back() {
    let loaded = load(&aof("SET a 1;MULTI;SET b 2;"), true);
    assert_eq!((loaded.code, loaded.executed.as_str()), (0, "SET a 1;"));
    assert_eq!(loaded.left, aof("SET a 1;"));
    assert_eq!(loaded.messages[0], "# Revert incomplete MULTI/EXEC transaction in AOF file");
}

/// 6.0.8 leaves the MULTI in the file, and all that is appended later is lost at the next restart.
#[test]
fn a_cut_inside_a_transaction_leaves_its_multi_behind() {
    let whole = aof("SET a 1;MULTI;SET b 2;EXEC;");
    let loaded = load(&whole[..whole.len() - 7], true);
    assert_eq!((loaded.code, loaded.executed.as_str()), (0, "SET a 1;"));
    assert_eq!(loaded.left, aof("SET a 1;MULTI;SET b 2;"));
}

#[test]
fn what_is_no_command_is_refused() {
    let bad_format = "# Bad file format reading the append only file: make a backup of your AOF \
                      file, then use ./redis-check-aof --fix <filename>";
    for bad in [
        b"*0\r\n" as &[u8],
        b"*-1\r\n",
        b"*x\r\n",
        b"SET a 1\r\n",
        b"*1\r\n*3\r\nSET\r\n",
        &[0; 40],
    ] {
        let loaded = load(bad, true);
        assert_eq!((loaded.code, loaded.messages), (1, vec![bad_format.to_string()]));
    }
    let loaded = load(&aof("SET a 1;FROB x;SET b 2;"), true);
    let unknown = "# Unknown command 'FROB' reading the append only file";
    assert_eq!((loaded.code, loaded.messages), (1, vec![unknown.to_string()]));
}

#[test]
fn lengths_beyond_the_file_are_short_reads_and_take_no_memory() {
    for bad in [b"*1\r\n$9223372036854775807\r\nx" as &[u8], b"*1\r\n$-1\r\nx", b"*2147483647\r\n"]
    {
        let loaded = load(bad, true);
        assert_eq!((loaded.code, loaded.left.len()), (0, 0));
    }
}

#[test]
fn an_rdb_preamble_is_refused_clearly() {
    let loaded = load(b"REDIS0009 and so on", true);
    assert_eq!((loaded.code, loaded.messages.len()), (1, 2));
    assert_eq!(loaded.messages[0], "* Reading RDB preamble from AOF file...");
    assert!(loaded.messages[1].contains("this build reads no RDB preamble"));
}

/// One value of each type; the list needs two commands.
fn dataset() -> Keyspace {
    let bytes = |text: &str| text.as_bytes().to_vec();
    let mut keyspace = Keyspace::new(16);
    let dict = &mut keyspace.dbs[3].dict;
    dict.insert(bytes("s"), Value::String(bytes("v")));
    dict.insert(bytes("l"), Value::List((0..65).map(|i| bytes(&i.to_string())).collect()));
    dict.insert(bytes("m"), Value::Set([bytes("x"), bytes("y")].into_iter().collect()));
    let fields: BytesMap<Bytes> = [(bytes("f"), bytes("1"))].into_iter().collect();
    dict.insert(bytes("h"), Value::Hash(fields));
    keyspace.dbs[3].expires.insert(bytes("s"), 9_000_000_000_000);
    keyspace
}

fn rewritten() -> String {
    let numbers =
        |range: std::ops::Range<i32>| range.map(|i| format!(" {i}")).collect::<Vec<_>>().concat();
    let (first, second) = (numbers(0..64), numbers(64..65));
    format!(
        "SELECT 3;SET s v;PEXPIREAT s 9000000000000;RPUSH l{first};RPUSH l{second};SADD m x y;\
         HMSET h f 1;"
    )
}

/// Serves the pipes until the child has ended, then does what the server's cron does.
fn finish_rewrite(os: &mut dyn Os, around: &Surroundings, aof: &mut Aof) {
    loop {
        let mut events = Vec::new();
        let _ = os.epoll_wait(around.epoll, &mut events, Some(1));
        let env = &mut around.env(os);
        for event in events {
            assert!(aof.owns_pipe(event.fd));
            aof.on_pipe_event(env, event.fd, event.ready);
        }
        if let Some((pid, status)) = env.os.wait3(Wait::NoHang).expect("there is a child") {
            assert_eq!(Some(pid), aof.child_pid);
            aof.background_rewrite_done_handler(env, status);
            aof.receive_child_info(env);
            aof.close_child_info_pipe(env);
            return;
        }
    }
}

#[test]
fn a_rewrite_holds_the_dataset_and_what_came_meanwhile() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let code = run(dir, &|os| {
        let config =
            Config { appendonly: true, appendfsync: AppendFsync::Always, ..Config::default() };
        let around = Surroundings::new(os, config);
        let mut aof = Aof::new(&around.config);
        let mut env = around.env(os);
        aof.open(&mut env).expect("a file");
        aof.feed_append_only_file(&mut env, 3, &[b"SET".into(), b"s".into(), b"v".into()]);
        aof.flush_append_only_file(&mut env, false);
        aof.rewrite_append_only_file_background(&mut env, &dataset()).expect("a child");
        aof.feed_append_only_file(&mut env, 0, &[b"SET".into(), b"late".into(), b"1".into()]);
        aof.flush_append_only_file(&mut env, false);
        finish_rewrite(os, &around, &mut aof);
        aof.feed_append_only_file(&mut around.env(os), 0, &[b"DEL".into(), b"late".into()]);
        aof.flush_append_only_file(&mut around.env(os), false);
        assert!(aof.last_bgrewrite_status == Status::Ok && aof.child_pid.is_none());
        assert!(aof.buf.is_empty() && aof.rewrite_buffer_size() == 0);
        assert!(aof.stat_aof_cow_bytes > 0 && aof.rewrite_base_size < aof.current_size);
        0
    });
    assert_eq!(code, 0);
    let expected = format!("{}SELECT 0;SET late 1;SELECT 0;DEL late;", rewritten());
    assert_eq!(std::fs::read(dir.join("appendonly.aof")).expect("it is there"), aof(&expected));
    assert_eq!(names(dir), ["appendonly.aof", "log"]);
    let messages = messages(dir);
    assert_eq!(messages[1], "* AOF rewrite child asks to stop sending diffs.");
    assert_eq!(messages[2], "* Parent agreed to stop sending diffs. Finalizing AOF...");
    assert_eq!(messages[3], "* Concatenating 0.00 MB of AOF diff received from parent.");
    assert_eq!(messages[4], "* SYNC append only file rewrite performed");
    assert_eq!(messages.last().expect("lines"), "* Background AOF rewrite finished successfully");
}

#[test]
fn a_killed_rewrite_leaves_nothing_behind() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let code = run(dir, &|os| {
        let around = Surroundings::new(os, Config::default());
        let mut aof = Aof::new(&around.config);
        let open = |os: &mut dyn Os| (0..64).filter(|&fd| os.fstat(fd).is_ok()).count();
        let before = open(os);
        let env = &mut around.env(os);
        aof.start_append_only(env, &dataset()).expect("a child");
        assert_eq!(aof.state, State::WaitRewrite);
        aof.stop_append_only(env);
        assert!(aof.state == State::Off && aof.child_pid.is_none() && aof.fd.is_none());
        i32::from(open(os) != before)
    });
    assert_eq!(code, 0, "descriptors were leaked");
    assert_eq!(names(dir), ["appendonly.aof", "log"]);
}
