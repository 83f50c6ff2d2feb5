//! Power cuts: what may be on a disk when the power comes back.
//!
//! A write that no sync has covered has one of these fates: it is *kept*; it is *dropped*; it is
//! *torn*, so that its bytes up to a sector (512 bytes) or a page (4 KiB) are there; or only its
//! *size* is there, with zeros instead of its bytes. A change of names or of a size is there or
//! not. Which fates go together depends on the file system, so there are three models of file
//! systems, each of which allows everything that the one before it allows:
//!
//! - **ext4** (`data=ordered`, delayed allocation). Changes of names and sizes go into one log in
//!   order, so some prefix of them is found; what a sync commits is said in [`super::commits`].
//!   Data of one file is written back in order. An append within the allocated tail block gets its
//!   size with the log, whether its data was written or not (then it reads as zeros). An append
//!   beyond gets it when its blocks are allocated, which is when writing back begins, and then its
//!   data may be missing too. A rename over an existing file begins to write the new file back, but
//!   only if it has unallocated blocks, and does not wait for the end. A truncation within a block
//!   is in the log only after its page was written ([`truncation`]).
//! - **xfs**. As ext4, but a rename writes nothing back, data of one file may be written back in
//!   any order (holes are zeros), any size may be there without its data, and a write within the
//!   allocated block may also leave the old size.
//! - **posix**. Only what was synced explicitly is certain: data by a sync of its file, names by a
//!   sync of their directory. Every other change is there or not, independently.
//!
//! Under each of them, blocks that were there before may hold later bytes than the log has sizes
//! for ([`Fate::InPlace`]), and what a failed sync gave up may have landed, or read as zeros
//! ([`GivenUp`]). What ext4 leaves on blocks of 1 KiB has a mode of its own ([`Mode::Small`]).
//!
//! There are two questions. Whether an image may be found is decided by [`PowerCut::allows`]; which
//! images are tried, and in which order, is [`PowerCut::images`]. Each kind of state has a mode,
//! and these come first. The test `disk_states` holds the first to real file systems: random
//! scripts on ext4 with blocks of 4 KiB and 1 KiB and on XFS, which are stopped at one moment
//! (`FS_IOC_SHUTDOWN` without flushing the log), mounted again and read. No file system that lies
//! on a loop device leaves torn writes or data out of order, because such a device loses and
//! reorders nothing that it has taken; documentation allows both, so they stay. XFS logs a size
//! only after the data up to there was written (`xfs_setfilesize`, fs/xfs/xfs_aops.c), and was
//! never seen to leave one without the other. Its model allows that because the models nest:
//! whoever stands xfs stands ext4. `docs/disk.md` has what was seen of each kind of state.
//!
//! Not modelled, and why that is fair: the device keeps what it has acknowledged to a flush, does
//! not corrupt what is not being written, and writes a sector whole or not at all; the file systems
//! themselves rely on that. Periodic commits (every 5 s) and periodic writeback (after 30 s) are
//! possible at every moment, never certain. `data=writeback`, and mount options that turn barriers
//! off, promise less than a server can ask for.
//!
//! Must not know: what is in a file, and who asks.

mod allows;
mod axes;
mod choice;
mod fate;
mod image;
mod images;
mod missing;
mod mode;
mod small_blocks;
#[cfg(test)]
mod tests;
mod truncation;

use std::cell::RefCell;
use std::collections::BTreeMap;

pub use image::Image;
pub use images::{Images, Shown};
pub use missing::Missing;
pub use mode::{Cut, FsModel, Mode, NotACut};

use super::directory::{apply, parent_of};
use super::page_cache::{Change, ContentEntry, PageCache};
use super::{Disk, Ino};
use fate::{Choice, Fate, GivenUp};
use image::Content;

/// Why there is no such image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Impossible(pub String);

/// How many bytes of contents are kept from image to image.
const REMEMBERED: usize = 16 << 20;

#[derive(Debug, Default)]
struct Known {
    contents: BTreeMap<(usize, GivenUp, Vec<Fate>), Content>,
    bytes: usize,
}

/// A disk at the moment of a power cut, under one file system model.
#[derive(Debug)]
pub struct PowerCut<'a> {
    disk: &'a Disk,
    fs: FsModel,
    /// Files with changes that are not durable.
    unsynced: Vec<(Ino, &'a PageCache)>,
    /// The content of the other files.
    durable: Vec<(Ino, Content)>,
    /// The content of unsynced files by the fates of their changes, up to a limit.
    known: RefCell<Known>,
    /// Changes of names and sizes before this are certain, if there is one log for them.
    committed: u64,
    now: u64,
}

