//! Our own server core against the Redis that it follows: transcripts are the same, line by line,
//! but for the reviewed list.
//!
//! Transcripts are held to the servers by the test `cases`, so that here nothing has to run: a
//! family has a file of its own only where it differs from the one before it.

mod whole;

use sabot::report::conformance::compare;
use sabot::report::conformance::counts::{Counts, table, unlisted};
use sabot::report::conformance::document::Document;
use sabot::report::conformance::reviewed_list::List;
use sabot::suite::snapshots::Snapshots;

/// Two families by their transcripts, with what the reviewed list does not cover as a document.
fn conform(left: &str, right: &str) -> (Counts, List, String) {
    let library = whole::library();
    let snapshots = Snapshots::of(&library);
    let transcript = |case: &str, family: &str| {
        let own = snapshots.own(case, family);
        own.or_else(|| snapshots.inherited(case, family)).expect("every case was reviewed")
    };
    let stories = library.cases.iter().filter(|case| !case.is_workload());
    let compared = stories.map(|case| {
        let [left, right] = [left, right].map(|family| transcript(&case.name, family));
        (case.name.clone(), compare(&case.text, &left, &right))
    });
    let mut list = List::reviewed(left, right);
    let (counts, cases) = unlisted(compared, &mut list);
    let document = Document { left: left.to_string(), right: right.to_string(), cases };
    (counts, list, document.render())
}

#[test]
fn the_core_is_as_redis_6_0_but_for_a_short_list() {
    let (counts, list, document) = conform("sabot", "redis-6.0");
    assert!(counts.are_alike(), "{counts:?}\n{document}");
    assert!(list.len() <= 5, "{} entries are no short list", list.len());
    let stale: Vec<&str> = list.stale().collect();
    assert!(stale.is_empty(), "nothing needs these entries any more: {stale:?}");
    println!("{}", table("sabot", &[("redis-6.0".to_string(), counts)]));
}

#[test]
fn a_difference_that_nobody_has_reviewed_is_told() {
    let (counts, _, document) = conform("redis-6.0", "redis-8.0");
    assert!(counts.differing > 0);
    assert!(document.contains("AOF rewrite child asks to stop sending diffs."), "{document}");
}
