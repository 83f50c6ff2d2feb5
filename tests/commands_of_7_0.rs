//! The commands that 6.2 and 7.0 brought, and those that take more since: the core as 7.0 and a
//! real 7.0 give the same replies to the same commands, one after the other, and write the same
//! file.
//!
//! Needs a `redis-server` 7.0 on PATH, or in `target/servers`.

// The tests access files without an `Os`.
#![allow(clippy::disallowed_methods)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use redis::Value;
use support::{Server, servers_of};

/// One command per line; blanks separate the arguments.
const COMMANDS: &str = include_str!("support/commands_of_7_0.txt");

const PERSISTENT: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

/// The replies, errors included, and what was appended to the file.
fn run(server: &mut Server, dir: &Path) -> (Vec<String>, String) {
    let reply = |line: &str| match server.try_send::<Value>(line) {
        Ok(value) => format!("{line}: {value:?}"),
        Err(error) => {
            format!("{line}: {} {}", error.code().unwrap_or(""), error.detail().unwrap_or(""))
        }
    };
    let replies = COMMANDS.lines().map(reply).collect();
    let increment = dir.join("appendonlydir/appendonly.aof.1.incr.aof");
    let written = fs::read(increment).expect("the first increment");
    (replies, String::from_utf8_lossy(&written).into_owned())
}

#[test]
fn replies_and_the_file_are_those_of_7_0() {
    let tempdir = || tempfile::tempdir().expect("a directory for the test");
    let ours = tempdir();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sabot-server"));
    command.args(["--as", "redis-7.0"]);
    let mut server = Server::spawn(command, ours.path(), &PERSISTENT);
    let (replies, written) = run(&mut server, ours.path());
    assert!(written.contains("LMOVE") && written.contains("ZPOPMAX"), "{written}");
    for real in servers_of(&[(7, 0)]) {
        let theirs = tempdir();
        let mut server = Server::start_program(&real, theirs.path(), &PERSISTENT);
        let (expected, file) = run(&mut server, theirs.path());
        for (reply, expected) in replies.iter().zip(&expected) {
            assert_eq!(reply, expected);
        }
        assert_eq!(written, file);
    }
}

const LIBRARY: &str = "#!lua name=a\nredis.register_function('f', function() return 1 end)";

/// What becomes of a dump of a library that is restored in every way, and the dump.
fn restored(server: &mut Server) -> (Vec<u8>, Vec<String>) {
    let load: &[&[u8]] = &[b"FUNCTION", b"LOAD", LIBRARY.as_bytes()];
    server.try_words::<String>(load).expect("it is a library");
    let dump = server.send::<Vec<u8>>("FUNCTION DUMP");
    let mut damaged = dump.clone();
    damaged[5] ^= 1;
    let mut replies = Vec::new();
    for (payload, policy) in [
        (&dump, "APPEND"),
        (&dump, "REPLACE"),
        (&dump, "FLUSH"),
        (&dump, "NONSENSE"),
        (&damaged, "REPLACE"),
    ] {
        let words: &[&[u8]] = &[b"FUNCTION", b"RESTORE", payload, policy.as_bytes()];
        replies.push(format!("{policy}: {:?}", server.try_words::<Value>(words)));
    }
    server.send::<()>("FUNCTION FLUSH");
    let words: &[&[u8]] = &[b"FUNCTION", b"RESTORE", &dump];
    replies.push(format!("{:?}", server.try_words::<Value>(words)));
    let again = server.send::<Vec<u8>>("FUNCTION DUMP");
    replies.push(format!("{}", again == dump));
    (dump, replies)
}

#[test]
fn libraries_are_dumped_and_restored_as_in_7_0() {
    let tempdir = || tempfile::tempdir().expect("a directory for the test");
    let ours = tempdir();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sabot-server"));
    command.args(["--as", "redis-7.0"]);
    let found = restored(&mut Server::spawn(command, ours.path(), &[]));
    assert!(found.1.ends_with(&["true".to_string()]), "{found:?}");
    for real in servers_of(&[(7, 0)]) {
        let theirs = tempdir();
        assert_eq!(found, restored(&mut Server::start_program(&real, theirs.path(), &[])));
    }
}
