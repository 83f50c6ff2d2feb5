//! Cross-checks of files: every real server loads what this server writes, with the same digest,
//! and vice versa; their check tools accept our files.
//!
//! Needs a `redis-server` on PATH, 6.0 or later, or servers in `target/servers`, with their
//! checkers beside them.

// The tests access files without an `Os`.
#![allow(clippy::disallowed_methods)]

#[path = "support/dataset.rs"]
mod dataset;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use dataset::{facts, fill, fill_inexact};
use sabot_server::config::Config;
use sabot_server::generation::{AofLayout, Generation, REDIS_6_0, REDIS_7_0};
use sabot_server::keyspace::Keyspace;
use sabot_server::keyspace::digest::dataset_digest;
use sabot_server::log::{Level, Log};
use sabot_server::os::linux::LinuxOs;
use sabot_server::rdb::{LoadOptions, rdb_load};
use support::{Server, debug_arguments, real_servers, servers_of, version};

const AOF: [&str; 2] = ["--appendonly", "yes"];

fn tempdir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory for the test")
}

fn start_real(program: &Path, dir: &Path, arguments: &[&str]) -> Server {
    let mut all = debug_arguments(program);
    all.extend(arguments);
    Server::start_program(program, dir, &all)
}

/// `kind` is `aof` or `rdb`. The check tool is beside the server, for example `redis-check-aof`.
fn assert_accepted(server: &Path, kind: &str, file: &Path) {
    let checker = server.to_string_lossy().replace("-server", &format!("-check-{kind}"));
    let output = Command::new(&checker).arg(file).output().expect("it is beside the server");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{checker} {}: {said}", file.display());
}

/// Fills a server with values that have the same digest on it and on `real`.
fn fill_for(real: &Path, server: &mut Server) {
    fill(server);
    if version(real) < (7, 2) {
        fill_inexact(server);
    }
}

/// Fills the server, rewrites its AOF, and writes a little more.
fn fill_and_rewrite(real: &Path, server: &mut Server, preamble: &str) {
    fill_for(real, server);
    server.send::<()>(&format!("CONFIG SET aof-use-rdb-preamble {preamble}"));
    server.send::<String>("BGREWRITEAOF");
    server.await_log("Background AOF rewrite finished successfully");
    server.send::<()>("SET tail 1");
    server.send::<()>("RPUSH list-long last");
}

/// A real server's AOF as one file. From 7.0 on it has two parts, base and increment.
fn whole_aof(dir: &Path) -> Vec<u8> {
    let parts = dir.join("appendonlydir");
    if !parts.is_dir() {
        return fs::read(dir.join("appendonly.aof")).expect("it is there");
    }
    let entries = fs::read_dir(parts).expect("it can be read");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("so can this").path()).collect();
    files.sort();
    let is_part = |file: &&PathBuf| !file.to_string_lossy().ends_with(".manifest");
    // `….base.…` comes before `….incr.…`, and after a rewrite there is one of each.
    let parts = files.iter().filter(is_part).map(|file| fs::read(file).expect("it is there"));
    parts.collect::<Vec<_>>().concat()
}

#[test]
fn a_snapshot_of_ours() {
    for program in real_servers() {
        let dir = tempdir();
        let mut ours = Server::start(dir.path(), &[]);
        fill_for(&program, &mut ours);
        let before = facts(&mut ours);
        ours.send::<()>("SAVE");
        assert!(ours.shut_down().success());
        assert_accepted(&program, "rdb", &dir.path().join("dump.rdb"));
        let theirs = facts(&mut start_real(&program, dir.path(), &[]));
        assert_eq!(theirs.0, before.0, "{}", program.display());
    }
}

/// The generation that follows a real server.
fn generation(real: &Path) -> Option<&'static Generation> {
    match version(real) {
        (6, 0) => Some(&REDIS_6_0),
        (7, 0) => Some(&REDIS_7_0),
        _ => None,
    }
}

/// Starts our server as one of this generation.
fn start_as(generation: &Generation, dir: &Path, arguments: &[&str]) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sabot-server"));
    command.args(["--as", generation.name]);
    if generation.layout == AofLayout::MultiPart {
        command.args(["--enable-debug-command", "yes"]);
    }
    Server::spawn(command, dir, arguments)
}

/// The digest of a snapshot, read as a file of whichever server.
fn digest_of_any(file: &Path) -> String {
    let mut os = LinuxOs::new();
    let mut keyspace = Keyspace::new(16);
    let filename = file.to_str().expect("UTF-8").to_string();
    let options = LoadOptions::new(&Config::default(), &keyspace);
    let options = LoadOptions { filename, ..options }.of_any_server();
    let log = Log { level: Level::Warning, file: "/dev/null".to_string(), role: 'M' };
    rdb_load(&mut os, &log, &options, &mut keyspace).expect("it is a snapshot");
    dataset_digest(&keyspace)
}

