//! What the `redis-server` on PATH does with data when the disk lets it down.
//!
//! Run with `cargo test`, review with `cargo insta review`. Without a redis-server, or namespaces
//! to run it in, the tests say that they were skipped; with `SABOT_REQUIRE=redis` they fail.

use std::sync::LazyLock;
use std::time::Duration;

use rstest::{fixture, rstest};
use sabot::{Accepted, Case, FaultKind, Plan, Reply, Rule, SweepOptions, Verdict, World, sweep};

/// Shared by all tests, so that its workers start only once.
static REDIS: LazyLock<Option<World>> =
    LazyLock::new(|| World::find_or_skip("redis-server").expect("a world, or none here"));

#[fixture]
fn redis() -> Option<World> {
    REDIS.clone()
}

#[fixture]
fn recovers() -> Case {
    Case::from_file(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recovers.case")).expect("a case")
}

/// One case, several faults: after each of them, every acknowledged write is there.
#[rstest]
#[case::full_disk("inject write on=aof error=ENOSPC when=2+")]
#[case::short_write("inject write on=aof short=5 when=2")]
#[case::broken_disk("inject write on=aof error=EIO when=1..2")]
#[case::slow_sync("inject fdatasync on=aof delay=500ms when=1")]
fn nothing_acknowledged_is_lost(redis: Option<World>, recovers: Case, #[case] fault: Plan) {
    let Some(redis) = redis else { return };
    let outcome = recovers.with(&fault).expect("they fit").run(&redis).expect("a run");
    assert_eq!(outcome.verdict, Verdict::Kept, "{}", outcome.transcript);
    assert_eq!(outcome.complaints(), Vec::<String>::new());
    assert_eq!(outcome.reply_to("GET c"), Some(&Reply::Bulk(b"3".to_vec())));
}

/// The whole transcript of each fault, reviewed by a person and shared by a family of servers. The
/// cases have no names, and the snapshots have: by the case, the fault and the family.
#[rstest]
#[case("inject write on=aof error=ENOSPC when=2..3")]
#[case("inject write on=aof short=5 when=2")]
fn the_story_of_a_fault(redis: Option<World>, recovers: Case, #[case] fault: Plan) {
    let Some(redis) = redis else { return };
    let case = recovers.with(&fault).expect("they fit");
    let outcome = case.run(&redis).expect("a run");
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!(case.snapshot_name(&redis), outcome.transcript);
    });
}

/// A case without a line of text: what a counter says after a kill on a full disk.
#[rstest]
fn a_counter_counts_once(redis: Option<World>) {
    let Some(redis) = redis else { return };
    let full = Rule::error("write", "ENOSPC").on("aof").between(2, 3);
    let case = Case::builder("counter")
        .config("appendonly", "yes")
        .config("appendfsync", "everysec")
        .rule(full)
        .command(["INCR", "visits today"])
        .command(["INCR", "visits today"])
        .heal()
        .advance(Duration::from_secs(2))
        .kill_all()
        .restart()
        .command(["GET", "visits today"])
        .build()
        .expect("a case");
    let outcome = case.run(&redis).expect("a run");
    let [first, second, after] = outcome.replies.as_slice() else {
        panic!("three commands: {}", outcome.transcript)
    };
    assert_eq!(first.reply, Some(Reply::Integer(1)));
    assert_eq!(second.reply, Some(Reply::Integer(2)));
    assert_eq!(after.reply.as_ref().and_then(Reply::text).as_deref(), Some("2"));
}

/// No short write breaks a promise, at any call: a sample here, all of them without `sample`.
#[rstest]
fn short_writes_break_no_promise(redis: Option<World>, recovers: Case) {
    let Some(redis) = redis else { return };
    let only = SweepOptions::new().only(&[FaultKind::Short]).sample(40);
    let report = sweep(&recovers, &redis, &only).expect("it can be swept");
    let known = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/accepted.toml");
    let known = Accepted::from_file(known).expect("a list");
    assert!(report.broken_promises_besides(&known).is_empty(), "{}", report.text());
}
