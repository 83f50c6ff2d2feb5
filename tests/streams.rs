//! The same stream commands, drawn at random, on our server and on the real one of its generation:
//! the same replies, the same bytes from DUMP, and the same append-only file.
//!
//! Needs `redis-6.0.16` or `redis-7.0.15` in `target/servers`, named by `SABOT_REQUIRE`. Times are
//! masked, as both servers read the clock.

// The tests access files without an `Os`.
#![allow(clippy::disallowed_methods)]

mod support;

use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use redis::Value;
use support::{Server, debug_arguments, servers_of, version};

const KEYS: [&str; 3] = ["a", "b", "c"];

/// A word in lower case stands for something drawn; `…` before a pattern: 7.0 only.
const PATTERNS: &[&str] = &[
    "XADD key next field value",
    "XADD key next field value",
    "XADD key next field value field value",
    "XADD key id field value",
    "XADD key MAXLEN small next field value",
    "XADD key MAXLEN ~ small next field value",
    "XDEL key id id id",
    "XTRIM key MAXLEN small",
    "XTRIM key MAXLEN ~ small",
    "XRANGE key id id",
    "XREVRANGE key + - COUNT small",
    "XLEN key",
    "XSETID key next",
    "XGROUP CREATE key group id",
    "XGROUP CREATE key group $ MKSTREAM",
    "XGROUP SETID key group id",
    "XGROUP DELCONSUMER key group consumer",
    "XGROUP DESTROY key group",
    "XREAD COUNT small STREAMS key key id 0",
    "XREADGROUP GROUP group consumer COUNT small STREAMS key >",
    "XREADGROUP GROUP group consumer STREAMS key key > >",
    "XREADGROUP GROUP group consumer NOACK COUNT small STREAMS key >",
    "XREADGROUP GROUP group consumer STREAMS key 0",
    "XACK key group id id id id",
    "XCLAIM key group consumer 0 id id",
    "XCLAIM key group consumer 0 id id FORCE JUSTID LASTID id",
    "XCLAIM key group consumer 0 id RETRYCOUNT small TIME 1000",
    "XPENDING key group",
    "XINFO STREAM key",
    "XINFO STREAM key FULL COUNT 0",
    "XINFO GROUPS key",
    "… XADD key NOMKSTREAM next field value",
    "… XADD key MINID ~ id LIMIT small next field value",
    "… XTRIM key MINID id",
    "… XRANGE key (id +",
    "… XAUTOCLAIM key group consumer 0 id COUNT 2",
    "… XGROUP CREATECONSUMER key group consumer",
    "… XGROUP CREATE key group id ENTRIESREAD small",
    "… XSETID key next ENTRIESADDED 50 MAXDELETEDID id",
];

fn word(name: &str) -> BoxedStrategy<String> {
    let one_of = |words: &'static [&str]| select(words).prop_map(str::to_string).boxed();
    match name {
        "key" => one_of(&KEYS),
        "group" => one_of(&["g", "h"]),
        "consumer" => one_of(&["x", "y"]),
        "field" => one_of(&["f", "g", "1", "-4097"]),
        "value" => one_of(&["v", "12", "-7", "100000", "007", "99999999999"]),
        "small" => (0..5u32).prop_map(|number| number.to_string()).boxed(),
        "id" => (0..40u32, 0..2u32).prop_map(|(ms, seq)| format!("{ms}-{seq}")).boxed(),
        "(id" => word("id").prop_map(|id| format!("({id}")).boxed(),
        _ => Just(name.to_string()).boxed(),
    }
}

