//! Judgements on histories made by hand: what was found against what was promised.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::observation::{
    Announces, Argv, Call, CallRecord, Child, Commands, Cut, Damaged, Detail, Ending, Fsync,
    Injected, Name, OpenFlags, Policy, PolicySince, PowerCut, Returned, Sent, Start, Time,
};

mod living;
mod postponed;
mod power;
mod reported;
mod switching;

/// Three acknowledged writes at 1, 2 and 3 s under a policy, each written before its reply, then an
/// end at 4 s and another start.
fn seen(appendfsync: &str, how: How) -> Observations {
    let start = |at| Start { at, at_rest: true, ready: true, ..Start::default() };
    let policy =
        |incarnation| PolicySince { incarnation, order: None, policy: policy(appendfsync) };
    let sent = |second: u32| Sent {
        line: second,
        incarnation: 1,
        client: Name::known("client"),
        argv: words("INCR a"),
        taken_at: seconds(second.into()),
        behind: Duration::ZERO,
        waited: false,
        calls: second as usize - 1,
        reply: Some(format!(":{second}")),
        acked_at: Some(seconds(second.into())),
        answered_after: second as usize,
    };
    let written = |n: u64| {
        let mut call = call(&format!("parent.aof.write#{n}"), seconds(n), None, value(27), false);
        call.record.detail = Detail::Bytes(27);
        call
    };
    Observations {
        history: (1..=3).map(sent).collect(),
        starts: vec![start(Time::ZERO), start(seconds(4))],
        policies: vec![policy(1), policy(2)],
        ends: vec![End { incarnation: 1, at: seconds(4), how, line: 4, calls: 99 }],
        calls: (1..=3).map(written).collect(),
        announces: Announces {
            replies: vec!["MISCONF".to_string()],
            refusals: vec!["BGREWRITEAOF".to_string()],
            of_snapshots: vec!["RDB".to_string()],
            ..Announces::default()
        }
        .into(),
        commands: Commands { administers: administering(), ..Commands::default() }.into(),
        ..Observations::default()
    }
}

fn policy(appendfsync: &str) -> Policy {
    let appendfsync = match appendfsync {
        "always" => Fsync::Always,
        "everysec" => Fsync::Everysec,
        _ => Fsync::No,
    };
    let (appendonly, saves, hz) = (true, false, 10);
    Policy { appendonly, appendfsync, saves, no_appendfsync_on_rewrite: false, hz }
}

fn administering() -> BTreeSet<String> {
    "CONFIG SAVE BGSAVE BGREWRITEAOF SHUTDOWN".split(' ').map(str::to_string).collect()
}

