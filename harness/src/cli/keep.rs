//! `--keep DIR`: what a run left on its disk, as real files.
//!
//! Must not know: what the files mean.

use std::path::{Component, Path};

use super::error::CommandError;
use crate::error::cannot;

/// Whether there can be such a folder.
///
/// # Errors
/// When something else has its name, or it has the name of a case: `--keep full.case` was meant to
/// be two words, and would run everything.
pub fn possible(folder: Option<&Path>) -> Result<(), CommandError> {
    let Some(folder) = folder else { return Ok(()) };
    let refused = |words: &str| {
        let folder = folder.display();
        let words = format!("--keep {folder}: {words}, and --keep takes the folder to write to");
        Err(CommandError::usage(words))
    };
    match () {
        () if folder.exists() && !folder.is_dir() => refused("it is a file"),
        () if folder.extension().is_some_and(|ending| ending == "case") => {
            refused("this is the name of a case")
        }
        () => Ok(()),
    }
}

/// Writes `files` under `folder/case/world`. Names that would lead out of there are refused.
pub fn files(
    folder: &Path,
    case: &str,
    world: &str,
    files: &[(String, Vec<u8>)],
) -> Result<(), CommandError> {
    let plain = |text: &str| text.trim_start_matches(['/', '.']).replace("..", "_");
    let folder = folder.join(plain(case)).join(plain(world).replace('/', "_"));
    create(&folder)?;
    for (name, content) in files {
        let name = Path::new(name);
        if !name.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(CommandError::unable(format!("a file is called {}", name.display())));
        }
        let path = folder.join(name);
        create(path.parent().unwrap_or(&folder))?;
        std::fs::write(&path, content)
            .map_err(|e| CommandError::unable(cannot("write", &path, &e)))?;
    }
    Ok(())
}

fn create(folder: &Path) -> Result<(), CommandError> {
    std::fs::create_dir_all(folder).map_err(|e| CommandError::unable(cannot("create", folder, &e)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_not_taken_for_the_folder() {
        let here = tempfile::tempdir().expect("a temporary folder");
        let file = here.path().join("plain");
        std::fs::write(&file, "").expect("a new file");
        for bad in [Path::new("full.case"), &file] {
            let why = possible(Some(bad)).expect_err("not a folder").message;
            assert!(why.contains("--keep takes the folder"), "{why}");
        }
        for good in [None, Some(here.path()), Some(Path::new("new"))] {
            assert!(possible(good).is_ok());
        }
    }

    #[test]
    fn files_land_below_the_folder_whatever_the_names_say() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let kept = [("appendonlydir/a.aof".to_string(), b"x".to_vec())];
        files(folder.path(), "../flush/short", "/usr/bin/redis-server", &kept).expect("written");
        let path = folder.path().join("flush/short/usr_bin_redis-server/appendonlydir/a.aof");
        assert_eq!(std::fs::read(path).expect("it is there"), b"x");
        assert!(files(folder.path(), "c", "w", &[("../out".into(), vec![])]).is_err());
    }
}
