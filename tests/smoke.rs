//! End-to-end tests of the binary with a real client: replies, the AOF, and loading it, also by a
//! real Redis.

// The tests access files without an `Os`.
#![allow(clippy::disallowed_methods)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::Server;

const ALWAYS: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

fn tempdir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory for the test")
}

/// One key of each type, one that expires, and one in another database.
fn fill(server: &mut Server) {
    for command in [
        "SET string 1",
        "INCR string",
        "APPEND string abc",
        "RPUSH list a b c",
        "LPOP list",
        "SADD set x y",
        "HSET hash field value",
        "SET ending 1",
        "EXPIRE ending 1000",
        "SELECT 3",
        "SET elsewhere 1",
        "SELECT 0",
    ] {
        server.send::<redis::Value>(command);
    }
}

fn assert_filled(server: &mut Server) {
    assert_eq!(server.send::<String>("GET string"), "2abc");
    assert_eq!(server.send::<Vec<String>>("LRANGE list 0 -1"), ["b", "c"]);
    assert_eq!(server.send::<usize>("SCARD set"), 2);
    assert_eq!(server.send::<String>("HGET hash field"), "value");
    assert!((1..=1000).contains(&server.send::<i64>("TTL ending")));
    server.send::<()>("SELECT 3");
    assert_eq!(server.send::<Vec<String>>("KEYS *"), ["elsewhere"]);
    server.send::<()>("SELECT 0");
}

/// The commands of an AOF.
fn commands_of(aof: &Path) -> Vec<String> {
    let text = fs::read_to_string(aof).expect("the file holds text");
    let mut lines = text.lines();
    let mut commands = Vec::new();
    while let Some(count) = lines.next() {
        let count: usize = count.strip_prefix('*').and_then(|n| n.parse().ok()).expect("a count");
        let words: Vec<&str> = lines.by_ref().take(2 * count).skip(1).step_by(2).collect();
        commands.push(words.join(" "));
    }
    commands
}

#[test]
fn it_answers_a_real_client() {
    let dir = tempdir();
    let mut server = Server::start(dir.path(), &[]);
    fill(&mut server);
    assert_filled(&mut server);
    assert_eq!(server.send_refused("LPUSH string 1").split(' ').next(), Some("WRONGTYPE"));
    assert_eq!(
        server.send_refused("nonsense a b"),
        "ERR unknown command `nonsense`, with args beginning with: `a`, `b`, "
    );
    server.send::<()>("MULTI");
    assert_eq!(server.send::<String>("INCR n"), "QUEUED");
    server.send_refused("GET");
    assert!(server.send_refused("EXEC").starts_with("EXECABORT"));
    assert_eq!(server.send::<usize>("EXISTS n"), 0);
    assert!(server.shut_down().success());
}

#[test]
fn a_reply_of_many_megabytes_arrives_whole() {
    let dir = tempdir();
    let mut server = Server::start(dir.path(), &[]);
    server.send::<usize>("SETRANGE big 9999999 x");
    assert_eq!(server.send::<Vec<u8>>("GET big").len(), 10_000_000);
    assert_eq!(server.send::<String>("PING"), "PONG");
}

#[test]
fn what_was_written_is_loaded_again() {
    let dir = tempdir();
    let mut server = Server::start(dir.path(), &["--appendonly", "yes"]);
    fill(&mut server);
    let digest: String = server.send("DEBUG DIGEST");
    assert!(server.shut_down().success());
    assert!(!dir.path().join("socket").exists());

    let mut server = Server::start(dir.path(), &["--appendonly", "yes"]);
    assert_eq!(server.send::<String>("DEBUG DIGEST"), digest);
    assert_filled(&mut server);
}

#[test]
fn a_rewrite_keeps_the_dataset() {
    let dir = tempdir();
    let plain = ["--appendonly", "yes", "--aof-use-rdb-preamble", "no"];
    let mut server = Server::start(dir.path(), &plain);
    fill(&mut server);
    let digest: String = server.send("DEBUG DIGEST");
    assert_eq!(
        server.send::<String>("BGREWRITEAOF"),
        "Background append only file rewriting started"
    );
    server.await_log("Background AOF rewrite finished successfully");
    server.send::<()>("DEBUG LOADAOF");
    assert_eq!(server.send::<String>("DEBUG DIGEST"), digest);
    assert_eq!(commands_of(&dir.path().join("appendonly.aof"))[0], "SELECT 0");
}

