//! What supervision needs of a machine: each thing is really tried, in a process of its own.
//!
//! Must not know: which servers there are, and who reads the result.
//!
//! # Safety
//!
//! The forked children run ordinary code. The C library makes its allocator usable in the child of
//! a process with several threads, and no other lock of this program is taken there.

#![allow(unsafe_code)]

use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill, raise};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, geteuid, pipe};

use super::memory::Memory;
use super::start::machine::{Machine, isolate};
use super::start::namespace::{Namespace, copy_descriptor, open_process};
use super::start::privileges::install_filter;
use super::start::rules;
use super::start::start_key::StartKey;
use super::start::template::Template;
use super::start::view::Room;
use crate::kernel::Clock;
use crate::world::Broken;

/// One thing that supervision needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub name: String,
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// What to change if it is missing; otherwise empty.
    pub remedy: String,
}

/// How long one check may take, in milliseconds.
const PATIENCE: u16 = 10_000;

const CONTAINER: &str = "in a container, start it with --cap-add SYS_ADMIN --cap-add SYS_PTRACE \
    --security-opt seccomp=unconfined --security-opt apparmor=unconfined";
const AS_ROOT: &str = "run as root";
const USER_NAMESPACES: &str = "allow user namespaces: sysctl -w \
    kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000 \
    kernel.apparmor_restrict_unprivileged_userns=0 (those of them that exist)";
const UNMASK: &str = "in a container, start it with --security-opt systempaths=unconfined (Docker) \
    or --security-opt unmask=ALL (Podman)";
const KERNEL: &str = "Linux 5.19 or newer, built with CONFIG_SECCOMP_FILTER";
const PTRACE: &str = "sysctl -w kernel.yama.ptrace_scope=1 (or 0)";

const COPIED: &str = "a start is a copy of a linked server";

type Trial = fn() -> Result<String, String>;

/// Name, trial, remedies.
const TRIALS: &[(&str, Trial, &[&str])] = &[
    ("x86-64", try_architecture, &["there is no supervision on other processors yet: use sim"]),
    ("/proc", try_proc, &["mount proc on /proc"]),
    ("namespaces", try_isolation, &[AS_ROOT, USER_NAMESPACES, CONTAINER]),
    ("tmpfs", try_tmpfs, &[AS_ROOT, USER_NAMESPACES, CONTAINER]),
    ("PID namespace", try_pid_namespace, &[AS_ROOT, USER_NAMESPACES, CONTAINER]),
    ("a view for servers", try_view, &[UNMASK, AS_ROOT, USER_NAMESPACES, CONTAINER]),
    ("Landlock", try_landlock, &[]),
    ("seccomp user notification", try_seccomp, &[KERNEL, CONTAINER]),
    ("ptrace", try_ptrace, &[PTRACE, CONTAINER]),
    ("pidfd_getfd", try_pidfd, &[KERNEL, PTRACE, CONTAINER]),
    ("fast starts", try_template, &[PTRACE]),
    ("process_vm_readv", try_memory, &[PTRACE, CONTAINER]),
];

/// Runs all trials.
pub fn examine() -> Vec<Check> {
    let check = |(name, trial, remedies): &(&str, Trial, &[&str])| {
        let (ok, detail) = match in_child(*trial) {
            Ok(found) => (true, found),
            Err(missing) => (false, missing),
        };
        let helps = |remedy: &&&str| **remedy != AS_ROOT || !geteuid().is_root();
        let remedies: Vec<&str> = remedies.iter().filter(helps).copied().collect();
        let remedy = if ok { String::new() } else { remedies.join("; or ") };
        Check { name: name.to_string(), ok, detail, remedy }
    };
    TRIALS.iter().map(check).collect()
}

/// Runs a trial in a child, because most of them change their process irrevocably.
pub(super) fn in_child(trial: impl FnOnce() -> Result<String, String>) -> Result<String, String> {
    let failed = |what: &str, errno: Errno| format!("{what}: {errno}");
    let (read, write) = pipe().map_err(|errno| failed("pipe", errno))?;
    // SAFETY: the child may allocate and takes no other lock, as the module says.
    let child = match unsafe { fork() }.map_err(|errno| failed("fork", errno))? {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let text = match trial() {
                Ok(found) => format!("+{found}"),
                Err(missing) => format!("-{missing}"),
            };
            let _ = fs::File::from(write).write_all(text.as_bytes());
            // SAFETY: a plain number; it ends the child without running the parent's exit handlers.
            unsafe { libc::_exit(0) }
        }
    };
    drop(write);
    let mut answer = String::new();
    let mut fds = [PollFd::new(read.as_fd(), PollFlags::POLLIN)];
    if poll(&mut fds, PollTimeout::from(PATIENCE)) == Ok(1) {
        let _ = fs::File::from(read).read_to_string(&mut answer);
    }
    let _ = kill(child, Signal::SIGKILL);
    let _ = waitpid(child, None);
    match (answer.strip_prefix('+'), answer.strip_prefix('-')) {
        (Some(found), _) => Ok(found.to_string()),
        (_, Some(missing)) => Err(missing.to_string()),
        _ => Err("no answer".to_string()),
    }
}

fn try_architecture() -> Result<String, String> {
    let here = std::env::consts::ARCH;
    if here == "x86_64" { Ok(String::new()) } else { Err(format!("this is {here}")) }
}

fn try_proc() -> Result<String, String> {
    let pid = std::process::id();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(|e| e.to_string())?;
    if status.contains("NSpid:") { Ok(String::new()) } else { Err("no NSpid in status".into()) }
}

