//! Whether the three ways to start a server are the same: an exec, a copy at the entry point, and a
//! copy after the beginning.
//!
//! Must not know: how a start is made.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::doctor::{in_child, reason};
use super::start::machine::Machine;
use super::{Directive, Supervised, World};
use crate::profile::Profile;
use crate::world::Broken;

/// The result of [`compare_starts`] if starts are fast, and the same as slow ones.
pub const FAST: &str = "starts are fast";

/// Starts a server three times: slowly, from a template at its entry point, and from one after its
/// beginning, if possible. Returns what was found.
///
/// # Errors
/// Two starts differ, or the server does not start.
pub fn compare_starts(profile: &Profile, binary: &Path) -> Result<String, String> {
    in_child(|| {
        let machine = Machine::prepare().map_err(reason)?;
        let start = || trace_of_start(&machine, profile, binary).map_err(reason);
        let (slow, linked, begun) = (start()?, start()?, start()?);
        same_start(&slow, &linked).and_then(|()| same_start(&linked, &begun))?;
        Ok(machine.templates().why_slow(binary).unwrap_or_else(|| FAST.to_string()))
    })
}

fn same_start(slow: &str, fast: &str) -> Result<(), String> {
    let different = slow.lines().zip(fast.lines()).find(|(slow, fast)| slow != fast);
    match different {
        Some((slow, fast)) => Err(format!("a fast start differs: {slow} | {fast}")),
        None if slow.len() != fast.len() => Err("a fast start ends elsewhere".to_string()),
        None => Ok(()),
    }
}

/// Trace and log of a server with an append-only file, up to where it waits for clients.
fn trace_of_start(machine: &Machine, profile: &Profile, binary: &Path) -> Result<String, Broken> {
    let mut world = Supervised::new(machine, profile.clone(), binary)?;
    let appendonly = Directive { name: "appendonly".to_string(), value: "yes".to_string() };
    world.start(&[appendonly])?;
    let log = world.log();
    let text = format!("{}{}", world.kernel().trace, String::from_utf8_lossy(&log));
    if let Some(pipe) = shared_pipe() {
        return Err(Broken::Harness(format!("a server shares {} with another", pipe.display())));
    }
    world.finish()?;
    Ok(text)
}

/// A pipe that two children of this process have open: a copy must have pipes of its own.
fn shared_pipe() -> Option<PathBuf> {
    let children = fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    let mut seen = BTreeSet::new();
    for child in children.split_whitespace() {
        let open = fs::read_dir(format!("/proc/{child}/fd")).into_iter().flatten().flatten();
        let leads_to: BTreeSet<PathBuf> =
            open.filter_map(|entry| fs::read_link(entry.path()).ok()).collect();
        let pipes =
            leads_to.into_iter().filter(|to| to.as_os_str().as_bytes().starts_with(b"pipe:"));
        for pipe in pipes {
            if !seen.insert(pipe.clone()) {
                return Some(pipe);
            }
        }
    }
    None
}
