//! Roles: what a file is for, whatever it is called. The caller brings the table.
//!
//! The role of a file follows from the name that its inode has at the moment of the call. A pattern
//! is a name relative to the run directory, in which `*` stands for any characters except `/`; the
//! first pattern that fits decides. A pattern may give its role only to the newest of the files
//! that fit (the one whose name sorts last, with numbers compared as numbers), and another role to
//! the rest. Where some of them are written, the newest of those counts, and a newer one that is
//! about to be made; one that is there and not written was given up. Pipes get their roles when the
//! process forks, by how many were opened since the last fork. Must not know: the file names of any
//! server.

use std::cmp::Ordering;

use super::name::Name;

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pub name: String,
    pub role: Name,
    /// The role of every file that fits except the newest; None: all have `role`.
    pub older: Option<Name>,
}

/// The roles of files by name, and of pipes by the order in which they are opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles {
    pub files: Vec<Pattern>,
    /// One entry per number of pipes that may be opened between two forks: their roles.
    pub pipes: Vec<Vec<Name>>,
}

impl Roles {
    /// The role of the file called `name`. `names` are all names on the disk; `written` says
    /// which files are written. None: no pattern fits.
    pub fn of<'a>(
        &self,
        name: &str,
        mut names: impl Iterator<Item = &'a str>,
        written: impl Fn(&str) -> bool,
    ) -> Option<&Name> {
        let pattern = self.files.iter().find(|pattern| fits(&pattern.name, name))?;
        let Some(older) = &pattern.older else { return Some(&pattern.role) };
        let (mut newer, mut newer_written, mut older_written) = (false, false, false);
        let mut exists = false;
        for other in names.by_ref().filter(|other| fits(&pattern.name, other)) {
            let order = natural(other, name);
            exists |= other == name;
            newer |= order == Ordering::Greater;
            newer_written |= order == Ordering::Greater && written(other);
            older_written |= order == Ordering::Less && written(other);
        }
        let is_older = match (newer_written, older_written) {
            (true, _) => true,
            (false, _) if written(name) => false,
            (false, true) => exists,
            (false, false) => newer,
        };
        Some(if is_older { older } else { &pattern.role })
    }

    /// The name that a file with this role is made under where there is none: the only one that is
    /// no pattern. From Redis 7.0 on that of an `aof` is the name that 6.x gave it.
    pub fn only_name_of(&self, role: &str) -> Option<String> {
        let plain = |file: &&Pattern| file.role == role && !file.name.contains('*');
        let mut names = self.files.iter().filter(plain).map(|file| &file.name);
        names.next().filter(|_| names.next().is_none()).cloned()
    }

    /// Whether the role of the file called `name` depends on others that are called alike.
    pub fn is_one_of_many(&self, name: &str) -> bool {
        let pattern = self.files.iter().find(|pattern| fits(&pattern.name, name));
        pattern.is_some_and(|pattern| pattern.older.is_some())
    }

    /// The roles of `count` pipes opened before a fork; None: the table has none for that many.
    pub fn of_pipes(&self, count: usize) -> Option<&[Name]> {
        self.pipes.iter().find(|roles| roles.len() == count).map(Vec::as_slice)
    }

    /// Every role that can occur, to check selectors against.
    pub fn all(&self) -> Vec<&str> {
        let files = self.files.iter().flat_map(|p| [Some(&p.role), p.older.as_ref()]).flatten();
        let mut all: Vec<&str> =
            files.chain(self.pipes.iter().flatten()).map(|name| &**name).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Whether `name` fits `pattern`.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        let end = if parts.peek().is_none() {
            rest.ends_with(part).then(|| rest.len() - part.len())
        } else {
            rest.find(part)
        };
        match end {
            Some(end) if !rest[..end].contains('/') => rest = &rest[end + part.len()..],
            _ => return false,
        }
    }
    true
}

/// Compares names so that `x.10.aof` sorts after `x.9.aof`.
fn natural(a: &str, b: &str) -> Ordering {
    chunks(a).cmp(chunks(b))
}

/// A name as runs of digits (by value) and of other characters.
fn chunks(name: &str) -> impl Iterator<Item = (u64, &str)> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let digits = rest.starts_with(|c: char| c.is_ascii_digit());
        let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (chunk, tail) = rest.split_at(end);
        rest = tail;
        if chunk.is_empty() {
            return None;
        }
        Some(if digits { (chunk.parse().unwrap_or(u64::MAX), "") } else { (0, chunk) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(name: &str, role: &str, older: Option<&str>) -> Pattern {
        Pattern { name: name.into(), role: role.into(), older: older.map(Into::into) }
    }

    #[test]
    fn a_star_stands_for_anything_but_a_slash() {
        for (pattern, name) in [("a", "a"), ("a*", "a"), ("a*c", "abc"), ("d/*.b.*", "d/x.1.b.rdb")]
        {
            assert!(fits(pattern, name), "{pattern} should fit {name}");
        }
        for (pattern, name) in
            [("a", "ab"), ("a*", "b"), ("*", "d/x"), ("a*a", "a"), ("d/*", "e/x")]
        {
            assert!(!fits(pattern, name), "{pattern} should not fit {name}");
        }
    }

    #[test]
    fn the_first_pattern_decides_and_only_the_newest_has_its_role() {
        let files = vec![
            pattern("temp-bg-*.aof", "rewrite-bg", None),
            pattern("temp-*.aof", "rewrite-temp", None),
            pattern("d/a.*.incr.aof", "aof", Some("incr")),
        ];
        let roles = Roles { files, pipes: Vec::new() };
        let names = ["d/a.9.incr.aof", "d/a.10.incr.aof", "temp-bg-7.aof", "temp-7.aof"];
        let nobody = |_: &str| false;
        let found = names.map(|name| roles.of(name, names.into_iter(), nobody).map(|role| &**role));
        assert_eq!(found, [Some("incr"), Some("aof"), Some("rewrite-bg"), Some("rewrite-temp")]);
        assert_eq!(roles.of("x", names.into_iter(), nobody), None);
    }

    #[test]
    fn the_file_that_is_written_counts_before_a_newer_one_that_was_given_up() {
        let files = vec![pattern("a.*.aof", "aof", Some("incr"))];
        let roles = Roles { files, pipes: Vec::new() };
        let names = ["a.1.aof", "a.2.aof", "a.3.aof"];
        let all = |written: &[&str]| {
            let written = |name: &str| written.contains(&name);
            names.map(|name| &**roles.of(name, names.into_iter(), written).expect("it fits"))
        };
        assert_eq!(all(&["a.2.aof"]), ["incr", "aof", "incr"]);
        assert_eq!(all(&["a.2.aof", "a.3.aof"]), ["incr", "incr", "aof"]);
        assert_eq!(all(&["x"]), ["incr", "incr", "aof"]);
        let third = roles.of("a.3.aof", names[..2].iter().copied(), |name| name == "a.2.aof");
        assert_eq!(third.map(|role| &**role), Some("aof"), "it is about to be made");
    }
}
