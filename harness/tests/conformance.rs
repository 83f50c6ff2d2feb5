//! Our own server core against the Redis that it follows: transcripts are the same, line by line,
//! but for the reviewed list.
//!
//! Transcripts of Redis are held to the servers by the test `cases`, so that none has to run here:
//! a family has a file of its own only where it differs from the one before it. Nor has the core as
//! 6.0. As 7.0 it has no reviewed transcripts, so it runs.

mod whole;

use std::collections::BTreeMap;

use sabot::contract::Verdict;
use sabot::engine::worlds::Choice;
use sabot::report::conformance::compare;
use sabot::report::conformance::counts::{Counts, table, unlisted};
use sabot::report::conformance::document::Document;
use sabot::report::conformance::reviewed_list::List;
use sabot::runner::Outcome;
use sabot::suite::library::{CaseFile, Library, job};
use sabot::suite::snapshots::Snapshots;

/// Two families by their transcripts, with what the reviewed list does not cover as a document.
fn conform(
    library: &Library,
    (left, left_of): (&str, &dyn Fn(&CaseFile) -> String),
    (right, right_of): (&str, &dyn Fn(&CaseFile) -> String),
) -> (Counts, List, String) {
    let stories = library.cases.iter().filter(|case| !case.is_workload());
    let compared = stories
        .map(|case| (case.name.clone(), compare(&case.text, &left_of(case), &right_of(case))));
    let mut list = List::reviewed(left, right);
    let (counts, cases) = unlisted(compared, &mut list);
    let document = Document { left: left.to_string(), right: right.to_string(), cases };
    (counts, list, document.render())
}

/// The transcript that was reviewed.
fn reviewed(snapshots: &Snapshots, case: &CaseFile, family: &str) -> String {
    let own = snapshots.own(&case.name, family);
    own.or_else(|| snapshots.inherited(&case.name, family)).expect("every case was reviewed")
}

fn conform_reviewed(left: &str, right: &str) -> (Counts, List, String) {
    let library = whole::library();
    let snapshots = Snapshots::of(&library);
    let of = |family| {
        let snapshots = &snapshots;
        move |case: &CaseFile| reviewed(snapshots, case, family)
    };
    conform(&library, (left, &of(left)), (right, &of(right)))
}

/// Nothing differs but what is on a short list, of which everything is needed.
fn assert_alike((counts, list, document): (Counts, List, String), core: &str, redis: &str) {
    assert!(counts.are_alike(), "{counts:?}\n{document}");
    assert!(list.len() <= 5, "{} entries are no short list", list.len());
    let stale: Vec<&str> = list.stale().collect();
    assert!(stale.is_empty(), "nothing needs these entries any more: {stale:?}");
    println!("{}", table(core, &[(redis.to_string(), counts)]));
}

#[test]
fn the_core_is_as_redis_6_0_but_for_a_short_list() {
    assert_alike(conform_reviewed("sabot", "redis-6.0"), "sabot", "redis-6.0");
}

#[test]
fn the_core_is_as_redis_7_0_but_for_a_short_list() {
    let library = whole::library();
    let snapshots = Snapshots::of(&library);
    let pool = whole::pool();
    let worlds = Choice::of(&["sim-7.0".to_string()]).expect("it is always there").worlds;
    let run = |case: &CaseFile| {
        let outcome = pool.run(job(case, &worlds[0])).expect("nothing interrupts a test");
        assert!(!outcome.verdict.is_no_measurement(), "{}: {}", case.name, outcome.transcript);
        (case.name.clone(), outcome)
    };
    let stories = library.cases.iter().filter(|case| !case.is_workload());
    let outcomes: BTreeMap<String, Outcome> = stories.map(run).collect();
    let ours = |case: &CaseFile| outcomes[&case.name].transcript.clone();
    let theirs = |case: &CaseFile| {
        let Outcome { verdict, transcript, .. } = &outcomes[&case.name];
        if *verdict != Verdict::NotApplicable || transcript.contains("the server has no command") {
            return reviewed(&snapshots, case, "redis-7.0");
        }
        // By version or by role, and both are those of Redis: it cannot have run there either.
        assert_eq!(snapshots.own(&case.name, "redis-7.0"), None, "{}", case.name);
        transcript.clone()
    };
    let found = conform(&library, ("sabot-7.0", &ours), ("redis-7.0", &theirs));
    assert_alike(found, "sabot-7.0", "redis-7.0");
}

#[test]
fn a_difference_that_nobody_has_reviewed_is_told() {
    let (counts, _, document) = conform_reviewed("redis-6.0", "redis-8.0");
    assert!(counts.differing > 0);
    assert!(document.contains("AOF rewrite child asks to stop sending diffs."), "{document}");
}
