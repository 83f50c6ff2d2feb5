//! An image: directories and files by name, with a hash to recognise equal ones.
//!
//! Must not know: how it came about.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::FxHasher;

use crate::kernel::disk::Disk;

/// The content of a file, shared by many images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub bytes: Arc<[u8]>,
    hash: u64,
}

impl Content {
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Content {
        let bytes = bytes.into();
        let mut hasher = FxHasher::default();
        bytes.hash(&mut hasher);
        Content { hash: hasher.finish(), bytes }
    }
}

/// What is on a disk when the power is back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    dirs: Vec<String>,
    files: BTreeMap<String, Content>,
    hash: u64,
}

impl Image {
    /// What a reader of the disk sees now.
    pub fn of(disk: &Disk) -> Image {
        let mut image = Image::default();
        for (name, ino) in disk.names.iter() {
            match disk.inode(ino) {
                inode if inode.is_dir => image.add_dir(name),
                inode => image.add_file(name, Content::new(inode.content.live())),
            }
        }
        image.finished()
    }

    /// Directories, each after its parent.
    pub fn dirs(&self) -> impl Iterator<Item = &str> {
        self.dirs.iter().map(String::as_str)
    }

    pub fn files(&self) -> impl Iterator<Item = (&str, &Arc<[u8]>)> {
        self.files.iter().map(|(name, content)| (name.as_str(), &content.bytes))
    }

    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(|content| &*content.bytes)
    }

    /// A hash of all names and contents; the same in every run.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn add_dir(&mut self, name: &str) {
        self.dirs.push(name.to_string());
    }

    pub(super) fn add_file(&mut self, name: &str, content: Content) {
        self.files.insert(name.to_string(), content);
    }

    pub(super) fn finished(mut self) -> Image {
        let mut hasher = FxHasher::default();
        self.dirs.hash(&mut hasher);
        for (name, content) in &self.files {
            (name, content.hash).hash(&mut hasher);
        }
        self.hash = hasher.finish();
        self
    }
}
