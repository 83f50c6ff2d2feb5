//! Comparisons of many cases as a document: what one server does otherwise than another, side by
//! side, grouped by kind, each difference once with the cases that show it.
//!
//! Log lines that one side alone has are taken one by one, and with `N` for their numbers: which
//! file of a series it is about, and when, is a matter of the case.
//! Must not know: how the cases were run.

use super::{Compared, Hunk, Kind};

/// The width of each side, in characters; what is longer goes on below.
const SIDE: usize = 56;

/// The names of cases that a difference is told with; more are counted.
const NAMED: usize = 3;

/// The headings of both sides, and each case with what became of it.
#[derive(Clone, Debug, Default)]
pub struct Document {
    pub left: String,
    pub right: String,
    pub cases: Vec<(String, Compared)>,
}

impl Document {
    /// All differences, each line ended; nothing where there are none.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for kind in Kind::ALL {
            let groups = self.groups(kind);
            if groups.is_empty() {
                continue;
            }
            let shown = kind.heading();
            text.push_str(&format!("{shown}\n{}\n", "-".repeat(shown.chars().count())));
            if kind != Kind::Number {
                row(&mut text, &self.left, &self.right);
            }
            for (hunk, cases) in groups {
                text.push('\n');
                side_by_side(&mut text, &hunk);
                text.push_str(&format!("    {}\n", told(&cases)));
            }
            text.push('\n');
        }
        text
    }

    /// Equal differences with their cases, those of most cases first.
    fn groups(&self, kind: Kind) -> Vec<(Hunk, Vec<&str>)> {
        let mut groups: Vec<(Hunk, Vec<&str>)> = Vec::new();
        for (name, compared) in &self.cases {
            let Compared::Differs(hunks) = compared else { continue };
            for hunk in hunks.iter().filter(|hunk| hunk.kind == kind).flat_map(single_lines) {
                match groups.iter_mut().find(|(other, _)| *other == hunk) {
                    Some((_, names)) if names.last() == Some(&name.as_str()) => {}
                    Some((_, names)) => names.push(name),
                    None => groups.push((hunk, vec![name])),
                }
            }
        }
        groups.sort_by_key(|(_, names)| std::cmp::Reverse(names.len()));
        groups
    }
}

/// A difference of the log line by line, unless it says as much on either side.
fn single_lines(hunk: &Hunk) -> Vec<Hunk> {
    if hunk.kind != Kind::Log || hunk.left.len() == hunk.right.len() {
        return vec![hunk.clone()];
    }
    let one = |line: &String| vec![without_numbers(line)];
    let left = hunk.left.iter().map(|line| (one(line), Vec::new()));
    let right = hunk.right.iter().map(|line| (Vec::new(), one(line)));
    left.chain(right).map(|(left, right)| Hunk { kind: Kind::Log, left, right }).collect()
}

fn without_numbers(line: &str) -> String {
    let mut text = String::new();
    for (n, part) in line.split(|c: char| c.is_ascii_digit()).enumerate() {
        // Between two digits there is an empty part.
        if n > 0 && !text.ends_with('N') {
            text.push('N');
        }
        text.push_str(part);
    }
    text
}

fn told(cases: &[&str]) -> String {
    let named = cases[..cases.len().min(NAMED)].join(", ");
    match cases.len() {
        1 => format!("in {named}"),
        n if n > NAMED => format!("in {n} cases: {named}, …"),
        n => format!("in {n} cases: {named}"),
    }
}

fn side_by_side(text: &mut String, hunk: &Hunk) {
    let wrap = |lines: &[String]| -> Vec<String> { lines.iter().flat_map(|l| folded(l)).collect() };
    let (left, right) = (wrap(&hunk.left), wrap(&hunk.right));
    for n in 0..left.len().max(right.len()) {
        let side = |lines: &[String]| lines.get(n).cloned().unwrap_or_default();
        row(text, &side(&left), &side(&right));
    }
}

fn row(text: &mut String, left: &str, right: &str) {
    let line = format!("  {left:SIDE$} | {right}");
    text.push_str(line.trim_end());
    text.push('\n');
}

/// A line in pieces that fit, cut between words where there are any; the later ones are indented.
fn folded(line: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    for word in line.split(' ') {
        if !piece.is_empty() && piece.chars().count() + 1 + word.chars().count() > SIDE {
            pieces.push(std::mem::replace(&mut piece, " ".to_string()));
        }
        if !piece.is_empty() {
            piece.push(' ');
        }
        piece.push_str(word);
    }
    pieces.push(piece);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_of_one_side_are_told_one_by_one_and_without_numbers() {
        let owned = |lines: &[&str]| lines.iter().map(|line| line.to_string()).collect();
        let right = owned(&["* file 12.incr", "* 3 keys"]);
        let hunk = Hunk { kind: Kind::Log, left: Vec::new(), right };
        let lines: Vec<String> =
            single_lines(&hunk).into_iter().flat_map(|hunk| hunk.right).collect();
        assert_eq!(lines, ["* file N.incr", "* N keys"]);
    }

    #[test]
    fn equal_differences_stand_once_and_the_most_frequent_first() {
        let hunk = |left: &str, right: &str| Hunk {
            kind: Kind::Log,
            left: vec![left.to_string()],
            right: vec![right.to_string()],
        };
        let differs = |hunks: Vec<Hunk>| Compared::Differs(hunks);
        let document = Document {
            left: "old".to_string(),
            right: "new".to_string(),
            cases: vec![
                ("f/a".to_string(), differs(vec![hunk("x", "y"), hunk("* one", "* two")])),
                ("f/b".to_string(), differs(vec![hunk("* one", "* two")])),
                ("f/c".to_string(), Compared::Identical),
            ],
        };
        let gap = " ".repeat(SIDE - 5);
        let expected = format!(
            "Log lines\n---------\n  old  {gap} | new\n\n  * one{gap} | * two\n    in 2 cases: \
             f/a, f/b\n\n  x    {gap} | y\n    in f/a\n\n"
        );
        assert_eq!(document.render(), expected);
    }
}
