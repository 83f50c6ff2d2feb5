//! The reviewed list of differences: lines that may differ, each with its reason.
//!
//! An entry holds for two families of transcripts and for lines, on both sides; it never excuses a
//! case as a whole. Must not know: how cases were run.

use serde::Deserialize;

use super::{Hunk, Kind, applies};

/// The list that is part of this program.
const LIST: &str = include_str!("../../../conformance.toml");

/// One difference that is known and has a reason.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The families of both sides, in any order.
    between: [String; 2],
    /// A pattern for every line of the first family; None: there must be none.
    #[serde(default)]
    left: Option<String>,
    #[serde(default)]
    right: Option<String>,
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    difference: Vec<Entry>,
    #[serde(default)]
    runs: Vec<Runs>,
}

/// Runs of a sweep that only one server can make, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runs {
    /// The families of both sides, in any order.
    between: [String; 2],
    /// The family that makes them.
    only: String,
    /// A pattern for the kind of call: `parent.aof.write`.
    calls: String,
    /// Only orders in which this task runs before the call.
    #[serde(default)]
    first: Option<String>,
    pub reason: String,
}

impl Runs {
    /// The reviewed entries for two families.
    pub fn reviewed(left: &str, right: &str) -> Vec<Runs> {
        let file: File = toml::from_str(LIST).expect("the list in this program is well-formed");
        let fits = |runs: &Runs| {
            let [one, other] = &runs.between;
            [(one, other), (other, one)].iter().any(|(l, r)| *l == left && *r == right)
        };
        file.runs.into_iter().filter(fits).collect()
    }

    /// Whether this explains the runs of this family at this kind of call, before which a task may
    /// have run.
    pub fn covers(&self, family: &str, calls: &str, first: Option<&str>) -> bool {
        let in_order = self.first.is_none() || self.first.as_deref() == first;
        self.only == family && matches(&self.calls, calls) && in_order
    }
}

/// The entries for one pair of families, with how often each was needed.
#[derive(Clone, Debug, Default)]
pub struct List {
    entries: Vec<(Entry, usize)>,
}

impl List {
    /// The reviewed entries for two families.
    pub fn reviewed(left: &str, right: &str) -> List {
        List::read(LIST, left, right).expect("the list in this program is well-formed")
    }

    /// The entries of a text for two families.
    ///
    /// # Errors
    /// What the text has wrong, with its line.
    pub fn read(text: &str, left: &str, right: &str) -> Result<List, String> {
        let file: File = toml::from_str(text).map_err(|why| why.to_string())?;
        let turned = |entry: Entry| {
            let Entry { between: [one, other], left, right, reason } = entry;
            Entry { between: [other, one], left: right, right: left, reason }
        };
        let fitting = |entry: Entry| match &entry.between {
            [one, other] if one == left && other == right => Some((entry, 0)),
            [one, other] if one == right && other == left => Some((turned(entry), 0)),
            _ => None,
        };
        Ok(List { entries: file.difference.into_iter().filter_map(fitting).collect() })
    }

    /// Whether an entry covers this difference; that entry then counts as needed.
    pub fn covers(&mut self, hunk: &Hunk) -> bool {
        let found = self.entries.iter_mut().find(|(entry, _)| entry.covers(hunk));
        found.map(|(_, needed)| *needed += 1).is_some()
    }

    /// Why a case may apply to one server alone; `why` is what the other one lacks, by side.
    pub fn reason_to_lack(&self, why: &[Option<String>; 2]) -> Option<&str> {
        let [left, right] = why.each_ref().map(|why| applies(why.as_deref()));
        let hunk = Hunk { kind: Kind::Applies, left, right };
        let mut entries = self.entries.iter();
        entries.find(|(entry, _)| entry.covers(&hunk)).map(|(entry, _)| entry.reason.as_str())
    }

    /// The reasons of entries that nothing has needed.
    pub fn stale(&self) -> impl Iterator<Item = &str> {
        let unneeded = self.entries.iter().filter(|(_, needed)| *needed == 0);
        unneeded.map(|(entry, _)| entry.reason.as_str())
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Entry {
    fn covers(&self, hunk: &Hunk) -> bool {
        let side = |pattern: &Option<String>, lines: &[String]| match pattern {
            None => lines.is_empty(),
            Some(pattern) => !lines.is_empty() && lines.iter().all(|line| matches(pattern, line)),
        };
        side(&self.left, &hunk.left) && side(&self.right, &hunk.right)
    }
}

/// `*` stands for any text, all else for itself.
pub fn matches(pattern: &str, line: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == line };
    let Some(rest) = line.strip_prefix(head) else { return false };
    (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| matches(tail, &rest[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[[difference]]\nbetween = [\"a\", \"b\"]\nleft = \"log * one\"\n\
                        right = \"log two\"\nreason = \"because\"\n";

    fn hunk(left: &[&str], right: &[&str]) -> Hunk {
        let owned = |lines: &[&str]| lines.iter().map(|line| line.to_string()).collect();
        Hunk { kind: Kind::Log, left: owned(left), right: owned(right) }
    }

    #[test]
    fn both_sides_must_match_and_an_entry_that_nothing_needs_is_told() {
        let mut list = List::read(TEXT, "a", "b").expect("well-formed");
        assert!(!list.covers(&hunk(&["log # one"], &["log three"])));
        assert!(!list.covers(&hunk(&["log # one"], &[])));
        assert!(!list.covers(&hunk(&["log # one", "other"], &["log two"])));
        assert_eq!(list.stale().collect::<Vec<_>>(), ["because"]);
        assert!(list.covers(&hunk(&["log # one"], &["log two"])));
        assert_eq!(list.stale().count(), 0);
        let mut turned = List::read(TEXT, "b", "a").expect("well-formed");
        assert!(turned.covers(&hunk(&["log two"], &["log * one"])));
        assert!(List::read(TEXT, "a", "c").expect("well-formed").is_empty());
    }

    #[test]
    fn a_slip_in_the_list_is_refused() {
        let why = List::read("[[difference]]\nbetwen = []\n", "a", "b").expect_err("a slip");
        assert!(why.contains("line 2"), "{why}");
    }
}
