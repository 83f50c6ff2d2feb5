//! What the tests of `sabot audit` share: a folder with a small library of cases of its own, and
//! the command run in it.

#![allow(dead_code, reason = "each test uses its part")]

pub mod waiting;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

const WORKLOAD: &str = "config appendonly yes\nconfig appendfsync everysec\n> INCR n\n> INCR n\n";

const CASES: [(&str, &str); 4] = [
    ("sweep/small", WORKLOAD),
    ("sweep/always", "config appendonly yes\nconfig appendfsync always\n> INCR n\nshutdown\n"),
    ("story/kept", "config appendonly yes\n> SET a 1\nkill all\nrestart\nexpect verdict kept\n"),
    ("story/otherwise", "config appendonly yes\n> SET a 1\nexpect +NO\n"),
];

pub struct Project {
    folder: tempfile::TempDir,
}

/// What a run of the command came to.
pub struct Said {
    pub code: Option<i32>,
    pub text: String,
}

impl Said {
    /// Checks the exit code and that each of `parts` was said.
    pub fn expect(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.text);
        for part in parts {
            assert!(self.text.contains(part), "{part:?} is not in:\n{}", self.text);
        }
    }
}

impl Project {
    pub fn new() -> Project {
        let project = Project { folder: tempfile::tempdir().expect("a temporary folder") };
        for (name, text) in CASES {
            project.write(&format!("cases/{name}.case"), text);
        }
        project
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a new folder");
        std::fs::write(path, text).expect("a new file");
    }

    /// One that takes longer than it takes to interrupt it.
    pub fn write_long_workload(&self) {
        let text = format!("{WORKLOAD}{}", "> INCR n\n".repeat(200));
        self.write("cases/sweep/long.case", &text);
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("it was written")
    }

    pub fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).expect("JSON")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sabot"));
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_remove("SABOT_REQUIRE").env_remove("SOURCE_DATE_EPOCH");
        command.env_remove("GITHUB_ACTIONS");
        command
    }

    pub fn sabot(&self, args: &[&str]) -> Said {
        let output = self.command(args).output().expect("the command starts");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        Said { code: output.status.code(), text }
    }

    /// Audits our own server in simulation.
    pub fn audit(&self, page: &str, more: &[&str]) -> Said {
        self.sabot(&[&["audit", "sim", "--out", page], more].concat())
    }

    /// Whether supervised worlds are possible here.
    pub fn can_supervise(&self) -> bool {
        let possible = self.sabot(&["doctor"]).code == Some(0);
        if !possible {
            assert!(!required("server"), "required, but not possible here");
            println!("skipped: this machine cannot supervise");
        }
        possible
    }

    /// Reports are written beside their place first.
    pub fn nothing_half_written(&self) {
        let entries = std::fs::read_dir(self.folder.path()).expect("ours").flatten();
        let names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        let hidden = names.iter().filter(|name| name.to_string_lossy().starts_with('.'));
        assert_eq!(hidden.count(), 0, "{names:?}");
    }
}

/// Whether the environment says that this must not be skipped.
pub fn required(what: &str) -> bool {
    let list = std::env::var("SABOT_REQUIRE").unwrap_or_default();
    list.split(',').any(|word| word.trim() == what)
}
