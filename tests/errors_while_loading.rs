//! What is logged of commands in an AOF that fail, by the core and by the servers that it follows.
//!
//! Needs a `redis-server` 6.0 or 7.0 on PATH, or in `target/servers`.

// The tests access files without an `Os`.
#![allow(clippy::disallowed_methods)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{Server, servers_of, version};

/// Commands, some of which fail: with errors of their own, with those that Redis has ready, in a
/// transaction, of a subcommand.
const COMMANDS: &str = "\
SELECT 0
XADD s 1-1 f v
XADD s 1-1 f v
XGROUP CREATE s g 0
XGROUP Create s g 0
XREADGROUP GROUP other c STREAMS s >
XCLAIM s other c 0 1-1
XSETID s 0-1
SET k v
SET k v BOGUS 1
LPUSH k x
INCR k
HINCRBY k f 1
RPUSH l a
LSET l 9 x
LSET missing 0 x
RENAME missing other
EXPIRE k soon
ZADD z nan a
MULTI
LPUSH k y
INCR k
EXEC
";

fn file(commands: &str) -> Vec<u8> {
    let command = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let each = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
        format!("*{}\r\n{}", words.len(), each.collect::<String>())
    };
    commands.lines().map(command).collect::<String>().into_bytes()
}

/// Puts these commands where a server finds its AOF: one file, or parts.
fn put_aof(dir: &Path, commands: &str, parts: bool) {
    let put = |name: &str, content: &[u8]| {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().expect("it is in the directory")).expect("a directory");
        fs::write(path, content).expect("it can be written");
    };
    if parts {
        put("appendonlydir/appendonly.aof.1.incr.aof", &file(commands));
        let manifest = b"file appendonly.aof.1.incr.aof seq 1 type i\n";
        put("appendonlydir/appendonly.aof.manifest", manifest);
    } else {
        put("appendonly.aof", &file(commands));
    }
}

/// The errors in the log of a server that loads the file.
fn errors(program: Command, parts: bool) -> Vec<String> {
    let dir = tempfile::tempdir().expect("a directory for the test");
    put_aof(dir.path(), COMMANDS, parts);
    let server = Server::spawn(program, dir.path(), &["--appendonly", "yes"]);
    let errors = server.log_of_start.lines().filter_map(|line| line.split_once("CRITICAL"));
    errors.map(|(_, said)| said.to_string()).collect()
}

fn ours(generation: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sabot-server"));
    command.args(["--as", generation]);
    command
}

#[test]
fn errors_are_logged_as_redis_logs_them() {
    let [old, new] = [errors(ours("redis-6.0"), false), errors(ours("redis-7.0"), true)];
    assert_eq!((old.len(), new.len()), (8, 16), "{old:#?}{new:#?}");
    let theirs = |real: &Path, parts: bool| errors(Command::new(real), parts);
    for real in servers_of(&[(6, 0), (7, 0)]) {
        match version(&real) {
            (6, 0) => assert_eq!(old, theirs(&real, false)),
            _ => assert_eq!(new, theirs(&real, true)),
        }
    }
}

/// The last thing that a server says which finds an unknown subcommand in a file of parts.
fn refusal(mut program: Command) -> String {
    let dir = tempfile::tempdir().expect("a directory for the test");
    put_aof(dir.path(), "SET k v\nXGROUP BOGUS k g\n", true);
    let output = program
        .args(["--port", "0", "--unixsocket", "socket", "--save", "", "--appendonly", "yes"])
        .arg("--dir")
        .arg(dir.path())
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let log = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = log.lines().last().and_then(|line| line.split_once(" # "));
    last.unwrap_or_else(|| panic!("{log}")).1.to_string()
}

#[test]
fn an_unknown_subcommand_ends_7_0() {
    let ours = refusal(ours("redis-7.0"));
    assert!(ours.starts_with("Unknown command 'XGROUP' reading the append only file"), "{ours}");
    for real in servers_of(&[(7, 0)]) {
        assert_eq!(ours, refusal(Command::new(real)));
    }
}
