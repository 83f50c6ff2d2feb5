//! The matrix of a sweep: calls down, faults across, one word per cell.
//!
//! ```text
//! write                    ENOSPC  ENOSPC+  EIO   half, full+
//! parent.aof.write#1..3    .       told     .     told
//! ```
//!
//! Calls with the same faults share a block; neighbours on one axis with equal cells are folded. A
//! broken promise is in capitals, and what was kept is a dot, so that the eye finds the rest. Must
//! not know: how the runs were made.

use std::ops::Range;

use crate::contract::Verdict;
use crate::kernel::Site;
use crate::sweep::Axis;

/// One cell that was filled: site, fault, and its worst verdict; None: nothing was injected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    pub site: Site,
    pub fault: String,
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
    cells: Vec<(String, Option<Verdict>)>,
}

/// What the words in cells mean.
pub const LEGEND: &str = "\
.  kept             allow  lost-allowed   lie    lost-by-lie       litter  litter
told  lost-reported leak   leaked         ?      not-measured      -       not injected
in capitals: a promise broken (LOST DIVERGED STUCK DIED HUNG REFUSED), or BROKEN: the harness";

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
        Some(Verdict::Leaked) => "leak",
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
        for Cell { site, fault, verdict } in cells {
            let known = match rows.iter().rposition(|row| row.site == site) {
                Some(known) => known,
                None => {
                    rows.push(Row { site, cells: Vec::new() });
                    rows.len() - 1
                }
            };
            let cells = &mut rows[known].cells;
            match cells.iter_mut().find(|(other, _)| *other == fault) {
                Some((_, worst)) => *worst = worse(*worst, verdict),
                None => cells.push((fault, verdict)),
            }
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

fn worse(a: Option<Verdict>, b: Option<Verdict>) -> Option<Verdict> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

fn block(text: &mut String, columns: &[&str], rows: &[&Row], most: usize) {
    let lines: Vec<(String, Vec<&str>)> = folded(rows);
    let first = lines.iter().map(|(site, _)| site.chars().count()).max().unwrap_or(0);
    let width = |n: usize| {
        let words = lines.iter().map(|(_, words)| words[n].len());
        words.chain([columns[n].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut push = |site: &str, words: &[&str], widths: &[usize]| {
        let mut line = format!("{site:first$}");
        for (word, width) in words.iter().zip(widths) {
            line.push_str(&format!("  {word:width$}"));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    };
    for part in parts(&widths, most.saturating_sub(first)) {
        push("", &columns[part.clone()], &widths[part.clone()]);
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
fn folded<'a>(rows: &[&'a Row]) -> Vec<(String, Vec<&'a str>)> {
    // The first call of each line, and the number of the last one.
    let mut lines: Vec<(&Site, u32, Vec<&str>)> = Vec::new();
    let counted = |site: &Site| (site.incarnation, Axis::of(site));
    for Row { site, cells } in rows {
        let words: Vec<&str> = cells.iter().map(|(_, verdict)| word(*verdict)).collect();
        let last = lines.iter_mut().rev().find(|(first, ..)| counted(first) == counted(site));
        match last {
            Some((_, to, same)) if *same == words && *to < site.number => *to = site.number,
            _ => lines.push((site, site.number, words)),
        }
    }
    let line = |(first, to, words): (&Site, u32, Vec<&'a str>)| match first.number == to {
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
}
