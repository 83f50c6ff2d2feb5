//! What a server says of itself: by its replies, by INFO, and by its exit status.

use nix::errno::Errno;

use super::*;
use crate::contract::reason::Surprise;
use crate::observation::CallName;

#[test]
fn a_flushall_is_a_save_where_there_are_save_points_and_the_documentation_says_so() {
    let mut flushed = seen("no", How::Killed);
    let off = |since: &mut PolicySince| {
        since.policy.appendonly = false;
        since.policy.saves = true;
    };
    flushed.policies.iter_mut().for_each(off);
    replace(&mut flushed, 2, "FLUSHALL");
    assert_eq!(verdict(&flushed, 2), Verdict::LostAllowed, "it does not say so");
    let saves = ["FLUSHALL".to_string()].into();
    flushed.commands = Commands { saves, ..(*flushed.commands).clone() }.into();
    assert_eq!(verdict(&flushed, 2), Verdict::Lost);
    assert_eq!(verdict(&flushed, 3), Verdict::Kept);
    flushed.policies.iter_mut().for_each(|since| since.policy.saves = false);
    assert_eq!(verdict(&flushed, 2), Verdict::LostAllowed, "no save points");
}

#[test]
fn waitaof_promises_what_it_counts_this_server_for_on_its_connection() {
    let mut waited = seen("no", How::PowerCut);
    waited.cuts = vec![PowerCut { at: seconds(4), cut: Cut::default(), starts: 1, calls: 99 }];
    assert_eq!(verdict(&waited, 1), Verdict::LostAllowed);
    let mut waitaof = waited.history[1].clone();
    (waitaof.argv, waitaof.reply) = (words("WAITAOF 1 0 0"), Some("1) :1\n2) :0".to_string()));
    waited.history.insert(2, waitaof);
    let administers = ["WAITAOF".to_string()].into();
    waited.commands = Commands { administers, ..Commands::default() }.into();
    assert_eq!(verdict(&waited, 1), Verdict::Lost, "the second write was counted");
    assert_eq!(verdict(&waited, 2), Verdict::LostAllowed, "the third came later");
    waited.history[2].reply = Some("1) :0\n2) :0".to_string());
    assert_eq!(verdict(&waited, 1), Verdict::LostAllowed, "it was not");
    waited.history[2].reply = Some("1) :1\n2) :0".to_string());
    waited.history[2].client = Name::known("other");
    assert_eq!(verdict(&waited, 1), Verdict::LostAllowed, "another connection");
}

/// A child that writes a snapshot: born, renamed or not, and reaped with this exit code.
fn snapshot(failing: Option<&str>, code: i32) -> Observations {
    let name = Name::known("child");
    let mut calls = vec![("parent.fork#1", Returned::Child(name.clone()))];
    for site in ["child.rdb-temp.write#1", "child.rdb-temp.rename#1", "child.dir.fsync#1"] {
        match failing == Some(site) {
            true => calls.push((site, Returned::Error(Errno::EIO))),
            false => calls.push((site, Returned::Value(0))),
        }
    }
    calls.push(("parent.wait4#1", Returned::Reaped(name, Ending::Exited(code))));
    let mut seen = seen("no", How::Killed);
    seen.starts.truncate(1);
    let its = calls
        .into_iter()
        .map(|(site, returned)| call(site, seconds(3), None, Some(returned), false));
    seen.calls.extend(its);
    seen
}

fn says(seen: &Observations, value: &str) -> Option<Verdict> {
    let info = vec![("rdb_last_bgsave_status".to_string(), value.to_string())];
    reports(seen, &info).first().map(|judgement| judgement.verdict)
}

#[test]
fn info_is_held_against_what_became_of_the_snapshot() {
    let (fine, reported_badly) = (snapshot(None, 0), snapshot(None, 1));
    assert_eq!((says(&fine, "ok"), says(&fine, "err")), (None, Some(Verdict::Surprise)));
    assert_eq!(says(&reported_badly, "err"), Some(Verdict::Surprise), "its file is in place");
    for site in ["child.rdb-temp.write#1", "child.rdb-temp.rename#1"] {
        let mut failed = snapshot(Some(site), 1);
        if site.contains("write") {
            failed.calls.retain(|call| call.record.site.call != CallName::Rename);
        }
        assert_eq!(says(&failed, "ok"), Some(Verdict::Misreported), "{site}");
        assert_eq!(says(&failed, "err"), None, "{site}");
    }
    let unsynced = snapshot(Some("child.dir.fsync#1"), 1);
    assert_eq!(says(&unsynced, "err"), None, "the new name may be lost yet");
    assert_eq!(says(&unsynced, "ok"), None);
    let mut ended = snapshot(None, 255);
    ended.calls.retain(|call| call.record.site.call != CallName::Rename);
    assert_eq!(says(&ended, "ok"), None, "the server has ended it on purpose");
    let mut lied_to = fine.clone();
    lied_to.calls.push(call("child.rdb-temp.fsync#1", seconds(3), None, value(0), true));
    assert_eq!(says(&lied_to, "err"), None);
}

/// The surprises of a start that met this error and exited with this code.
fn surprises(site: &str, errno: Errno, code: i32) -> Vec<Surprise> {
    let mut refused = seen("no", How::Killed);
    let mut opened = call("2:parent.aof.open#1", seconds(5), None, value(0), false);
    opened.record.detail = Detail::Flags(OpenFlags(0));
    opened.record.injected = None;
    let mut failed = call(site, seconds(5), None, Some(Returned::Error(errno)), false);
    failed.record.injected = Some(Injected::Error);
    refused.calls.extend([opened, failed]);
    let how = How::Exited(code);
    refused.ends.push(End { incarnation: 2, at: seconds(5), how, line: 5, calls: 99 });
    let reasons = refusals(&refused).into_iter().map(|judgement| judgement.reason);
    reasons
        .filter_map(|reason| match reason {
            Reason::Surprise(surprise) => Some(surprise),
            _ => None,
        })
        .collect()
}

#[test]
fn a_start_that_fails_should_say_so_and_only_for_what_it_needs() {
    let read = "2:parent.aof.read#1";
    assert_eq!(surprises(read, Errno::EIO, 1), []);
    assert_eq!(surprises(read, Errno::EIO, 0), [Surprise::FailedWithStatusZero]);
    let manifest = "2:parent.manifest-temp.open#1";
    assert_eq!(surprises(manifest, Errno::ENOSPC, 1), [Surprise::NoSpaceToStart]);
    assert_eq!(surprises(manifest, Errno::EACCES, 1), []);
    // What exists takes no space.
    assert_eq!(surprises("2:parent.aof.open#2", Errno::ENOSPC, 1), []);
}
