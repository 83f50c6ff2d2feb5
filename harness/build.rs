//! Puts the cases into the binary, for a `sabot` that runs far from its source.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../cases");
    let cases = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../cases");
    let mut list = String::from("pub const CASES: &[(&str, &str)] = &[\n");
    for folder in sorted(&cases)?.into_iter().filter(|path| path.is_dir()) {
        for path in sorted(&folder)? {
            if path.extension().is_none_or(|ending| ending != "case") {
                continue;
            }
            let folder = folder.file_name().unwrap_or_default().to_string_lossy();
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let _ = writeln!(list, "    (\"{folder}/{name}\", include_str!({path:?})),");
        }
    }
    list.push_str("];\n");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("cases.rs"), list)
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths: Vec<PathBuf> = match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?,
        Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(e) => return Err(e),
    };
    paths.sort();
    Ok(paths)
}
