//! Which promise held when: the policy as a timeline.
//!
//! A moment is given by order, not by the clock, because many things happen at one virtual instant:
//! by the place of a command in the history and by the number of calls seen. Must not know: what
//! was lost.

use std::time::Duration;

use crate::observation::{
    CallName, CallRecord, Detail, Fsync, Observations, Policy, PolicySince, Returned, Site,
};

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

/// The regime at a moment: the policy of that start, and every one that a command has set since.
pub fn at(seen: &Observations, place: Position) -> Regime {
    let (mut now, mut switched_on): (Option<Policy>, _) = (None, None);
    for (since, order) in acknowledged(seen, place.incarnation) {
        if order.is_some_and(|order| order >= place.order) {
            break;
        }
        let on = since.policy.appendonly;
        switched_on = match (now.map(|policy| policy.appendonly), order) {
            (Some(false), Some(order)) if on => Some(seen.history[order].calls),
            _ if on => switched_on,
            _ => None,
        };
        now = Some(since.policy);
    }
    let holds_the_dataset = switched_on.is_none_or(|since| {
        rewritten(seen, place.incarnation, since).is_some_and(|n| n < place.calls)
    });
    match now {
        Some(policy) if policy.appendonly && holds_the_dataset => match policy.appendfsync {
            Fsync::Always => Regime::Always,
            Fsync::Everysec => Regime::Everysec,
            Fsync::No => Regime::No,
        },
        Some(policy) if policy.appendonly => Regime::Switching,
        _ => Regime::Off,
    }
}

/// The policies of one start that a client was told of, in order.
fn acknowledged(
    seen: &Observations,
    incarnation: u32,
) -> impl Iterator<Item = (&PolicySince, Option<usize>)> {
    let its = seen.policies.iter().filter(move |since| since.incarnation == incarnation);
    let told = |order: usize| {
        let reply = seen.history[order].reply.as_deref();
        reply.is_some_and(|reply| !reply.starts_with('-'))
    };
    let its = its.filter(move |since| since.order.is_none_or(told));
    its.map(|since| (since, since.order))
}

/// The policy at the end of one start, as far as clients were told.
pub fn last_policy(seen: &Observations, incarnation: u32) -> Option<Policy> {
    acknowledged(seen, incarnation).last().map(|(since, _)| since.policy)
}

/// Whether a start reads the append-only file.
pub fn loads_the_file(seen: &Observations, incarnation: u32) -> bool {
    let its = acknowledged(seen, incarnation).find(|(_, order)| order.is_none());
    its.is_some_and(|(since, _)| since.policy.appendonly)
}

/// Whether the last command of this start, unanswered, was to switch to `always`: the server may
/// have met the error under the new policy.
pub fn turning_to_always(seen: &Observations, incarnation: u32) -> bool {
    let last = seen.history.iter().rposition(|sent| sent.incarnation == incarnation);
    let set = seen.policies.iter().rfind(|since| since.incarnation == incarnation);
    let (Some(last), Some(set)) = (last, set) else { return false };
    set.order == Some(last)
        && seen.history[last].reply.is_none()
        && set.policy.appendonly
        && set.policy.appendfsync == Fsync::Always
}

/// The commands of one start that changed the regime, by order.
pub fn changes(seen: &Observations, incarnation: u32) -> impl Iterator<Item = usize> {
    acknowledged(seen, incarnation).filter_map(|(_, order)| order)
}

/// The first call from `since` on by which the server put a rewritten file into place: its rename,
/// or, where a manifest says which files count, the manifest's. If the directory cannot be synced
/// after that, the rewrite has failed for the server (`writeAofManifestFile`, aof.c), and it is not
/// over until another one succeeds.
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
    let place = match &seen.calls[file].record.detail {
        Detail::To(role) if role == "base" => renamed(file, "manifest-temp")?,
        _ => return Some(file),
    };
    match directory_sync_fails(seen, place) {
        true => rewritten(seen, incarnation, place + 1),
        false => Some(place),
    }
}

/// Whether the next call of the server's main thread after this one is a sync of a directory that
/// fails.
fn directory_sync_fails(seen: &Observations, place: usize) -> bool {
    let incarnation = seen.calls[place].record.site.incarnation;
    let its = |record: &&CallRecord| {
        record.site.incarnation == incarnation && record.site.task == "parent"
    };
    let mut after = seen.calls[place + 1..].iter().map(|call| &call.record).filter(its);
    let synced = after.find(|record| record.site.call != CallName::Open);
    synced.is_some_and(|record| {
        let is_directory = record.site.role.as_deref() == Some("dir");
        let failed = matches!(record.returned, Some(Returned::Error(_)));
        record.site.call.is_sync() && is_directory && failed
    })
}

/// One tick of the server's cron (directive `hz`, 10 unless it is set): how late it may notice
/// that a time has come or a sync has ended.
pub fn tick(seen: &Observations, incarnation: u32) -> Duration {
    let hz = last_policy(seen, incarnation).map_or(10, |policy| policy.hz);
    Duration::from_secs(1) / hz.clamp(1, 500)
}

pub fn is_aof(role: Option<&str>) -> bool {
    matches!(role, Some("aof" | "incr" | "incr-temp" | "rewrite-bg"))
}

/// The operation on the append-only file that was the last of this start and failed. A server that
/// has gone on writing since ends for another reason.
pub fn failed_last(seen: &Observations, incarnation: u32) -> Option<&Site> {
    let mut its = seen.calls.iter().rev().map(|call| &call.record).filter(|record| {
        let site = &record.site;
        let changes = site.call.is_sync() || matches!(site.call, CallName::Write);
        let changes = changes || site.call == CallName::Ftruncate;
        site.incarnation == incarnation
            && !site.task.starts_with("child")
            && is_aof(site.role.as_deref())
            && changes
    });
    // A failed write is rolled back before the server gives up.
    let record = its.find(|record| record.site.call != CallName::Ftruncate)?;
    let short = |record: &&CallRecord| match (&record.detail, &record.returned) {
        (Detail::Bytes(asked), Some(Returned::Value(moved))) => *moved < asked.cast_signed(),
        (_, returned) => matches!(returned, Some(Returned::Error(_))),
    };
    Some(record).filter(short).map(|record| &record.site)
}

/// The last call by which the operating system claimed a write, sync, truncation or rename that it
/// did not do. Of pipes only the one that carries commands to the child counts.
pub fn last_lie(seen: &Observations) -> Option<&Site> {
    let lies = seen.calls.iter().rev().filter(|call| call.is_lie());
    let mut sites = lies.map(|call| &call.record.site);
    sites.find(|site| {
        let role = site.role.as_deref();
        let of_a_file = role.is_none_or(|role| !role.starts_with("pipe") || role == "pipe:diff");
        let name = site.call;
        let lasting = matches!(name, CallName::Write | CallName::Ftruncate | CallName::Truncate);
        of_a_file && (lasting || name.is_sync() || name == CallName::Rename)
    })
}
