//! The matrix of one workload for the page: a table for each kind of call, calls down, faults
//! across.
//!
//! Other than the matrix on a terminal, all calls of one kind share a table, and a fault that does
//! not fit one of them leaves its cell empty: a table scrolls, a terminal does not. Must not know:
//! how the runs were made.

use super::tone;
use crate::contract::Verdict;
use crate::report::cell::Worst;
use crate::report::{matrix, operator};
use crate::sweep::{Ending, Fault, Kind, OneOrPair};

/// What one run came to, and which cause on the page it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub site: String,
    pub fault: String,
    pub ending: Ending,
    /// None: nothing was injected.
    pub verdict: Option<Verdict>,
    pub cause: Option<usize>,
}

/// A table for one kind of call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grid {
    pub call: String,
    /// What goes wrong, in words, and as accepted findings name it.
    pub columns: Vec<(String, String)>,
    pub rows: Vec<Row>,
}

/// One call, or neighbours that came to the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    pub site: String,
    /// None: this fault does not fit this call.
    pub cells: Vec<Option<Cell>>,
}

impl Row {
    /// The parts of the site, between which a line may end.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.site.split_inclusive('.')
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    pub word: &'static str,
    /// Which endings the word is from, where others came to better.
    pub endings: String,
    /// The whole name of the verdict.
    pub verdict: String,
    pub tone: &'static str,
    pub cause: Option<usize>,
}

impl Cell {
    fn of(worst: &Worst, cause: Option<usize>) -> Cell {
        let verdict = worst.verdict();
        let (name, tone) = match verdict {
            Some(verdict) => (verdict.to_string(), tone(verdict)),
            None => ("not injected".to_string(), "none"),
        };
        let (word, endings) = (matrix::word(verdict), worst.letters());
        Cell { word, endings, verdict: name, tone, cause }
    }
}

/// Cells by site and fault: the worst counts.
#[derive(Default)]
struct Table {
    call: String,
    columns: Vec<String>,
    rows: Vec<(String, Vec<Filled>)>,
}

struct Filled {
    column: usize,
    worst: Worst,
    cause: Option<usize>,
}

/// Sorts runs into tables, in the order in which calls and faults first come.
pub fn grids(runs: impl IntoIterator<Item = Run>) -> Vec<Grid> {
    let mut tables: Vec<Table> = Vec::new();
    for run in runs {
        let call = call_of(&run.site);
        let known = tables.iter().position(|table| table.call == call);
        let known = known.unwrap_or_else(|| {
            tables.push(Table { call: call.to_string(), ..Table::default() });
            tables.len() - 1
        });
        tables[known].put(run);
    }
    tables.into_iter().map(Table::grid).collect()
}

/// `parent.aof.write#2` → `write`.
fn call_of(site: &str) -> &str {
    let axis = site.rsplit_once('#').map_or(site, |(axis, _)| axis);
    axis.rsplit_once('.').map_or(axis, |(_, call)| call)
}

/// Where a column stands: faults of one kind side by side, pairs behind what they begin with.
fn place(column: &str) -> (Option<Kind>, String) {
    let fault = column.parse::<OneOrPair<Fault>>().ok();
    (fault.map(|fault| fault.first.kind()), column.to_string())
}

impl Table {
    fn put(&mut self, Run { site, fault, ending, verdict, cause }: Run) {
        let column = self.columns.iter().position(|known| *known == fault);
        let column = column.unwrap_or_else(|| {
            self.columns.push(fault);
            self.columns.len() - 1
        });
        let row = self.rows.iter().rposition(|(known, _)| *known == site);
        let row = row.unwrap_or_else(|| {
            self.rows.push((site, Vec::new()));
            self.rows.len() - 1
        });
        let cells = &mut self.rows[row].1;
        let place = cells.iter().position(|cell| cell.column == column);
        let place = place.unwrap_or_else(|| {
            cells.push(Filled { column, worst: Worst::default(), cause: None });
            cells.len() - 1
        });
        let cell = &mut cells[place];
        if cell.worst.add(verdict, ending) {
            cell.cause = cause;
        }
    }

