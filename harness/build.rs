//! Puts the cases into the binary, for a `sabot` that runs far from its source.
//!
//! `built-in-cases` is a symbolic link to `cases/` of the repository, and a folder in a published
//! package. Without cases there is no `sabot run`, so a build that finds none fails.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const CASES: &str = "built-in-cases";

fn main() -> Result<(), String> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={CASES}");
    let cases = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join(CASES);
    let mut list = String::from("pub const CASES: &[(&str, &str)] = &[\n");
    let mut files = String::from("pub const FILES: &[(&str, &[u8])] = &[\n");
    let mut found = 0;
    for folder in sorted(&cases)?.into_iter().filter(|path| path.is_dir()) {
        for path in sorted(&folder)? {
            let folder = folder.file_name().unwrap_or_default().to_string_lossy();
            if !is_case(&path) {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let _ = writeln!(files, "    (\"{folder}/{name}\", include_bytes!({path:?})),");
                continue;
            }
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let _ = writeln!(list, "    (\"{folder}/{name}\", include_str!({path:?})),");
            found += 1;
        }
    }
    if found == 0 {
        return Err(format!("{}: no cases, FOLDER/NAME.case", cases.display()));
    }
    files.push_str("];\n");
    list.push_str("];\n\n/// What lies beside them.\n");
    list.push_str(&files);
    let out = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("cases.rs");
    fs::write(&out, list).map_err(|e| format!("cannot write {}: {e}", out.display()))
}

fn is_case(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "case")
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>());
    let mut paths: Vec<PathBuf> =
        entries.map_err(|e| format!("cannot list {}: {e}", folder.display()))?;
    paths.sort();
    Ok(paths)
}
