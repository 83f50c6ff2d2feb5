//! Files that a mode writes: whole or not at all.
//!
//! A report is written beside its place and then renamed over it, so that an old one stays until
//! the new one is complete; anything else (a terminal, a pipe) is written to. Must not know: what
//! is in them.

use std::io::Write;
use std::path::Path;

use tempfile::NamedTempFile;

use super::error::CommandError;
use super::printable::json;
use crate::engine::interrupt::hold_off;
use crate::error::cannot;

/// A report that cannot be written is found out before anything runs; nothing is left of the try.
pub fn possible<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<(), CommandError> {
    for path in paths {
        if path.is_dir() {
            let why = std::io::ErrorKind::IsADirectory.into();
            return Err(CommandError::usage(cannot("write", path, &why)));
        }
        let _held = hold_off();
        let tried = if is_special(path) { Ok(()) } else { beside(path).map(drop) };
        tried.map_err(|e| CommandError::usage(cannot("write", path, &e)))?;
    }
    Ok(())
}

/// Writes the whole text of a JSON document, which a terminal may be shown.
pub fn write_json(path: &Path, text: &str) -> Result<(), CommandError> {
    write(path, &json(text))
}

/// Writes the whole text.
pub fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    let whole = || -> std::io::Result<()> {
        if is_special(path) {
            return std::fs::write(path, text);
        }
        let _held = hold_off();
        let mut file = beside(path)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map(drop).map_err(|failed| failed.error)
    };
    whole().map_err(|e| CommandError::unable(cannot("write", path, &e)))
}

/// It is there, and renaming something over it would be wrong.
fn is_special(path: &Path) -> bool {
    path.exists() && !path.is_file()
}

/// A file in the same folder, with the rights that a new file has there; gone when it is dropped.
fn beside(path: &Path) -> std::io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let make = |place: &Path| std::fs::File::create_new(place);
    tempfile::Builder::new().prefix(".sabot-").make_in(folder, make)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_a_try_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("report");
        possible([path.as_path()]).expect("a folder of ours");
        assert!(std::fs::read_dir(folder.path()).expect("ours").next().is_none());
        for text in ["one", "two"] {
            write(&path, text).expect("a folder of ours");
            assert_eq!(std::fs::read_to_string(&path).expect("it is there"), text);
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("ours").count(), 1);
        for bad in [folder.path().to_path_buf(), folder.path().join("no/report")] {
            let stop = possible([bad.as_path()]).expect_err("it cannot be written");
            assert!(stop.message.contains(&bad.display().to_string()), "{}", stop.message);
        }
    }
}
