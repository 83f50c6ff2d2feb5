//! Reviewed transcripts: `snapshots/FOLDER/NAME@FAMILY.snap`, in insta's format.
//!
//! The tests write and review them; this only reads. A family is what may share a transcript:
//! `sabot` for our own server behind both doors, `redis-7.0` and the like for others. A family has
//! a snapshot only where it differs from the one before it ([`before`]): what there is none of is
//! as there. So a family's files are what changed. A family of which nothing was ever reviewed is
//! no failure. Must not know: what a transcript says.

use std::path::{Path, PathBuf};

use super::library::Library;

/// What is known about a case in a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reviewed {
    /// The transcript that a person has accepted.
    As(String),
    /// This family has snapshots, this case has none among them.
    Missing(PathBuf),
    /// Nothing of this family was ever reviewed.
    Never,
    /// A case of the user's own: all that is expected of it stands in it.
    ByItsAssertions,
    /// It runs under a configuration of the user's, so that it may go otherwise than it says.
    UnderAnotherConfiguration,
}

/// Each family with the one that its transcripts are written against.
const BEFORE: [(&str, &str); 12] = [
    ("redis-6.0", "sabot"),
    ("redis-6.2", "redis-6.0"),
    ("redis-7.0", "redis-6.2"),
    ("redis-7.4", "redis-7.0"),
    ("redict-7.3", "redis-7.0"),
    ("sabot-7.0", "redis-7.0"),
    ("redis-8.0", "redis-7.0"),
    ("redis-8.0.6", "redis-8.0"),
    ("redis-8.2", "redis-8.0.6"),
    ("redis-8.6", "redis-8.2"),
    ("valkey-8.1", "redis-7.0"),
    ("valkey-9.1", "valkey-8.1"),
];

/// The family that `family` is as, wherever it has no snapshot of its own.
pub fn before(family: &str) -> Option<&'static str> {
    BEFORE.iter().find(|(later, _)| *later == family).map(|(_, before)| *before)
}

/// The folder of snapshots, with the families that were reviewed.
#[derive(Clone, Debug, Default)]
pub struct Snapshots {
    folder: Option<PathBuf>,
    families: Vec<String>,
}

impl Snapshots {
    /// Those beside the library's cases; none when the cases come with the binary.
    pub fn of(library: &Library) -> Snapshots {
        match &library.root {
            Some(root) => Snapshots::at(&root.join("snapshots")),
            None => Snapshots::default(),
        }
    }

    pub fn at(folder: &Path) -> Snapshots {
        let mut families: Vec<String> =
            files(folder).iter().filter_map(|path| family(path)).collect();
        families.sort();
        families.dedup();
        Snapshots { folder: Some(folder.to_path_buf()), families }
    }

    /// Whether any case was ever reviewed in this family.
    pub fn know(&self, family: &str) -> bool {
        self.families.iter().any(|known| known == family)
    }

    /// What was reviewed for the case of the library called `case`.
    pub fn find(&self, case: &str, family: &str) -> Reviewed {
        let Some(folder) = self.folder.as_ref().filter(|_| self.know(family)) else {
            return Reviewed::Never;
        };
        match self.own(case, family).or_else(|| self.inherited(case, family)) {
            Some(text) => Reviewed::As(text),
            None => Reviewed::Missing(folder.join(format!("{case}@{family}.snap"))),
        }
    }

    /// The transcript of exactly this family.
    pub fn own(&self, case: &str, family: &str) -> Option<String> {
        let path = self.folder.as_ref()?.join(format!("{case}@{family}.snap"));
        std::fs::read_to_string(path).ok().map(|text| contents(&text))
    }

    /// The transcript that this family has, where it has none of its own.
    pub fn inherited(&self, case: &str, family: &str) -> Option<String> {
        let before = before(family)?;
        self.own(case, before).or_else(|| self.inherited(case, before))
    }
}

/// Whether a transcript is the reviewed one; insta does not look at what surrounds it either.
pub fn same(reviewed: &str, transcript: &str) -> bool {
    trimmed(reviewed) == trimmed(transcript)
}

/// A text without the empty lines around it.
pub fn trimmed(text: &str) -> &str {
    text.trim_start_matches(['\r', '\n']).trim_end()
}

/// What stands below insta's header.
fn contents(file: &str) -> String {
    let body = file.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
    trimmed(body.map_or(file, |(_, body)| body)).to_string()
}

/// The part of the name between `@` and `.snap`.
fn family(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.strip_suffix(".snap")?;
    Some(name.rsplit_once('@')?.1.to_string())
}

/// All files in the folders of `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let list = |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten();
    list(folder).flat_map(|entry| list(&entry.path()).map(|file| file.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_left_out_and_families_are_told_apart() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("flush")).expect("a new folder");
        let file = folder.path().join("flush/short@sabot.snap");
        let text = "---\nsource: tests/cases.rs\ndescription: d\n---\n# a comment\n---\n> PING\n";
        std::fs::write(file, text).expect("a new file");
        let snapshots = Snapshots::at(folder.path());
        let Reviewed::As(text) = snapshots.find("flush/short", "sabot") else {
            panic!("there is one")
        };
        assert!(same(&text, "\n# a comment\n---\n> PING\n\n"), "{text}");
        assert!(matches!(snapshots.find("flush/long", "sabot"), Reviewed::Missing(_)));
        assert_eq!(snapshots.find("flush/short", "redis-7.0"), Reviewed::Never);
        assert_eq!(
            snapshots.inherited("flush/short", "redis-7.0"),
            Some("# a comment\n---\n> PING".into())
        );
    }
}
