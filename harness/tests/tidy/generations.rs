//! What differs between generations of the core is chosen at few places: each mechanism that a
//! generation names, in as many files as are listed here, and versions are compared nowhere.

use crate::assert_tidy;
use crate::sources::{Source, before_tests, code, files};

/// Where the mechanisms are named.
const NAMED: &str = "src/generation/definition.rs";

/// Mechanisms that more than one file chooses between, with how many do.
const SEVERAL: &[(&str, usize)] = &[
    // What it means in the foreground and in the background thread.
    ("FailedSync", 2),
    // The shutdown itself, and the signal that asks for it while a file is loaded.
    ("ShutdownWay", 2),
    // The block and its type in a snapshot, the name that clients are told, and a default.
    ("Compact", 4),
    // What fills a node, the type in a snapshot, what a rewrite names, and how the commands differ.
    ("StreamForm", 4),
    // The words of a directive, and the lines and arguments that they come from.
    ("WordLists", 2),
];

#[test]
fn generations_are_told_apart_at_few_places() {
    let all = files(&[".rs"]);
    assert_tidy(complaints(&all));
}

#[test]
fn a_branch_elsewhere_and_a_comparison_are_seen() {
    let named = Source::example(
        "src/generation/definition.rs",
        "pub enum AofLayout {\n    SingleFile,\n}\n",
    );
    let branch = |path: &str| Source::example(path, "fn f() {\n    g(AofLayout::SingleFile);\n}\n");
    let few = [named.clone(), branch("src/aof/a.rs")];
    assert!(complaints(&few).is_empty());
    let many = [named.clone(), branch("src/aof/a.rs"), branch("src/server/b.rs")];
    assert_eq!(complaints(&many), ["AofLayout: chosen in src/aof/a.rs, src/server/b.rs"]);
    let compared = "fn f() {\n    if generation.version == \"6.0.16\" {}\n}\n";
    let compares = [named, Source::example("src/rdb/c.rs", compared)];
    assert_eq!(complaints(&compares), ["src/rdb/c.rs:2: a version is compared"]);
}

fn complaints(all: &[Source]) -> Vec<String> {
    let core = || all.iter().filter(|source| source.path.starts_with("src/"));
    let named = core().filter(|source| source.path == NAMED);
    let of_a_generation =
        |path: &str| path == "src/generation.rs" || path.starts_with("src/generation/");
    let users: Vec<&Source> = core().filter(|source| !of_a_generation(&source.path)).collect();
    let mut complaints = Vec::new();
    for mechanism in named.flat_map(mechanisms) {
        let chooses = |source: &&&Source| {
            own_code(source).any(|(_, line)| line.contains(&format!("{mechanism}::")))
        };
        let places: Vec<&str> = users.iter().filter(chooses).map(|it| it.path.as_str()).collect();
        let listed = SEVERAL.iter().find(|(name, _)| *name == mechanism);
        if places.len() > listed.map_or(1, |(_, most)| *most) {
            complaints.push(format!("{mechanism}: chosen in {}", places.join(", ")));
        }
    }
    for source in users {
        let compared = |line: &str| {
            let compares = ["==", "!=", " < ", " > "].iter().any(|sign| line.contains(sign));
            compares && line.contains("generation.version")
        };
        let bad = own_code(source).filter(|(_, line)| compared(line));
        complaints.extend(bad.map(|(n, _)| format!("{}:{n}: a version is compared", source.path)));
    }
    complaints
}

/// The enums that a file declares.
fn mechanisms(source: &Source) -> Vec<String> {
    let name = |line: &str| {
        let rest = line.strip_prefix("pub enum ")?;
        Some(rest.split([' ', '<']).next()?.to_string())
    };
    source.text.lines().filter_map(name).collect()
}

/// The lines of code that are no tests and no imports, with their numbers.
fn own_code(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let is_test = source.path.contains("test") || source.path.contains("round_trip");
    let lines = before_tests(&source.text).map(|(n, line)| (n, code(line)));
    lines.filter(move |(_, line)| !is_test && !line.trim_start().starts_with("use "))
}
