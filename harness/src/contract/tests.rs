//! Judgements on histories made by hand: what was found against what was promised.

use std::time::Duration;

use super::*;
use crate::observation::{Call, CallRecord, Damaged, Detail, Directive, Returned, Sent, Start};

/// Three acknowledged writes at 1, 2 and 3 s under a policy, then an end at 4 s and another start.
fn seen(appendfsync: &str, how: How) -> Observations {
    let directive = |name: &str, value: &str| Directive { name: name.into(), value: value.into() };
    let directives = vec![directive("appendonly", "yes"), directive("appendfsync", appendfsync)];
    let start = |at| Start { at, directives: directives.clone(), ready: true };
    let sent = |second: u32| Sent {
        line: second,
        incarnation: 1,
        client: "client".to_string(),
        argv: vec![b"INCR".to_vec(), b"a".to_vec()],
        sent_at: seconds(second.into()),
        reply: Some(format!(":{second}")),
        acked_at: Some(seconds(second.into())),
    };
    Observations {
        history: (1..=3).map(sent).collect(),
        starts: vec![start(Time::ZERO), start(seconds(4))],
        ends: vec![End { incarnation: 1, at: seconds(4), how }],
        ..Observations::default()
    }
}

fn seconds(n: u64) -> Time {
    Time::ZERO + Duration::from_secs(n)
}

/// Judges a dataset that is the state after the first `count` writes; none of them for a larger
/// one.
fn verdict(seen: &Observations, count: usize) -> Verdict {
    let entries = history::entries(&seen.history);
    let states: Vec<String> = (0..=entries.len()).map(|n| n.to_string()).collect();
    judge(seen, &entries, &states, &count.to_string(), Moment::Restarted).verdict
}

fn call(site: &str, at: Time, began: Option<Time>, returned: Option<Returned>, lie: bool) -> Call {
    let site = site.parse().unwrap();
    let detail = Detail::None;
    let record = CallRecord { site, detail, returned, injected: true, began, checksum: 0 };
    Call { at, record, lie }
}

#[test]
fn everything_there_is_kept_and_what_nobody_wrote_is_diverged() {
    for policy in ["always", "everysec", "no"] {
        assert_eq!(verdict(&seen(policy, How::Killed), 3), Verdict::Kept);
        assert_eq!(verdict(&seen(policy, How::Killed), 2), Verdict::Lost);
        assert_eq!(verdict(&seen(policy, How::Killed), 7), Verdict::Diverged);
    }
}

#[test]
fn an_unanswered_write_may_be_there_or_not() {
    let mut seen = seen("always", How::Killed);
    seen.history[2].reply = None;
    seen.history[2].acked_at = None;
    assert_eq!(verdict(&seen, 3), Verdict::Kept);
    assert_eq!(verdict(&seen, 2), Verdict::Kept);
    assert_eq!(verdict(&seen, 1), Verdict::Lost);
}

#[test]
fn everysec_may_lose_the_last_two_seconds_while_a_sync_is_in_flight() {
    let mut slow = seen("everysec", How::Killed);
    slow.calls = vec![call("bio-fsync.aof.fdatasync#1", seconds(1), None, None, false)];
    assert_eq!(verdict(&slow, 1), Verdict::LostAllowed, "acknowledged 2 s and 1 s before the kill");
    assert_eq!(verdict(&slow, 0), Verdict::Lost, "acknowledged 3 s before the kill");
    let end = Some(Returned::Value(0));
    slow.calls.push(call("bio-fsync.aof.fdatasync#1", seconds(3), Some(seconds(1)), end, false));
    assert_eq!(verdict(&slow, 1), Verdict::Lost, "the sync had ended a second before");
    let mut always = seen("always", How::Killed);
    always.calls = slow.calls;
    assert_eq!(verdict(&always, 2), Verdict::Lost);
}

#[test]
fn a_clean_shutdown_reaffirms_and_cancels_announcements() {
    let mut told = seen("everysec", How::Killed);
    told.trouble_reported = vec![seconds(3)];
    assert_eq!(verdict(&told, 2), Verdict::LostReported);
    assert_eq!(verdict(&told, 1), Verdict::LostReported);
    let mut ended = seen("everysec", How::Shutdown(0));
    ended.trouble_reported = vec![seconds(3)];
    ended.calls = vec![call("bio-fsync.aof.fdatasync#1", seconds(1), None, None, false)];
    assert_eq!(verdict(&ended, 2), Verdict::Lost);
    assert_eq!(verdict(&ended, 3), Verdict::Kept);
}

