//! What the two packages hold when they are published: all that they need, and nothing of the
//! repository around them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The paths in a package, as `cargo package` would put them there.
fn list(package: &str) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["package", "--list", "--offline", "--allow-dirty", "--package", package]);
    let output = cargo.current_dir(root).output().expect("cargo runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let listed = String::from_utf8(output.stdout).expect("paths are text");
    listed.lines().map(String::from).collect()
}

/// The files below a folder of the repository.
fn below(folder: &Path, shown: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("it is there") {
        let entry = entry.expect("it can be read");
        let shown = format!("{shown}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            found.extend(below(&entry.path(), &shown));
        } else {
            found.push(shown);
        }
    }
    found
}

/// Added by cargo, by itself.
const CARGO: [&str; 4] = [".cargo_vcs_info.json", "Cargo.lock", "Cargo.toml", "Cargo.toml.orig"];

/// What `package` lacks of `wanted`, and what else it holds.
fn amiss(package: &str, wanted: &[String]) -> Vec<String> {
    let list = list(package);
    let known = |path: &&String| wanted.contains(path) || CARGO.contains(&path.as_str());
    let lacking = wanted.iter().filter(|path| !list.contains(*path));
    let lacking = lacking.map(|path| format!("{package} lacks {path}"));
    let foreign = list.iter().filter(|path| !known(path));
    lacking.chain(foreign.map(|path| format!("{package} holds {path}"))).collect()
}

fn assert_none(amiss: Vec<String>) {
    assert!(amiss.is_empty(), "\n{}\n", amiss.join("\n"));
}

const BOTH: [&str; 3] = ["LICENSE-APACHE", "LICENSE-MIT", "README.md"];

#[test]
fn the_harness_brings_its_cases_profiles_and_templates() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wanted: Vec<String> =
        BOTH.into_iter().chain(["build.rs", "conformance.toml"]).map(String::from).collect();
    let cases = below(&here.join("../cases"), "built-in-cases");
    assert!(cases.iter().any(|path| path.ends_with(".case")), "there are no cases");
    wanted.extend(cases);
    for folder in ["profiles", "templates", "src"] {
        wanted.extend(below(&here.join(folder), folder));
    }
    assert_none(amiss("sabot", &wanted));
}

#[test]
fn the_server_comes_without_the_harness_cases_and_snapshots() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut wanted: Vec<String> = BOTH.into_iter().map(String::from).collect();
    wanted.extend(below(&root.join("src"), "src"));
    assert_none(amiss("sabot-server", &wanted));
}

/// A link is a file of one line where the system that checked it out knows no links.
#[test]
fn what_the_harness_links_to_is_in_the_repository() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = |name: &str| std::fs::read_link(here.join(name)).expect("it is a link");
    assert_eq!(target("built-in-cases"), Path::new("../cases"));
    for name in BOTH {
        assert_eq!(target(name), Path::new("..").join(name));
    }
}
