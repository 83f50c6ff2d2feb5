//! Announcements: whether a client could know before the end that a write was in danger, and by
//! which call that had come about.
//!
//! Must not know: which promise was broken.

use nix::errno::Errno;

use super::history::{Entry, name};
use super::regime;
use crate::observation::{
    Announces, Call, CallName, Detail, Observations, Returned, Sent, Site, Time,
};

/// What an announcement is about, and what the durability of a write may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The append-only file.
    File,
    /// Its rewrite, on which no write depends that is in the file.
    Rewrites,
    Snapshots,
}

impl Subject {
    /// Of an error reply or a field of INFO.
    pub fn of(text: &str, announces: &Announces) -> Subject {
        let contains = |words: &[String]| words.iter().any(|word| text.contains(word.as_str()));
        if contains(&announces.of_snapshots) {
            Subject::Snapshots
        } else if contains(&announces.of_rewrites) {
            Subject::Rewrites
        } else {
            Subject::File
        }
    }

    fn is_of(self, call: &Call) -> bool {
        let role = call.record.site.role.as_deref();
        match self {
            Subject::File => regime::is_aof(role),
            Subject::Rewrites => matches!(role, Some("rewrite-temp" | "base" | "manifest-temp")),
            Subject::Snapshots => matches!(role, Some("rdb" | "rdb-temp")),
        }
    }
}

/// The first call about this that has failed since the write was sent, up to a moment.
pub fn failure(
    seen: &Observations,
    incarnation: u32,
    lost: &Entry,
    subject: Subject,
    until: Time,
) -> Option<Site> {
    let its = seen.calls.iter().skip(lost.calls).take_while(|call| call.at <= until);
    let mut its = its.filter(|call| call.record.site.incarnation <= incarnation);
    its.find(|call| subject.is_of(call) && failed(call)).map(|call| call.record.site.clone())
}

fn failed(call: &Call) -> bool {
    let unlinks = call.record.site.call == CallName::Unlink;
    match (&call.record.returned, &call.record.detail) {
        // What is not there need not be cleaned up.
        (Some(Returned::Error(Errno::ENOENT)), _) if unlinks => false,
        (Some(Returned::Error(_)), _) => call.record.site.call != CallName::Open,
        (Some(Returned::Value(moved)), Detail::Bytes(asked)) => {
            call.record.site.call == CallName::Write && *moved < asked.cast_signed()
        }
        _ => false,
    }
}

/// The failed call of which a client was told, by an error or by INFO, before the server of this
/// start ended.
pub fn announced(
    seen: &Observations,
    incarnation: u32,
    lost: &Entry,
    subject: Subject,
) -> Option<Site> {
    let since = |until| failure(seen, incarnation, lost, subject, until);
    let errors = seen.history.iter().enumerate().skip(lost.order + 1).filter(|(_, sent)| {
        sent.incarnation <= incarnation && sent.reply.as_deref().is_some_and(|r| r.starts_with('-'))
    });
    let by_error = errors.filter_map(|(place, sent)| {
        let (error, at) = (sent.reply.as_deref()?, sent.acked_at?);
        let says = seen.announces.replies.iter().any(|word| error.contains(word.as_str()));
        if says && Subject::of(error, &seen.announces) == subject {
            return since(at);
        }
        let refusal = seen.announces.refusals.iter().any(|told| *told == name(&sent.argv));
        if refusal { failed_within(seen, place, sent, subject) } else { None }
    });
    let by_info = seen.trouble_reported.iter().filter_map(|(at, field)| {
        (Subject::of(field, &seen.announces) == subject && *at >= lost.at).then(|| since(*at))?
    });
    by_error.chain(by_info).next()
}

/// The failed call that a refused command has made.
fn failed_within(seen: &Observations, place: usize, sent: &Sent, subject: Subject) -> Option<Site> {
    let next = seen.history.get(place + 1).map_or(seen.calls.len(), |next| next.calls);
    let its = seen.calls.get(sent.calls..next).unwrap_or_default().iter();
    let mut its = its.filter(|call| call.record.site.incarnation == sent.incarnation);
    let by_server = |call: &Call| call.record.site.task == "parent";
    its.find(|call| by_server(call) && subject.is_of(call) && failed(call))
        .map(|call| call.record.site.clone())
}
