//! Descriptors: each process has a table of them; they stand for open file descriptions, which
//! forks share.
//!
//! Only the files and pipes of the model are here; sockets and the like belong to the doors. Must
//! not know: what is in a file or a pipe.

use nix::fcntl::OFlag;

use super::disk::Ino;
use super::disk::errors::Seen;

/// A file descriptor.
pub type Fd = i32;
/// A pipe of this machine, numbered in order of creation.
pub type PipeId = usize;

/// Which end of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    Read,
    Write,
}

/// What a descriptor stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
    File(Ino),
    Pipe(PipeId, End),
}

/// An open file description, see open(2): shared by dup and fork.
#[derive(Clone, Debug)]
pub struct Description {
    pub object: Object,
    /// Where the next read or write starts; with O_APPEND a write starts at the end of the file.
    pub offset: u64,
    /// The status flags, as `F_GETFL` gives them.
    pub flags: OFlag,
    /// Errors of writeback that it was told of.
    pub seen: Seen,
    references: u32,
}

/// What a call wants to do with a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
}

/// Flags that open(2) uses up. The others are kept with the open file description.
const OF_THE_CALL: OFlag = OFlag::O_CREAT
    .union(OFlag::O_EXCL)
    .union(OFlag::O_NOCTTY)
    .union(OFlag::O_TRUNC)
    .union(OFlag::O_CLOEXEC);

impl Description {
    /// Whether the access mode it was opened with allows this.
    pub fn allows(&self, access: Access) -> bool {
        allows(self.flags, access)
    }
}

/// Whether the access mode in these flags allows this. Mode 3 allows neither.
pub fn allows(flags: OFlag, access: Access) -> bool {
    match flags & OFlag::O_ACCMODE {
        OFlag::O_RDWR => true,
        OFlag::O_WRONLY => access == Access::Write,
        OFlag::O_RDONLY => access == Access::Read,
        _ => false,
    }
}

/// The number of an open file description in this machine.
pub type DescriptionId = usize;

/// The descriptors of one process.
#[derive(Clone, Debug, Default)]
pub struct FdTable {
    /// Sorted by descriptor.
    entries: Vec<(Fd, DescriptionId)>,
}

impl FdTable {
    fn place(&self, fd: Fd) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&fd, |(known, _)| *known)
    }

    pub fn get(&self, fd: Fd) -> Option<DescriptionId> {
        self.place(fd).ok().map(|place| self.entries[place].1)
    }

    pub fn iter(&self) -> impl Iterator<Item = (Fd, DescriptionId)> {
        self.entries.iter().copied()
    }

    /// The lowest free number from `first` on.
    pub fn lowest_free(&self, first: Fd) -> Fd {
        let from = self.entries.partition_point(|(fd, _)| *fd < first);
        let taken = (first..).zip(&self.entries[from..]).take_while(|(free, (fd, _))| free == fd);
        first + Fd::try_from(taken.count()).expect("numbers are many")
    }

    pub fn insert(&mut self, fd: Fd, id: DescriptionId) {
        match self.place(fd) {
            Ok(place) => {
                debug_assert!(false, "descriptor {fd} was in use");
                self.entries[place].1 = id;
            }
            Err(place) => self.entries.insert(place, (fd, id)),
        }
    }

    pub fn remove(&mut self, fd: Fd) -> Option<DescriptionId> {
        self.place(fd).ok().map(|place| self.entries.remove(place).1)
    }
}

/// All open file descriptions of a machine.
#[derive(Clone, Debug, Default)]
pub struct Descriptions {
    slots: Vec<Option<Description>>,
}

impl Descriptions {
    pub fn open(&mut self, object: Object, flags: OFlag, seen: Seen) -> DescriptionId {
        let flags = flags - OF_THE_CALL;
        let description = Description { object, offset: 0, flags, seen, references: 1 };
        match self.slots.iter().position(Option::is_none) {
            Some(free) => {
                self.slots[free] = Some(description);
                free
            }
            None => {
                self.slots.push(Some(description));
                self.slots.len() - 1
            }
        }
    }

    pub fn get(&self, id: DescriptionId) -> &Description {
        self.slots[id].as_ref().expect("a description in a table is open")
    }

    pub fn get_mut(&mut self, id: DescriptionId) -> &mut Description {
        self.slots[id].as_mut().expect("a description in a table is open")
    }

    /// One more descriptor refers to it.
    pub fn share(&mut self, id: DescriptionId) {
        self.get_mut(id).references += 1;
    }

    /// One descriptor less refers to it. Returns what it stood for if that was the last one.
    pub fn release(&mut self, id: DescriptionId) -> Option<Object> {
        let description = self.get_mut(id);
        description.references -= 1;
        let object = description.object;
        if description.references > 0 {
            return None;
        }
        self.slots[id] = None;
        Some(object)
    }

    /// Whether anybody can write to this object.
    pub fn is_written(&self, object: Object) -> bool {
        let mut all = self.slots.iter().flatten();
        all.any(|open| open.object == object && open.allows(Access::Write))
    }

    /// How many open file descriptions stand for this object.
    pub fn count(&self, object: Object) -> usize {
        self.slots.iter().flatten().filter(|description| description.object == object).count()
    }
}
