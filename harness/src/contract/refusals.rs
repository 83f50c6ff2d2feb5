//! What is surprising about a start that was refused, beside that it was.
//!
//! A supervisor restarts what has failed (systemd: `Restart=on-failure`, Kubernetes: `OnFailure`),
//! which exit status 0 denies. And a server that has read everything could serve it, though the
//! disk is full. Must not know: whether the refusal itself was right.

use nix::errno::Errno;

use super::reason::Surprise;
use super::{Judgement, Reason, Verdict};
use crate::observation::{
    CallName, CallRecord, Detail, End, How, Injected, Observations, Returned,
};

/// Surprises of the last start, with each attempt that was made at it.
pub fn refusals(seen: &Observations) -> Vec<Judgement> {
    let first = seen.starts.iter().rposition(|start| !start.again).map_or(0, |place| place + 1);
    let its = seen.ends.iter().filter(|end| end.incarnation as usize >= first);
    let surprise = |what: Surprise, sentence: &str| {
        Judgement::new(Verdict::Surprise, Reason::Surprise(what), sentence.to_string())
    };
    let mut surprises = Vec::new();
    if its.clone().any(|end| end.how == How::Exited(0)) {
        let sentence = "the start failed, and the exit status is 0";
        surprises.push(surprise(Surprise::FailedWithStatusZero, sentence));
    }
    if its.clone().any(|end| lacked_only_space(seen, end)) {
        let sentence = "everything was read, and the start failed because nothing could be written";
        surprises.push(surprise(Surprise::NoSpaceToStart, sentence));
    }
    surprises
}

/// Whether nothing went wrong at this start but that a full disk took nothing new. There must have
/// been something to read.
fn lacked_only_space(seen: &Observations, end: &End) -> bool {
    let its = seen.calls.iter().map(|call| &call.record);
    let its = its.filter(|call| call.site.incarnation == end.incarnation);
    let mut injected = its.clone().filter(|call| call.injected.is_some()).peekable();
    let only_space = injected.peek().is_some() && injected.all(finds_no_space);
    matches!(end.how, How::Exited(_)) && only_space && its.into_iter().any(opens_data)
}

fn opens_data(call: &CallRecord) -> bool {
    let data = matches!(call.site.role.as_deref(), Some("aof" | "incr" | "base" | "rdb"));
    let reads = matches!(&call.detail, Detail::Flags(flags) if flags.only_reads());
    data && reads && !matches!(call.returned, Some(Returned::Error(_)))
}

/// To open what exists takes no space; a temporary file does not exist yet.
fn finds_no_space(call: &CallRecord) -> bool {
    let temporary = call.site.role.as_deref().is_some_and(|role| role.ends_with("-temp"));
    let needs_space = call.site.call == CallName::Write || temporary;
    let full = call.returned == Some(Returned::Error(Errno::ENOSPC));
    needs_space && full && call.injected == Some(Injected::Error)
}