impl<'a> PowerCut<'a> {
    pub fn of(disk: &'a Disk, fs: FsModel) -> PowerCut<'a> {
        let files = || disk.any_inodes().filter(|(_, inode)| !inode.is_dir);
        let unsynced = files()
            .filter(|(_, inode)| !inode.content.is_certain())
            .map(|(ino, inode)| (ino, &inode.content))
            .collect();
        let durable = files()
            .filter(|(_, inode)| inode.content.is_certain())
            .map(|(ino, inode)| (ino, Content::new(inode.content.durable())))
            .collect();
        let committed = if fs == FsModel::Posix { 0 } else { disk.names.committed() };
        let (known, now) = (RefCell::default(), disk.sequence());
        PowerCut { disk, fs, unsynced, durable, known, committed, now }
    }

    /// The one image that this power cut leaves.
    ///
    /// # Errors
    /// Nothing can be torn where the mode says.
    pub fn image(disk: &Disk, cut: Cut) -> Result<Image, Impossible> {
        let power = PowerCut::of(disk, cut.fs);
        power.choose(cut.mode).map(|choice| power.build(&choice))
    }

    /// Every unsynced write, the oldest first: its sequence number, its file and its place in the
    /// journal of that.
    fn writes(&self) -> Vec<(u64, usize, usize)> {
        let mut writes: Vec<(u64, usize, usize)> = Vec::new();
        for (file, (_, content)) in self.unsynced.iter().enumerate() {
            let entries = content.journal().iter().enumerate();
            let these = entries.filter(|(_, entry)| is_write(entry));
            writes.extend(these.map(|(n, entry)| (entry.sequence, file, n)));
        }
        writes.sort_unstable();
        writes
    }

    /// The sequence numbers of changes that are not certain, in order.
    fn events(&self) -> Vec<u64> {
        let contents = self.unsynced.iter().flat_map(|(_, content)| content.journal());
        let uncertain = |entry: &&ContentEntry| is_write(entry) || entry.sequence >= self.committed;
        let changes = contents.filter(uncertain).map(|entry| entry.sequence);
        let names = self.disk.names.journal().iter().map(|entry| entry.sequence);
        let mut events: Vec<u64> =
            changes.chain(names.filter(|sequence| *sequence >= self.committed)).collect();
        events.sort_unstable();
        events
    }

    /// The names that are there under this choice.
    fn names(&self, choice: &Choice) -> BTreeMap<String, Ino> {
        let mut names = self.disk.names.durable().clone();
        for (entry, there) in self.disk.names.journal().iter().zip(&choice.names) {
            if *there {
                apply(&mut names, &entry.change);
            }
        }
        names
    }

    /// The image that results from this choice.
    fn build(&self, choice: &Choice) -> Image {
        self.build_with(&self.names(choice), choice)
    }

    /// The same, of which the names are known.
    fn build_with(&self, names: &BTreeMap<String, Ino>, choice: &Choice) -> Image {
        let mut image = Image::default();
        for (name, ino, is_dir) in self.entries(names) {
            if is_dir {
                image.add_dir(name);
            } else {
                image.add_file(name, self.content(ino, choice));
            }
        }
        image.finished()
    }

    /// What is found under these names, and whether it is a directory. A file is not there without
    /// its directory.
    fn entries<'n>(&self, names: &'n BTreeMap<String, Ino>) -> Vec<(&'n str, Ino, bool)> {
        let is_dir = |ino: Ino| self.disk.any_inode(ino).is_some_and(|inode| inode.is_dir);
        let mut entries = Vec::new();
        for (name, ino) in names {
            let mut above = parent_of(name);
            while !above.is_empty() && names.get(above).is_some_and(|ino| is_dir(*ino)) {
                above = parent_of(above);
            }
            if above.is_empty() {
                entries.push((name.as_str(), *ino, is_dir(*ino)));
            }
        }
        entries
    }

    /// How much of the log may have reached the disk: changes before one of these.
    fn logs(&self) -> Vec<u64> {
        let events = self.events().into_iter().filter(|event| *event >= self.committed);
        let mut logs: Vec<u64> = events.map(|event| event + 1).collect();
        logs.insert(0, self.committed);
        logs.dedup();
        logs
    }

    fn content(&self, ino: Ino, choice: &Choice) -> Content {
        if let Some((_, content)) = self.durable.iter().find(|(its, _)| *its == ino) {
            return content.clone();
        }
        let place = self.unsynced.iter().position(|(its, _)| *its == ino);
        let place = place.expect("every named file has an inode");
        let fates = &choice.fates[place];
        let given_up = choice.given_up[place];
        let mut known = self.known.borrow_mut();
        let key = (place, given_up, fates.clone());
        if let Some(content) = known.contents.get(&key) {
            return content.clone();
        }
        let content = Content::new(fate::content(self.unsynced[place].1, fates, given_up));
        known.bytes += content.bytes.len();
        if known.bytes < REMEMBERED {
            known.contents.insert(key, content.clone());
        }
        content
    }
}

fn is_write(entry: &ContentEntry) -> bool {
    matches!(entry.change, Change::Write { .. })
}
