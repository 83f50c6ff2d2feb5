//! Which promise held when: the policy as a timeline, and syncs in flight.
//!
//! Must not know: what was lost.

use std::time::Duration;

use super::history::name;
use crate::observation::{CallName, How, Observations, Returned, Time};

/// What the server promises about a write that it acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regime {
    /// `appendfsync always`
    Always,
    /// `appendfsync everysec`
    Everysec,
    /// `appendfsync no`
    No,
    /// No append-only file, or none yet that holds the dataset.
    Off,
}

impl Regime {
    /// The policy's name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Regime::Always => "appendfsync always",
            Regime::Everysec => "appendfsync everysec",
            Regime::No => "appendfsync no",
            Regime::Off => "appendonly no",
        }
    }
}

/// The regime of one start of the server at a moment: its configuration, and every CONFIG SET
/// since.
pub fn at(seen: &Observations, incarnation: u32, moment: Time) -> Regime {
    let Some(start) = (incarnation as usize).checked_sub(1).and_then(|n| seen.starts.get(n)) else {
        return Regime::Off;
    };
    let mut appendonly = start.directive("appendonly").unwrap_or("no").to_string();
    let mut appendfsync = start.directive("appendfsync").unwrap_or("everysec").to_string();
    let mut switched_on = None;
    for (when, directive, value) in config_sets(seen, incarnation) {
        if when > moment {
            break;
        }
        match directive.as_str() {
            "appendonly" => {
                switched_on = (value == "yes" && appendonly != "yes").then_some(when);
                appendonly = value;
            }
            "appendfsync" => appendfsync = value,
            _ => {}
        }
    }
    let holds_the_dataset = switched_on.is_none_or(|since| rewritten(seen, since, moment));
    match (appendonly.as_str(), appendfsync.as_str()) {
        ("yes", "always") if holds_the_dataset => Regime::Always,
        ("yes", "no") if holds_the_dataset => Regime::No,
        ("yes", _) if holds_the_dataset => Regime::Everysec,
        _ => Regime::Off,
    }
}

/// Every `CONFIG SET` that was answered with OK, in lower case.
fn config_sets(
    seen: &Observations,
    incarnation: u32,
) -> impl Iterator<Item = (Time, String, String)> {
    let lower = |word: &Vec<u8>| String::from_utf8_lossy(word).to_lowercase();
    seen.history.iter().filter_map(move |sent| {
        let set = sent.incarnation == incarnation
            && name(&sent.argv) == "CONFIG"
            && sent.argv.len() == 4
            && lower(&sent.argv[1]) == "set"
            && sent.reply.as_deref() == Some("+OK");
        set.then(|| (sent.acked_at, lower(&sent.argv[2]), lower(&sent.argv[3])))
            .and_then(|(when, directive, value)| Some((when?, directive, value)))
    })
}

/// Whether the server has put a rewritten file into place in this time.
fn rewritten(seen: &Observations, since: Time, until: Time) -> bool {
    seen.calls.iter().any(|call| {
        let site = &call.record.site;
        call.at >= since
            && call.at <= until
            && site.call == CallName::Rename
            && site.task == "parent"
            && site.role.as_deref() == Some("rewrite-bg")
            && matches!(call.record.returned, Some(Returned::Value(0)))
    })
}

/// One tick of the server's cron, at the default `hz`: how late it may notice that a sync has
/// ended.
const TICK: Duration = Duration::from_millis(100);
/// How long the server postpones a write while a sync is in flight.
const POSTPONED: Duration = Duration::from_secs(2);

/// Whether `everysec` lets the server lose a write that it acknowledged at `acked` when it is
/// killed at `killed`: it was among the last 2 s plus a tick, with a sync of the append-only file
/// in flight.
pub fn in_grace(seen: &Observations, acked: Time, killed: Time) -> bool {
    killed - acked <= POSTPONED + TICK
        && syncs(seen).any(|(began, ended)| began <= acked && ended + TICK >= killed)
}

/// Syncs of the append-only file that took time: when they were made, when they ended.
fn syncs(seen: &Observations) -> impl Iterator<Item = (Time, Time)> {
    const NEVER: Time = Time(u64::MAX);
    let ours = seen.calls.iter().filter(|call| {
        let site = &call.record.site;
        site.call.is_sync() && !site.task.starts_with("child") && is_aof(site.role.as_deref())
    });
    let all: Vec<_> = ours.collect();
    let mut syncs = Vec::new();
    for call in &all {
        match (&call.record.returned, call.record.began) {
            (None, _) => {
                let same = |other: &&&crate::observation::Call| {
                    other.record.site == call.record.site && other.record.returned.is_some()
                };
                let ended = all.iter().find(same).map_or(NEVER, |end| end.at);
                syncs.push((call.at, ended));
            }
            // Its task was held before the call, since when is not known.
            (Some(Returned::Never), None) => syncs.push((Time::ZERO, NEVER)),
            _ => {}
        }
    }
    syncs.into_iter()
}

fn is_aof(role: Option<&str>) -> bool {
    matches!(role, Some("aof" | "incr" | "rewrite-bg"))
}

/// Whether an operation on the append-only file has failed under this start of the server.
pub fn aof_failed(seen: &Observations, incarnation: u32) -> bool {
    seen.calls.iter().any(|call| {
        let site = &call.record.site;
        site.incarnation == incarnation
            && is_aof(site.role.as_deref())
            && (site.call.is_sync() || matches!(site.call, CallName::Write | CallName::Ftruncate))
            && matches!(call.record.returned, Some(Returned::Error(_)))
    })
}

/// Whether the operating system claimed a write, sync, truncation or rename that it did not do.
pub fn lied(seen: &Observations) -> bool {
    seen.calls.iter().any(|call| {
        let name = call.record.site.call;
        let of_a_file =
            call.record.site.role.as_deref().is_none_or(|role| !role.starts_with("pipe"));
        let lasting = matches!(name, CallName::Write | CallName::Ftruncate | CallName::Truncate);
        call.lie && of_a_file && (lasting || name.is_sync() || name == CallName::Rename)
    })
}

/// How the server that ran before the last start ended, if it did.
pub fn last_end(seen: &Observations, incarnation: u32) -> Option<(Time, How)> {
    let end = seen.ends.iter().rev().find(|end| end.incarnation == incarnation)?;
    Some((end.at, end.how))
}
