//! Servers that the user has put into one folder, to be called by name.
//!
//! A name is a folder with a program whose name ends in `-server`, as `ci/servers` makes them, or a
//! profile `NAME.toml`, which wins. The folder is that of the environment variable
//! `SABOT_SERVERS`, else the nearest `target/servers` from the working directory upwards.
//! Must not know: what runs on them.

use std::path::{Path, PathBuf};

/// The variable that names the folder.
pub const SERVERS: &str = "SABOT_SERVERS";

/// The folder; None: there is none, neither named nor found.
pub fn folder() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(SERVERS).filter(|named| !named.is_empty()) {
        return Some(PathBuf::from(named));
    }
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|folder| folder.join("target/servers")).find(|folder| folder.is_dir())
}

/// Every name with what it stands for, sorted by name.
pub fn list() -> Vec<(String, PathBuf)> {
    let Some(folder) = folder() else { return Vec::new() };
    let mut names: Vec<String> = files(&folder)
        .iter()
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?;
            let name = name.strip_suffix(".toml").unwrap_or(name);
            (!name.starts_with('.')).then(|| name.to_string())
        })
        .collect();
    names.sort();
    names.dedup();
    names.into_iter().filter_map(|name| Some((name.clone(), inside(&folder, &name)?))).collect()
}

/// The program or the profile that a name stands for.
pub fn find(name: &str) -> Option<PathBuf> {
    inside(&folder()?, name)
}

fn inside(folder: &Path, name: &str) -> Option<PathBuf> {
    let profile = folder.join(format!("{name}.toml"));
    if profile.is_file() {
        return Some(profile);
    }
    let mut programs = files(&folder.join(name));
    programs.retain(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        path.is_file() && name.is_some_and(|name| name.ends_with("-server"))
    });
    programs.sort();
    programs.into_iter().next()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_wins_over_a_folder_and_a_folder_without_a_server_is_none() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| folder.path().join(name);
        for name in ["a", "b", "empty"] {
            std::fs::create_dir(at(name)).expect("a new folder");
        }
        for file in ["a/redis-server", "b/valkey-server", "b.toml", "a/redis-check-aof"] {
            std::fs::write(at(file), "").expect("a new file");
        }
        assert_eq!(inside(folder.path(), "a"), Some(at("a/redis-server")));
        assert_eq!(inside(folder.path(), "b"), Some(at("b.toml")));
        assert_eq!(inside(folder.path(), "empty"), None);
        assert_eq!(inside(folder.path(), "c"), None);
    }
}
