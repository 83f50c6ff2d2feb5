//! The files of the repository, read.

use std::path::{Path, PathBuf};

/// The folders of the project.
const FOLDERS: [&str; 12] = [
    ".cargo",
    ".ci",
    "benches",
    "cases",
    "ci",
    "docs",
    "examples",
    "fuzz",
    "harness",
    "snapshots",
    "src",
    "tests",
];

/// The files beside them.
const TOPS: [&str; 9] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.toml",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "rust-toolchain.toml",
    "rustfmt.toml",
];

/// What builds and the fuzzer leave in them.
const UNTRACKED: [&str; 4] = ["/target", "fuzz/artifacts", "fuzz/corpus", "fuzz/coverage"];

/// What a person wrote: code, documents, settings, cases, and the scripts of CI.
pub const WRITTEN: &[&str] =
    &[".rs", ".md", ".toml", ".case", ".html", ".css", ".svg", ".txt", "ci/run", "ci/servers"];

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
    for top in FOLDERS.into_iter().chain(TOPS) {
        walk(&root().join(top), top, &mut found);
    }
    found.retain(|source| endings.iter().any(|ending| source.path.ends_with(ending)));
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Reads `path` and what is below it. Links lead to what is read elsewhere.
fn walk(path: &Path, shown: &str, found: &mut Vec<Source>) {
    if path.is_symlink() || UNTRACKED.iter().any(|name| shown.ends_with(name)) {
        return;
    }
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        walk(&entry.path(), &format!("{shown}/{}", entry.file_name().to_string_lossy()), found);
    }
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
