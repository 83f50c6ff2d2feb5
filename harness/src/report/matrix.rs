//! The matrix of a sweep: calls down, faults across, one word per cell.
//!
//! ```text
//! write                    ENOSPC  ENOSPC+  EIO   half, full+
//! parent.aof.write#1..3    .       told     .     told
//! ```
//!
//! Calls with the same faults share a block; neighbours on one axis with equal cells are folded. A
//! broken promise is in capitals, and what was kept is a dot, so that the eye finds the rest. Where
//! a cell stands for several endings that came to different things, letters behind the word say
//! which ones it is from (`told/k`). Must not know: how the runs were made.

use std::ops::Range;

use super::cell::{Worst, letters};
use crate::contract::Verdict;
use crate::kernel::Site;
use crate::sweep::{Axis, Ending};

/// One run: where, with which fault, how it ended, and its verdict; None: nothing was injected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    pub site: Site,
    pub fault: String,
    pub ending: Ending,
    pub verdict: Option<Verdict>,
}

/// Several runs may stand in one cell: the worst counts, and one that injected something before one
/// that did not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    site: Site,
    cells: Vec<(String, Worst)>,
}

/// What words and letters in cells mean.
pub fn legend() -> String {
    let mut text =
        format!("{WORDS}\nbehind a word, which ending it is from where others came to better:");
    letters().iter().for_each(|(letter, words)| text.push_str(&format!("\n  /{letter}  {words}")));
    text
}

const WORDS: &str = "\
.     kept           allow  lost-allowed  lie     lost-by-lie
told  lost-reported  leak   leaked        litter  litter
odd   surprise       ?      not-measured   -       not injected
in capitals: a promise broken (LOST DIVERGED STUCK DIED HUNG REFUSED,
FALSE for misreported), or the harness itself (BROKEN)";

/// The word in a cell.
pub fn word(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        None => "-",
        Some(Verdict::HarnessBroken) => "BROKEN",
        Some(Verdict::NotMeasured) => "?",
        Some(Verdict::Hung) => "HUNG",
        Some(Verdict::Died) => "DIED",
        Some(Verdict::RefusedStart) => "REFUSED",
        Some(Verdict::Lost) => "LOST",
        Some(Verdict::Diverged) => "DIVERGED",
        Some(Verdict::LostReported) => "told",
        Some(Verdict::Stuck) => "STUCK",
        Some(Verdict::Misreported) => "FALSE",
        Some(Verdict::Leaked) => "leak",
        Some(Verdict::Surprise) => "odd",
        Some(Verdict::LostByLie) => "lie",
        Some(Verdict::Litter) => "litter",
        Some(Verdict::LostAllowed) => "allow",
        Some(Verdict::Kept) => ".",
        Some(Verdict::NotApplicable) => "n/a",
    }
}

impl Matrix {
    pub fn of(cells: impl IntoIterator<Item = Cell>) -> Matrix {
        let mut rows: Vec<Row> = Vec::new();
        for Cell { site, fault, ending, verdict } in cells {
            let known = match rows.iter().rposition(|row| row.site == site) {
                Some(known) => known,
                None => {
                    rows.push(Row { site, cells: Vec::new() });
                    rows.len() - 1
                }
            };
            let cells = &mut rows[known].cells;
            let place = cells.iter().position(|(other, _)| *other == fault);
            let place = place.unwrap_or_else(|| {
                cells.push((fault, Worst::default()));
                cells.len() - 1
            });
            cells[place].1.add(verdict, ending);
        }
        Matrix { rows }
    }

    /// The matrix as text, each line ended and of at most so many characters, if that is possible:
    /// where a block is wider, its columns go on below.
    pub fn render(&self, width: usize) -> String {
        let mut text = String::new();
        let mut blocks: Vec<(Vec<&str>, Vec<&Row>)> = Vec::new();
        for row in &self.rows {
            let columns: Vec<&str> = row.cells.iter().map(|(fault, _)| fault.as_str()).collect();
            match blocks.iter_mut().find(|(other, _)| *other == columns) {
                Some((_, rows)) => rows.push(row),
                None => blocks.push((columns, vec![row])),
            }
        }
        for (columns, rows) in &blocks {
            if !text.is_empty() {
                text.push('\n');
            }
            block(&mut text, columns, rows, width);
        }
        text
    }
}

/// `told`, or `told/k` where it is not from every ending.
fn told(worst: &Worst) -> String {
    let word = word(worst.verdict());
    match worst.letters() {
        letters if letters.is_empty() => word.to_string(),
        letters => format!("{word}/{letters}"),
    }
}

