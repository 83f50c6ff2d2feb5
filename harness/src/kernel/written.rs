//! The role of a file by its name, and which files are written.
//!
//! Until a server has opened one of its own, the files count that the last one had open to be
//! written. Must not know: who
//! is calling.

use std::sync::Arc;

use super::fd::{Access, Object};
use super::name::Name;
use super::part::Part;
use super::process::{Life, SERVER};
use super::{Kernel, Roles};

impl Kernel {
    /// From now on files and pipes have these roles.
    pub fn set_roles(&mut self, roles: impl Into<Arc<Roles>>) {
        self.roles = roles.into();
    }

    /// The role of a name: `dir` for the run directory, `other` for a name that no pattern fits.
    pub fn role_of_name(&self, name: &str) -> Name {
        if name.is_empty() {
            return Name::known("dir");
        }
        let names = self.disk.names.iter().map(|(name, _)| name);
        let written = |name: &str| self.is_written(name);
        self.roles.of(name, names, written).cloned().unwrap_or(Name::known("other"))
    }

    fn is_written(&self, name: &str) -> bool {
        let ino = self.disk.names.get(name);
        ino.is_some_and(|ino| self.descriptions.is_written(Object::File(ino)))
            || self.last_written.iter().any(|last| last == name)
    }

    /// A file was opened to be written: of those like it, the last server's do not count any more.
    pub(super) fn written_anew(&mut self, name: &str) {
        if self.roles.is_one_of_many(name) {
            self.last_written.clear();
        }
    }

    /// A process is about to lose its descriptors.
    pub(super) fn remember_written(&mut self, process: usize) {
        let process = &self.processes.processes[process];
        if process.name != SERVER || process.life != Life::Alive {
            return;
        }
        let open = process.fds.iter().map(|(_, id)| self.descriptions.get(id));
        let written = open.filter(|open| open.allows(Access::Write));
        let inodes = written.filter_map(|open| match open.object {
            Object::File(ino) => Some(ino),
            Object::Pipe(..) => None,
        });
        let names = inodes.map(|ino| self.disk.inode(ino).name.clone());
        self.last_written = Part::new(names.collect());
    }
}
