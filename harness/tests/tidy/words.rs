//! Words that must not appear: put-off work, panics on errors, hash order, paths that exist on one
//! machine only, and hosts of package registries.

use crate::assert_tidy;
use crate::sources::{Source, WRITTEN, before_tests, code, files, has_word, root};

/// Written in two parts, so that this file does not complain about itself.
const PUT_OFF: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("unimple", "mented!"), concat!("XX", "X")];

/// What mktemp(1) replaces.
const FILLED_IN: &str = concat!("XX", "XX", "XX");

/// Folders of one person's or one build machine's.
const MACHINE: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("/tmp/", "notes"),
];

/// Where packages come from is a setting of the machine that builds.
const REGISTRIES: [&str; 9] = [
    concat!("crates", ".io"),
    concat!("deb", ".debian.org"),
    concat!("snapshot", ".debian.org"),
    concat!("docker", ".io"),
    concat!("ghcr", ".io"),
    concat!("npmjs", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
];

#[test]
fn nothing_is_put_off() {
    assert_tidy(files(WRITTEN).iter().flat_map(put_off).collect());
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
fn no_paths_of_one_machine_and_no_hosts_of_registries() {
    let sources = files(&[WRITTEN, &[".snap"]].concat());
    assert_tidy(sources.iter().flat_map(machine_paths).chain(registries(&sources)).collect());
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
    let template = format!("mktemp a.{FILLED_IN}");
    assert!(put_off(&source("a.rs", &template)).is_empty());
    let text = "a.unwrap();\n// b.unwrap()\n#[cfg(test)]\nmod tests { fn f() { c.unwrap() } }\n";
    assert_eq!(unwraps(&source("src/a.rs", text)), ["src/a.rs:1: unwrap()"]);
    let text = "use std::collections::HashMap;\nstruct NoHashMapHere;\n";
    assert_eq!(
        hash_order(&source("src/a.rs", text)),
        ["src/a.rs:1: HashMap has an order of its own"]
    );
    let text = format!("let a = \"{}me\";\n", MACHINE[0]);
    assert_eq!(machine_paths(&source("a.rs", &text)).len(), 1);
    let text = format!("[registries]\na = \"https://index.{}/\"\n", REGISTRIES[0]);
    let complaint = "a.toml:2: the host of a package registry";
    assert_eq!(registries(&[source("a.toml", &text)]), [complaint]);
    assert!(registries(&[source("a.toml", "[patch.crates-io]\n")]).is_empty());
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
    let bad = |line: &str| {
        let line = line.replace(FILLED_IN, "");
        PUT_OFF.iter().any(|word| line.contains(word))
    };
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

fn machine_paths(source: &Source) -> Vec<String> {
    let bad = |line: &str| MACHINE.iter().any(|path| line.contains(path));
    lines(source, bad).map(|n| format!("{}:{n}: a path of one machine", source.path)).collect()
}

fn registries(sources: &[Source]) -> Vec<String> {
    let bad = |line: &str| REGISTRIES.iter().any(|host| line.contains(host));
    let tell = |path: &str, n| format!("{path}:{n}: the host of a package registry");
    let all = sources.iter();
    all.flat_map(|source| lines(source, bad).map(|n| tell(&source.path, n))).collect()
}

fn commands(readme: &str) -> Vec<String> {
    let missing = ["cargo sabot run", "cargo test"].into_iter();
    let missing = missing.filter(|command| !readme.contains(command));
    missing.map(|command| format!("README.md does not show `{command}`")).collect()
}