/// Commands; `next` is replaced by an id higher than before.
fn script(counted: bool) -> impl Strategy<Value = Vec<String>> {
    let pattern = |pattern: &'static str| match pattern.strip_prefix("… ") {
        Some(pattern) => counted.then_some(pattern),
        None => Some(pattern),
    };
    let patterns: Vec<_> = PATTERNS.iter().filter_map(|text| pattern(text)).collect();
    let command = select(patterns).prop_flat_map(|pattern| {
        pattern.split(' ').map(word).collect::<Vec<_>>().prop_map(|words| words.join(" "))
    });
    let numbered = |(n, command): (usize, String)| {
        let id = format!("{}-{}", n / 3, n % 3 + 1);
        let words = command.split(' ').map(|word| if word == "next" { &id } else { word });
        words.collect::<Vec<_>>().join(" ")
    };
    prop::collection::vec(command, 1..80)
        .prop_map(move |commands| commands.into_iter().enumerate().map(numbered).collect())
}

/// Milliseconds since the epoch in this decade and the next ones.
const TIMES: std::ops::Range<i64> = 1_500_000_000_000..5_000_000_000_000;

fn masked(value: Value) -> Value {
    match value {
        Value::Int(time) if TIMES.contains(&time) => Value::Int(0),
        Value::Array(items) => Value::Array(items.into_iter().map(masked).collect()),
        other => other,
    }
}

/// A payload without times, version and checksum.
fn masked_dump(value: Value) -> Vec<u8> {
    let Value::BulkString(mut bytes) = value else { return Vec::new() };
    bytes.truncate(bytes.len() - 10);
    for place in 0..bytes.len().saturating_sub(7) {
        let window: [u8; 8] = bytes[place..place + 8].try_into().expect("eight bytes");
        if TIMES.contains(&i64::from_le_bytes(window)) {
            bytes[place..place + 8].fill(0);
        }
    }
    bytes
}

/// The append-only file, with each number that may be a time as `T`.
fn masked_aof(dir: &Path) -> String {
    let single = dir.join("appendonly.aof");
    let parts = dir.join("appendonlydir/appendonly.aof.1.incr.aof");
    let file = if parts.exists() { parts } else { single };
    let text = String::from_utf8_lossy(&std::fs::read(file).expect("it is there")).into_owned();
    let lines = text.split("\r\n").map(|line| match line.parse() {
        Ok(time) if TIMES.contains(&time) => "T",
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_stream_is_that_of_redis() {
    for program in servers_of(&[(6, 0), (7, 0)]) {
        let counted = version(&program) == (7, 0);
        let name = if counted { "redis-7.0" } else { "redis-6.0" };
        let dirs = [0, 1].map(|_| tempfile::tempdir().expect("a directory for the test"));
        let mut arguments = vec!["--appendonly", "yes", "--stream-node-max-entries", "4"];
        arguments.extend(debug_arguments(&program));
        let mut command = Command::new(env!("CARGO_BIN_EXE_sabot-server"));
        command.args(["--as", name]);
        let servers = [
            Server::start_program(&program, dirs[0].path(), &arguments),
            Server::spawn(command, dirs[1].path(), &arguments),
        ];
        let servers = std::cell::RefCell::new(servers);
        let ask = |command: &str| {
            servers
                .borrow_mut()
                .each_mut()
                .map(|server| server.try_send::<Value>(command).map_err(|error| error.to_string()))
        };
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&script(counted), |commands| {
            let flushed = ask("FLUSHALL");
            prop_assert!(flushed.iter().all(Result::is_ok), "{flushed:?}");
            for command in &commands {
                let [real, ours] = ask(command).map(|reply| reply.map(masked));
                prop_assert_eq!(ours, real, "{}: {}", name, command);
            }
            for key in KEYS {
                let [real, ours] = ask(&format!("DUMP {key}"));
                let [real, ours] = [real, ours].map(|it| masked_dump(it.expect("DUMP answers")));
                prop_assert_eq!(ours, real, "{}: DUMP {}", name, key);
            }
            let [real, ours] = ask("DEBUG DIGEST");
            prop_assert_eq!(ours, real);
            Ok(())
        });
        outcome.unwrap_or_else(|why| panic!("{why}"));
        let [real, ours] = dirs.each_ref().map(|dir| masked_aof(dir.path()));
        assert!(real == ours, "{name}: the append-only files differ");
    }
}
