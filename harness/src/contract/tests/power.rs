//! Power cuts: what each policy owes, just inside and just outside.

use super::*;

/// As [`seen`], with the power cut at `millis`; the server had lived until then.
fn cut(appendfsync: &str, millis: u64) -> Observations {
    let mut seen = seen(appendfsync, How::PowerCut);
    let at = Time::ZERO + Duration::from_millis(millis);
    seen.ends[0].at = at;
    seen.cuts = vec![PowerCut { at, cut: Cut::default(), starts: 1, calls: 99 }];
    seen
}

/// A sync that was called right after the write with this number, and what became of it.
fn sync_after(seen: &mut Observations, write: usize, at: u64, returned: Option<Returned>) {
    let number = seen.calls.len();
    let site = format!("bio-fsync.aof.fdatasync#{number}");
    let at = Time::ZERO + Duration::from_millis(at);
    seen.calls.insert(write, call(&site, at, None, returned, false));
    for sent in seen.history.iter_mut().skip(write) {
        sent.calls += 1;
    }
}

#[test]
fn always_keeps_every_acknowledged_write_and_no_keeps_none() {
    assert_eq!(verdict(&cut("always", 3000), 2), Verdict::Lost);
    assert_eq!(verdict(&cut("always", 3000), 3), Verdict::Kept);
    assert_eq!(verdict(&cut("no", 60_000), 0), Verdict::LostAllowed);
    assert_eq!(verdict(&cut("no", 60_000), 7), Verdict::Diverged);
}

#[test]
fn everysec_keeps_what_a_successful_sync_covered_when_it_was_called() {
    let mut synced = cut("everysec", 3000);
    sync_after(&mut synced, 1, 1000, value(0));
    assert_eq!(verdict(&synced, 0), Verdict::Lost, "the first write was covered");
    assert_eq!(verdict(&synced, 1), Verdict::LostAllowed, "the second was written after it");
    let mut failed = cut("everysec", 2000);
    sync_after(&mut failed, 1, 1000, Some(Returned::Error(nix::errno::Errno::EIO)));
    assert_eq!(verdict(&failed, 0), Verdict::LostAllowed, "it failed a second ago");
    let mut flying = cut("everysec", 60_000);
    sync_after(&mut flying, 1, 1000, None);
    assert_eq!(verdict(&flying, 0), Verdict::LostAllowed, "it has not returned");
}

#[test]
fn a_sync_covers_what_was_written_when_it_was_called_not_when_it_returned() {
    let mut slow = cut("everysec", 3100);
    sync_after(&mut slow, 1, 1000, None);
    let mut end = slow.calls[1].clone();
    end.record.returned = value(0);
    end.record.began = Some(seconds(1));
    end.at = seconds(3);
    slow.calls.push(end);
    assert_eq!(verdict(&slow, 0), Verdict::Lost);
    assert_eq!(verdict(&slow, 1), Verdict::LostAllowed, "written while it was under way");
}

#[test]
fn everysec_is_at_fault_after_more_than_a_second_and_a_tick() {
    assert_eq!(verdict(&cut("everysec", 4100), 2), Verdict::LostAllowed);
    assert_eq!(verdict(&cut("everysec", 4101), 2), Verdict::Lost);
    assert_eq!(verdict(&cut("everysec", 4100), 1), Verdict::Lost, "2.1 s for the second write");
}

#[test]
fn the_second_begins_anew_with_every_attempt_and_every_error() {
    let mut tried = cut("everysec", 5000);
    let eio = || Some(Returned::Error(nix::errno::Errno::EIO));
    tried.calls.push(call("bio-fsync.aof.fdatasync#1", seconds(4), None, eio(), false));
    assert_eq!(verdict(&tried, 2), Verdict::LostAllowed);
    tried.calls.pop();
    tried.calls.push(call("parent.aof.write#9", seconds(4), None, eio(), false));
    assert_eq!(verdict(&tried, 2), Verdict::LostAllowed);
    tried.cuts[0].at = seconds(6);
    tried.ends[0].at = seconds(6);
    assert_eq!(verdict(&tried, 2), Verdict::Lost, "two seconds after the last error");
}

#[test]
fn a_child_excuses_only_where_the_configuration_lets_it() {
    let mut rewriting = cut("everysec", 20_000);
    let (born, ended) = (seconds(3), Some(seconds(19)));
    let name = Name::known("child");
    rewriting.children = vec![Child { incarnation: 1, name, born, ended }];
    assert_eq!(verdict(&rewriting, 2), Verdict::Lost);
    rewriting.policies[0].policy.no_appendfsync_on_rewrite = true;
    assert_eq!(verdict(&rewriting, 2), Verdict::LostAllowed);
    rewriting.children[0].ended = Some(seconds(18));
    assert_eq!(verdict(&rewriting, 2), Verdict::Lost, "two seconds since the child ended");
}

#[test]
fn the_duty_to_sync_ends_with_the_policy_and_with_the_server() {
    let mut softened = cut("everysec", 60_000);
    set(&mut softened, 2, |policy| policy.appendfsync = Fsync::No);
    assert_eq!(verdict(&softened, 1), Verdict::LostAllowed, "a second after the second write");
    assert_eq!(verdict(&softened, 0), Verdict::Lost, "two seconds after the first");
    let mut killed = cut("everysec", 60_000);
    killed.ends[0].at = seconds(4);
    killed.ends[0].how = How::Killed;
    assert_eq!(verdict(&killed, 2), Verdict::LostAllowed, "killed a second after the third");
    assert_eq!(verdict(&killed, 1), Verdict::Lost);
}

#[test]
fn a_policy_counts_for_what_it_acknowledged() {
    let mut hardened = cut("no", 60_000);
    set(&mut hardened, 1, |policy| policy.appendfsync = Fsync::Always);
    assert_eq!(verdict(&hardened, 0), Verdict::Lost, "the last write was under always");
    assert_eq!(verdict(&hardened, 1), Verdict::Lost);
    assert_eq!(verdict(&hardened, 2), Verdict::Kept);
    let mut softened = cut("always", 60_000);
    set(&mut softened, 1, |policy| policy.appendfsync = Fsync::No);
    assert_eq!(verdict(&softened, 1), Verdict::LostAllowed);
    assert_eq!(verdict(&softened, 0), Verdict::Lost);
}

#[test]
fn a_shutdown_reaffirms_whatever_the_policy() {
    let mut ended = cut("no", 5000);
    ended.ends[0].how = How::Shutdown(0);
    assert_eq!(verdict(&ended, 2), Verdict::Lost);
    assert_eq!(verdict(&ended, 3), Verdict::Kept);
}

#[test]
fn a_power_cut_before_the_server_ran_excuses_nothing() {
    let mut early = cut("no", 5000);
    early.cuts[0].starts = 0;
    early.ends[0].how = How::Killed;
    assert_eq!(verdict(&early, 2), Verdict::Lost);
}