#[test]
fn what_was_announced_before_the_write_does_not_count_for_it() {
    let mut told = seen("everysec", How::Killed);
    told.trouble_reported = vec![seconds(2)];
    assert_eq!(verdict(&told, 2), Verdict::Lost);
}

#[test]
fn a_lie_of_the_system_is_no_fault_of_the_server() {
    let mut lied = seen("always", How::Killed);
    let claimed = Some(Returned::Value(27));
    lied.calls = vec![call("parent.aof.write#3", seconds(3), None, claimed, true)];
    assert_eq!(verdict(&lied, 2), Verdict::LostByLie);
    assert_eq!(verdict(&lied, 7), Verdict::LostByLie);
    let claimed = Some(Returned::Value(1));
    lied.calls = vec![call("parent.pipe:ack-to-child.write#1", seconds(3), None, claimed, true)];
    assert_eq!(verdict(&lied, 2), Verdict::Lost, "a pipe holds no data");
}

#[test]
fn damage_sets_a_new_baseline_and_litter_is_worse_than_kept() {
    let mut damaged = seen("always", How::Killed);
    damaged.damages = vec![Damaged { starts: 1 }];
    assert_eq!(verdict(&damaged, 1), Verdict::Kept);
    assert_eq!(verdict(&damaged, 7), Verdict::Diverged);
    let mut littered = seen("always", How::Killed);
    littered.leftovers = vec!["rewrite-temp".to_string()];
    assert_eq!(verdict(&littered, 3), Verdict::Litter);
    assert_eq!(verdict(&littered, 2), Verdict::Lost);
}

#[test]
fn a_policy_counts_from_the_moment_it_is_set() {
    let mut switched = seen("no", How::Killed);
    let words = ["CONFIG", "SET", "appendonly", "no"];
    switched.history[1].argv = words.map(|word| word.as_bytes().to_vec()).to_vec();
    switched.history[1].reply = Some("+OK".to_string());
    assert_eq!(regime::at(&switched, 1, seconds(1)), Regime::No);
    assert_eq!(regime::at(&switched, 1, seconds(2)), Regime::Off);
    assert_eq!(
        verdict(&switched, 1),
        Verdict::LostAllowed,
        "two writes, and no file when it ended"
    );
}

#[test]
fn switching_on_promises_nothing_until_the_first_rewrite_has_succeeded() {
    let mut switched = seen("always", How::Killed);
    switched.starts[0].directives[0].value = "no".to_string();
    let words = ["CONFIG", "SET", "appendonly", "yes"];
    switched.history[0].argv = words.map(|word| word.as_bytes().to_vec()).to_vec();
    switched.history[0].reply = Some("+OK".to_string());
    assert_eq!(regime::at(&switched, 1, seconds(4)), Regime::Off);
    let done = Some(Returned::Value(0));
    switched.calls = vec![call("parent.rewrite-bg.rename#1", seconds(3), None, done, false)];
    assert_eq!(regime::at(&switched, 1, seconds(2)), Regime::Off);
    assert_eq!(regime::at(&switched, 1, seconds(4)), Regime::Always);
}

#[test]
fn an_exit_under_always_is_called_for_only_by_a_failed_file() {
    use nix::errno::Errno;
    let exited = How::Exited(1);
    let mut failed = seen("always", exited);
    let end = failed.ends[0];
    assert_eq!(death(&failed, &end).map(|judged| judged.verdict), Some(Verdict::Died));
    let error = Some(Returned::Error(Errno::ENOSPC));
    failed.calls = vec![call("parent.aof.write#1", seconds(4), None, error, false)];
    assert_eq!(death(&failed, &end), None);
    let mut everysec = seen("everysec", exited);
    everysec.calls = failed.calls;
    assert_eq!(death(&everysec, &end).map(|judged| judged.verdict), Some(Verdict::Died));
}