fn words(command: &str) -> Argv {
    command.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

fn value(n: i64) -> Option<Returned> {
    Some(Returned::Value(n))
}

/// The command with this place was another one, answered with OK.
fn replace(seen: &mut Observations, place: usize, command: &str) {
    seen.history[place].argv = words(command);
    seen.history[place].reply = Some("+OK".to_string());
}

/// The command with this place was a CONFIG SET after which the policy was this.
fn set(seen: &mut Observations, place: usize, change: impl Fn(&mut Policy)) {
    replace(seen, place, "CONFIG SET …");
    let mut policy = seen.policies[0].policy;
    change(&mut policy);
    seen.policies.push(PolicySince { incarnation: 1, order: Some(place), policy });
}

fn seconds(n: u64) -> Time {
    Time::ZERO + Duration::from_secs(n)
}

/// Judges a dataset that is the state after the first `count` writes; none of them for a larger
/// one.
fn verdict(seen: &Observations, count: usize) -> Verdict {
    let entries = history::entries(seen, 0);
    let writes: Vec<usize> = (0..entries.len()).filter(|n| entries[*n].writes).collect();
    let survivors = match writes.get(count) {
        Some(next) => Some(*next),
        None => Some(entries.len()).filter(|_| count == writes.len()),
    };
    judge(seen, &entries, survivors, Moment::Restarted).verdict
}

fn call(site: &str, at: Time, began: Option<Time>, returned: Option<Returned>, lie: bool) -> Call {
    let site = site.parse().unwrap();
    let detail = Detail::None;
    let injected = Some(if lie { Injected::Lie } else { Injected::Delay });
    Call { at, record: CallRecord { site, detail, returned, injected, began, checksum: 0 } }
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
    slow.calls.push(call("bio-fsync.aof.fdatasync#1", seconds(1), None, None, false));
    assert_eq!(verdict(&slow, 1), Verdict::LostAllowed, "acknowledged 2 s and 1 s before the kill");
    assert_eq!(verdict(&slow, 0), Verdict::Lost, "acknowledged 3 s before the kill");
    let end = Some(Returned::Value(0));
    slow.calls.push(call("bio-fsync.aof.fdatasync#1", seconds(3), Some(seconds(1)), end, false));
    assert_eq!(verdict(&slow, 1), Verdict::Lost, "the sync had ended a second before");
    let mut always = seen("always", How::Killed);
    always.calls = slow.calls;
    assert_eq!(verdict(&always, 2), Verdict::Lost);
}

/// A sync of the file failed at this second, after the first writes.
fn sync_fails(seen: &mut Observations, at: u64) {
    let error = Some(Returned::Error(nix::errno::Errno::EIO));
    let failed = call("bio-fsync.aof.fdatasync#9", seconds(at), None, error, false);
    let place = seen.calls.iter().rposition(|call| call.at <= seconds(at)).map_or(0, |n| n + 1);
    seen.calls.insert(place, failed);
}

const STATUS: &str = "aof_last_write_status";

#[test]
fn a_clean_shutdown_reaffirms_and_cancels_announcements() {
    let mut told = seen("everysec", How::Killed);
    told.trouble_reported = vec![(seconds(3), STATUS.to_string())];
    assert_eq!(verdict(&told, 2), Verdict::Lost, "nothing had failed");
    sync_fails(&mut told, 3);
    assert_eq!(verdict(&told, 2), Verdict::LostReported);
    assert_eq!(verdict(&told, 1), Verdict::LostReported);
    told.trouble_reported[0].1 = "status of the RDB".to_string();
    assert_eq!(verdict(&told, 1), Verdict::Lost, "about something else");
    let mut ended = seen("everysec", How::Shutdown(0));
    ended.trouble_reported = vec![(seconds(3), STATUS.to_string())];
    ended.calls = vec![call("bio-fsync.aof.fdatasync#1", seconds(1), None, None, false)];
    assert_eq!(verdict(&ended, 2), Verdict::Lost);
    assert_eq!(verdict(&ended, 3), Verdict::Kept);
}

#[test]
fn what_was_announced_before_the_write_does_not_count_for_it() {
    let mut told = seen("everysec", How::Killed);
    sync_fails(&mut told, 2);
    told.trouble_reported = vec![(seconds(2), STATUS.to_string())];
    assert_eq!(verdict(&told, 2), Verdict::Lost);
}

#[test]
fn a_lie_of_the_system_is_a_reason_to_look_without_it() {
    let mut lied = seen("always", How::Killed);
    let claimed = Some(Returned::Value(27));
    let judged = |seen: &Observations, survivors| {
        judge(seen, &history::entries(seen, 0), survivors, Moment::Restarted)
    };
    lied.calls = vec![call("parent.aof.write#3", seconds(3), None, claimed, true)];
    let lost = judged(&lied, Some(2));
    assert_eq!(lost.verdict, Verdict::Lost);
    let lie = lost.unless_lied.clone().expect("a call has lied");
    let by_lie = lost.by_lie(&lie);
    assert_eq!((by_lie.verdict, &by_lie.reason), (Verdict::LostByLie, &Reason::Lied));
    assert_eq!(
        by_lie.sentence,
        "2 of 3 acknowledged writes are there; parent.aof.write#3 claimed what it had not done"
    );
    assert!(
        judged(&lied, None).unless_lied.is_some() && judged(&lied, Some(3)).unless_lied.is_none()
    );
    let claimed = Some(Returned::Value(1));
    lied.calls = vec![call("parent.pipe:ack-to-child.write#1", seconds(3), None, claimed, true)];
    assert_eq!(judged(&lied, Some(2)).unless_lied, None, "a pipe holds no data");
}

#[test]
fn damage_sets_a_new_baseline_and_litter_is_worse_than_kept() {
    let mut damaged = seen("always", How::Killed);
    damaged.damages = vec![Damaged { starts: 1, role: "aof".into(), nothing_left: false }];
    assert_eq!(verdict(&damaged, 1), Verdict::Lost, "the start has not read it");
    let mut read = call("2:parent.aof.open#1", seconds(4), None, Some(Returned::Descriptor), false);
    read.record.detail = Detail::Flags(OpenFlags(0));
    damaged.calls.push(read);
    assert_eq!(verdict(&damaged, 1), Verdict::Kept);
    assert_eq!(verdict(&damaged, 7), Verdict::Diverged);
    let mut littered = seen("always", How::Killed);
    littered.leftovers = vec!["rewrite-temp".to_string()];
    assert_eq!(verdict(&littered, 3), Verdict::Litter);
    assert_eq!(verdict(&littered, 2), Verdict::Lost);
}

fn regime_of(seen: &Observations, order: usize, calls: usize) -> Regime {
    regime::at(seen, Position { incarnation: 1, order, calls })
}

#[test]
fn a_policy_counts_for_what_comes_after_it() {
    let mut switched = seen("no", How::Killed);
    set(&mut switched, 1, |policy| policy.appendonly = false);
    assert_eq!(regime_of(&switched, 1, 1), Regime::No);
    assert_eq!(regime_of(&switched, 2, 1), Regime::Off, "at the same instant, but later");
    assert_eq!(
        verdict(&switched, 1),
        Verdict::LostAllowed,
        "two writes, and no file when it ended"
    );
}

/// As [`seen`], without an append-only file.
fn without_file(how: How) -> Observations {
    let mut off = seen("no", how);
    off.policies.iter_mut().for_each(|since| since.policy.appendonly = false);
    off
}

#[test]
fn without_a_file_the_last_save_that_reported_success_is_kept() {
    let mut off = without_file(How::Killed);
    assert_eq!(verdict(&off, 0), Verdict::LostAllowed);
    replace(&mut off, 1, "SAVE");
    assert_eq!(verdict(&off, 1), Verdict::LostAllowed, "only what came after the save");
    assert_eq!(verdict(&off, 0), Verdict::Lost);
    off.history[1].reply = Some("-ERR".to_string());
    assert_eq!(verdict(&off, 0), Verdict::LostAllowed, "it was refused");
    off.history[1].reply = None;
    assert_eq!(verdict(&off, 0), Verdict::LostAllowed);
}

#[test]
fn a_background_save_holds_what_was_there_at_its_fork_once_it_is_reaped() {
    let mut off = without_file(How::Killed);
    replace(&mut off, 1, "BGSAVE");
    off.history[1].reply = Some("+Background saving started".to_string());
    let child = Name::known("child");
    let fork = call("parent.fork#1", seconds(2), None, Some(Returned::Child(child.clone())), false);
    off.calls[1] = fork;
    let renamed = call("child.rdb-temp.rename#1", seconds(2), None, value(0), false);
    off.calls.insert(2, renamed);
    off.history[2].calls = 3;
    assert_eq!(verdict(&off, 0), Verdict::LostAllowed, "it has not reported yet");
    let ending = Some(Returned::Reaped(child, Ending::Exited(0)));
    off.calls.push(call("parent.wait4#1", seconds(3), None, ending, false));
    assert_eq!(verdict(&off, 0), Verdict::Lost);
    assert_eq!(verdict(&off, 1), Verdict::LostAllowed);
}

#[test]
fn a_shutdown_saves_when_its_configuration_or_the_client_says_so() {
    let mut off = without_file(How::Shutdown(0));
    assert_eq!(verdict(&off, 0), Verdict::LostAllowed);
    off.policies[0].policy.saves = true;
    assert_eq!(verdict(&off, 2), Verdict::Lost);
    replace(&mut off, 2, "SHUTDOWN NOSAVE");
    off.history[2].reply = None;
    assert_eq!(verdict(&off, 0), Verdict::LostAllowed);
}

#[test]
fn a_tick_is_as_long_as_the_configuration_says() {
    let mut slow = seen("everysec", How::Killed);
    slow.calls.push(call("bio-fsync.aof.fdatasync#1", seconds(1), None, None, false));
    slow.ends[0].at = Time::ZERO + Duration::from_millis(4100);
    assert_eq!(verdict(&slow, 1), Verdict::LostAllowed, "acknowledged 2.1 s before the kill");
    slow.ends[0].at = Time::ZERO + Duration::from_millis(4101);
    assert_eq!(verdict(&slow, 1), Verdict::Lost);
    slow.policies[0].policy.hz = 5;
    assert_eq!(verdict(&slow, 1), Verdict::LostAllowed, "a tick of 200 ms");
}

#[test]
fn a_refused_command_about_persistence_tells_a_client() {
    let mut told = seen("always", How::Killed);
    replace(&mut told, 2, "BGREWRITEAOF");
    assert_eq!(verdict(&told, 1), Verdict::Lost);
    told.history[2].reply = Some("-ERR Can't execute".to_string());
    assert_eq!(verdict(&told, 1), Verdict::Lost, "for a reason of its own");
    let error = Some(Returned::Error(nix::errno::Errno::EIO));
    told.calls.push(call("parent.aof.fdatasync#3", seconds(3), None, error, false));
    assert_eq!(verdict(&told, 1), Verdict::LostReported);
}

#[test]
fn what_info_would_have_shown_counts_unless_a_shutdown_cancelled_it() {
    let judged = |how| {
        let mut seen = seen("always", how);
        sync_fails(&mut seen, 3);
        let entries = history::entries(&seen, 0);
        judge(&seen, &entries, Some(2), Moment::Restarted)
    };
    assert_eq!(judged(How::Killed).unless_announced, Some(Subject::File));
    assert_eq!(judged(How::Killed).announced().verdict, Verdict::LostReported);
    assert_eq!(judged(How::Shutdown(0)).unless_announced, None);
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
    failed.calls.push(call("parent.aof.write#2", seconds(4), None, value(27), false));
    let judged = death(&failed, &end).map(|judged| judged.verdict);
    assert_eq!(judged, Some(Verdict::Died), "it went on after the error");
    failed.calls.pop();
    let mut everysec = seen("everysec", exited);
    everysec.calls = failed.calls;
    assert_eq!(death(&everysec, &end).map(|judged| judged.verdict), Some(Verdict::Died));
}
