//! What the calls of a run did to the disk, and where the plan stepped in: for whoever asks what
//! could have been synced, and when.
//!
//! Must not know: why anybody asks, and what is promised.

use super::outcome::{Change, Course};
use crate::kernel::Site;
use crate::kernel::trace::{Event, Record};
use crate::observation::{CallName, CallRecord, Detail, Returned};

/// The role of directories.
const DIR: &str = "dir";

pub(super) fn course(trace: &[Record]) -> Course {
    Course { changes: changes(trace), disturbed: disturbed(trace) }
}

/// Every call that has changed a file or a directory, in order.
fn changes(trace: &[Record]) -> Vec<Change> {
    calls(trace).filter_map(change).collect()
}

/// Every call to which the plan did something, or before which another task ran, each once.
fn disturbed(trace: &[Record]) -> Vec<Site> {
    let mut sites: Vec<Site> = Vec::new();
    let disturbed = trace.iter().filter_map(|record| match &record.event {
        Event::Call(call) if call.injected.is_some() => Some(&call.site),
        Event::Turn { site, .. } => Some(site),
        _ => None,
    });
    for site in disturbed {
        if !sites.contains(site) {
            sites.push(site.clone());
        }
    }
    sites
}

fn calls(trace: &[Record]) -> impl Iterator<Item = &CallRecord> {
    trace.iter().filter_map(|record| match &record.event {
        Event::Call(call) => Some(call),
        _ => None,
    })
}

fn change(call: &CallRecord) -> Option<Change> {
    let done = matches!(call.returned, Some(Returned::Value(_) | Returned::Descriptor));
    let role = call.site.role.as_deref().filter(|role| !role.starts_with("pipe"))?;
    if !done || call.site.is_launchers() {
        return None;
    }
    let (builds_on, changes) = match (call.site.call, &call.detail) {
        (CallName::Write | CallName::Ftruncate | CallName::Truncate, _) => (vec![], vec![role]),
        (CallName::Open, Detail::Flags(flags)) if flags.creates() => (vec![], vec![DIR]),
        (CallName::Rename, Detail::To(to)) => (vec![role], vec![DIR, to]),
        (CallName::Unlink, _) => (vec![DIR], vec![DIR]),
        (CallName::Mkdir | CallName::Rmdir, _) => (vec![], vec![DIR]),
        _ => return None,
    };
    let own = |roles: Vec<&str>| roles.into_iter().map(String::from).collect();
    let (site, builds_on, changes) = (call.site.clone(), own(builds_on), own(changes));
    Some(Change { site, builds_on, changes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Name, Time};

    fn record(site: &str, detail: Detail, returned: Returned) -> Record {
        let call = CallRecord {
            site: site.parse().expect(site),
            detail,
            returned: Some(returned),
            injected: None,
            began: None,
            checksum: 0,
        };
        Record { at: Time::ZERO, event: Event::Call(call) }
    }

    #[test]
    fn a_rename_builds_on_its_file_and_changes_the_directory_and_a_failed_call_changes_nothing() {
        let rename = |returned| {
            let to = Detail::To(Name::known("rdb"));
            changes(&[record("child.rdb-temp.rename#1", to, returned)])
        };
        let done = rename(Returned::Value(0));
        assert_eq!(done[0].builds_on, ["rdb-temp"]);
        assert_eq!(done[0].changes, ["dir", "rdb"]);
        assert!(rename(Returned::Error(nix::errno::Errno::EIO)).is_empty());
        let pipe = record("child.pipe:diff.write#1", Detail::Bytes(1), Returned::Value(1));
        let read = record("parent.aof.read#1", Detail::Bytes(1), Returned::Value(1));
        assert!(changes(&[pipe, read]).is_empty());
    }
}
