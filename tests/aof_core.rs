//! Loading an append only file on a real kernel, with and without a preamble.
//!
//! Each scenario runs in its own process and working directory, because loading may end the
//! process. The test checks the files it leaves.

// The tests access files without an `Os`.
#![allow(clippy::disallowed_methods)]

#[path = "support/scenario.rs"]
mod scenario;

use sabot_server::aof::{Aof, Executor, LoadResult, State, UnknownCommand};
use sabot_server::config::Config;
use sabot_server::generation::Compact;
use sabot_server::keyspace::{Bytes, Keyspace};
use sabot_server::os::linux::LinuxOs;
use sabot_server::os::{Fd, OFlag, Os};
use sabot_server::rdb::{LoadOptions, LoadedKey, Receiver};

use scenario::{Fixture, aof, messages, preamble, run};

/// Knows SET, MULTI and EXEC, and writes what runs, and the keys of a preamble, to a file.
struct Recorder {
    os: LinuxOs,
    file: Fd,
    queued: Option<Vec<String>>,
}

impl Recorder {
    fn record(&mut self, command: &str) {
        self.os.write(self.file, format!("{command};").as_bytes()).expect("there is room");
    }
}

impl Receiver for Recorder {
    fn start(&mut self, _os: &mut dyn Os, _total_bytes: u64) {}

    fn add(&mut self, entry: LoadedKey, _replace: bool) -> bool {
        let key = String::from_utf8_lossy(&entry.key).into_owned();
        self.record(&format!(
            "{} {} {key} {:?}",
            entry.db,
            entry.value.encoding(Compact::Ziplist),
            entry.expire
        ));
        true
    }

    fn add_functions(&mut self, _code: Vec<u8>, _replace: bool) -> Result<(), String> {
        self.record("FUNCTION");
        Ok(())
    }

    fn progress(&mut self, _os: &mut dyn Os, _loaded_bytes: u64) {}
}

impl Executor for Recorder {
    fn preamble_options(&self) -> LoadOptions {
        let filename = "appendonly.aof".to_string();
        let options = LoadOptions::new(&Config::default(), &Keyspace::new(16));
        LoadOptions { filename, aof_preamble: true, ..options }
    }

    fn execute(&mut self, _os: &mut dyn Os, argv: Vec<Bytes>) -> Result<(), UnknownCommand> {
        let words: Vec<_> = argv.iter().map(|word| String::from_utf8_lossy(word)).collect();
        let command = words.join(" ");
        match command.split(' ').next() {
            Some("MULTI") => self.queued = Some(Vec::new()),
            Some("EXEC") => {
                for command in self.queued.take().unwrap_or_default() {
                    self.record(&command);
                }
            }
            Some("SET") => match &mut self.queued {
                Some(queued) => queued.push(command),
                None => self.record(&command),
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

/// The result of loading a file.
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
        let mut fixture = Fixture::new(os, config);
        let mut aof = Aof::new(&fixture.config);
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT;
        let recorded = os.open("executed", flags, 0o644).expect("a file");
        let mut executor = Recorder { os: LinuxOs::new(), file: recorded, queued: None };
        let env = &mut fixture.env(os);
        aof.open(env).expect("the file is there");
        let Ok(result) = aof.load(env, &mut executor) else { return 1 };
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

/// 6.0 leaves the MULTI in the file, and everything appended later is lost at the next restart.
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

const PREAMBLE_KEYS: &str = "3 embstr s Some(9000000000000);3 quicklist l None;\
                             3 hashtable m None;3 ziplist h None;";

#[test]
fn commands_follow_a_preamble() {
    let file = [preamble(), aof("SET a 1;")].concat();
    let loaded = load(&file, true);
    assert_eq!((loaded.code, loaded.executed), (0, format!("{PREAMBLE_KEYS}SET a 1;")));
    let messages = loaded.messages;
    assert_eq!(messages[0], "* Reading RDB preamble from AOF file...");
    assert_eq!(messages[1], "* Loading RDB produced by version 6.0.16");
    assert!(messages[2].starts_with("* RDB age ") && messages[3].starts_with("* RDB memory usage"));
    assert_eq!(messages[4..], ["* RDB has an AOF tail", "* Reading the remaining AOF tail..."]);
}

/// 6.0 records the valid offset after each command, but not after the preamble.
#[test]
fn a_cut_in_the_first_command_after_a_preamble_takes_the_preamble_along() {
    let file = [preamble(), aof("SET a 1;")].concat();
    let loaded = load(&file[..file.len() - 1], true);
    assert_eq!((loaded.code, loaded.executed.as_str()), (0, PREAMBLE_KEYS));
    assert_eq!(loaded.left, b"");
    let loaded = load(&[&file[..], b"*"].concat(), true);
    assert_eq!((loaded.code, loaded.left.len()), (0, file.len()));
}

#[test]
fn a_damaged_preamble_ends_the_server() {
    let whole = preamble();
    let loaded = load(&whole[..whole.len() - 9], true);
    assert_eq!((loaded.code, loaded.left.len()), (1, whole.len() - 9));
    let short = "# Short read or OOM loading DB. Unrecoverable error, aborting now.";
    assert_eq!(loaded.messages[loaded.messages.len() - 2], short);
    assert!(loaded.messages.last().is_some_and(|line| line.ends_with("EOF reading RDB file")));
    let loaded = load(b"REDIS0099 and so on", true);
    assert_eq!((loaded.code, loaded.messages.len()), (1, 4));
    assert_eq!(loaded.messages[1], "# Can't handle RDB format version 99");
    let aborted = "# Error reading the RDB preamble of the AOF file, AOF loading aborted";
    assert_eq!(loaded.messages[2], aborted);
    let unrecoverable = "# Unrecoverable error reading the append only file: Invalid argument";
    assert_eq!(loaded.messages[3], unrecoverable);
}
