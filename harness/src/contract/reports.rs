//! What INFO says of the last snapshot and the last rewrite, held against what became of them.
//!
//! redis.io, INFO: `rdb_last_bgsave_status`: "Status of the last RDB save operation";
//! `aof_last_bgrewrite_status`: "Status of the last AOF rewrite operation". What failed and is
//! reported as `ok` is misreported. What is in place and is reported as `err` surprises: whoever
//! believes it does again what was done, or does not trust a good file. A server that ends a child
//! on purpose does not count that as failed, so work has failed only if one of its calls has. Must
//! not know: how INFO was asked.

use nix::errno::Errno;

use super::{Judgement, Reason, Verdict, regime};
use crate::contract::reason::Surprise;
use crate::observation::{Call, CallName, Ending, Observations, Returned};

/// What became of a piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Became {
    InPlace,
    Failed,
}

/// One kind of work that a child does.
struct Work {
    /// The role of the file that it writes, and those by which that takes its place.
    role: &'static str,
    then: &'static [&'static str],
    field: &'static str,
    noun: &'static str,
}

const SNAPSHOT: Work = Work {
    role: "rdb-temp",
    then: &[],
    field: "rdb_last_bgsave_status",
    noun: "the last snapshot",
};
const REWRITE: Work = Work {
    role: "rewrite-temp",
    then: &["rewrite-bg", "manifest-temp"],
    field: "aof_last_bgrewrite_status",
    noun: "the last rewrite",
};

/// What is reported wrongly, given the fields of INFO.
pub fn reports(seen: &Observations, info: &[(String, String)]) -> Vec<Judgement> {
    if regime::last_lie(seen).is_some() {
        // Who was lied to may pass that on.
        return Vec::new();
    }
    let held = [SNAPSHOT, REWRITE].into_iter();
    held.filter_map(|work| {
        let (_, value) = info.iter().find(|(field, _)| field == work.field)?;
        let place = last_child(seen, &work)?;
        work.judge(value, came_to(seen, &work, place)?)
    })
    .collect()
}

impl Work {
    fn judge(&self, value: &str, became: Became) -> Option<Judgement> {
        let Work { field, noun, .. } = self;
        match (value, became) {
            ("ok", Became::Failed) => Some(Judgement::new(
                Verdict::Misreported,
                Reason::Misreported { field: (*field).into(), value: value.into() },
                format!("INFO says {field}:ok, and {noun} has failed"),
            )),
            ("err", Became::InPlace) => Some(Judgement::new(
                Verdict::Surprise,
                Reason::Surprise(Surprise::PublishedAsFailed((*field).into())),
                format!("INFO says {field}:err, but what {noun} has written is in place"),
            )),
            _ => None,
        }
    }
}

/// Where among the calls the last child was born that has written such a file.
fn last_child(seen: &Observations, work: &Work) -> Option<usize> {
    let incarnation = seen.incarnation();
    let wrote = seen.calls.iter().rev().map(|call| &call.record.site).find(|site| {
        site.incarnation == incarnation
            && site.task.starts_with("child")
            && site.role.as_deref() == Some(work.role)
    })?;
    let born = Returned::Child(wrote.task.clone());
    let its = |call: &Call| call.record.site.incarnation == incarnation;
    let born = |call: &Call| its(call) && call.record.returned.as_ref() == Some(&born);
    let place = seen.calls.iter().rposition(born)?;
    // What is reported may be about a child that could not even be born.
    let tried_since = |call: &Call| its(call) && call.record.site.call == CallName::Fork;
    (!seen.calls[place + 1..].iter().any(tried_since)).then_some(place)
}

/// What became of the work of the child that was born at this call. None: that is still open, the
/// child was ended before it was done, or both may be said of it.
fn came_to(seen: &Observations, work: &Work, fork: usize) -> Option<Became> {
    let Some(Returned::Child(name)) = &seen.calls[fork].record.returned else { return None };
    let incarnation = seen.calls[fork].record.site.incarnation;
    let since = &seen.calls[fork..];
    let reaped = |call: &Call| match &call.record.returned {
        Some(Returned::Reaped(child, Ending::Exited(_))) => child == name,
        _ => false,
    };
    if !since.iter().any(reaped) {
        return None;
    }
    let in_place = match work.then {
        [] => renamed(seen, incarnation, fork, work.role, name),
        _ => regime::rewritten(seen, incarnation, fork).is_some(),
    };
    let its = since.iter().filter(|call| call.record.site.incarnation == incarnation);
    match its.into_iter().any(|call| failed(work, name, call)) {
        true if in_place => None,
        true => Some(Became::Failed),
        false => in_place.then_some(Became::InPlace),
    }
}

/// Whether this call is part of the work of a child, or of what its parent does with that, and has
/// failed. To clean up what is not there, or to make a directory that is, is no failure. A
/// directory that could not be synced may lose its new name yet.
fn failed(work: &Work, child: &str, call: &Call) -> bool {
    let site = &call.record.site;
    let role = site.role.as_deref().unwrap_or_default();
    let its = match &*site.task {
        "parent" => role == "dir" || work.then.contains(&role),
        task => task == child && (role == "dir" || role == work.role),
    };
    let fine = [Errno::ENOENT, Errno::EEXIST];
    its && matches!(&call.record.returned, Some(Returned::Error(errno)) if !fine.contains(errno))
}

/// Whether this task has given a file of this role its last name.
fn renamed(seen: &Observations, incarnation: u32, from: usize, role: &str, task: &str) -> bool {
    seen.calls[from..].iter().any(|call| {
        let site = &call.record.site;
        site.incarnation == incarnation
            && *site.task == *task
            && site.call == CallName::Rename
            && site.role.as_deref() == Some(role)
            && call.record.returned == Some(Returned::Value(0))
    })
}
