//! Sizes: files, functions and lines stay small, and each file opens with what it is for.

use crate::assert_tidy;
use crate::sources::{Source, files};

const FILE: usize = 400;
const FUNCTION: usize = 70;
const LINE: usize = 100;

#[test]
fn files_functions_and_lines_stay_small() {
    let sources = files(&[".rs"]);
    assert!(!sources.is_empty(), "no source was found, so nothing was checked");
    assert_tidy(sources.iter().flat_map(shape).collect());
}

#[test]
fn a_long_file_a_long_function_and_a_long_line_are_seen() {
    let long = format!("//! Doc.\n{}", "//\n".repeat(FILE));
    assert_eq!(shape(&Source::example("a.rs", &long)), ["a.rs: 401 lines, at most 400"]);
    let body = "    x();\n".repeat(FUNCTION);
    let function = format!("//! Doc.\nimpl A {{\n  pub(crate) fn f(\n  ) {{\n{body}  }}\n}}\n");
    assert_eq!(
        shape(&Source::example("a.rs", &function)),
        ["a.rs:3: a function of 73 lines, at most 70"]
    );
    let wide = format!("//! {}\n", "é".repeat(LINE));
    assert_eq!(shape(&Source::example("a.rs", &wide)), ["a.rs:1: 104 columns, at most 100"]);
    let bare = Source::example("a.rs", "fn f();\nfn g() {}\n");
    assert_eq!(shape(&bare), ["a.rs: does not open with a //! line"]);
}

/// What is said in a case, not what is sent, may be as wide as the documents are.
const SAID: usize = 120;

#[test]
fn comments_of_cases_are_not_wider_than_the_documents() {
    let cases = files(&[".case"]);
    assert!(!cases.is_empty(), "no case was found, so nothing was checked");
    assert_tidy(cases.iter().flat_map(said).collect());
    let wide = format!("# {}\n> SET a {}\n", "x".repeat(SAID), "x".repeat(SAID));
    let complaint = "cases/a/b.case:1: a comment of 122 columns, at most 120";
    assert_eq!(said(&Source::example("cases/a/b.case", &wide)), [complaint]);
    assert!(said(&Source::example("cases/regressions/b.case", &wide)).is_empty());
}

/// A regression opens with its cause, which `explore` has to find again in one line.
fn said(source: &Source) -> Vec<String> {
    let path = &source.path;
    let first = usize::from(path.starts_with("cases/regressions/"));
    let lines = source.text.lines().enumerate().skip(first);
    let comments = lines.filter(|(_, line)| line.starts_with('#'));
    let wide = comments.map(|(n, line)| (n + 1, line.chars().count())).filter(|(_, n)| *n > SAID);
    let tell = |(n, columns)| format!("{path}:{n}: a comment of {columns} columns, at most {SAID}");
    wide.map(tell).collect()
}

fn shape(source: &Source) -> Vec<String> {
    let path = &source.path;
    let lines: Vec<&str> = source.text.lines().collect();
    let mut complaints = Vec::new();
    if !source.text.starts_with("//!") {
        complaints.push(format!("{path}: does not open with a //! line"));
    }
    if lines.len() > FILE {
        complaints.push(format!("{path}: {} lines, at most {FILE}", lines.len()));
    }
    for (n, line) in lines.iter().enumerate() {
        let columns = line.chars().count();
        if columns > LINE {
            complaints.push(format!("{path}:{}: {columns} columns, at most {LINE}", n + 1));
        }
        match length(&lines[n..]) {
            Some(length) if length > FUNCTION => complaints.push(format!(
                "{path}:{}: a function of {length} lines, at most {FUNCTION}",
                n + 1
            )),
            _ => {}
        }
    }
    complaints
}

/// How long the function is whose first line comes first; None where no function with a body
/// begins. Relies on rustfmt: the closing brace stands where the function begins.
fn length(lines: &[&str]) -> Option<usize> {
    let first = lines[0];
    let indent = &first[..first.len() - first.trim_start().len()];
    if !begins_function(first.trim_start()) {
        return None;
    }
    let end = format!("{indent}}}");
    for (n, line) in lines.iter().enumerate() {
        if n == 0 && (line.ends_with('}') || line.ends_with(';')) {
            return None;
        }
        if n > 0
            && line.starts_with(indent)
            && line.trim_start().starts_with(')')
            && line.ends_with(';')
        {
            return None;
        }
        if *line == end {
            return Some(n + 1);
        }
    }
    None
}

fn begins_function(line: &str) -> bool {
    let mut rest = line;
    if let Some(after) = rest.strip_prefix("pub") {
        rest = after.trim_start();
        if rest.starts_with('(') {
            rest = rest.split_once(')').map_or("", |(_, after)| after).trim_start();
        }
    }
    for word in ["const ", "async ", "unsafe ", "extern \"C\" "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    rest.starts_with("fn ")
}
