//! Looks at the disk: what is on it when a call is made, short enough to be kept for every call.
//!
//! Two runs are compared by them: whether a kill, or a power cut, at the same call finds the same.
//! Contents are compared by their lengths and by what was written where, which tells runs of one
//! script apart at a fraction of the cost. Must not know: who looks, and why.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::disk::directory::Change as NameChange;
use super::disk::page_cache::{Change, PageCache};
use super::{Disk, Kernel, Site};

/// What is on the disk at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// A hash of all names with the lengths of their files: what a kill leaves.
    pub visible: u64,
    /// A hash of what a power cut may leave otherwise.
    pub unsynced: u64,
    /// Roles of which content or a name is not durable: `aof`, `name of rdb`.
    pub pending: BTreeSet<String>,
}

/// A look for each call since somebody asked for them.
pub type Looks = Vec<(Site, Look)>;

impl Kernel {
    /// From now on there is a look at the disk before each call.
    pub fn look_at_the_disk(&mut self) {
        self.looks = Some(Looks::new());
    }

    /// The looks so far.
    pub fn looks(&self) -> &[(Site, Look)] {
        self.looks.as_deref().unwrap_or_default()
    }

    pub(super) fn look_before(&mut self, site: &Site) {
        if self.looks.is_some() {
            let look = self.look();
            self.looks.get_or_insert_default().push((site.clone(), look));
        }
    }

    fn look(&self) -> Look {
        let pending = self.pending();
        Look { visible: visible(&self.disk), unsynced: unsynced(&self.disk), pending }
    }

    fn pending(&self) -> BTreeSet<String> {
        let names = &self.disk.names;
        let uncertain = names.iter().filter(|(_, ino)| !content(&self.disk, *ino).is_certain());
        let files = uncertain.map(|(name, _)| self.role_of_name(name).to_string());
        let changed = names.journal().iter().map(|entry| match &entry.change {
            NameChange::Link { name, .. } | NameChange::Unlink { name } => name,
            NameChange::Rename { to, .. } => to,
        });
        let changed = changed.map(|name| format!("name of {}", self.role_of_name(name)));
        files.chain(changed).collect()
    }
}

fn content(disk: &Disk, ino: u64) -> &PageCache {
    &disk.inode(ino).content
}

fn visible(disk: &Disk) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (name, ino) in disk.names.iter() {
        (name, content(disk, ino).len()).hash(&mut hasher);
    }
    hasher.finish()
}

fn unsynced(disk: &Disk) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (name, ino) in disk.names.iter() {
        let content = content(disk, ino);
        (name, content.durable().len(), content.allocated()).hash(&mut hasher);
        for entry in content.journal() {
            shape(&entry.change).hash(&mut hasher);
        }
        content.stranded().keys().for_each(|page| page.hash(&mut hasher));
        content.unwritten().iter().for_each(|page| page.hash(&mut hasher));
    }
    let committed = disk.names.committed();
    for entry in disk.names.journal() {
        let named: (&str, &str) = match &entry.change {
            NameChange::Link { name, .. } => ("link", name),
            NameChange::Unlink { name } => ("unlink", name),
            NameChange::Rename { to, .. } => ("rename", to),
        };
        (named, entry.sequence < committed).hash(&mut hasher);
    }
    hasher.finish()
}

/// Where a change goes, without its bytes.
fn shape(change: &Change) -> (Option<(u64, u64)>, u64) {
    match change {
        Change::Resize { length } => (None, *length),
        other => (other.range(), 0),
    }
}
