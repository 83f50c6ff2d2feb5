//! Syncs of the append-only file: which write each covered, and how long none was under way.
//!
//! A sync covers what had been written when it was *called*; whether it succeeded shows when it
//! returns. Must not know: what was lost.

use std::time::Duration;

use super::history::Entry;
use super::regime::{self, Position};
use crate::observation::{Call, CallName, Detail, Observations, Returned, Time};

/// A sync of the append-only file that took time or did not.
#[derive(Clone, Copy, Debug)]
struct Flight {
    /// The call's place among all calls when it was made.
    called: usize,
    began: Time,
    /// Its place when it returned; None: it never did.
    returned: Option<usize>,
    ended: Time,
    succeeded: bool,
}

const NEVER: Time = Time(u64::MAX);
/// How long the server postpones a write while a sync is in flight.
const POSTPONED: Duration = Duration::from_secs(2);
/// How long `everysec` may leave a write without a sync under way.
const EVERYSEC: Duration = Duration::from_secs(1);

fn is_sync_of_aof(call: &Call) -> bool {
    let site = &call.record.site;
    site.call.is_sync()
        && site.call != CallName::SyncFileRange
        && !site.task.starts_with("child")
        && regime::is_aof(site.role.as_deref())
}

fn flights(seen: &Observations) -> Vec<Flight> {
    let mut flights: Vec<(&Call, Flight)> = Vec::new();
    for (place, call) in seen.calls.iter().enumerate().filter(|(_, call)| is_sync_of_aof(call)) {
        let succeeded = call.record.returned == Some(Returned::Value(0)) && !call.is_lie();
        let open = flights.iter_mut().find(|(other, flight)| {
            other.record.site == call.record.site && flight.returned.is_none()
        });
        match (&call.record.returned, open) {
            (Some(_), Some((_, flight))) => {
                flight.returned = Some(place);
                flight.ended = call.at;
                flight.succeeded = succeeded;
            }
            (None, _) => {
                let (began, ended) = (call.at, NEVER);
                let flight =
                    Flight { called: place, began, returned: None, ended, succeeded: false };
                flights.push((call, flight));
            }
            // Its task was held before the call, since when is not known.
            (Some(Returned::Never), None) if call.record.injected.is_none() => {
                let began = Time::ZERO;
                let (returned, ended) = (None, NEVER);
                flights.push((
                    call,
                    Flight { called: place, began, returned, ended, succeeded: false },
                ));
            }
            (Some(_), None) => {
                let (began, ended) = (call.at, call.at);
                let returned = Some(place);
                flights.push((call, Flight { called: place, began, returned, ended, succeeded }));
            }
        }
    }
    flights.into_iter().map(|(_, flight)| flight).collect()
}

/// Whether `everysec` lets the server lose a write that it acknowledged at `acked` when it is
/// killed at `killed`: it was among the last 2 s plus a tick, with a sync of the append-only file
/// in flight. A sync that took no time was in flight for a write that the server has not even tried
/// to write since.
pub fn in_grace(seen: &Observations, entry: &Entry, acked: Time, killed: Time) -> bool {
    let tick = regime::tick(seen, entry.incarnation);
    let tried = seen.calls.iter().skip(entry.calls).any(|call| {
        let site = &call.record.site;
        site.call == CallName::Write
            && site.task == "parent"
            && regime::is_aof(site.role.as_deref())
    });
    let in_flight = |flight: &Flight| {
        let took_time = flight.ended > flight.began || (flight.began == acked && !tried);
        took_time && flight.began <= acked && flight.ended + tick >= killed
    };
    killed - acked <= POSTPONED + tick && flights(seen).iter().any(in_flight)
}

/// The call by which an acknowledged write had reached the file as a whole.
fn written(seen: &Observations, entry: &Entry) -> Option<usize> {
    let place = seen.calls.iter().skip(entry.calls).position(|call| {
        let site = &call.record.site;
        let whole = match (&call.record.detail, &call.record.returned) {
            (Detail::Bytes(asked), Some(Returned::Value(moved))) => {
                i64::try_from(*asked) == Ok(*moved)
            }
            _ => false,
        };
        site.incarnation == entry.incarnation
            && site.call == CallName::Write
            && site.task == "parent"
            && regime::is_aof(site.role.as_deref())
            && whole
            && !call.is_lie()
    });
    place.map(|place| place + entry.calls)
}

