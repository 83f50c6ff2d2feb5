//! `unsafe` stays behind its doors, and each use of it says why it is sound.
//!
//! A block, an implementation or an attribute has a comment with `SAFETY:` of its own, directly
//! above it or above the statement that it is in; an unsafe function has a `# Safety` section.

use crate::assert_tidy;
use crate::sources::{Source, code, files, has_word};

/// Where `unsafe` may stand. The tests read clocks by instructions, and make calls, that no safe
/// library offers.
const DOORS: [&str; 7] = [
    "src/os/linux",
    "harness/src/world/supervised/",
    "harness/src/engine/entry.rs",
    "harness/src/memory.rs",
    "harness/tests/clocks.rs",
    "harness/tests/walls/attempts.rs",
    "harness/tests/support/loop_device/raw.rs",
];

const WORD: &str = concat!("un", "safe");

#[test]
fn unsafe_code_stays_behind_its_doors_and_each_use_says_why_it_is_sound() {
    let sources = files(&[".rs"]);
    let complaints =
        sources.iter().flat_map(|source| match DOORS.map(|door| source.path.starts_with(door)) {
            doors if doors.contains(&true) => unexplained(source),
            _ => outside(source),
        });
    assert_tidy(complaints.collect());
}

#[test]
fn unsafe_code_outside_of_its_doors_and_without_a_comment_is_seen() {
    let outside = |text: &str| outside(&Source::example("src/a.rs", text));
    assert_eq!(outside("fn f() {\n    unsafe { g() }\n}\n"), ["src/a.rs:2: unsafe"]);
    let text = format!("// {WORD}\nlet a = \"{WORD}\";\n#![allow(unsafe_code)]\n");
    assert!(outside(&text).is_empty());

    let bad = |text: &str| unexplained(&Source::example("a.rs", text)).len();
    let why = "// SAFETY: it is.\n";
    assert_eq!(bad(&format!("//! # Safety\n//!\n//! All is well.\n\n{WORD} {{ f() }}\n")), 1);
    assert_eq!(bad(&format!("{why}// And more.\n{WORD} {{ f() }}\n")), 0);
    assert_eq!(bad(&format!("{why}\n{WORD} {{ f() }}\n")), 1);
    assert_eq!(bad(&format!("{why}let a = g(\n    b,\n    {WORD} {{ f() }},\n);\n")), 0);
    assert_eq!(bad(&format!("{why}let a = {WORD} {{ f() }};\nlet b = {WORD} {{ g() }};\n")), 1);
    assert_eq!(bad(&format!("{why}g(\n    {WORD} {{ f() }},\n    {WORD} {{ f() }},\n);\n")), 1);
    assert_eq!(bad(&format!("{why}if a {{\n    {WORD} {{ f() }}\n}}\n")), 1);
    assert_eq!(bad(&format!("{why}#[a]\n#[{WORD}(b)]\nstatic A: u8 = 0;\n")), 0);
    assert_eq!(bad(&format!("{why}pub {WORD} fn f() {{}}\n")), 1);
    assert_eq!(bad(&format!("/// # Safety\n///\n/// a\npub {WORD} fn f() {{}}\n")), 0);
}

fn outside(source: &Source) -> Vec<String> {
    let used = source.text.lines().enumerate().filter(|(_, line)| is_unsafe(line));
    used.map(|(n, _)| format!("{}:{}: {WORD}", source.path, n + 1)).collect()
}

fn unexplained(source: &Source) -> Vec<String> {
    let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
    let used = (0..lines.len()).filter(|n| is_unsafe(lines[*n]));
    used.filter_map(|n| {
        let missing = missing(&lines[..n], lines[n])?;
        Some(format!("{}:{}: {WORD} without {missing} of its own", source.path, n + 1))
    })
    .collect()
}

/// Whether the word stands outside of comments and strings.
fn is_unsafe(line: &str) -> bool {
    code(line).split('"').step_by(2).any(|part| has_word(part, WORD))
}

/// What `line` lacks, a use of unsafe code, below the lines `above`.
fn missing(above: &[&str], line: &str) -> Option<&'static str> {
    let wanted = if line.contains(concat!("un", "safe fn ")) { "# Safety" } else { "SAFETY:" };
    let mut above = above.iter().rev().peekable();
    while above.next_if(|line| continues(line)).is_some() {}
    let mut comment = above.take_while(|line| line.starts_with("//"));
    let explained = comment.any(|line| line.contains(wanted));
    let what = if wanted == "SAFETY:" { "a `SAFETY:` comment" } else { "a `# Safety` section" };
    (!explained).then_some(what)
}

/// Whether the next line belongs to the same statement or item, so far without unsafe code.
fn continues(line: &str) -> bool {
    let ends = line.is_empty() || line.ends_with([';', '{', '}']);
    !line.starts_with("//") && !is_unsafe(line) && (line.starts_with("#[") || !ends)
}
