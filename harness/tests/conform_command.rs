//! `sabot conform --sweep` as a command: a small workload in two worlds, run for run.

use std::process::Command;

use sabot::contract::Verdict;
use sabot::sweep::Token;

/// A workload with little in it.
const SMALL: &str = "config appendonly yes\nconfig appendfsync always\n> INCR n\n> INCR n\n";

/// The exit code and what was said.
fn conform(args: &[&str]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("small.case"), SMALL).expect("a new file");
    let args = [&["conform", "--sweep", "small.case"], args].concat();
    sabot(&args, folder.path())
}

fn sabot(args: &[&str], folder: &std::path::Path) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sabot"));
    let output = command.args(args).current_dir(folder).output().expect("the command starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// The numbers of a line of the table.
fn counts(text: &str, name: &str) -> Vec<usize> {
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
    let line = line.unwrap_or_else(|| panic!("no line {name} in:\n{text}"));
    line.split_whitespace().skip(1).map(|count| count.parse().expect("a count")).collect()
}

#[test]
fn the_same_core_behind_both_doors_comes_to_the_same_in_a_sample() {
    let worlds = ["--world", "sim-7.0", "--world", "server-7.0"];
    let (code, text) = conform(&[&worlds[..], &["--sample", "12"]].concat());
    let counts = counts(&text, "all");
    let [equal, differing, left, right, left_out, unmeasured] = counts[..] else {
        panic!("six counts: {text}")
    };
    assert_eq!((code, differing, left, right, unmeasured), (Some(0), 0, 0, 0, 0), "{text}");
    assert!(equal >= 12 && left_out > 100, "{text}");
}

#[test]
fn two_generations_differ_and_each_difference_is_replayed_in_either_world() {
    let worlds = ["--world", "sim-6.0", "--world", "sim-7.0"];
    let (code, text) = conform(&[&worlds[..], &["--faults", "error,kill"]].concat());
    assert_eq!(code, Some(1), "{text}");
    let [equal, differing, left, right, left_out, _] = counts(&text, "all")[..] else {
        panic!("six counts: {text}")
    };
    assert!(equal > 0 && differing > 0 && left_out == 0, "{text}");
    // 7.0 has a manifest, and 6.0 makes its one file without.
    assert!(right > left, "{text}");
    assert!(text.contains("sim-7.0, parent.manifest-temp.write: "), "{text}");
    assert!(text.contains("; sim-6.0 makes no such call\n  no reason is given\n"), "{text}");

    // One for each world, unless its fault was never injected there.
    let tokens = |told: &str| -> Vec<String> {
        let lines = told.lines().filter_map(|line| line.trim().strip_prefix("sabot replay "));
        lines.map(String::from).collect()
    };
    let tokens = text.split("\n\n").map(tokens).find(|tokens| tokens.len() == 2);
    let tokens = tokens.unwrap_or_else(|| panic!("no run has a token for each world:\n{text}"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut told: Vec<(String, Verdict)> = Vec::new();
    for token in &tokens {
        let Token { world, verdict, .. } = Token::decode(token).expect("a token");
        let (_, text) = sabot(&["replay", token], folder.path());
        assert!(text.contains(&format!("verdict: {verdict}")), "{world}: {text}");
        told.push((world, verdict));
    }
    assert_eq!((told[0].0.as_str(), told[1].0.as_str()), ("sim-6.0", "sim-7.0"));
    assert_ne!(told[0].1, told[1].1);
}

#[test]
fn one_world_or_three_are_refused() {
    for worlds in [&["sim"][..], &["sim-6.0", "sim-7.0", "server-6.0"]] {
        let args: Vec<&str> = worlds.iter().flat_map(|world| ["--world", world]).collect();
        let (code, text) = conform(&args);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains("two worlds"), "{text}");
    }
}
