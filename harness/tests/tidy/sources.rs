//! The files of the repository, read.

use std::path::{Path, PathBuf};

/// A file with its path from the root, with `/` between folders.
#[derive(Clone, Debug)]
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    /// For the tests of checks.
    pub fn example(path: &str, text: &str) -> Source {
        Source { path: path.into(), text: text.into() }
    }
}

/// The root of the workspace.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every text file that is part of the project and ends in one of `endings`, sorted.
pub fn files(endings: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    let folders = ["src", "tests", "harness", "cases", "snapshots", ".ci", ".cargo", "benches"];
    for top in folders.into_iter().chain(["docs", "examples"]) {
        walk(&root().join(top), top, &mut found);
    }
    let tops = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "Cargo.toml",
        "clippy.toml",
        "rustfmt.toml",
    ];
    for top in tops {
        read(&root().join(top), top, &mut found);
    }
    found.retain(|source| endings.iter().any(|ending| source.path.ends_with(ending)));
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn walk(folder: &Path, shown: &str, found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let shown = format!("{shown}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            if !shown.ends_with("/target") {
                walk(&entry.path(), &shown, found);
            }
        } else {
            read(&entry.path(), &shown, found);
        }
    }
}

fn read(path: &Path, shown: &str, found: &mut Vec<Source>) {
    if let Ok(text) = std::fs::read_to_string(path) {
        found.push(Source { path: shown.into(), text });
    }
}

/// A line of code without its comment. Strings that hold `//` are cut, too: good enough for words.
pub fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

/// The lines before the unit tests of a file, numbered from 1.
pub fn before_tests(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    lines.enumerate().map(|(n, line)| (n + 1, line))
}

/// Whether `word` stands in `line` by itself.
pub fn has_word(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(part_of_word) && !line[at + word.len()..].starts_with(part_of_word)
    })
}