fn block(text: &mut String, columns: &[&str], rows: &[&Row], most: usize) {
    let lines: Vec<(String, Vec<String>)> = folded(rows);
    let first = lines.iter().map(|(site, _)| site.chars().count()).max().unwrap_or(0);
    let width = |n: usize| {
        let words = lines.iter().map(|(_, words)| words[n].len());
        words.chain([columns[n].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let headings: Vec<String> = columns.iter().map(ToString::to_string).collect();
    let mut push = |site: &str, words: &[String], widths: &[usize]| {
        let mut line = format!("{site:first$}");
        for (word, width) in words.iter().zip(widths) {
            line.push_str(&format!("  {word:width$}"));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    };
    for part in parts(&widths, most.saturating_sub(first)) {
        push("", &headings[part.clone()], &widths[part.clone()]);
        lines
            .iter()
            .for_each(|(site, words)| push(site, &words[part.clone()], &widths[part.clone()]));
    }
}

/// The columns that stand side by side in so many characters; each part has at least one.
fn parts(widths: &[usize], most: usize) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut used = 0;
    for (n, width) in widths.iter().enumerate() {
        match parts.last_mut() {
            Some(part) if used + 2 + width <= most => part.end = n + 1,
            _ => {
                parts.push(n..n + 1);
                used = 0;
            }
        }
        used += 2 + width;
    }
    parts
}

/// Neighbours on one axis with equal cells are one line.
fn folded(rows: &[&Row]) -> Vec<(String, Vec<String>)> {
    // The first call of each line, and the number of the last one.
    let mut lines: Vec<(&Site, u32, Vec<String>)> = Vec::new();
    let counted = |site: &Site| (site.incarnation, Axis::of(site));
    for Row { site, cells } in rows {
        let words: Vec<String> = cells.iter().map(|(_, worst)| told(worst)).collect();
        let last = lines.iter_mut().rev().find(|(first, ..)| counted(first) == counted(site));
        match last {
            Some((_, to, same)) if *same == words && *to < site.number => *to = site.number,
            _ => lines.push((site, site.number, words)),
        }
    }
    let line = |(first, to, words): (&Site, u32, Vec<String>)| match first.number == to {
        true => (first.to_string(), words),
        false => (format!("{first}..{to}"), words),
    };
    lines.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_neighbours_are_folded_and_the_worst_of_a_cell_counts() {
        let cell = |site: &str, fault: &str, verdict| Cell {
            site: site.parse().expect(site),
            fault: fault.to_string(),
            ending: Ending::Killed,
            verdict,
        };
        let kept = Some(Verdict::Kept);
        let matrix = Matrix::of([
            cell("parent.aof.write#1", "EIO", kept),
            cell("parent.aof.write#1", "EIO", Some(Verdict::Lost)),
            cell("parent.fork#1", "EAGAIN", None),
            cell("parent.aof.write#2", "EIO", kept),
            cell("parent.aof.write#3", "EIO", kept),
        ]);
        let expected = "                       EIO
parent.aof.write#1     LOST
parent.aof.write#2..3  .

               EAGAIN
parent.fork#1  -
";
        assert_eq!(matrix.render(usize::MAX), expected);
    }

    #[test]
    fn columns_that_find_no_place_go_on_below() {
        let cell = |fault: &str| Cell {
            site: "parent.fork#1".parse().expect("a site"),
            fault: fault.to_string(),
            ending: Ending::Killed,
            verdict: Some(Verdict::Lost),
        };
        let matrix = Matrix::of(["EAGAIN", "ENOMEM", "EIO"].map(cell));
        let narrow = "               EAGAIN  ENOMEM
parent.fork#1  LOST    LOST
               EIO
parent.fork#1  LOST
";
        assert_eq!(matrix.render(30), narrow);
        assert_eq!(matrix.render(0).lines().count(), 6);
        assert_eq!(matrix.render(80).lines().count(), 2);
    }

    #[test]
    fn a_word_that_is_not_from_every_ending_says_from_which() {
        let cell = |number: u32, ending, verdict| Cell {
            site: format!("parent.aof.write#{number}").parse().expect("a site"),
            fault: "EIO".to_string(),
            ending,
            verdict: Some(verdict),
        };
        let (killed, healed, cut) = (Ending::Killed, Ending::Healed, Ending::PowerCut);
        let matrix = Matrix::of([
            cell(1, killed, Verdict::Lost),
            cell(1, healed, Verdict::Lost),
            cell(2, killed, Verdict::Kept),
            cell(2, healed, Verdict::Stuck),
            cell(3, killed, Verdict::LostReported),
            cell(3, healed, Verdict::Kept),
            cell(3, cut, Verdict::LostReported),
        ]);
        let expected = "                    EIO
parent.aof.write#1  LOST
parent.aof.write#2  STUCK/h
parent.aof.write#3  told/kp
";
        assert_eq!(matrix.render(usize::MAX), expected);
    }

    #[test]
    fn the_legend_fits_a_terminal_and_has_every_word_and_letter() {
        let legend = legend();
        assert!(legend.lines().all(|line| line.chars().count() <= 80), "{legend}");
        for (letter, _) in letters() {
            assert!(legend.contains(&format!("/{letter} ")), "{letter}");
        }
        let words = Verdict::ALL.into_iter().filter(|it| *it != Verdict::NotApplicable);
        for word in words.map(|verdict| word(Some(verdict))) {
            assert!(legend.contains(word), "{word}");
        }
    }
}
