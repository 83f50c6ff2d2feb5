//! `sabot explore` as its users meet it: the same seed gives the same bytes whoever else runs, what
//! it finds are cases that show it, and what is known is not found again.

use std::path::Path;
use std::process::{Command, Output};

fn explore(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sabot"));
    command.arg("explore").args(words).arg("--out").arg(folder);
    command.output().expect("the binary is there")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Every file of a folder with its content, by name.
fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder).expect("a folder of ours");
    let mut files: Vec<(String, String)> = entries
        .map(|entry| {
            let path = entry.expect("a folder of ours").path();
            let content = std::fs::read_to_string(&path).expect("a file of ours");
            (path.file_name().expect("it has one").to_string_lossy().into_owned(), content)
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_seed_is_all_that_decides_and_what_is_known_is_not_found_again() {
    let (one, two) = (tempfile::tempdir().expect("ours"), tempfile::tempdir().expect("ours"));
    let words = ["--seed", "1", "--runs", "60"];
    let first = explore(one.path(), &[&words[..], &["--jobs", "1"]].concat());
    let second = explore(two.path(), &words);
    let without_folder =
        |out: &Output, folder: &Path| text(&out.stdout).replace(&*folder.to_string_lossy(), "");
    assert_eq!(without_folder(&first, one.path()), without_folder(&second, two.path()));
    assert_eq!(files(one.path()), files(two.path()));
    assert_eq!(first.status.code(), Some(1), "{}", text(&first.stderr));
    assert!(!files(one.path()).is_empty(), "{}", text(&first.stdout));

    for (name, _) in files(one.path()) {
        let mut run = Command::new(env!("CARGO_BIN_EXE_sabot"));
        let shown = run.arg("run").arg(one.path().join(&name)).args(["--world", "sim"]).output();
        let shown = shown.expect("the binary is there");
        assert_eq!(shown.status.code(), Some(0), "{name}: {}", text(&shown.stdout));
        let case = std::fs::read_to_string(one.path().join(&name)).expect("a file of ours");
        let verdict = case.strip_prefix("# ").and_then(|head| head.split_once(": "));
        let (verdict, _) = verdict.expect("the first line names it");
        assert!(case.ends_with(&format!("\nexpect verdict {verdict}\n")), "{name}: {case}");
    }

    let again = explore(one.path(), &words);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stdout));
    assert!(text(&again.stdout).contains("known  "), "{}", text(&again.stdout));
    assert_eq!(files(one.path()), files(two.path()));
}

#[test]
fn bad_words_are_refused_before_anything_runs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (words, said) in [
        (&["--runs", "0"][..], "0 is not in 1.."),
        (&["--seed", "x"][..], "invalid digit"),
        (&["--world", "no-such-server"][..], "no-such-server"),
    ] {
        let out = explore(folder.path(), words);
        assert!(matches!(out.status.code(), Some(2 | 3)), "{words:?}");
        assert!(text(&out.stderr).contains(said), "{words:?}: {}", text(&out.stderr));
    }
    let file = folder.path().join("taken");
    std::fs::write(&file, "").expect("a folder of ours");
    assert_eq!(explore(&file, &["--runs", "1"]).status.code(), Some(2));
}

#[test]
fn parts_put_together_are_what_one_machine_finds() {
    let folder = tempfile::tempdir().expect("ours");
    let [whole, joined] = ["whole", "joined"].map(|name| folder.path().join(name));
    let words = ["--seed", "1", "--runs", "60"];
    let first = explore(&whole, &words);
    let part = |shard: &str| {
        let path = folder.path().join(format!("{}.json", &shard[..1]));
        let mut command = Command::new(env!("CARGO_BIN_EXE_sabot"));
        command.arg("explore").args(words).args(["--shard", shard, "--json"]).arg(&path);
        let code = command.status().expect("the binary is there").code();
        assert!(matches!(code, Some(0 | 1)), "{code:?}");
        path.to_string_lossy().into_owned()
    };
    let parts = ["1/3", "2/3", "3/3"].map(part);
    let put_together = |words: &[&str], parts: &[&str], folder: &Path| {
        explore(folder, &[words, &["--parts"], parts].concat())
    };
    let [one, two, three] = parts.each_ref().map(String::as_str);
    let all = put_together(&words, &[three, one, two], &joined);
    assert_eq!(all.status.code(), first.status.code(), "{}", text(&all.stderr));
    assert_eq!(files(&whole), files(&joined));
    assert_eq!(text(&first.stdout).replace("/whole/", "/joined/"), text(&all.stdout));

    let other = folder.path().join("other");
    let some = put_together(&words, &[one, three], &other);
    assert!(text(&some.stderr).contains("shard 2/3 is missing"), "{}", text(&some.stderr));
    let refused = |words: &[&str], parts: &[&str], why: &str| {
        let out = put_together(words, parts, &other);
        assert_eq!(out.status.code(), Some(2));
        assert!(text(&out.stderr).contains(why), "{}", text(&out.stderr));
    };
    refused(&words, &[one, one], "given twice");
    refused(&["--seed", "5", "--runs", "60"], &[one], "1.json: it is of seed 1, not of 5");
    let said = "it is not a part that `sabot explore";
    let case = whole.join(&files(&whole)[0].0);
    refused(&words, &[&case.to_string_lossy()], "is not JSON");
    std::fs::write(&case, "{}").expect("a file of ours");
    refused(&words, &[&case.to_string_lossy()], said);
}
