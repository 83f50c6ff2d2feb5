//! Snapshots end to end: what SAVE, BGSAVE, save points and SHUTDOWN leave on disk.

// The tests access files without an `Os`.
#![allow(clippy::disallowed_methods)]

#[path = "support/dataset.rs"]
mod dataset;
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use dataset::{facts, fill};
use support::Server;

fn tempdir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory for the test")
}

fn info(server: &mut Server, field: &str) -> String {
    let text: String = server.send("INFO persistence");
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{field}:")));
    line.unwrap_or_else(|| panic!("INFO has {field}")).to_string()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("the directory is there");
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.expect("it can be read").file_name().to_string_lossy().into_owned()
    };
    let mut names: Vec<String> = entries.map(name).filter(|name| name != "socket").collect();
    names.sort();
    names
}

#[test]
fn what_was_saved_is_loaded_again() {
    let dir = tempdir();
    let mut server = Server::start(dir.path(), &[]);
    fill(&mut server);
    let before = facts(&mut server);
    assert_eq!(server.send::<String>("SAVE"), "OK");
    assert_eq!(info(&mut server, "rdb_changes_since_last_save"), "0");
    server.send::<()>("SET unsaved 1");
    assert!(server.shut_down().success());
    assert_eq!(names(dir.path()), ["dump.rdb"]);

    let mut server = Server::start(dir.path(), &[]);
    assert_eq!(facts(&mut server), before);
    assert_eq!(server.send::<String>("DEBUG RELOAD"), "OK");
    assert_eq!(facts(&mut server), before);
}

#[test]
fn a_background_save_counts_what_comes_after_the_fork() {
    let dir = tempdir();
    let mut server = Server::start(dir.path(), &["--rdb-key-save-delay", "20000"]);
    fill(&mut server);
    let digest: String = server.send("DEBUG DIGEST");
    assert_eq!(server.send::<String>("BGSAVE"), "Background saving started");
    assert_eq!(server.send_refused("BGSAVE"), "ERR Background save already in progress");
    assert_eq!(server.send_refused("SAVE"), "ERR Background save already in progress");
    assert_eq!(
        server.send::<String>("BGREWRITEAOF"),
        "Background append only file rewriting scheduled"
    );
    server.send::<()>("SET late 1");
    server.await_log("Background saving terminated with success");
    server.await_log("Background AOF rewrite finished successfully");
    assert_eq!(info(&mut server, "rdb_changes_since_last_save"), "1");
    assert_ne!(info(&mut server, "rdb_last_cow_size"), "0");
    assert!(server.shut_down().success());
    assert_eq!(names(dir.path()), ["appendonly.aof", "dump.rdb"]);

    let mut server = Server::start(dir.path(), &[]);
    assert_eq!(server.send::<String>("DEBUG DIGEST"), digest);
}

#[test]
fn writes_are_refused_after_a_failed_save_until_one_succeeds() {
    let dir = tempdir();
    let mut server = Server::start(dir.path(), &["--save", "900", "1"]);
    server.send::<()>("SET a 1");
    fs::create_dir(dir.path().join("dump.rdb")).expect("there is room");
    server.send::<String>("BGSAVE");
    server.await_log("Background saving error");
    assert_eq!(info(&mut server, "rdb_last_bgsave_status"), "err");
    assert!(server.send_refused("SET a 2").starts_with("MISCONF Redis is configured to save RDB"));
    assert!(server.send_refused("PING").starts_with("MISCONF"));
    assert_eq!(server.send::<String>("GET a"), "1");
    assert!(server.send_refused("SHUTDOWN").contains("Errors trying to SHUTDOWN"));
    assert_eq!(names(dir.path()), ["dump.rdb"]);
    fs::remove_dir(dir.path().join("dump.rdb")).expect("it is empty");
    assert_eq!(server.send::<String>("SAVE"), "OK");
    assert_eq!(server.send::<String>("SET a 2"), "OK");
}

#[test]
fn flushall_empties_the_snapshot_too() {
    let dir = tempdir();
    let mut server = Server::start(dir.path(), &["--save", "900", "1"]);
    fill(&mut server);
    assert_eq!(server.send::<String>("SAVE"), "OK");
    server.send::<()>("FLUSHALL");
    drop(server);
    let mut server = Server::start(dir.path(), &[]);
    assert_eq!(server.send::<usize>("DBSIZE"), 0);
}

#[test]
fn with_save_points_a_shutdown_saves() {
    let dir = tempdir();
    let mut server = Server::start(dir.path(), &["--save", "900", "1"]);
    server.send::<()>("SET a 1");
    let _ = server.try_send::<redis::Value>("SHUTDOWN");
    server.await_log("DB saved on disk");
    server.await_log("bye bye");
    let mut server = Server::start(dir.path(), &[]);
    assert_eq!(server.send::<String>("GET a"), "1");
}

#[test]
fn with_the_aof_on_the_snapshot_is_not_looked_at() {
    let dir = tempdir();
    let mut server = Server::start(dir.path(), &[]);
    server.send::<()>("SET a 1");
    server.send::<()>("SAVE");
    assert!(server.shut_down().success());
    let mut server = Server::start(dir.path(), &["--appendonly", "yes"]);
    assert_eq!(server.send::<usize>("DBSIZE"), 0);
}

#[test]
fn a_damaged_snapshot_is_refused_and_described() {
    let dir = tempdir();
    let mut server = Server::start(dir.path(), &[]);
    server.send::<()>("SET a 1");
    server.send::<()>("SAVE");
    assert!(server.shut_down().success());
    let file = dir.path().join("dump.rdb");
    let whole = fs::read(&file).expect("it is there");
    let refused = |bytes: &[u8]| {
        fs::write(&file, bytes).expect("there is room");
        let mut program = Command::new(env!("CARGO_BIN_EXE_sabot-server"));
        let program = program.args(["--port", "0", "--unixsocket", "socket", "--dir"]);
        let output = program.arg(dir.path()).output().expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let said = refused(&whole[..whole.len() - 9]);
    assert!(said.contains("# Short read or OOM loading DB. Unrecoverable error, aborting now."));
    assert!(said.contains("-> Unexpected EOF reading RDB file"), "{said}");
    assert!(said.contains("--- RDB ERROR DETECTED ---"), "{said}");
    let mut flipped = whole.clone();
    flipped[whole.len() - 1] ^= 1;
    let said = refused(&flipped);
    assert!(said.contains("# Wrong RDB checksum expected: ("), "{said}");
    assert!(said.contains("-> RDB CRC error"), "{said}");
    let said = refused(b"REDIS9999");
    assert!(said.contains("# Can't handle RDB format version 9999"), "{said}");
    assert!(said.contains("# Fatal error loading the DB: Invalid argument. Exiting."), "{said}");
}
