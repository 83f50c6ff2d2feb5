//! What two servers do differently in one case: their transcripts, step by step and kind by kind.
//!
//! Transcripts are equal or they are not; that is decided on the whole text. Where they are not,
//! the lines under each step are sorted by what they tell of, and what is on one side alone becomes
//! a [`Hunk`]. Numbers of calls and of starts are left out there, because one more call shifts all
//! that follow. Must not know: which servers these are, and how the transcripts came to be.

pub mod counts;
pub mod document;
pub mod lines;
pub mod reviewed_list;
pub mod sweeps;

use lines::Line;

/// What a line tells of, in the order of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Whether a server has what the case needs.
    Applies,
    Verdict,
    Reply,
    Log,
    File,
    Call,
    /// Nothing but the numbers of calls.
    Number,
}

impl Kind {
    pub const ALL: [Kind; 7] = [
        Kind::Applies,
        Kind::Verdict,
        Kind::Reply,
        Kind::Log,
        Kind::File,
        Kind::Call,
        Kind::Number,
    ];

    pub fn heading(self) -> &'static str {
        match self {
            Kind::Applies => "Cases for one of them only",
            Kind::Verdict => "Verdicts",
            Kind::Reply => "Replies and INFO",
            Kind::Log => "Log lines",
            Kind::File => "Files",
            Kind::Call => "System calls",
            Kind::Number => "Nothing but the numbers of calls",
        }
    }
}

/// Neighbouring lines that one side has in another way, or not at all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hunk {
    pub kind: Kind,
    pub left: Vec<String>,
    pub right: Vec<String>,
}

/// What became of one case on two servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    Identical,
    /// Neither has what the case needs.
    Neither,
    Differs(Vec<Hunk>),
}

/// Compares two transcripts of the case with this text.
pub fn compare(source: &str, left: &str, right: &str) -> Compared {
    let (left, right) = (left.trim(), right.trim());
    match (lines::inapplicable(left), lines::inapplicable(right)) {
        (Some(_), Some(_)) => return Compared::Neither,
        (None, None) => {}
        (one, other) => {
            let (left, right) = (applies(one), applies(other));
            return Compared::Differs(vec![Hunk { kind: Kind::Applies, left, right }]);
        }
    }
    if left == right {
        return Compared::Identical;
    }
    let (left, right) = (lines::steps(source, left), lines::steps(source, right));
    let mut hunks = Vec::new();
    for (left, right) in left.iter().zip(&right) {
        for kind in Kind::ALL {
            hunks.extend(differences(kind, &of(kind, left), &of(kind, right)));
        }
    }
    if hunks.is_empty() {
        hunks.push(Hunk { kind: Kind::Number, left: Vec::new(), right: Vec::new() });
    }
    Compared::Differs(hunks)
}

/// The line that says whether a case applies, and what the server lacks if not.
fn applies(why: Option<&str>) -> Vec<String> {
    vec![why.unwrap_or("applicable").to_string()]
}

fn of(kind: Kind, step: &[Line]) -> Vec<&str> {
    step.iter().filter(|line| line.kind == kind).map(|line| line.text.as_str()).collect()
}

/// The lines outside of a longest common subsequence, neighbours together.
fn differences(kind: Kind, left: &[&str], right: &[&str]) -> Vec<Hunk> {
    let common = common(left, right);
    let mut hunks = Vec::new();
    let (mut i, mut j) = (0, 0);
    let mut open = Hunk { kind, left: Vec::new(), right: Vec::new() };
    let mut close = |open: &mut Hunk| {
        if !open.left.is_empty() || !open.right.is_empty() {
            hunks.push(std::mem::replace(open, Hunk { kind, left: vec![], right: vec![] }));
        }
    };
    while i < left.len() || j < right.len() {
        if i < left.len() && j < right.len() && left[i] == right[j] {
            close(&mut open);
            (i, j) = (i + 1, j + 1);
        } else if j == right.len() || (i < left.len() && common[i + 1][j] >= common[i][j + 1]) {
            open.left.push(left[i].to_string());
            i += 1;
        } else {
            open.right.push(right[j].to_string());
            j += 1;
        }
    }
    close(&mut open);
    hunks
}

/// By position in both: how long the longest common subsequence of the rests is.
fn common(left: &[&str], right: &[&str]) -> Vec<Vec<usize>> {
    let mut common = vec![vec![0; right.len() + 1]; left.len() + 1];
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            common[i][j] = match left[i] == right[j] {
                true => common[i + 1][j + 1] + 1,
                false => common[i + 1][j].max(common[i][j + 1]),
            };
        }
    }
    common
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: &str = "> SET a 1\nshow files\n";

    fn hunk(kind: Kind, left: &[&str], right: &[&str]) -> Hunk {
        let owned = |lines: &[&str]| lines.iter().map(|line| line.to_string()).collect();
        Hunk { kind, left: owned(left), right: owned(right) }
    }

    #[test]
    fn lines_are_compared_by_step_and_kind_and_without_numbers() {
        let left = "> SET a 1\n    parent.aof.write#1..2  5 bytes → 5\n    log  * one\n  +OK\n\
                    show files\n  aof  5 bytes\n\nverdict: kept\n";
        let right = "> SET a 1\n    parent.aof.open#1   → ok\n    parent.aof.write#2  5 bytes → 5\n\
                     \x20   log  * two\n  +OK\nshow files\n  aof  6 bytes\n\nverdict: kept\n";
        let expected = vec![
            hunk(Kind::Log, &["* one"], &["* two"]),
            hunk(Kind::Call, &["parent.aof.write 5 bytes → 5"], &["parent.aof.open → ok"]),
            hunk(Kind::File, &["aof 5 bytes"], &["aof 6 bytes"]),
        ];
        assert_eq!(compare(CASE, left, right), Compared::Differs(expected));
        assert_eq!(compare(CASE, left, left), Compared::Identical);
    }

    #[test]
    fn other_numbers_alone_are_a_difference_too() {
        let text = |n| format!("> SET a 1\n    parent.aof.write#{n}  5 bytes → 5\n  +OK\n");
        let expected = Compared::Differs(vec![hunk(Kind::Number, &[], &[])]);
        assert_eq!(compare(CASE, &text(1), &text(2)), expected);
    }

    #[test]
    fn a_case_that_applies_to_one_side_says_why_not_to_the_other() {
        let without = "> SET a 1\n  contract: not-applicable — no such command\n\
                       \nverdict: not-applicable\n";
        let with = "> SET a 1\n  +OK\n\nverdict: kept\n";
        let found = compare(CASE, without, with);
        let expected = hunk(Kind::Applies, &["no such command"], &["applicable"]);
        assert_eq!(found, Compared::Differs(vec![expected]));
        assert_eq!(compare(CASE, without, without), Compared::Neither);
    }
}