fn try_isolation() -> Result<String, String> {
    let before = fs::read_link("/proc/self/ns/user").ok();
    isolate().map_err(reason)?;
    let same = fs::read_link("/proc/self/ns/user").ok() == before;
    let how = if same { "with privileges" } else { "in a user namespace of their own" };
    Ok(format!("mount, network and IPC, {how}"))
}

fn try_tmpfs() -> Result<String, String> {
    let machine = Machine::prepare().map_err(reason)?;
    Ok(format!("on {}", machine.place().display()))
}

/// A number that an orphan of an earlier start may hold.
const TAKEN: i32 = 9;

fn try_pid_namespace() -> Result<String, String> {
    isolate().map_err(reason)?;
    Namespace::new(&[TAKEN], None).map(|_| String::new())
}

/// The mounts of a start, for this program.
fn try_view() -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let (_, directory, log, room) = prepare(&program)?;
    drop((directory, log));
    Namespace::new(&[], Some(room)).map(|_| String::new())
}

/// A machine, and a room for a start of `program` in it, with its directory and its log.
fn prepare(program: &Path) -> Result<(Machine, PathBuf, PathBuf, Rc<Room>), String> {
    let machine = Machine::prepare().map_err(reason)?;
    let view = machine.view(program, Vec::new()).map_err(reason)?;
    let directory = machine.directory(program).map_err(reason)?;
    let log = directory.with_extension("log");
    fs::write(&log, "").map_err(|error| error.to_string())?;
    let room = Rc::new(Room::new(view, &directory, &log).map_err(reason)?);
    Ok((machine, directory, log, room))
}

/// Whether servers get a second wall behind their view.
pub fn has_landlock() -> bool {
    rules::exist()
}

/// Never fails: the view holds without it.
fn try_landlock() -> Result<String, String> {
    Ok(match has_landlock() {
        true => "",
        false => "no: servers are kept in by their view alone (CONFIG_SECURITY_LANDLOCK, lsm=)",
    }
    .to_string())
}

fn try_seccomp() -> Result<String, String> {
    match install_filter() {
        Ok(_) => Ok("with WAIT_KILLABLE_RECV and ADDFD".to_string()),
        Err(Errno::EINVAL) => Err("the kernel is too old".to_string()),
        Err(errno) => Err(errno.to_string()),
    }
}

fn try_ptrace() -> Result<String, String> {
    with_tracee(|tracee| {
        ptrace::getregs(tracee).map(|_| ())?;
        ptrace::setoptions(tracee, ptrace::Options::PTRACE_O_TRACEEXEC)
    })
}

fn try_pidfd() -> Result<String, String> {
    with_tracee(|tracee| {
        let process = open_process(tracee.as_raw())?;
        copy_descriptor(process.as_fd(), 2).map(drop)
    })
}

fn try_memory() -> Result<String, String> {
    static WORD: u64 = 0x5ab0;
    with_tracee(|tracee| {
        let at = (&raw const WORD).addr() as u64;
        if Memory(tracee.as_raw()).u64(at)? == WORD { Ok(()) } else { Err(Errno::EIO) }
    })
}

/// Never fails: without templates only speed is missing.
fn try_template() -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let (machine, directory, log, room) = prepare(&program)?;
    let key = StartKey { program, environment: Vec::new(), clock: Clock::new() };
    let copy = Template::new(&key, room.view(), &machine.time()).and_then(|template| {
        let namespace = Namespace::new(&[], Some(Rc::clone(&room)))?;
        let copy = template.launch(&namespace, &[], &directory, &log, &[])?;
        namespace.kill();
        waitpid(Pid::from_raw(copy.host), None).map_err(|errno| errno.to_string())
    });
    Ok(match copy {
        Ok(_) => COPIED.to_string(),
        Err(why) => format!("no: a server is executed for each start ({why})"),
    })
}

/// Makes an operation on a child that is traced and has stopped.
fn with_tracee(operation: impl FnOnce(Pid) -> Result<(), Errno>) -> Result<String, String> {
    // SAFETY: the child only asks to be traced, stops and ends.
    match unsafe { fork() }.map_err(|errno| format!("fork: {errno}"))? {
        ForkResult::Child => {
            let asked = ptrace::traceme().and_then(|()| raise(Signal::SIGSTOP));
            // SAFETY: a plain number.
            unsafe { libc::_exit(asked.is_err().into()) }
        }
        ForkResult::Parent { child } => {
            let done = match waitpid(child, None) {
                Ok(WaitStatus::Stopped(..)) => operation(child).map_err(|errno| errno.to_string()),
                other => Err(format!("a child that asked to be traced did not stop: {other:?}")),
            };
            let _ = kill(child, Signal::SIGKILL);
            let _ = waitpid(child, None);
            done.map(|()| String::new())
        }
    }
}

pub(super) fn reason(broken: Broken) -> String {
    match broken {
        Broken::Harness(what) | Broken::NotMeasured(what) | Broken::Hung(what) => what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamically_linked_program_can_be_a_template() {
        let mut checks = examine();
        checks.retain(|check| ["ptrace", "PID namespace", "fast starts"].contains(&&*check.name));
        let (fast, needed) = checks.split_last().expect("it is among them");
        assert!(fast.detail == COPIED || needed.iter().any(|check| !check.ok), "{fast:?}");
    }

    #[test]
    fn whatever_is_missing_has_a_remedy() {
        for check in examine() {
            assert_eq!(check.ok, check.remedy.is_empty(), "{check:?}");
            assert!(check.ok || !check.detail.is_empty(), "{check:?}");
        }
    }
}
