//! Which promise held when: the policy as a timeline.
//!
//! A moment is given by order, not by the clock, because many things happen at one virtual instant:
//! by the place of a command in the history and by the number of calls seen. Must not know: what
//! was lost.

use std::time::Duration;

use super::history::name;
use crate::observation::{CallName, Detail, Observations, Returned};

/// What the server promises about a write that it acknowledges.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Regime {
    /// `appendfsync always`
    Always,
    /// `appendfsync everysec`
    Everysec,
    /// `appendfsync no`
    No,
    /// The append-only file is switched on and does not hold the dataset yet.
    Switching,
    /// No append-only file.
    Off,
}

impl Regime {
    /// As it is configured, or nearly so.
    pub fn as_str(self) -> &'static str {
        match self {
            Regime::Always => "appendfsync always",
            Regime::Everysec => "appendfsync everysec",
            Regime::No => "appendfsync no",
            Regime::Switching => "appendonly that is being switched on",
            Regime::Off => "appendonly no",
        }
    }

    /// Whether the append-only file holds the dataset.
    pub fn is_on(self) -> bool {
        !matches!(self, Regime::Switching | Regime::Off)
    }
}

/// A position in the life of one server: what it was before and what after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Which start of the server, from 1.
    pub incarnation: u32,
    /// Commands of the history before this one count.
    pub order: usize,
    /// Calls before this one count.
    pub calls: usize,
}

/// The regime at a moment: the configuration of that start, and every CONFIG SET since.
pub fn at(seen: &Observations, place: Position) -> Regime {
    let start = (place.incarnation as usize).checked_sub(1).and_then(|n| seen.starts.get(n));
    let Some(start) = start else { return Regime::Off };
    let mut appendonly = start.directive("appendonly").unwrap_or("no").to_string();
    let mut appendfsync = start.directive("appendfsync").unwrap_or("everysec").to_string();
    let mut switched_on = None;
    for set in config_sets(seen, place.incarnation).filter(|set| set.order < place.order) {
        match set.directive.as_str() {
            "appendonly" => {
                let on = set.value == "yes" && appendonly != "yes";
                switched_on = match (on, set.value.as_str()) {
                    (true, _) => Some(set.calls),
                    (false, "yes") => switched_on,
                    _ => None,
                };
                appendonly = set.value;
            }
            "appendfsync" => appendfsync = set.value,
            _ => {}
        }
    }
    let holds_the_dataset = switched_on.is_none_or(|since| {
        rewritten(seen, place.incarnation, since).is_some_and(|n| n < place.calls)
    });
    match (appendonly.as_str(), appendfsync.as_str()) {
        ("yes", _) if !holds_the_dataset => Regime::Switching,
        ("yes", "always") => Regime::Always,
        ("yes", "no") => Regime::No,
        ("yes", _) => Regime::Everysec,
        _ => Regime::Off,
    }
}

/// A `CONFIG SET` that was answered with OK, in lower case.
struct ConfigSet {
    order: usize,
    calls: usize,
    directive: String,
    value: String,
}

fn config_sets(seen: &Observations, incarnation: u32) -> impl Iterator<Item = ConfigSet> {
    let lower = |word: &Vec<u8>| String::from_utf8_lossy(word).to_lowercase();
    seen.history.iter().enumerate().filter_map(move |(order, sent)| {
        let set = sent.incarnation == incarnation
            && name(&sent.argv) == "CONFIG"
            && sent.argv.len() == 4
            && lower(&sent.argv[1]) == "set"
            && sent.reply.as_deref() == Some("+OK");
        let (directive, value) = set.then(|| (lower(&sent.argv[2]), lower(&sent.argv[3])))?;
        Some(ConfigSet { order, calls: sent.calls, directive, value })
    })
}

/// Whether the last command of this start, unanswered, was to switch to `always`: the server may
/// have met the error under the new policy.
pub fn turning_to_always(seen: &Observations, incarnation: u32) -> bool {
    let last = seen.history.iter().rev().find(|sent| sent.incarnation == incarnation);
    last.is_some_and(|sent| {
        let words: Vec<String> =
            sent.argv.iter().map(|word| String::from_utf8_lossy(word).to_lowercase()).collect();
        sent.reply.is_none() && words == ["config", "set", "appendfsync", "always"]
    })
}

/// The commands of one start that changed the regime, by order.
pub fn changes(seen: &Observations, incarnation: u32) -> impl Iterator<Item = usize> {
    let matters = |set: &ConfigSet| ["appendonly", "appendfsync"].contains(&set.directive.as_str());
    config_sets(seen, incarnation).filter(matters).map(|set| set.order)
}

/// The first call from `since` on by which the server put a rewritten file into place: its rename,
/// or, where a manifest says which files count, the manifest's.
pub fn rewritten(seen: &Observations, incarnation: u32, since: usize) -> Option<usize> {
    let renamed = |from: usize, role: &str| {
        let place = seen.calls.iter().skip(from).position(|call| {
            let site = &call.record.site;
            site.incarnation == incarnation
                && site.call == CallName::Rename
                && site.task == "parent"
                && site.role.as_deref() == Some(role)
                && matches!(call.record.returned, Some(Returned::Value(0)))
        });
        place.map(|place| place + from)
    };
    let file = renamed(since, "rewrite-bg")?;
    match &seen.calls[file].record.detail {
        Detail::To(role) if role == "base" => renamed(file, "manifest-temp"),
        _ => Some(file),
    }
}

/// The value of a directive at the end of one start of the server.
pub fn directive(seen: &Observations, incarnation: u32, name: &str) -> Option<String> {
    let start = (incarnation as usize).checked_sub(1).and_then(|n| seen.starts.get(n))?;
    let set = config_sets(seen, incarnation).filter(|set| set.directive == name).last();
    set.map(|set| set.value).or_else(|| start.directive(name).map(str::to_lowercase))
}

/// One tick of the server's cron (directive `hz`, 10 unless it is set): how late it may notice
/// that a time has come or a sync has ended.
pub fn tick(seen: &Observations, incarnation: u32) -> Duration {
    let hz = directive(seen, incarnation, "hz").and_then(|hz| hz.parse::<u32>().ok());
    Duration::from_secs(1) / hz.unwrap_or(10).clamp(1, 500)
}

pub fn is_aof(role: Option<&str>) -> bool {
    matches!(role, Some("aof" | "incr" | "incr-temp" | "rewrite-bg"))
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

/// Whether the operating system claimed a write, sync, truncation or rename that it did not do. Of
/// pipes only the one that carries commands to the child counts.
pub fn lied(seen: &Observations) -> bool {
    seen.calls.iter().any(|call| {
        let name = call.record.site.call;
        let of_a_file = call
            .record
            .site
            .role
            .as_deref()
            .is_none_or(|role| !role.starts_with("pipe") || role == "pipe:diff");
        let lasting = matches!(name, CallName::Write | CallName::Ftruncate | CallName::Truncate);
        call.is_lie() && of_a_file && (lasting || name.is_sync() || name == CallName::Rename)
    })
}
