//! Words that must not appear: put-off work, panics on errors, hash order, unsafe outside its door,
//! and paths that exist on one machine only.

use crate::assert_tidy;
use crate::sources::{Source, before_tests, code, files, has_word, root};

/// Where `unsafe` may stand.
const UNSAFE: [&str; 3] =
    ["src/os/linux", "harness/src/world/supervised/", "harness/src/engine/entry.rs"];

/// Written in two parts, so that this file does not complain about itself.
const PUT_OFF: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("unimple", "mented!"), concat!("XX", "X")];

/// Folders of one person's or one build machine's.
const MACHINE: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("/tmp/", "notes"),
];

#[test]
fn nothing_is_put_off() {
    assert_tidy(files(&[".rs", ".md", ".toml", ".case"]).iter().flat_map(put_off).collect());
}

#[test]
fn the_core_does_not_panic_on_errors_and_nothing_has_hash_order() {
    let sources = files(&[".rs"]);
    let complaints = sources.iter().flat_map(|source| {
        let core = source.path.starts_with("src/");
        let product = core || source.path.starts_with("harness/src/");
        let unwraps = if core { unwraps(source) } else { Vec::new() };
        let order = if product { hash_order(source) } else { Vec::new() };
        unwraps.into_iter().chain(order)
    });
    assert_tidy(complaints.collect());
}

#[test]
fn unsafe_stays_behind_its_doors_and_says_why_it_is_sound() {
    assert_tidy(files(&[".rs"]).iter().flat_map(unsafe_code).collect());
}

#[test]
fn no_paths_of_one_machine() {
    let endings = [".rs", ".md", ".toml", ".case", ".snap", ".ci/run"];
    assert_tidy(files(&endings).iter().flat_map(machine_paths).collect());
}

#[test]
fn the_readme_shows_both_commands() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("there is a README.md");
    assert_tidy(commands(&readme));
}

#[test]
fn bad_words_are_seen() {
    let source = |path, text| Source::example(path, text);
    let later = format!("fn f() {{}} // {} later\n", PUT_OFF[0]);
    assert_eq!(put_off(&source("a.rs", &later)).len(), 1);
    let text = "a.unwrap();\n// b.unwrap()\n#[cfg(test)]\nmod tests { fn f() { c.unwrap() } }\n";
    assert_eq!(unwraps(&source("src/a.rs", text)), ["src/a.rs:1: unwrap()"]);
    let text = "use std::collections::HashMap;\nstruct NoHashMapHere;\n";
    assert_eq!(
        hash_order(&source("src/a.rs", text)),
        ["src/a.rs:1: HashMap has an order of its own"]
    );
    assert_eq!(unsafe_code(&source("src/a.rs", "unsafe { f() }\n")), ["src/a.rs:1: unsafe"]);
    assert_eq!(unsafe_code(&source(UNSAFE[0], "unsafe { f() }\n")).len(), 1);
    assert!(unsafe_code(&source(UNSAFE[0], "//! # Safety\nunsafe { f() }\n")).is_empty());
    let text = format!("let a = \"{}me\";\n", MACHINE[0]);
    assert_eq!(machine_paths(&source("a.rs", &text)).len(), 1);
    assert_eq!(commands("cargo test").len(), 1);
}

fn lines<'a>(
    source: &'a Source,
    bad: impl Fn(&str) -> bool + 'a,
) -> impl Iterator<Item = usize> + 'a {
    let numbered = source.text.lines().enumerate();
    numbered.filter(move |(_, line)| bad(line)).map(|(n, _)| n + 1)
}

fn put_off(source: &Source) -> Vec<String> {
    let bad = |line: &str| PUT_OFF.iter().any(|word| line.contains(word));
    lines(source, bad).map(|n| format!("{}:{n}: put off", source.path)).collect()
}

fn unwraps(source: &Source) -> Vec<String> {
    before_tests(&source.text)
        .filter(|(_, line)| code(line).contains(".unwrap()"))
        .map(|(n, _)| format!("{}:{n}: unwrap()", source.path))
        .collect()
}

fn hash_order(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    for word in ["HashMap", "HashSet"] {
        let bad = |line: &str| has_word(code(line), word);
        complaints.extend(
            lines(source, bad)
                .map(|n| format!("{}:{n}: {word} has an order of its own", source.path)),
        );
    }
    complaints
}

fn unsafe_code(source: &Source) -> Vec<String> {
    let used: Vec<usize> = lines(source, |line| {
        has_word(code(line), concat!("un", "safe")) && !code(line).contains('"')
    })
    .collect();
    if used.is_empty() {
        return Vec::new();
    }
    if !UNSAFE.iter().any(|door| source.path.starts_with(door)) {
        return used.iter().map(|n| format!("{}:{n}: unsafe", source.path)).collect();
    }
    let explained = source.text.contains("# Safety") || source.text.contains("SAFETY:");
    let complaint = || format!("{}: unsafe without a `# Safety` section", source.path);
    if explained { Vec::new() } else { vec![complaint()] }
}

fn machine_paths(source: &Source) -> Vec<String> {
    let bad = |line: &str| MACHINE.iter().any(|path| line.contains(path));
    lines(source, bad).map(|n| format!("{}:{n}: a path of one machine", source.path)).collect()
}

fn commands(readme: &str) -> Vec<String> {
    let missing = ["cargo sabot run", "cargo test"].into_iter();
    let missing = missing.filter(|command| !readme.contains(command));
    missing.map(|command| format!("README.md does not show `{command}`")).collect()
}
