//! The calls with which a copy of a template becomes a server of a start: what a fork does not
//! inherit, and what differs from run to run.
//!
//! Must not know: how a copy is made to make them.

use std::path::Path;

use libc::c_int;

use super::beginning::Begun;
use super::filter;
use super::privileges;
use super::remote_calls::RemoteCall;
use super::spawn::LARGEST;
use super::stack::Scratch;
use crate::kernel::CallName;

/// Where a server that has begun keeps the Landlock rules, out of the way of its own descriptors.
pub const RULES_OF_BEGUN: c_int = LARGEST;

/// What a copy is, for the calls that it makes.
#[derive(Clone, Copy, Debug)]
pub struct Copied<'a> {
    pub robust_list: Option<(u64, u64)>,
    pub has_rules: bool,
    /// The lowest free descriptor.
    pub free: c_int,
    pub rules: c_int,
    /// None: it is at its entry point.
    pub begun: Option<&'a Begun>,
    /// Questions that its filter traps.
    pub watched: &'a [CallName],
}

/// Those of a copy that is to run in `directory` and to say what it says in the file `log`. The
/// last one returns the listener.
pub fn as_server(
    copied: Copied<'_>,
    scratch: &mut Scratch,
    directory: &Path,
    log: &Path,
) -> Vec<RemoteCall> {
    let free = copied.free as u64;
    let (directory, log) = (scratch.put_path(directory), scratch.put_path(log));
    let append = (libc::O_WRONLY | libc::O_APPEND) as u64;
    let mut calls = as_child(copied);
    calls.extend([
        // Process 1 has the mounts of this start.
        RemoteCall::new("pidfd_open", libc::SYS_pidfd_open, &[1]),
        RemoteCall::new("setns", libc::SYS_setns, &[free, libc::CLONE_NEWNS as u64]),
        close(copied.free),
        RemoteCall::new("chdir", libc::SYS_chdir, &[directory]),
        RemoteCall::new("open the log", libc::SYS_open, &[log, append]),
    ]);
    calls.extend(output_to(copied.free));
    match copied.begun {
        Some(begun) => calls.extend(new_pipes(begun, scratch)),
        // The table of descriptors grows here, see `become_server`.
        None => {
            calls.push(RemoteCall::new("dup2", libc::SYS_dup2, &[0, LARGEST as u64]));
            calls.push(close(LARGEST));
        }
    }
    calls.extend(behind_walls(copied, scratch));
    calls
}

/// Those of a copy that is to begin, and says nothing but to the file `nothing`.
pub fn as_beginner(copied: Copied<'_>, nothing: u64) -> Vec<RemoteCall> {
    let close_on_exec = libc::O_CLOEXEC as u64;
    let (rules, hidden) = (copied.rules as u64, RULES_OF_BEGUN as u64);
    let mut calls = as_child(copied);
    calls.extend([
        RemoteCall::new("dup3", libc::SYS_dup3, &[rules, hidden, close_on_exec]),
        close(copied.rules),
        RemoteCall::new("open a stand-in", libc::SYS_open, &[nothing, libc::O_RDONLY as u64]),
    ]);
    calls.extend(output_to(copied.rules));
    calls
}

fn as_child(copied: Copied<'_>) -> Vec<RemoteCall> {
    let die = [libc::PR_SET_PDEATHSIG as u64, libc::SIGKILL as u64];
    let mut calls = vec![
        RemoteCall::new("setpgid", libc::SYS_setpgid, &[0, 0]),
        RemoteCall::new("prctl", libc::SYS_prctl, &die),
    ];
    if let Some((head, len)) = copied.robust_list {
        calls.push(RemoteCall::new("set_robust_list", libc::SYS_set_robust_list, &[head, len]));
    }
    calls
}

/// Makes an open file standard output and error.
fn output_to(file: c_int) -> [RemoteCall; 3] {
    let to = |stream: u64| RemoteCall::new("dup2", libc::SYS_dup2, &[file as u64, stream]);
    [to(1), to(2), close(file)]
}

/// Pipes of its own instead of those that it shares with its template, with the same numbers.
fn new_pipes(begun: &Begun, scratch: &mut Scratch) -> Vec<RemoteCall> {
    let mut calls: Vec<RemoteCall> =
        begun.pipes.iter().flat_map(|pipe| pipe.ends).map(close).collect();
    for pipe in &begun.pipes {
        let ends = scratch.put(&[0; 8]);
        calls.push(RemoteCall::new("pipe2", libc::SYS_pipe2, &[ends, pipe.flags]));
    }
    let flags = begun.flags.iter();
    calls.extend(flags.map(|args| RemoteCall::new("fcntl", libc::SYS_fcntl, args)));
    calls
}

/// Landlock, capabilities and the filter, in this order.
fn behind_walls(copied: Copied<'_>, scratch: &mut Scratch) -> Vec<RemoteCall> {
    let mut calls = Vec::new();
    if copied.has_rules {
        let number = libc::SYS_landlock_restrict_self;
        calls.push(RemoteCall::new("landlock_restrict_self", number, &[copied.rules as u64, 0]));
    }
    calls.push(close(copied.rules));
    let header = scratch.put(&privileges::CAPABILITIES.map(u32::to_ne_bytes).concat());
    let sets = scratch.put(&privileges::servers_capabilities().map(u32::to_ne_bytes).concat());
    calls.push(RemoteCall::new("capset", libc::SYS_capset, &[header, sets]));
    let filter = put_filter(copied.watched, scratch);
    let flags = privileges::FILTER_FLAGS;
    let mode = u64::from(libc::SECCOMP_SET_MODE_FILTER);
    calls.push(RemoteCall::new("seccomp", libc::SYS_seccomp, &[mode, flags, filter]));
    calls
}

/// Puts the filter into memory; returns the address of its `struct sock_fprog`.
fn put_filter(watched: &[CallName], scratch: &mut Scratch) -> u64 {
    let program: Vec<u8> = filter::program(watched)
        .iter()
        .flat_map(|line| {
            let k = line.k.to_ne_bytes();
            let code = line.code.to_ne_bytes();
            [code[0], code[1], line.jt, line.jf, k[0], k[1], k[2], k[3]]
        })
        .collect();
    let (lines, at) = (program.len() as u64 / 8, scratch.put(&program));
    scratch.put(&[lines.to_ne_bytes(), at.to_ne_bytes()].concat())
}

fn close(fd: c_int) -> RemoteCall {
    RemoteCall::new("close", libc::SYS_close, &[fd as u64])
}
