//! The command alone in an empty folder, as after `cargo install`: it brings its cases and
//! workloads along, and leaves nothing behind.

mod support {
    pub mod skip;
}

use std::path::{Path, PathBuf};
use std::process::Command;

use sabot::world::supervised::doctor::examine;
use support::skip::skip;
use tempfile::TempDir;

/// A copy of the command with nothing beside it.
struct Installed {
    program: PathBuf,
    empty: PathBuf,
    _folder: TempDir,
}

impl Installed {
    fn new() -> Installed {
        let folder = tempfile::tempdir().expect("a folder");
        let (program, empty) = (folder.path().join("sabot"), folder.path().join("empty"));
        copy(env!("CARGO_BIN_EXE_sabot"), &program);
        std::fs::create_dir(&empty).expect("there is room");
        Installed { program, empty, _folder: folder }
    }

    /// The output of a run whose exit code must be one of these.
    fn says(&self, args: &[&str], codes: &[i32]) -> String {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(&self.empty).env_remove("SABOT_REQUIRE");
        let output = command.env_remove("SABOT_SERVERS").output().expect("it starts");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let code = output.status.code().expect("it ends by itself");
        assert!(codes.contains(&code), "{args:?} exits with {code}:\n{text}");
        let left = std::fs::read_dir(&self.empty).expect("it is there").count();
        assert_eq!(left, 0, "{args:?} leaves something behind");
        text
    }
}

/// Copies a program by a process of its own. If this one wrote it, a test beside would fork with
/// the file still open for writing, and execve(2) of the copy would fail with ETXTBSY.
fn copy(from: &str, to: &Path) {
    let status = Command::new("cp").arg(from).arg(to).status().expect("cp starts");
    assert!(status.success(), "cp: {status}");
}

#[test]
fn every_case_runs_without_a_checkout() {
    let text = Installed::new().says(&["run", "--world", "sim"], &[0]);
    for folder in folders().filter(|folder| folder != "sweep") {
        assert!(text.contains(&format!("{folder}/")), "{folder} is not there:\n{text}");
    }
}

#[test]
fn workloads_are_swept_and_cases_shown_without_a_checkout() {
    let sabot = Installed::new();
    let args = ["sweep", "sweep/save", "--world", "sim", "--faults", "short"];
    let text = sabot.says(&args, &[0, 1]);
    assert!(text.contains("1 sweeps, "), "{text}");
    let text = sabot.says(&["show", "full_disk", "--world", "sim"], &[0]);
    assert!(text.contains("verdict: kept"), "{text}");
    let text = sabot.says(&["doctor"], &[0, 3]);
    assert!(text.contains("world sim"), "{text}");
}

/// Workers are the command itself, wherever it is.
#[test]
fn supervised_worlds_need_nothing_beside_the_command() {
    let sabot = Installed::new();
    let text = sabot.says(&["run", "full_disk", "--world", "server"], &[0, 3]);
    if let Some(missing) = examine().into_iter().find(|check| !check.ok) {
        return skip("server", &format!("{} is missing: {}", missing.name, missing.detail));
    }
    assert!(text.contains("kept"), "{text}");
    let text = sabot.says(&["doctor", "server"], &[0]);
    for line in ["ok       start", "ok       write and power cut", "renamed: rdb-temp, rewrite-bg"]
    {
        assert!(text.contains(line), "{line:?} is not in:\n{text}");
    }
}

/// The folders of the library.
fn folders() -> impl Iterator<Item = String> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases");
    let entries = std::fs::read_dir(cases).expect("it is there").flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    folders.map(|entry| entry.file_name().to_string_lossy().into_owned())
}
