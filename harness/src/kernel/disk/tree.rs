//! The tree of names: how a path is looked up, and the calls that change names.
//!
//! Errors come in the order in which Linux finds them (`fs/namei.c`): first the directories on the
//! way, of both paths of a rename, then the last names, then what they are. A path is relative to
//! the run directory, without `.`, `..` and empty parts; `""` is the run directory itself. Must not
//! know: what is in a file.

#[cfg(test)]
mod tests;

use nix::errno::Errno;

use super::directory::parent_of;
use super::{Disk, Ino, Inode};

/// The longest name of a file, see pathname(7) and limits.h.
const NAME_MAX: usize = 255;

impl Disk {
    /// The inode that a path leads to. ENOENT, ENOTDIR, ENAMETOOLONG as in path_resolution(7).
    pub fn lookup(&self, path: &str) -> Result<Ino, Errno> {
        self.check_way(path)?;
        self.last(path)
    }

    /// Everything before the last name must be directories.
    fn check_way(&self, path: &str) -> Result<(), Errno> {
        for (end, _) in path.match_indices('/') {
            let ino = self.last(&path[..end])?;
            if !self.inode(ino).is_dir {
                return Err(Errno::ENOTDIR);
            }
        }
        Ok(())
    }

    /// The last name of a path whose directory exists.
    fn last(&self, path: &str) -> Result<Ino, Errno> {
        let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
        if name.len() > NAME_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        self.find(path).ok_or(Errno::ENOENT)
    }

    /// The last name of a path, if there is a file of that name.
    fn last_if_any(&self, path: &str) -> Result<Option<Ino>, Errno> {
        match self.last(path) {
            Ok(ino) => Ok(Some(ino)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Makes an empty file or directory. EEXIST if the name is taken, and what
    /// [`Disk::lookup`] may say about the way to it.
    pub fn create(&mut self, path: &str, is_dir: bool) -> Result<Ino, Errno> {
        self.check_way(path)?;
        if self.last_if_any(path)?.is_some() {
            return Err(Errno::EEXIST);
        }
        self.check_writable()?;
        let ino = self.next_ino;
        self.next_ino += 1;
        self.inodes.insert(ino, Inode::new(path, is_dir).into());
        let sequence = self.next_sequence();
        self.names.link(sequence, path, ino);
        self.inode_mut(ino).changed.essentially(sequence);
        self.directory_changed(path, sequence);
        Ok(ino)
    }

    /// Moves a name over another, as in rename(2).
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), Errno> {
        self.check_way(from)?;
        self.check_way(to)?;
        if from.is_empty() || to.is_empty() {
            return Err(Errno::EBUSY);
        }
        let moved = self.last(from)?;
        let target = self.last_if_any(to)?;
        if is_below(to, from) {
            return Err(Errno::EINVAL);
        }
        if is_below(from, to) {
            return Err(Errno::ENOTEMPTY);
        }
        match target {
            Some(target) if target == moved => return Ok(()),
            Some(target) => self.check_replaced(moved, target, to)?,
            None => {}
        }
        self.check_writable()?;
        if self.inode(moved).is_dir && self.names.has_children(from) {
            // Not modelled, because no server does it: the paths of all files in it would change.
            return Err(Errno::EXDEV);
        }
        let sequence = self.next_sequence();
        let replaced = self.names.rename(sequence, from, to);
        self.inode_mut(moved).name = to.to_string();
        self.inode_mut(moved).changed.in_its_times(sequence);
        self.directory_changed(from, sequence);
        self.directory_changed(to, sequence);
        if let Some(ino) = replaced {
            self.inode_mut(moved).content.renamed_over(sequence);
            self.unlinked(ino);
        }
        Ok(())
    }

    /// Whether one file may replace another, which is called `name`.
    fn check_replaced(&self, moved: Ino, target: Ino, name: &str) -> Result<(), Errno> {
        match (self.inode(moved).is_dir, self.inode(target).is_dir) {
            (false, true) => Err(Errno::EISDIR),
            (true, false) => Err(Errno::ENOTDIR),
            (true, true) if self.names.has_children(name) => Err(Errno::ENOTEMPTY),
            _ => Ok(()),
        }
    }

    /// Removes the name of a file, as in unlink(2).
    pub fn unlink(&mut self, path: &str) -> Result<(), Errno> {
        let ino = self.lookup(path)?;
        if self.inode(ino).is_dir {
            return Err(Errno::EISDIR);
        }
        self.check_writable()?;
        self.remove_name(path, ino);
        Ok(())
    }

    /// Removes an empty directory, as in rmdir(2).
    pub fn rmdir(&mut self, path: &str) -> Result<(), Errno> {
        if path.is_empty() {
            return Err(Errno::EINVAL);
        }
        let ino = self.lookup(path)?;
        if !self.inode(ino).is_dir {
            return Err(Errno::ENOTDIR);
        }
        if self.names.has_children(path) {
            return Err(Errno::ENOTEMPTY);
        }
        self.check_writable()?;
        self.remove_name(path, ino);
        Ok(())
    }

    fn remove_name(&mut self, path: &str, ino: Ino) {
        let sequence = self.next_sequence();
        self.names.unlink(sequence, path);
        self.directory_changed(path, sequence);
        self.unlinked(ino);
    }

    /// The directory that this path is in has another entry, or one less.
    fn directory_changed(&mut self, path: &str, sequence: u64) {
        if let Some(directory) = self.find(parent_of(path)) {
            self.inode_mut(directory).changed.essentially(sequence);
        }
    }

    /// The inode has lost its name.
    fn unlinked(&mut self, ino: Ino) {
        self.inode_mut(ino).linked = false;
        self.reclaim(ino);
    }
}

/// Whether a path leads through the directory `dir`.
fn is_below(path: &str, dir: &str) -> bool {
    let mut up = path;
    while !up.is_empty() {
        up = parent_of(up);
        if up == dir {
            return true;
        }
    }
    false
}
