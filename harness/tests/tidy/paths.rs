//! What the documents name must exist: files and folders of the repository, links, functions.
//!
//! A name is what stands between backticks outside of code blocks. Rooms are written without the
//! folders above them (`sweep/fault.rs`), so a path is looked for below each of [`TOPS`].

use std::path::Path;
use std::sync::LazyLock;

use crate::assert_tidy;
use crate::sources::{Source, files, has_word, root};

/// Where the paths of documents may begin, besides the folder of the document.
const TOPS: [&str; 5] = ["", "src", "harness", "harness/src", "cases"];

/// Every source file, in one text.
static CODE: LazyLock<String> =
    LazyLock::new(|| files(&[".rs"]).into_iter().map(|source| source.text).collect());

#[test]
fn every_path_link_and_function_of_the_documents_exists() {
    let documents = files(&[".md"]);
    for needed in ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "docs/glossary.md"] {
        assert!(documents.iter().any(|source| source.path == needed), "{needed} was not read");
    }
    assert_tidy(documents.iter().flat_map(unknown).collect());
}

#[test]
fn a_name_of_nothing_is_seen() {
    let found = |text: &str| unknown(&Source::example("docs/a.md", text));
    let good = "`sweep/fault.rs`, `src/{os,text}.rs`, `docs/`, `aof/flush`, `Kernel::enter`,\n\
                [a](ci.md), `Error::Missing`, `World::find(name)`, `K/N`, `/proc`, `1/4`\n\
                ```\n`sweep/gone.rs`\n```\n";
    assert_eq!(found(good), Vec::<String>::new());
    let path = "one\n`sweep/gone.rs` and `src/{os,gone}.rs`";
    let complaints =
        ["docs/a.md:2: there is no sweep/gone.rs", "docs/a.md:2: there is no src/gone.rs"];
    assert_eq!(found(path), complaints);
    assert_eq!(found("[a](gone.md#b)"), ["docs/a.md:1: there is no gone.md"]);
    let function = concat!("`Kernel::", "conjure`");
    assert_eq!(found(function).len(), 1);
}

/// What this document names and nothing is called.
fn unknown(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut in_block = false;
    for (n, line) in source.text.lines().enumerate() {
        in_block ^= line.trim_start().starts_with("```");
        if in_block {
            continue;
        }
        let quoted = line.split('`').skip(1).step_by(2);
        let paths = quoted.clone().filter(|word| looks_like_a_path(word)).flat_map(alternatives);
        let missing = paths.chain(links(line)).filter(|path| !exists(&source.path, path));
        let functions = quoted.filter(|word| is_unknown_function(word)).map(String::from);
        let tell = |name: String| format!("{}:{}: there is no {name}", source.path, n + 1);
        complaints.extend(missing.chain(functions).map(tell));
    }
    complaints
}

/// `sweep/fault.rs`, `docs/`, `lib.rs`; neither `/proc` nor `K/N` nor what a server's files are
/// called.
fn looks_like_a_path(word: &str) -> bool {
    let Some((first, _)) = word.split_once('/') else {
        return word.ends_with(".rs") || word.ends_with(".md");
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-./{},".contains(c);
    let placeholder = first.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let elsewhere = matches!(first, "" | "." | ".." | "target");
    word.chars().all(allowed) && !placeholder && !elsewhere
}

/// `src/{a,b}` is two paths.
fn alternatives(word: &str) -> Vec<String> {
    let Some((before, (inside, after))) =
        word.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    else {
        return vec![word.to_string()];
    };
    inside.split(',').map(|part| format!("{before}{part}{after}")).collect()
}

/// The targets of links to files.
fn links(line: &str) -> impl Iterator<Item = String> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    files.map(|target| target.split('#').next().unwrap_or_default().to_string())
}

fn exists(document: &str, path: &str) -> bool {
    let here = Path::new(document).parent().unwrap_or(Path::new(""));
    let tops = TOPS.iter().map(Path::new).chain([here]);
    tops.map(|top| root().join(top).join(path))
        .any(|full| full.exists() || full.with_extension("rs").exists())
}

/// `Kernel::enter` where nothing is called `enter`.
fn is_unknown_function(word: &str) -> bool {
    let name = word.split('(').next().unwrap_or_default();
    let Some((kind, item)) = name.split_once("::") else { return false };
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    kind.starts_with(|c: char| c.is_ascii_uppercase())
        && plain(kind)
        && plain(item)
        && !(defined(kind) && defined(item))
}

fn defined(name: &str) -> bool {
    ["fn ", "struct ", "enum ", "trait ", "type "].iter().any(|word| {
        CODE.match_indices(&format!("{word}{name}"))
            .any(|(at, found)| !CODE[at + found.len()..].starts_with(is_part_of_name))
    }) || name.starts_with(|c: char| c.is_ascii_uppercase())
        && CODE.lines().any(|line| line.trim_start().starts_with(name) && has_word(line, name))
}

fn is_part_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
