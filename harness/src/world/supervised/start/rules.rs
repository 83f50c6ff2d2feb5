//! Landlock: a second wall behind the mount view, where Linux has it.
//!
//! Whatever the view shows may be read and executed, and files are made and written only in the run
//! directory. Unlike a mount, that holds for descriptors and for mounts of later, too; a mount, on
//! the other hand, also stops chmod(2), which Landlock does not know. Signals and abstract sockets
//! stay inside, and so does ptrace(2). Must not know: servers.

use std::os::fd::OwnedFd;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, Scope,
};

/// The newest version of Landlock whose rights are all asked for; an older kernel has fewer.
const NEWEST: ABI = ABI::V6;

/// The rules for processes that have `root` as their root, and may write in `writable` and to
/// `devices`, which lie below it. None: this Linux has no Landlock.
pub fn ruleset(root: &Path, writable: &Path, devices: &Path) -> Result<Option<OwnedFd>, String> {
    let all = AccessFs::from_all(NEWEST);
    let in_run_directory = all & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
    let use_devices = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(all)
        .and_then(|rules| rules.scope(Scope::from_all(NEWEST)))
        .and_then(Ruleset::create)
        .map_err(text)?
        .add_rule(below(root, AccessFs::from_read(NEWEST))?)
        .map_err(text)?
        .add_rule(below(writable, in_run_directory)?)
        .map_err(text)?
        .add_rule(below(devices, use_devices)?)
        .map_err(text)?;
    Ok(rules.into())
}

/// Whether this Linux has Landlock.
pub fn exist() -> bool {
    let nowhere = Path::new("/");
    ruleset(nowhere, nowhere, nowhere).is_ok_and(|rules| rules.is_some())
}

fn below(path: &Path, rights: BitFlags<AccessFs>) -> Result<PathBeneath<PathFd>, String> {
    Ok(PathBeneath::new(PathFd::new(path).map_err(text)?, rights))
}

fn text(error: impl std::fmt::Display) -> String {
    format!("Landlock: {error}")
}
