//! Judgements on a server that lives.

use super::*;
use crate::observation::{Leaks, LiveChecks, Refusal};

fn refused(reply: &str, healed_for: Time, save_is_due: bool, sync_failed: bool) -> Vec<Judgement> {
    let (reply, cure) = (reply.to_string(), Some("BGREWRITEAOF".to_string()));
    let refusal = Some(Refusal { reply, healed_for, cure, save_is_due, sync_failed });
    let living = seen("everysec", How::Killed);
    live_checks(&living, &LiveChecks { refusal, ..LiveChecks::default() })
}

const FILE: &str = "-MISCONF Errors writing to the AOF file: Input/output error";
const SNAPSHOTS: &str = "-MISCONF Redis is configured to save RDB snapshots";

#[test]
fn a_living_server_is_stuck_after_ten_seconds_and_leaks_are_named() {
    assert_eq!(refused(FILE, Time(9_999_999_999), false, false), []);
    let stuck = refused(FILE, seconds(10), false, false);
    assert_eq!(stuck[0].verdict, Verdict::Stuck);
    assert!(stuck[0].sentence.ends_with("BGREWRITEAOF clears it"), "{}", stuck[0].sentence);
    let leaks = Leaks { zombies: 1, ..Leaks::default() };
    let found = LiveChecks { leaks, ..LiveChecks::default() };
    let leaked = live_checks(&seen("everysec", How::Killed), &found);
    assert_eq!((leaked.len(), leaked[0].verdict), (1, Verdict::Leaked));
}

#[test]
fn a_server_that_waits_for_a_save_of_its_own_is_not_stuck() {
    assert_eq!(refused(SNAPSHOTS, seconds(11), true, false), []);
    assert_eq!(refused(SNAPSHOTS, seconds(11), false, true)[0].verdict, Verdict::Stuck);
}

#[test]
fn a_server_may_refuse_for_ever_after_a_failed_sync_but_not_after_a_failed_write() {
    assert_eq!(refused(FILE, seconds(11), false, true), []);
    assert_eq!(refused(FILE, seconds(11), true, false)[0].verdict, Verdict::Stuck);
}
