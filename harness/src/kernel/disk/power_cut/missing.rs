//! What an image lacks beside what a reader of the disk saw before the power cut.
//!
//! A name that leads to another file lacks the change of that name; a file that is there under its
//! name may lack bytes. Must not know: what is in a file, and who asks.

use std::collections::BTreeMap;

use super::{Image, Ino, PowerCut};
use crate::kernel::disk::directory::parent_of;

/// In which way something did not reach the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Missing {
    /// A name, or a rename over it.
    Name,
    /// That a name was taken away.
    Removal,
    /// The end of a file.
    End,
    /// Bytes, of which the size is there: they read as zeros.
    Bytes,
    /// What was written over, or never cut off: older bytes are there.
    Rewrite,
}

impl PowerCut<'_> {
    /// What is missing of which path of an image with these names.
    pub(super) fn missing(
        &self,
        names: &BTreeMap<String, Ino>,
        image: &Image,
        full: &Image,
    ) -> Vec<(String, Missing)> {
        let mut missing = Vec::new();
        for (name, ino) in self.disk.names.iter() {
            if above(name).any(|dir| !names.contains_key(dir)) {
                continue;
            }
            if names.get(name) != Some(&ino) {
                missing.push((name.to_string(), Missing::Name));
            } else if let Some(what) = of_content(image.file(name), full.file(name)) {
                missing.push((name.to_string(), what));
            }
        }
        let gone = names.keys().filter(|name| self.disk.names.get(name).is_none());
        missing.extend(gone.map(|name| (name.clone(), Missing::Removal)));
        missing
    }
}

/// The directories above a path.
fn above(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(parent_of(name)), |dir| Some(parent_of(dir)))
        .take_while(|dir| !dir.is_empty())
}

fn of_content(found: Option<&[u8]>, all: Option<&[u8]>) -> Option<Missing> {
    let (found, all) = (found?, all?);
    let differ = || found.iter().zip(all).filter(|(found, all)| found != all);
    match () {
        () if found == all => None,
        () if all.starts_with(found) => Some(Missing::End),
        () if found.len() <= all.len() && differ().all(|(found, _)| *found == 0) => {
            Some(Missing::Bytes)
        }
        () => Some(Missing::Rewrite),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_missing_at_the_end_or_behind_a_size_or_are_older() {
        let of = |found: &[u8]| of_content(Some(found), Some(b"abcd"));
        assert_eq!(of(b"abcd"), None);
        assert_eq!(of(b"ab"), Some(Missing::End));
        assert_eq!(of(b"ab\0\0"), Some(Missing::Bytes));
        assert_eq!(of(b"ab\0"), Some(Missing::Bytes));
        assert_eq!(of(b"abxy"), Some(Missing::Rewrite));
        assert_eq!(of(b"abcdef"), Some(Missing::Rewrite));
    }

    #[test]
    fn a_path_lies_below_each_directory_above_it() {
        assert_eq!(above("a/b/c").collect::<Vec<_>>(), ["a/b", "a"]);
        assert_eq!(above("a").count(), 0);
    }
}
