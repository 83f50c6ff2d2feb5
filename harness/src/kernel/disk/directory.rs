//! Names: which inode a name means, now and after a power cut.
//!
//! All names of the disk are in one table, by their path from the run directory: `dir/file` is in
//! the directory `dir`, `file` in the run directory itself. A change of names is durable once its
//! directory was synced or, on file systems with one ordered metadata log, once anything was synced
//! after it. Which of the two counts depends on the power cut, so both are recorded here. Must not
//! know: what is in a file.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::Ino;

/// What a tree with a few entries takes, in bytes: one node, with room for eleven.
pub const SMALL_TREE: usize = 400;

/// A change of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Link {
        name: String,
        ino: Ino,
    },
    Unlink {
        name: String,
    },
    /// Replaces `to` if it exists.
    Rename {
        from: String,
        to: String,
        ino: Ino,
    },
}

/// A change that no sync of its directory has covered yet, with its place in the order of all
/// changes to the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameEntry {
    pub sequence: u64,
    pub change: Change,
}

/// The names of a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    live: BTreeMap<String, Ino>,
    durable: BTreeMap<String, Ino>,
    journal: Vec<NameEntry>,
    /// Changes with a smaller sequence number are in the metadata log on the disk.
    committed: u64,
    /// And these may be: a sync has committed the log up to here, or had nothing to commit.
    perhaps_committed: u64,
}

/// The directory that `name` is in; empty: the run directory.
pub fn parent_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(parent, _)| parent)
}

impl Names {
    /// About how many bytes they take.
    pub fn weight(&self) -> usize {
        let names = self.live.keys().chain(self.durable.keys()).map(String::len);
        2 * SMALL_TREE + names.sum::<usize>() + self.journal.len() * size_of::<NameEntry>()
    }

    pub fn get(&self, name: &str) -> Option<Ino> {
        self.live.get(name).copied()
    }

    /// Every name with its inode, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Ino)> {
        self.live.iter().map(|(name, ino)| (name.as_str(), *ino))
    }

    /// The names as syncs of their directories have made them durable.
    pub fn durable(&self) -> &BTreeMap<String, Ino> {
        &self.durable
    }

    /// The changes since the durable state, in order.
    pub fn journal(&self) -> &[NameEntry] {
        &self.journal
    }

    /// Changes with a smaller sequence number are in the metadata log.
    pub fn committed(&self) -> u64 {
        self.committed
    }

    /// Changes with a smaller sequence number may be in the log.
    pub fn perhaps_committed(&self) -> u64 {
        self.perhaps_committed
    }

    /// Whether any name is in this directory.
    pub fn has_children(&self, dir: &str) -> bool {
        self.live.keys().any(|name| parent_of(name) == dir)
    }

    pub fn link(&mut self, sequence: u64, name: &str, ino: Ino) {
        self.live.insert(name.to_string(), ino);
        self.record(sequence, Change::Link { name: name.to_string(), ino });
    }

    /// Returns the inode that lost its name.
    pub fn unlink(&mut self, sequence: u64, name: &str) -> Option<Ino> {
        let ino = self.live.remove(name)?;
        self.record(sequence, Change::Unlink { name: name.to_string() });
        Some(ino)
    }

    /// Moves `from` to `to`. Returns the inode that `to` meant before.
    pub fn rename(&mut self, sequence: u64, from: &str, to: &str) -> Option<Ino> {
        let ino = self.live.remove(from)?;
        let replaced = self.live.insert(to.to_string(), ino);
        self.record(sequence, Change::Rename { from: from.to_string(), to: to.to_string(), ino });
        replaced.filter(|old| *old != ino)
    }

    /// Whether a power cut may bring a name of this inode back.
    pub fn may_return(&self, ino: Ino) -> bool {
        let named = |entry: &NameEntry| match &entry.change {
            Change::Link { ino: its, .. } | Change::Rename { ino: its, .. } => *its == ino,
            Change::Unlink { .. } => false,
        };
        self.durable.values().any(|its| *its == ino) || self.journal.iter().any(named)
    }

    fn record(&mut self, sequence: u64, change: Change) {
        self.journal.push(NameEntry { sequence, change });
    }

    /// A sync of some file that was called at `sequence` commits the metadata log up to there.
    pub fn commit_log(&mut self, sequence: u64) {
        self.committed = self.committed.max(sequence);
        self.may_have_committed(sequence);
    }

    /// A sync that was called at `sequence` has committed the log, or there was no need to.
    pub fn may_have_committed(&mut self, sequence: u64) {
        self.perhaps_committed = self.perhaps_committed.max(sequence);
    }

    /// A sync of the directory `dir` that was called at `sequence` succeeds.
    pub fn synced(&mut self, dir: &str, sequence: u64) {
        let journal = std::mem::take(&mut self.journal);
        for entry in journal {
            if entry.sequence >= sequence || !touches(&entry.change, dir) {
                self.journal.push(entry);
                continue;
            }
            apply(&mut self.durable, &entry.change);
            if let Change::Rename { from, to, .. } = &entry.change {
                // What either name meant before is over, although its directory was not synced: a
                // name that came from another directory, and one that was replaced.
                let over =
                    |name: Option<&String>| name.is_some_and(|name| name == from || name == to);
                let made = |earlier: &NameEntry| over(target(&earlier.change));
                let gone = |earlier: &NameEntry| {
                    let change = &earlier.change;
                    matches!(change, Change::Unlink { name } if name == to)
                };
                self.journal.retain(|earlier| {
                    !gone(earlier) && (!made(earlier) || is_rename(&earlier.change))
                });
                for earlier in self.journal.iter_mut().filter(|earlier| made(earlier)) {
                    if let Change::Rename { from, .. } = &mut earlier.change {
                        earlier.change = Change::Unlink { name: std::mem::take(from) };
                    }
                }
            }
        }
    }

    /// Everything before `sequence`, which is everything so far, is durable.
    pub fn settle(&mut self, sequence: u64) {
        self.commit_log(sequence);
        self.durable.clone_from(&self.live);
        self.journal.clear();
    }
}

fn touches(change: &Change, dir: &str) -> bool {
    match change {
        Change::Link { name, .. } | Change::Unlink { name } => parent_of(name) == dir,
        // A sync of either directory makes a rename between them durable: it is one journal entry
        // on the modelled file systems.
        Change::Rename { from, to, .. } => parent_of(from) == dir || parent_of(to) == dir,
    }
}

/// Applies a change to a table of names.
pub fn apply(names: &mut BTreeMap<String, Ino>, change: &Change) {
    match change {
        Change::Link { name, ino } => {
            names.insert(name.clone(), *ino);
        }
        Change::Unlink { name } => {
            names.remove(name);
        }
        Change::Rename { from, to, ino } => {
            names.remove(from);
            names.insert(to.clone(), *ino);
        }
    }
}

fn is_rename(change: &Change) -> bool {
    matches!(change, Change::Rename { .. })
}

/// The name that this change makes.
fn target(change: &Change) -> Option<&String> {
    match change {
        Change::Link { name, .. } => Some(name),
        Change::Rename { to, .. } => Some(to),
        Change::Unlink { .. } => None,
    }
}
