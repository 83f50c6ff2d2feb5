//! Writes that wait for a sync: what a kill may take then.

use super::*;

#[test]
fn a_write_that_found_a_sync_in_flight_may_be_lost_though_the_sync_took_no_time() {
    // Seen on 6.0.16: a rewrite ends, its sync is handed to a thread, and a client that was blocked
    // is answered in the same turn; the write waits for the sync.
    let mut postponed = seen("everysec", How::Killed);
    postponed.ends[0].at = seconds(3);
    postponed.calls.truncate(2);
    assert_eq!(verdict(&postponed, 2), Verdict::Lost);
    let done = call("bio-fsync.aof.fdatasync#1", seconds(3), None, value(0), false);
    postponed.calls.push(done);
    assert_eq!(verdict(&postponed, 2), Verdict::LostAllowed);
    let mut written = seen("everysec", How::Killed);
    written.ends[0].at = seconds(3);
    written.calls.push(postponed.calls[2].clone());
    assert_eq!(verdict(&written, 2), Verdict::Lost, "it was written, and is gone all the same");
}
