//! What is said where words name nothing, where a case is wrong, and where the output has no place.

mod project;

use project::Project;

#[test]
fn a_sweep_of_a_bad_case_is_bad_usage_as_a_run_is() {
    let project = Project::new();
    project.write("bad.case", "config appendfsync sometimes\n> SET a 1\n");
    let said = project.sabot(&["sweep", "bad.case", "--world", "sim"]);
    said.expect(2, &["not swept", "line 1", "refuses this configuration", "everysec, always, no"]);
}

#[test]
fn what_cannot_be_written_is_said_and_is_no_measurement() {
    let project = Project::new();
    project.write("ping.case", "config appendonly yes\n> SET a 1\n");
    for args in [
        &["run", "ping.case", "--world", "sim"][..],
        &["sweep", "ping.case"],
        &["show", "ping.case"],
        &["--help"],
        &["sweep", "--help"],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let output = project.command(args).stdout(full).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{args:?}: {said}");
        assert!(said.contains("cannot write the output: No space left on device"), "{said}");
    }
    for option in ["--json", "--junit"] {
        let said = project.sabot(&["sweep", "ping.case", option, "/dev/full"]);
        said.expect(3, &["cannot write /dev/full: No space left on device"]);
    }
    let said = project.sabot(&["export", "5a", "--world", "sim", "--out", "/dev/full"]);
    said.expect(3, &["cannot write /dev/full: No space left on device"]);
}

#[test]
fn a_slip_is_answered_with_what_was_meant() {
    let project = Project::new();
    project.sabot(&["rnu"]).expect(2, &["a similar subcommand exists: 'run'"]);
    let said = project.sabot(&["run", "nonexist.case"]);
    said.expect(2, &["no case nonexist.case"]);
    assert!(!said.text.contains("near it"), "{}", said.text);
    project.sabot(&["run", "othrwise"]).expect(2, &["near it:\n  story/otherwise"]);
    let said = project.sabot(&["run", "--keep", "full_disk.case"]);
    said.expect(2, &["this is the name of a case, and --keep takes the folder"]);
}
