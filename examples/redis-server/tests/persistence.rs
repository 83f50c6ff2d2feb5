//! What the `redis-server` on PATH does with data when the disk lets it down.
//!
//! Run with `cargo test`, review with `cargo insta review`. Without a redis-server, or namespaces
//! to run it in, the tests say that they were skipped; with `SABOT_REQUIRE=redis` they fail.

use std::sync::LazyLock;

use rstest::{fixture, rstest};
use sabot::{Case, Error, FaultKind, Plan, SweepOptions, Verdict, World, sweep};

/// Shared by all tests, so that its workers start only once.
static REDIS: LazyLock<Result<World, Error>> = LazyLock::new(|| World::find("redis-server"));

#[fixture]
fn redis() -> Option<World> {
    match REDIS.as_ref() {
        Ok(world) => Some(world.clone()),
        Err(missing @ Error::Missing { .. }) if !required() => {
            eprintln!("skipped: {missing}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn required() -> bool {
    std::env::var("SABOT_REQUIRE").is_ok_and(|all| all.split(',').any(|world| world == "redis"))
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
}

/// The whole transcript of one fault, reviewed by a person and shared by a family of servers.
#[rstest]
fn the_story_of_a_full_disk(redis: Option<World>, recovers: Case) {
    let Some(redis) = redis else { return };
    let full = Plan::parse("inject write on=aof error=ENOSPC when=2..3").expect("a plan");
    let outcome = recovers.with(&full).expect("they fit").run(&redis).expect("a run");
    insta::with_settings!({ omit_expression => true, snapshot_suffix => redis.family() }, {
        insta::assert_snapshot!("full_disk", outcome.transcript);
    });
}

/// No short write breaks a promise, at any call: a sample here, all of them without `sample`.
#[rstest]
fn short_writes_break_no_promise(redis: Option<World>, recovers: Case) {
    let Some(redis) = redis else { return };
    let only = SweepOptions::new().only(&[FaultKind::Short]).sample(40);
    let report = sweep(&recovers, &redis, &only).expect("it can be swept");
    assert!(report.broken_promises().is_empty(), "{}", report.text());
}