    fn grid(self) -> Grid {
        let width = self.columns.len();
        // A sample meets the faults in any order.
        let mut order: Vec<usize> = (0..width).collect();
        order.sort_by_key(|n| place(&self.columns[*n]));
        let mut place_of = vec![0; width];
        order.iter().enumerate().for_each(|(place, column)| place_of[*column] = place);
        let mut rows: Vec<(String, String, Row)> = Vec::new();
        for (site, filled) in self.rows {
            let mut cells: Vec<Option<Cell>> = vec![None; width];
            for cell in filled {
                cells[place_of[cell.column]] = Some(Cell::of(&cell.worst, cell.cause));
            }
            let (axis, number) = site.rsplit_once('#').unwrap_or((&site, ""));
            match rows.last_mut() {
                Some((last, first, row)) if last == axis && row.cells == cells => {
                    row.site = format!("{axis}#{first}..{number}");
                }
                _ => {
                    let row = Row { site: site.clone(), cells };
                    rows.push((axis.to_string(), number.to_string(), row));
                }
            }
        }
        let rows = rows.into_iter().map(|(_, _, row)| row).collect();
        let columns = order.into_iter().map(|n| &self.columns[n]);
        let columns = columns.map(|it| (operator::column(it), it.clone())).collect();
        Grid { call: self.call, columns, rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_one_kind_share_a_table_and_equal_neighbours_a_row() {
        let run = |site: &str, fault: &str, verdict| Run {
            site: site.to_string(),
            fault: fault.to_string(),
            ending: Ending::Killed,
            verdict,
            cause: None,
        };
        let (kept, lost) = (Some(Verdict::Kept), Some(Verdict::Lost));
        let grids = grids([
            run("parent.aof.write#1", "EIO", None),
            run("parent.aof.write#1", "EIO", kept),
            run("parent.aof.write#2", "EIO", kept),
            run("parent.aof.write#3", "EIO", kept),
            run("parent.aof.write#3", "EIO", lost),
            run("parent.fork#1", "EAGAIN", None),
            run("child.rewrite-temp.write#1", "ENOSPC", kept),
        ]);
        let calls: Vec<&str> = grids.iter().map(|grid| grid.call.as_str()).collect();
        assert_eq!(calls, ["write", "fork"]);
        let write = &grids[0];
        let columns: Vec<&str> = write.columns.iter().map(|(words, _)| words.as_str()).collect();
        assert_eq!(columns, ["EIO once", "ENOSPC once"]);
        let shown = |row: &Row| {
            let words = row.cells.iter().map(|cell| cell.as_ref().map_or("", |cell| cell.word));
            (row.site.clone(), words.collect::<Vec<_>>())
        };
        let rows: Vec<_> = write.rows.iter().map(shown).collect();
        let expected = [
            ("parent.aof.write#1..2".to_string(), vec![".", ""]),
            ("parent.aof.write#3".to_string(), vec!["LOST", ""]),
            ("child.rewrite-temp.write#1".to_string(), vec!["", "."]),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn faults_of_one_kind_stand_side_by_side() {
        let run = |fault: &str, verdict| Run {
            site: "parent.aof.write#1".to_string(),
            fault: fault.to_string(),
            ending: Ending::Killed,
            verdict: Some(verdict),
            cause: None,
        };
        let grids = grids([
            run("EIO+", Verdict::Lost),
            run("all<", Verdict::Kept),
            run("half", Verdict::Litter),
            run("EIO", Verdict::LostReported),
        ]);
        let signs: Vec<&str> = grids[0].columns.iter().map(|(_, sign)| sign.as_str()).collect();
        assert_eq!(signs, ["EIO", "EIO+", "half", "all<"]);
        let cells = grids[0].rows[0].cells.iter().flatten();
        let words: Vec<&str> = cells.map(|cell| cell.word).collect();
        assert_eq!(words, ["told", "LOST", "litter", "."]);
    }

    #[test]
    fn a_cell_says_which_endings_its_word_is_from_and_leads_to_its_finding() {
        let run = |ending, verdict, cause| Run {
            site: "parent.aof.write#1".to_string(),
            fault: "EIO".to_string(),
            ending,
            verdict: Some(verdict),
            cause,
        };
        let grids = grids([
            run(Ending::Killed, Verdict::LostReported, Some(2)),
            run(Ending::Healed, Verdict::Stuck, Some(1)),
            run(Ending::PowerCut, Verdict::LostReported, Some(2)),
        ]);
        let cell = grids[0].rows[0].cells[0].as_ref().expect("one was put there");
        assert_eq!((cell.word, cell.endings.as_str(), cell.cause), ("STUCK", "h", Some(1)));
    }
}
