//! What is promised while the append-only file is switched on.

use nix::errno::Errno;

use super::*;

#[test]
fn switching_on_promises_nothing_until_the_first_rewrite_has_succeeded() {
    let mut switched = seen("always", How::Killed);
    switched.policies[0].policy.appendonly = false;
    set(&mut switched, 1, |policy| policy.appendonly = true);
    assert_eq!(regime_of(&switched, 1, 9), Regime::Off);
    assert_eq!(regime_of(&switched, 3, 9), Regime::Switching);
    assert_eq!(verdict(&switched, 0), Verdict::LostAllowed);
    switched.calls.push(call("parent.rewrite-bg.rename#1", seconds(3), None, value(0), false));
    assert_eq!(regime_of(&switched, 3, 3), Regime::Switching);
    assert_eq!(regime_of(&switched, 3, 4), Regime::Always);
    assert_eq!(verdict(&switched, 0), Verdict::Lost, "the rewrite took in what came before");
    switched.calls[3].record.detail = Detail::To("base".into());
    assert_eq!(regime_of(&switched, 3, 9), Regime::Switching, "no manifest names it");
    switched.calls.push(call("parent.manifest-temp.rename#2", seconds(3), None, value(0), false));
    assert_eq!(regime_of(&switched, 3, 4), Regime::Switching);
    assert_eq!(regime_of(&switched, 3, 5), Regime::Always);
}

#[test]
fn switching_on_goes_on_if_the_directory_of_the_manifest_cannot_be_synced() {
    let mut switched = seen("always", How::Killed);
    switched.policies[0].policy.appendonly = false;
    set(&mut switched, 1, |policy| policy.appendonly = true);
    let mut made = |site: &str, returned| {
        switched.calls.push(call(site, seconds(3), None, returned, false));
        let regime = regime_of(&switched, 3, switched.calls.len());
        let last = &mut switched.calls.last_mut().expect("it was just put there").record;
        if site.contains("rewrite-bg") {
            last.detail = Detail::To("base".into());
        }
        regime
    };
    let failed = Some(Returned::Error(Errno::EIO));
    made("parent.rewrite-bg.rename#1", value(0));
    assert_eq!(made("parent.manifest-temp.rename#2", value(0)), Regime::Always);
    assert_eq!(made("parent.dir.open#1", value(0)), Regime::Always);
    assert_eq!(made("bio_aof_fsync.aof.fdatasync#1", value(0)), Regime::Always);
    assert_eq!(made("parent.dir.fdatasync#2", failed), Regime::Switching);
    made("parent.rewrite-bg.rename#2", value(0));
    assert_eq!(made("parent.manifest-temp.rename#3", value(0)), Regime::Always);
    assert_eq!(made("parent.dir.fdatasync#3", value(0)), Regime::Always);
}

#[test]
fn a_shutdown_while_the_file_is_switched_on_reaffirms_too() {
    let mut switched = seen("always", How::Shutdown(0));
    switched.policies[0].policy.appendonly = false;
    set(&mut switched, 1, |policy| policy.appendonly = true);
    assert_eq!(verdict(&switched, 0), Verdict::Lost);
    switched.policies[1].policy.appendonly = false;
    assert_eq!(verdict(&switched, 0), Verdict::LostAllowed, "the file is not even asked for");
}
