//! `--config` and `--my-policy` as users of the command meet them, in `sim`.

use std::path::Path;
use std::process::{Command, Output};

fn sabot(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sabot"));
    command.current_dir(folder).args(args).output().expect("the command starts")
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("a new file");
    }
    folder
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const CONF: &str = "appendonly yes\nappendfsync always\nport 1\n";

#[test]
fn a_case_runs_under_the_configuration_and_its_lines_are_counted_as_they_stand() {
    let case = "> CONFIG GET appendfsync\n> SET a 1\nexpect +NO\n";
    let folder = folder(&[("redis.conf", CONF), ("own.case", case)]);
    let args = ["run", "own.case", "--world", "sim", "--config", "redis.conf"];
    let ran = sabot(folder.path(), &args);
    let text = out(&ran);
    assert_eq!(ran.status.code(), Some(1), "{text}");
    assert!(text.contains("\nconfig appendfsync always\n"), "{text}");
    assert!(text.contains("2) \"always\""), "{text}");
    assert!(text.contains("own.case:3: "), "{text}");
}

#[test]
fn another_policy_is_left_out_and_leaves_nothing_behind() {
    let other = "config appendfsync no\n> SET other 1\n";
    let files = [("redis.conf", CONF), ("same.case", "> SET same 1\n"), ("other.case", other)];
    let folder = folder(&files);
    let run = |cases: &[&str]| {
        let args = ["--world", "sim", "--config", "redis.conf", "--my-policy"];
        sabot(folder.path(), &[&["run"], cases, &args].concat())
    };
    let both = run(&["same.case", "other.case"]);
    assert_eq!(both.status.code(), Some(0), "{}", err(&both));
    assert!(out(&both).contains("SET same 1") && !out(&both).contains("SET other 1"));
    let none = run(&["other.case"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(err(&none).contains("another policy than the configuration (AOF, always)"));
}

#[test]
fn a_configuration_that_the_server_refuses_is_bad_usage_with_its_line() {
    let files = [("redis.conf", "hz 10\ninclude more.*\n"), ("more.conf", "\nno-such-thing 1\n")];
    let folder = folder(&files);
    for mode in [
        &["run"][..],
        &["sweep", "--sample", "1"],
        &["known"],
        &["explore", "--runs", "1", "--out", "found"],
        &["audit", "sim"],
    ] {
        let world: &[&str] = if mode[0] == "audit" { &[] } else { &["--world", "sim"] };
        let args = [mode, world, &["--config", "redis.conf"]].concat();
        let ran = sabot(folder.path(), &args);
        assert_eq!(ran.status.code(), Some(2), "{args:?}: {}", err(&ran));
        assert!(
            err(&ran)
                .contains("more.conf:2: `no-such-thing 1`: the server does not start in sim: "),
            "{args:?}"
        );
    }
}
