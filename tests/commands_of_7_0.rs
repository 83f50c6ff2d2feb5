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