#[test]
fn the_aof_can_be_switched_on_and_off() {
    let dir = tempdir();
    let mut server = Server::start(dir.path(), &[]);
    fill(&mut server);
    let digest: String = server.send("DEBUG DIGEST");
    server.send::<()>("CONFIG SET appendonly yes");
    server.await_log("Background AOF rewrite finished successfully");
    server.send::<()>("CONFIG SET appendonly no");
    server.send::<()>("DEBUG LOADAOF");
    assert_eq!(server.send::<String>("DEBUG DIGEST"), digest);
}

#[test]
fn the_file_says_what_changed_and_nothing_else() {
    let dir = tempdir();
    let mut server = Server::start(dir.path(), &ALWAYS);
    for command in [
        "SET a 1",
        "GET a",
        "SET a 2 NX",
        "DEL nosuch",
        "EXPIREAT a 1",
        "MULTI",
        "EXEC",
        "MULTI",
        "GET a",
        "EXEC",
        "MULTI",
        "GET a",
        "set b 1",
        "exec",
        "SADD t 3",
        "SPOP t",
        "SADD s 1 2 3",
        "SPOP s 5",
        "SELECT 5",
        "FLUSHALL",
    ] {
        server.send::<redis::Value>(command);
    }
    let expected = [
        "SELECT 0",
        "SET a 1",
        "DEL a",
        "MULTI",
        "set b 1",
        "exec",
        "SADD t 3",
        "SREM t 3",
        "SADD s 1 2 3",
        "DEL s",
        "SELECT 5",
        "FLUSHALL",
    ];
    assert_eq!(commands_of(&dir.path().join("appendonly.aof")), expected);
}

#[test]
fn expired_keys_are_deleted_in_the_file() {
    let dir = tempdir();
    let mut server = Server::start(dir.path(), &ALWAYS);
    server.send::<()>("DEBUG SET-ACTIVE-EXPIRE 0");
    server.send::<()>("PSETEX a 1 x");
    server.send::<()>("DEBUG SLEEP 0.01");
    assert_eq!(server.send::<usize>("DBSIZE"), 1);
    assert_eq!(server.send::<usize>("EXISTS a"), 0);
    let commands = commands_of(&dir.path().join("appendonly.aof"));
    assert_eq!(commands.last().map(String::as_str), Some("DEL a"));
}

#[test]
fn a_wrong_configuration_is_refused_in_the_words_of_redis() {
    for (arguments, reason) in [
        (["--nonsense", "1"], "Bad directive or wrong number of arguments"),
        (["--appendfsync", "never"], "argument must be one of the following: everysec, always, no"),
        (["--cluster-enabled", "yes"], "only 'no' can be served"),
    ] {
        let program = Command::new(env!("CARGO_BIN_EXE_sabot-server"));
        let output = { program }.args(arguments).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1));
        assert!(said.contains("*** FATAL CONFIG FILE ERROR (Redis 6.0.16) ***"), "{said}");
        assert!(said.contains(reason), "{said}");
    }
}

#[test]
fn redis_loads_our_file_and_we_load_its() {
    let Some(redis_server) = support::redis_server() else {
        return;
    };
    let ours = tempdir();
    let mut server = Server::start(ours.path(), &["--appendonly", "yes"]);
    fill(&mut server);
    server.send::<redis::Value>("BGREWRITEAOF");
    server.await_log("Background AOF rewrite finished successfully");
    server.send::<redis::Value>("MULTI");
    server.send::<redis::Value>("SET tail 1");
    server.send::<redis::Value>("EXEC");
    assert!(server.shut_down().success());

    let plain = ["--appendonly", "yes", "--aof-use-rdb-preamble", "no"];
    let mut real = Server::start_program(&redis_server, ours.path(), &plain);
    assert_filled(&mut real);
    assert_eq!(real.send::<String>("GET tail"), "1");
    real.send::<redis::Value>("SET theirs 1");
    assert!(real.shut_down().success());

    let back = tempdir();
    fs::write(back.path().join("appendonly.aof"), aof_of(ours.path())).expect("it can be written");
    let mut server = Server::start(back.path(), &["--appendonly", "yes"]);
    assert_filled(&mut server);
    assert_eq!(server.send::<String>("GET theirs"), "1");
}

/// The AOF of a real server: one file up to 6.2, base and increment from 7.0 on.
fn aof_of(dir: &Path) -> Vec<u8> {
    let Ok(manifest) = fs::read_to_string(dir.join("appendonlydir/appendonly.aof.manifest")) else {
        return fs::read(dir.join("appendonly.aof")).expect("it left a file");
    };
    let names = manifest.lines().filter_map(|line| line.split(' ').nth(1));
    let read =
        |name| fs::read(dir.join("appendonlydir").join(name)).expect("the manifest is right");
    names.flat_map(read).collect()
}