/// Whether a sync that had returned without an error before call number `until` covered the write.
/// One that was acknowledged before the file held the dataset was written with the rewrite, at call
/// number `rewritten`.
pub fn covered(seen: &Observations, entry: &Entry, rewritten: Option<usize>, until: usize) -> bool {
    let Some(written) = rewritten.or_else(|| written(seen, entry)) else { return false };
    flights(seen).iter().any(|flight| {
        flight.succeeded
            && flight.called > written
            && flight.returned.is_some_and(|returned| returned < until)
            && same_file(seen, written, flight.called)
    })
}

/// Whether a sync is of the file that was written to, by the places of both calls. Where there is a
/// manifest, each rewrite begins a new increment, and the one before is synced once more when it is
/// closed, however late: that covers nothing of the new one, and the other way round.
fn same_file(seen: &Observations, written: usize, synced: usize) -> bool {
    let role = |place: usize| seen.calls[place].record.site.role.as_deref();
    match (role(written), role(synced)) {
        (Some("aof"), Some("aof")) => increments(seen, written) == increments(seen, synced),
        (Some("aof"), Some("incr")) => increments(seen, written) < increments(seen, synced),
        (Some("incr"), Some("aof")) => false,
        _ => true,
    }
}

/// How many increments had been begun before call number `until`.
fn increments(seen: &Observations, until: usize) -> usize {
    let begins = |call: &&Call| {
        let record = &call.record;
        let opened = !matches!(record.returned, Some(Returned::Error(_)));
        let anew = matches!(record.detail, Detail::Flags(flags) if flags.truncates());
        record.site.role.as_deref() == Some("aof") && anew && opened
    };
    seen.calls[..until].iter().filter(begins).count()
}

/// Whether the server, which had acknowledged a write at `since`, could have synced it before
/// `until` and let the time pass: more than a second and a tick in one piece without a sync in
/// flight, without an error, and without a child that its configuration spares.
pub fn idled(seen: &Observations, entry: &Entry, since: Time, until: Time) -> bool {
    let incarnation = entry.incarnation;
    let patience = EVERYSEC + regime::tick(seen, incarnation);
    let until = released(seen, entry, until);
    let mut busy: Vec<(Time, Time)> =
        flights(seen).iter().map(|flight| (flight.began, flight.ended)).collect();
    busy.extend(errors(seen, incarnation).map(|at| (at, at)));
    let policy = regime::last_policy(seen, incarnation);
    if policy.is_some_and(|policy| policy.no_appendfsync_on_rewrite) {
        let children = seen.children.iter().filter(|child| child.incarnation == incarnation);
        busy.extend(children.map(|child| (child.born, child.ended.unwrap_or(NEVER))));
    }
    busy.sort_unstable();
    let mut free_since = since;
    for (began, ended) in busy.into_iter().filter(|(_, ended)| *ended >= since) {
        if began.min(until) - free_since > patience {
            return true;
        }
        free_since = free_since.max(ended);
    }
    until - free_since > patience
}

/// When writing to the append-only file failed.
fn errors(seen: &Observations, incarnation: u32) -> impl Iterator<Item = Time> {
    let failed = move |call: &&Call| {
        let site = &call.record.site;
        site.incarnation == incarnation
            && regime::is_aof(site.role.as_deref())
            && matches!(site.call, CallName::Write | CallName::Ftruncate)
            && matches!(call.record.returned, Some(Returned::Error(_)))
    };
    seen.calls.iter().filter(failed).map(|call| call.at)
}

/// The duty ends with the server that has acknowledged the write, and where the policy does.
fn released(seen: &Observations, entry: &Entry, until: Time) -> Time {
    let incarnation = entry.incarnation;
    let ended = seen.ends.iter().find(|end| end.incarnation == incarnation).map(|end| end.at);
    let softened = regime::changes(seen, incarnation).filter(|order| *order > entry.order);
    let softened = softened.filter_map(|order| {
        let sent = &seen.history[order];
        let place = Position { incarnation, order: order + 1, calls: sent.calls };
        let soft = matches!(regime::at(seen, place), regime::Regime::No | regime::Regime::Off);
        sent.acked_at.filter(|_| soft)
    });
    softened.chain(ended).fold(until, Time::min)
}
