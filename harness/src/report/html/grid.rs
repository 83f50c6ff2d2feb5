//! The matrix of one workload for the page: a table for each kind of call, calls down, faults
//! across.
//!
//! Other than the matrix on a terminal, all calls of one kind share a table, and a fault that does
//! not fit one of them leaves its cell empty: a table scrolls, a terminal does not. Must not know:
//! how the runs were made.

use super::tone;
use crate::contract::Verdict;
use crate::report::{matrix, operator};

/// What one run came to, and which cause on the page it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub site: String,
    pub fault: String,
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
    /// The whole name of the verdict.
    pub verdict: String,
    pub tone: &'static str,
    pub cause: Option<usize>,
}

impl Cell {
    fn of(verdict: Option<Verdict>, cause: Option<usize>) -> Cell {
        let (name, tone) = match verdict {
            Some(verdict) => (verdict.to_string(), tone(verdict)),
            None => ("not injected".to_string(), "none"),
        };
        Cell { word: matrix::word(verdict), verdict: name, tone, cause }
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
    verdict: Option<Verdict>,
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

/// What counts of two: a verdict before none, the worse before the better.
fn rank(verdict: Option<Verdict>) -> (bool, Option<Verdict>) {
    (verdict.is_none(), verdict)
}

impl Table {
    fn put(&mut self, Run { site, fault, verdict, cause }: Run) {
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
        match cells.iter_mut().find(|cell| cell.column == column) {
            Some(cell) if rank(verdict) < rank(cell.verdict) => {
                *cell = Filled { column, verdict, cause };
            }
            Some(_) => {}
            None => cells.push(Filled { column, verdict, cause }),
        }
    }

    fn grid(self) -> Grid {
        let width = self.columns.len();
        let mut rows: Vec<(String, String, Row)> = Vec::new();
        for (site, filled) in self.rows {
            let mut cells: Vec<Option<Cell>> = vec![None; width];
            for cell in filled {
                cells[cell.column] = Some(Cell::of(cell.verdict, cell.cause));
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
        let columns = self.columns.into_iter().map(|it| (operator::column(&it), it)).collect();
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
}
