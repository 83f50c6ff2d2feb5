//! The acts of a story: calls that a task makes on one file, one after the other.
//!
//! A manifest is opened, written, synced and renamed: whichever of these calls fails, much the same
//! comes of it. Which manifest of the story it was makes the difference. Must not know: faults.

use std::collections::BTreeMap;

use crate::kernel::{CallName, Name, Site};

/// What an act is about: a kind of file, or calls of one name that are about none.
type Subject = (Option<Name>, Option<CallName>);

/// The incarnation of a server, and one of its tasks.
type Actor = (u32, Name);

/// Numbers the acts of each task with each kind of file, from 1.
#[derive(Default)]
pub struct Acts {
    /// What each task is at.
    at: BTreeMap<Actor, Subject>,
    begun: BTreeMap<(Actor, Subject), u32>,
}

impl Acts {
    /// The number of the act that the next call belongs to.
    pub fn next(&mut self, site: &Site) -> u32 {
        let subject = match &site.role {
            Some(role) => (Some(role.clone()), None),
            None => (None, Some(site.call)),
        };
        let actor = (site.incarnation, site.task.clone());
        let number = self.begun.entry((actor.clone(), subject.clone())).or_default();
        if self.at.insert(actor, subject.clone()) != Some(subject) {
            *number += 1;
        }
        *number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_ends_where_its_task_turns_to_another_file() {
        let mut acts = Acts::default();
        let sites = [
            ("parent.manifest-temp.open#1", 1),
            ("parent.manifest-temp.write#1", 1),
            // Another task has acts of its own.
            ("child.rewrite-temp.write#1", 1),
            ("parent.manifest-temp.rename#1", 1),
            ("parent.dir.fdatasync#1", 1),
            ("parent.fork#1", 1),
            ("child.rewrite-temp.write#2", 1),
            ("parent.manifest-temp.open#2", 2),
            ("2:parent.manifest-temp.open#1", 1),
        ];
        for (site, number) in sites {
            assert_eq!(acts.next(&site.parse().expect("a site")), number, "{site}");
        }
    }
}
