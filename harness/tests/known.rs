//! `sabot known` and `sabot export BUG` as commands: the table on every server of this machine, and
//! a report to paste.
//!
//! The whole table is a snapshot, and README.md quotes lines of it; both are compared where all
//! servers of the record are here. Of fewer, each cell must be as recorded all the same.

mod support {
    pub mod servers;
    pub mod skip;
}
mod whole;

use std::process::Command;

use insta::Settings;
use support::servers::tested;

/// The servers of the record.
const SERVERS: [&str; 5] =
    ["redis-6.0.16", "redis-6.2.14", "redis-7.0.15", "redis-8.0.2", "valkey-8.1.1"];

/// The exit code, standard output, standard error.
fn sabot(args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sabot"));
    let output =
        command.args(args).current_dir(whole::root()).output().expect("the command starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn every_cell_is_as_recorded() {
    let mut servers: Vec<&str> =
        SERVERS.into_iter().filter(|name| tested(name).is_some()).collect();
    let are_all_here = servers.len() == SERVERS.len();
    if servers.is_empty() && tested("redis").is_some() {
        servers.push("redis");
    }
    let mut args = vec!["known", "--world", "sim"];
    servers.iter().for_each(|server| args.extend(["--world", server]));
    let (code, table, errors) = sabot(&args);
    assert_eq!(code, Some(0), "{table}{errors}");
    if !are_all_here {
        return;
    }
    let mut settings = Settings::new();
    settings.set_snapshot_path(whole::root().join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("known", table));
    let readme = std::fs::read_to_string(whole::root().join("README.md")).expect("there is one");
    let lines: Vec<&str> = table.lines().collect();
    let counts = lines.iter().find(|line| line.starts_with("as recorded"));
    for line in [lines.first(), counts, lines.last()].into_iter().flatten() {
        assert!(readme.contains(line), "README.md does not quote: {line}");
    }
}

#[test]
fn a_server_that_does_otherwise_is_told_by_line_and_exit_code() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cases = folder.path().join("cases/known");
    std::fs::create_dir_all(&cases).expect("a new folder");
    let case = |shows: &str, symptom: &str| {
        format!("# mine 1: nothing\nknown {shows}\n> SET a 1\n{symptom}\nkill all\nrestart\n")
    };
    let write = |name: &str, text: String| {
        std::fs::write(cases.join(name), text).expect("a new file");
    };
    write("01_right.case", case("absent redis-6.0.16", "symptom :1"));
    write("02_wrong.case", case("shows redis-6.0.16", "symptom :1"));
    write("03_elsewhere.case", case("shows redis-7.0.15", "symptom +OK"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_sabot"));
    let output = command.args(["known", "--world", "sim"]).current_dir(folder.path()).output();
    let output = output.expect("the command starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for line in [
        "01_right absent",
        "02_wrong absent, RECORDED shows",
        "03_elsewhere shows, RECORDED n/a",
        "sabot show known/02_wrong --world sim",
        "3 known bugs on 1 server: 1 of 3 cells as recorded",
    ] {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = text.lines().any(|said| words(said).starts_with(line));
        assert!(said, "{line:?} is not in:\n{text}");
    }
}

#[test]
fn a_known_bug_is_exported_with_what_is_needed_to_have_it_elsewhere() {
    let (code, report, errors) = sabot(&["export", "1", "--world", "sim"]);
    assert_eq!(code, Some(0), "{report}{errors}");
    for part in [
        "[BUG] ",
        "\nSee also valkey PR 4342",
        "\nAffects sabot-server (world sim)\n",
        "\nShown in 20 of 20 runs, one trace, on sim (sabot's own server",
        "**To reproduce**",
        "- got: :1\n",
        "truncate -s -7 \"$(aof)\"",
        "symptom :1\n  symptom: shows",
    ] {
        assert!(report.contains(part), "{part:?} is not in:\n{report}");
    }
    let (code, _, errors) = sabot(&["export", "leftover"]);
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("leftover is neither a token nor a known bug\nnear it:"), "{errors}");
    assert!(errors.contains("\n  known/05a_leftover_counts_twice"), "{errors}");
    let (code, _, errors) = sabot(&["export", "5", "--world", "sim"]);
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("5 is more than one bug: known/05a"), "{errors}");
    let (code, _, errors) = sabot(&["known", "777"]);
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("no known bug 777: there are 01_cut_inside_multi"), "{errors}");
}
