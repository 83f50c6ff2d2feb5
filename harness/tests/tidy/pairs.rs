//! Cases and snapshots belong together: none without the other, and not none at all.

use std::collections::BTreeSet;

use crate::assert_tidy;
use crate::sources::files;

/// The family that every case has a snapshot in: our own server.
const OWN: &str = "sabot";

#[test]
fn every_case_has_its_snapshots_and_every_snapshot_its_case() {
    let paths = |ending: &str| -> Vec<String> {
        files(&[ending]).into_iter().map(|source| source.path).collect()
    };
    assert_tidy(pairs(&paths(".case"), &paths(".snap")));
}

#[test]
fn a_missing_partner_is_seen() {
    let case = vec!["cases/a/b.case".to_string()];
    let good = vec!["snapshots/a/b@sabot.snap".to_string()];
    assert!(pairs(&case, &good).is_empty());
    assert_eq!(pairs(&[], &[]), ["cases/ is empty"]);
    assert_eq!(pairs(&case, &[]), ["cases/a/b.case: no snapshots/a/b@sabot.snap"]);
    let orphan = ["snapshots/a/c@redis-7.0.snap".to_string(), good[0].clone()];
    assert_eq!(pairs(&case, &orphan), ["snapshots/a/c@redis-7.0.snap: no cases/a/c.case",]);
}

/// Other families have a snapshot only where they differ, but none without a case.
fn pairs(cases: &[String], snapshots: &[String]) -> Vec<String> {
    let inside = |path: &str, top: &str, ending: &str| {
        path.strip_prefix(top).and_then(|rest| rest.strip_suffix(ending)).map(String::from)
    };
    let names: BTreeSet<String> =
        cases.iter().filter_map(|path| inside(path, "cases/", ".case")).collect();
    let taken: BTreeSet<(String, String)> = snapshots
        .iter()
        .filter_map(|path| inside(path, "snapshots/", ".snap"))
        .filter_map(|name| name.rsplit_once('@').map(|(n, f)| (n.to_string(), f.to_string())))
        .collect();
    let mut complaints = Vec::new();
    if names.is_empty() {
        complaints.push("cases/ is empty".to_string());
    }
    for name in &names {
        if !taken.contains(&(name.clone(), OWN.to_string())) {
            complaints.push(format!("cases/{name}.case: no snapshots/{name}@{OWN}.snap"));
        }
    }
    for (name, family) in &taken {
        if !names.contains(name) {
            complaints.push(format!("snapshots/{name}@{family}.snap: no cases/{name}.case"));
        }
    }
    complaints
}

/// What README.md opens with.
const SHOWN: &str = "snapshots/flush_append_only_file/short_write_rolled_back@redis-7.0.snap";

#[test]
fn the_readme_opens_with_a_real_transcript() {
    let text = |path: &str| {
        let found = files(&[path]).into_iter().find(|source| source.path == path);
        found.unwrap_or_else(|| panic!("there is no {path}")).text
    };
    assert_tidy(excerpt(&text("README.md"), &text(SHOWN)));
}

#[test]
fn a_made_up_transcript_is_seen() {
    let readme = |block: &str| format!("# a\n\n```\n{block}\n```\n");
    assert!(excerpt(&readme("one\n    …\nthree"), "one\ntwo\nthree\n").is_empty());
    assert_eq!(excerpt(&readme("three\none"), "one\nthree\n"), ["README.md: not observed: one"]);
    assert_eq!(excerpt("# a\n", "one\n"), ["README.md: no transcript"]);
}

/// The first block of the README must be lines of the transcript in their order; `…` stands for
/// lines that are left out.
fn excerpt(readme: &str, transcript: &str) -> Vec<String> {
    let Some(block) = readme.split("```\n").nth(1) else {
        return vec!["README.md: no transcript".to_string()];
    };
    let mut observed = transcript.lines();
    let mut shown = block.lines().filter(|line| line.trim() != "…");
    let made_up = shown.find(|line| !observed.any(|other| other == *line));
    made_up.map(|line| format!("README.md: not observed: {line}")).into_iter().collect()
}
