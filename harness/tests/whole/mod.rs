//! What the tests of all cases and of all workloads share: the library of this checkout, workers to
//! run it, and where its snapshots are.

#![allow(dead_code, reason = "each test uses its part")]

use std::path::PathBuf;
use std::time::Duration;

use insta::Settings;
use sabot::case::Script;
use sabot::engine::pool::{self, Pool};
use sabot::suite::library::{CaseFile, Library};

/// Real time that one supervised run may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// The top of this checkout.
pub fn root() -> PathBuf {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    root.canonicalize().expect("the workspace is there")
}

pub fn library() -> Library {
    Library::at(&root(), &root()).expect("cases/ can be read")
}

/// Workers on all cores.
pub fn pool() -> Pool {
    let exe = PathBuf::from(env!("CARGO_BIN_EXE_sabot"));
    let settings = pool::Settings { exe, deadline: DEADLINE, jobs: usize::MAX, times: None };
    Pool::new(&settings).expect("threads")
}

pub fn parse(file: &CaseFile) -> Script {
    let script = sabot::case::parse(&file.source, &file.text);
    script.unwrap_or_else(|bad| panic!("{bad}"))
}

/// The reviewed snapshot of a case in a family: settings to be bound, and its name.
pub fn reviewed(file: &CaseFile, family: &str, description: String) -> (Settings, String) {
    let (folder, name) = file.name.split_once('/').expect("the library names folders");
    let mut settings = Settings::new();
    settings.set_snapshot_path(root().join("snapshots").join(folder));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_input_file(root().join(&file.source));
    settings.set_description(description);
    (settings, format!("{name}@{family}"))
}
