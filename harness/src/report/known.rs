//! The table of known bugs: bugs down, servers across, what was seen in each cell, and what is on
//! record where that is something else.
//!
//! Must not know: how a bug is looked for, and how a run is made.

use super::table::Table;

/// Whether a bug shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Shows,
    Absent,
    NotApplicable,
    /// The run says nothing about the server.
    Unmeasured,
}

impl Seen {
    pub fn as_str(self) -> &'static str {
        match self {
            Seen::Shows => "shows",
            Seen::Absent => "absent",
            Seen::NotApplicable => "n/a",
            Seen::Unmeasured => "not measured",
        }
    }
}

/// One bug on one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    pub seen: Seen,
    /// What is on record for the server, or for the one that it is like; None: there is none.
    pub recorded: Option<Seen>,
    /// Whose record that is.
    pub like: Option<String>,
    /// Whether it is the server's own.
    pub on_record: bool,
    /// What did not come true on the way.
    pub notes: Vec<String>,
}

impl Cell {
    /// Whether there is nothing to object to; a server of no record has nothing to be held against.
    pub fn is_as_recorded(&self) -> bool {
        let differs =
            self.on_record && (self.recorded != Some(self.seen) || !self.notes.is_empty());
        !differs && self.seen != Seen::Unmeasured
    }

    fn word(&self) -> String {
        let seen = self.seen.as_str();
        match (self.recorded, &self.like) {
            (Some(recorded), _) if self.on_record && recorded != self.seen => {
                format!("{}, RECORDED {}", seen, recorded.as_str())
            }
            (Some(recorded), Some(like)) if !self.on_record && recorded != self.seen => {
                format!("{seen} ({like}: {})", recorded.as_str())
            }
            _ if !self.is_as_recorded() && self.seen != Seen::Unmeasured => {
                format!("{seen}, BUT SEE BELOW")
            }
            _ => seen.to_string(),
        }
    }
}

/// One bug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub bug: String,
    /// Where it is talked about.
    pub upstream: String,
    pub cells: Vec<Cell>,
}

/// The whole table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    pub servers: Vec<String>,
    pub rows: Vec<Row>,
}

impl Sheet {
    pub fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.rows.iter().flat_map(|row| &row.cells)
    }

    /// The table, a line with counts below it, and what there is to say about cells that are not as
    /// recorded.
    pub fn render(&self) -> String {
        let row = |row: &Row| {
            let words = row.cells.iter().map(Cell::word).chain([row.upstream.clone()]);
            (row.bug.clone(), words.collect())
        };
        let counts = (0..self.servers.len()).map(|column| self.count(column));
        let last = ("as recorded".to_string(), counts.collect());
        let mut worlds = self.servers.clone();
        worlds.push("upstream".to_string());
        let rows = self.rows.iter().map(row).chain([last]).collect();
        let mut text = Table { worlds, rows }.render();
        for row in &self.rows {
            for (server, cell) in self.servers.iter().zip(&row.cells) {
                if cell.seen == Seen::Unmeasured || !cell.is_as_recorded() {
                    text.push_str(&format!("\n{} on {server}: {}\n", row.bug, cell.word()));
                    cell.notes.iter().for_each(|note| text.push_str(&format!("  {note}\n")));
                    let see = format!("  sabot show known/{} --world {server}\n", row.bug);
                    text.push_str(&see);
                }
            }
        }
        text
    }

    /// `38 of 39`; a server of no record has no such number.
    fn count(&self, column: usize) -> String {
        let cells: Vec<&Cell> = self.rows.iter().filter_map(|row| row.cells.get(column)).collect();
        let mine = cells.iter().filter(|cell| cell.on_record);
        match mine.clone().count() {
            0 => "no record".to_string(),
            all => format!("{} of {all}", mine.filter(|cell| cell.is_as_recorded()).count()),
        }
    }

    /// All cells, counted.
    pub fn last_line(&self) -> String {
        let of = |test: fn(&Cell) -> bool| self.cells().filter(|cell| test(cell)).count();
        let all = of(|cell| cell.on_record);
        let good = of(|cell| cell.on_record && cell.is_as_recorded());
        let unmeasured = of(|cell| cell.seen == Seen::Unmeasured);
        let servers = count_of(self.servers.len(), "server");
        let mut text = format!("{} on {}", count_of(self.rows.len(), "known bug"), servers);
        text.push_str(&format!(": {good} of {all} cells as recorded"));
        let beside = of(|cell| !cell.on_record);
        if beside > 0 {
            text.push_str(&format!(", {beside} of servers that are on no record"));
        }
        if unmeasured > 0 {
            text.push_str(&format!(", {unmeasured} not measured"));
        }
        text
    }
}

/// `1 server`, `2 servers`.
fn count_of(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(seen: Seen, recorded: Seen, on_record: bool) -> Cell {
        let like = Some("redis-7.0.15".to_string());
        Cell { seen, recorded: Some(recorded), like, on_record, notes: Vec::new() }
    }

    #[test]
    fn what_is_not_as_recorded_says_so_and_an_unknown_server_names_the_nearest() {
        let row = |bug: &str, cells: [Cell; 2]| Row {
            bug: bug.into(),
            upstream: "redis 1".into(),
            cells: cells.to_vec(),
        };
        let sheet = Sheet {
            servers: vec!["redis-7.0.15".into(), "./mine".into()],
            rows: vec![
                row(
                    "01_a",
                    [cell(Seen::Shows, Seen::Shows, true), cell(Seen::Absent, Seen::Shows, false)],
                ),
                row(
                    "02_b",
                    [
                        cell(Seen::Absent, Seen::Shows, true),
                        cell(Seen::Absent, Seen::Absent, false),
                    ],
                ),
            ],
        };
        let expected = "\
case           redis-7.0.15            ./mine                        upstream
01_a           shows                   absent (redis-7.0.15: shows)  redis 1
02_b           absent, RECORDED shows  absent                        redis 1
as recorded    1 of 2                  no record

02_b on redis-7.0.15: absent, RECORDED shows
  sabot show known/02_b --world redis-7.0.15
";
        assert_eq!(sheet.render(), expected);
        let counts = "1 of 2 cells as recorded, 2 of servers that are on no record";
        assert_eq!(sheet.last_line(), format!("2 known bugs on 2 servers: {counts}"));
    }
}
