//! Syncs that the machine makes by itself, where the plan says so, as if the server had called
//! fsync there: what would have helped a server that does not.
//!
//! Nobody waits for them and nobody is told of an error. A power cut or kill right after a call
//! comes before a sync after it. Must not know: why the plan wants one.

use super::disk::{Ino, ROOT, SyncKind};
use super::trace::Event;
use super::{Kernel, Name, Site, When};

impl Kernel {
    /// Makes those that come before the call; returns the roles of those that come after it.
    pub(super) fn sync_before(&mut self, site: &Site, syncs: Vec<(When, String)>) -> Vec<String> {
        let mut after = Vec::new();
        for (when, role) in syncs {
            match when {
                When::Before => self.sync_by_itself(when, site, role),
                When::After => after.push(role),
            }
        }
        after
    }

    /// Syncs every file and directory that has this role now.
    pub(super) fn sync_by_itself(&mut self, when: When, site: &Site, role: String) {
        let role = Name::from(role);
        let named = self.disk.names.iter().chain([("", ROOT)]);
        let its = named.filter(|(name, _)| self.role_of_name(name) == role);
        let inodes: Vec<Ino> = its.map(|(_, ino)| ino).collect();
        let writable = self.disk.check_writable().is_ok();
        for ino in inodes.into_iter().filter(|_| writable) {
            let mark = self.disk.mark(ino);
            self.disk.synced(ino, mark, SyncKind::Fsync);
        }
        self.record(Event::Synced { role, when, site: site.clone() });
    }
}