#[test]
fn a_snapshot_of_theirs() {
    for program in real_servers() {
        let dir = tempdir();
        let mut real = start_real(&program, dir.path(), &[]);
        fill_for(&program, &mut real);
        let digest = facts(&mut real).0;
        real.send::<()>("SAVE");
        assert!(real.shut_down().success());
        let read = digest_of_any(&dir.path().join("dump.rdb"));
        assert_eq!(read, digest, "{}", program.display());
        let Some(generation) = generation(&program) else { continue };
        let mut ours = start_as(generation, dir.path(), &[]);
        let loaded = facts(&mut ours);
        assert_eq!(loaded.0, digest, "{}", program.display());
        ours.send::<()>("DEBUG RELOAD");
        assert_eq!(facts(&mut ours), loaded);
    }
}

#[test]
fn an_aof_of_ours_in_each_form() {
    for program in real_servers() {
        for preamble in ["no", "yes"] {
            let dir = tempdir();
            let mut ours = Server::start(dir.path(), &AOF);
            fill_and_rewrite(&program, &mut ours, preamble);
            let digest = facts(&mut ours).0;
            assert!(ours.shut_down().success());
            let file = dir.path().join("appendonly.aof");
            let start = fs::read(&file).expect("it is there");
            assert_eq!(start.starts_with(b"REDIS0009"), preamble == "yes");
            assert_accepted(&program, "aof", &file);
            let mut real = start_real(&program, dir.path(), &AOF);
            assert_eq!(facts(&mut real).0, digest, "preamble {preamble}: {}", program.display());
        }
    }
}

#[test]
fn an_aof_of_ours_as_it_was_fed() {
    for program in real_servers() {
        let dir = tempdir();
        let mut ours = Server::start(dir.path(), &AOF);
        fill_for(&program, &mut ours);
        let before = facts(&mut ours);
        assert_eq!(ours.send::<String>("OBJECT ENCODING edited"), "raw");
        assert!(ours.shut_down().success());
        assert_accepted(&program, "aof", &dir.path().join("appendonly.aof"));
        // Replayed command by command, so encodings have to be the same.
        let mut real = start_real(&program, dir.path(), &AOF);
        assert_eq!(facts(&mut real), before, "{}", program.display());
        assert_eq!(real.send::<String>("OBJECT ENCODING edited"), "raw");
    }
}

#[test]
fn parts_of_ours_in_each_form() {
    for program in servers_of(&[(7, 0)]) {
        for (preamble, timestamps) in [("no", "no"), ("yes", "no"), ("no", "yes")] {
            let dir = tempdir();
            let arguments = [&AOF[..], &["--aof-timestamp-enabled", timestamps]].concat();
            let mut ours = start_as(&REDIS_7_0, dir.path(), &arguments);
            fill_and_rewrite(&program, &mut ours, preamble);
            let digest = facts(&mut ours).0;
            assert!(ours.shut_down().success());
            let manifest = dir.path().join("appendonlydir/appendonly.aof.manifest");
            assert_accepted(&program, "aof", &manifest);
            let start = whole_aof(dir.path());
            assert_eq!(start.starts_with(b"REDIS0010"), preamble == "yes");
            assert_eq!(start.starts_with(b"#TS:"), timestamps == "yes");
            let mut real = start_real(&program, dir.path(), &AOF);
            assert_eq!(facts(&mut real).0, digest, "preamble {preamble}");
        }
    }
}

/// A file of before becomes the base, and the next rewrite replaces it.
#[test]
fn an_upgrade_by_ours() {
    for program in servers_of(&[(7, 0)]) {
        let dir = tempdir();
        let mut old = start_as(&REDIS_6_0, dir.path(), &AOF);
        fill_for(&program, &mut old);
        let digest = facts(&mut old).0;
        assert!(old.shut_down().success());
        let manifest = dir.path().join("appendonlydir/appendonly.aof.manifest");
        for (rewrite, base) in [(false, "file appendonly.aof seq 1"), (true, ".2.base.rdb seq 2")] {
            let mut ours = start_as(&REDIS_7_0, dir.path(), &AOF);
            if rewrite {
                ours.send::<String>("BGREWRITEAOF");
                ours.await_log("Background AOF rewrite finished successfully");
            }
            assert_eq!(facts(&mut ours).0, digest);
            assert!(ours.shut_down().success());
            let parts = fs::read_to_string(&manifest).expect("it is there");
            assert!(parts.contains(base), "{parts}");
            assert_accepted(&program, "aof", &manifest);
            let real = &mut start_real(&program, dir.path(), &AOF);
            assert_eq!(facts(real).0, digest);
        }
    }
}

#[test]
fn an_aof_of_theirs_in_each_form() {
    for program in real_servers() {
        for preamble in ["no", "yes"] {
            let (theirs, dir) = (tempdir(), tempdir());
            let mut real = start_real(&program, theirs.path(), &AOF);
            fill_and_rewrite(&program, &mut real, preamble);
            let digest = facts(&mut real).0;
            assert!(real.shut_down().success());
            let file = dir.path().join("appendonly.aof");
            fs::write(file, whole_aof(theirs.path())).expect("there is room");
            // A preamble is loaded by the generation that writes such, commands by any.
            let generation = match (generation(&program), preamble) {
                (Some(generation), _) => generation,
                (None, "no") => &REDIS_7_0,
                (None, _) => continue,
            };
            let mut ours = start_as(generation, dir.path(), &AOF);
            assert_eq!(facts(&mut ours).0, digest, "preamble {preamble}: {}", program.display());
        }
    }
}
