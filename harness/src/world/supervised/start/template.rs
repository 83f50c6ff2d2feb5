//! A template: a linked server that is stopped at its entry point and copied for each start.
//!
//! Exec and dynamic linking take most of the time of a start, and always do the same. So a program
//! is executed once, without a filter, and stopped at its entry point: by then the dynamic linker
//! has mapped and relocated everything, and the constructors of libraries have run. For a start the
//! template forks into the PID namespace of the start. The copy makes the calls that a child makes
//! before its exec ([`super::spawn`]), gets its own arguments on its stack, and goes on from the
//! entry point.
//!
//! This equals an exec only if nothing before the entry point depends on the time, the run or the
//! identity of the process. Every call up to there is checked ([`super::linking`]); if one might
//! depend on those, the program gets no template. Must not know: what the server is.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use libc::{pid_t, user_regs_struct};
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::filter;
use super::linking::{Linked, link};
use super::namespace::{Namespace, copy_descriptor, open_process};
use super::privileges::{self, LISTENER};
use super::remote_calls::{Batch, CODE, RemoteCall, read_code, write_code};
use super::spawn::{self, LARGEST, Launched};
use super::start_key::StartKey;
use super::time_page::TimePage;
use super::tsc::{self, Forbidden};
use super::view::View;
use crate::world::supervised::memory::Memory;
use crate::world::supervised::notify::Listener;

/// How many bytes of arguments a copy can take; its stack has about 128 KiB.
const MOST: usize = 1 << 15;
/// How far below the arguments the memory for remote calls starts.
const SCRATCH: u64 = 1 << 14;
/// What the x86-64 ABI lets a function use below its stack pointer.
const RED_ZONE: u64 = 128;

/// A process stopped at its entry point.
#[derive(Debug)]
pub struct Template {
    pid: Pid,
    key: StartKey,
    linked: Linked,
    /// The code at the entry point, which is overwritten.
    code: [u8; CODE.len()],
    /// Whether its descriptor [`LISTENER`] is that of Landlock rules.
    has_rules: bool,
}

/// The first descriptor that a template has free.
const FREE: u64 = LISTENER as u64 + 1;

impl Template {
    /// Executes the program in a view. Fails with the reason why it cannot be a template.
    pub fn new(key: &StartKey, view: &View, time: &TimePage) -> Result<Template, String> {
        if is_script(&key.program) {
            return Err("it is a script, whose interpreter is given its name".to_string());
        }
        // Whether it asks for the time is seen by its system calls.
        time.grant_none();
        let (host, entry) = spawn::execute(&key.program, &key.environment, view, time)?;
        let pid = Pid::from_raw(host);
        let made = link(pid, entry, key, view).and_then(|linked| {
            let code = read_code(pid, entry).map_err(|errno| format!("read code: {errno}"))?;
            write_code(pid, entry, &CODE).map_err(|errno| format!("write code: {errno}"))?;
            tsc::arm(pid, &linked.registers, entry, table(&linked), Forbidden::Now)?;
            let has_rules = view.rules().is_some();
            Ok(Template { pid, key: key.clone(), linked, code, has_rules })
        });
        made.inspect_err(|_| end(pid))
    }

    /// Whether a start with this key would do the same up to the entry point.
    pub fn fits(&self, key: &StartKey) -> bool {
        let ours = &self.key;
        ours.program == key.program
            && ours.environment == key.environment
            && (!self.linked.timed || ours.clock == key.clock)
    }

    /// The program that it is a template of.
    pub fn program(&self) -> &Path {
        &self.key.program
    }

    /// How many random numbers it has drawn before its entry point.
    pub fn drawn(&self) -> u64 {
        self.linked.drawn
    }

    /// Whether a copy has room for these arguments.
    pub fn takes(&self, args: &[String]) -> bool {
        args.iter().map(|arg| arg.len() + 1 + size_of::<u64>()).sum::<usize>() <= MOST
    }

    /// Starts a copy in `namespace` and in `directory`, with these arguments, and with standard
    /// output and error appended to the file `log`.
    pub fn launch(
        &self,
        namespace: &Namespace,
        args: &[String],
        directory: &Path,
        log: &Path,
    ) -> Result<Launched, String> {
        let host = self.copy(namespace)?;
        let launched = self.set_up(host, args, directory, log);
        launched.inspect_err(|_| end(Pid::from_raw(host)))
    }

    /// Forks the template into `namespace`, as a child of this process. The copy is stopped and
    /// traced.
    fn copy(&self, namespace: &Namespace) -> Result<pid_t, String> {
        let flags = libc::CLONE_PARENT | libc::SIGCHLD | self.linked.clone_flags();
        let calls = [
            RemoteCall::new("pidfd_open", libc::SYS_pidfd_open, &[namespace.host() as u64]),
            RemoteCall::new("setns", libc::SYS_setns, &[FREE, libc::CLONE_NEWPID as u64]),
            RemoteCall::new("close", libc::SYS_close, &[FREE]),
            RemoteCall::new(
                "clone",
                libc::SYS_clone,
                &[flags as u64, 0, 0, self.linked.clear_tid.unwrap_or(0), 0],
            ),
        ];
        let failed = |errno: Errno| format!("fork a template: {errno}");
        let Linked { registers, entry, .. } = &self.linked;
        let batch = Batch::begin(self.pid, registers, *entry, table(&self.linked), &calls)
            .map_err(failed)?;
        match waitpid(self.pid, None).map_err(failed)? {
            WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_FORK) => {}
            WaitStatus::Stopped(_, Signal::SIGTRAP) => {
                batch.results(calls.len())?;
                return Err("fork a template: no child".to_string());
            }
            other => return Err(format!("fork a template: {other:?}")),
        }
        let host = ptrace::getevent(self.pid).map_err(failed)? as pid_t;
        let entered = batch.results(calls.len() - 1);
        ptrace::cont(self.pid, None).map_err(failed)?;
        let born = batch.end().and(entered).and_then(|_| {
            match waitpid(Pid::from_raw(host), None).map_err(failed)? {
                WaitStatus::Stopped(_, Signal::SIGSTOP) => Ok(host),
                other => Err(format!("expected a newborn's stop, got {other:?}")),
            }
        });
        born.inspect_err(|_| end(Pid::from_raw(host)))
    }

    /// Prepares a new copy and lets it go on from the entry point.
    fn set_up(
        &self,
        host: pid_t,
        args: &[String],
        directory: &Path,
        log: &Path,
    ) -> Result<Launched, String> {
        let pid = Pid::from_raw(host);
        let failed = |what: &'static str| move |errno: Errno| format!("{what}: {errno}");
        let Linked { registers, entry, .. } = self.linked;
        let (stack, bytes) = self.stack(args);
        Memory(host).write(stack, &bytes).map_err(failed("write arguments"))?;
        let mut scratch = Scratch { at: (stack - SCRATCH) & !15, bytes: Vec::new() };
        let calls = self.before_filter(&mut scratch, directory, log);
        Memory(host).write(scratch.at, &scratch.bytes).map_err(failed("write to the stack"))?;
        let table = scratch.end();
        let go = |calls: &[RemoteCall]| {
            Batch::begin(pid, &registers, entry, table, calls).map_err(failed("ptrace"))?.end()
        };
        let number = go(&calls)?;
        let pidfd = open_process(host).map_err(failed("pidfd_open"))?;
        let listener = copy_descriptor(pidfd.as_fd(), LISTENER).map_err(failed("pidfd_getfd"))?;
        go(&[RemoteCall::new("close", libc::SYS_close, &[number as u64])])?;
        write_code(pid, entry, &self.code).map_err(failed("write code"))?;
        let start = user_regs_struct { rip: entry, rsp: stack, orig_rax: u64::MAX, ..registers };
        ptrace::setregs(pid, start).map_err(failed("ptrace"))?;
        ptrace::detach(pid, None).map_err(failed("ptrace"))?;
        Ok(Launched { host, pidfd, listener: Listener::new(listener) })
    }

    /// The calls that set up what a fork does not inherit, or what differs from run to run. The
    /// last one returns the listener.
    fn before_filter(
        &self,
        scratch: &mut Scratch,
        directory: &Path,
        log: &Path,
    ) -> Vec<RemoteCall> {
        let program: Vec<u8> = filter::program()
            .iter()
            .flat_map(|line| {
                let k = line.k.to_ne_bytes();
                let code = line.code.to_ne_bytes();
                [code[0], code[1], line.jt, line.jf, k[0], k[1], k[2], k[3]]
            })
            .collect();
        let (lines, at) = (program.len() as u64 / 8, scratch.put(&program));
        let filter = scratch.put(&[lines.to_ne_bytes(), at.to_ne_bytes()].concat());
        let directory = scratch.put_path(directory);
        let log = scratch.put_path(log);
        let append = (libc::O_WRONLY | libc::O_APPEND) as u64;
        let largest = LARGEST as u64;
        let mut calls = vec![
            RemoteCall::new("setpgid", libc::SYS_setpgid, &[0, 0]),
            RemoteCall::new(
                "prctl",
                libc::SYS_prctl,
                &[libc::PR_SET_PDEATHSIG as u64, libc::SIGKILL as u64],
            ),
            // Process 1 has the mounts of this start.
            RemoteCall::new("pidfd_open", libc::SYS_pidfd_open, &[1]),
            RemoteCall::new("setns", libc::SYS_setns, &[FREE, libc::CLONE_NEWNS as u64]),
            RemoteCall::new("close", libc::SYS_close, &[FREE]),
            RemoteCall::new("chdir", libc::SYS_chdir, &[directory]),
            RemoteCall::new("open the log", libc::SYS_open, &[log, append]),
            RemoteCall::new("dup2", libc::SYS_dup2, &[FREE, 1]),
            RemoteCall::new("dup2", libc::SYS_dup2, &[FREE, 2]),
            RemoteCall::new("dup2", libc::SYS_dup2, &[0, largest]),
            RemoteCall::new("close", libc::SYS_close, &[FREE]),
            RemoteCall::new("close", libc::SYS_close, &[largest]),
        ];
        if let Some((head, len)) = self.linked.robust_list {
            calls.push(RemoteCall::new("set_robust_list", libc::SYS_set_robust_list, &[head, len]));
        }
        let rules = LISTENER as u64;
        if self.has_rules {
            let number = libc::SYS_landlock_restrict_self;
            calls.push(RemoteCall::new("landlock_restrict_self", number, &[rules, 0]));
        }
        calls.push(RemoteCall::new("close", libc::SYS_close, &[rules]));
        let header = scratch.put(&privileges::CAPABILITIES.map(u32::to_ne_bytes).concat());
        let sets = scratch.put(&privileges::servers_capabilities().map(u32::to_ne_bytes).concat());
        calls.push(RemoteCall::new("capset", libc::SYS_capset, &[header, sets]));
        let flags = privileges::FILTER_FLAGS;
        let mode = u64::from(libc::SECCOMP_SET_MODE_FILTER);
        calls.push(RemoteCall::new("seccomp", libc::SYS_seccomp, &[mode, flags, filter]));
        calls
    }

    /// The stack pointer for these arguments, and the stack from there on, as execve(2) lays it
    /// out: argc, argv, envp, the auxiliary vector, then the strings without gaps.
    fn stack(&self, args: &[String]) -> (u64, Vec<u8>) {
        let program = self.key.program.as_os_str().as_bytes();
        let line = |(name, value): &(String, String)| format!("{name}={value}").into_bytes();
        let environment: Vec<_> = self.key.environment.iter().map(line).collect();
        let args: Vec<&[u8]> =
            [program].into_iter().chain(args.iter().map(String::as_bytes)).collect();
        let strings: Vec<&[u8]> =
            args.iter().copied().chain(environment.iter().map(Vec::as_slice)).collect();
        let size: usize = strings.iter().map(|string| string.len() + 1).sum();
        let mut at = (self.linked.registers.rsp - RED_ZONE - size as u64) & !15;
        let mut words = vec![args.len() as u64];
        let mut text = Vec::with_capacity(size);
        for (n, string) in strings.iter().enumerate() {
            if n == args.len() {
                words.push(0);
            }
            words.push(at);
            text.extend_from_slice(string);
            text.push(0);
            at += string.len() as u64 + 1;
        }
        // The ends of envp and, if there is no environment, of argv.
        words.resize(strings.len() + 3, 0);
        words.extend(&self.linked.auxiliary);
        let text_at = at - size as u64;
        let stack = (text_at - 8 * words.len() as u64) & !15;
        let mut bytes: Vec<u8> = words.into_iter().flat_map(u64::to_ne_bytes).collect();
        bytes.resize((text_at - stack) as usize, 0);
        bytes.extend(text);
        (stack, bytes)
    }
}

impl Drop for Template {
    fn drop(&mut self) {
        end(self.pid);
    }
}

/// Memory of a copy, collected to be written at once.
struct Scratch {
    at: u64,
    bytes: Vec<u8>,
}

impl Scratch {
    /// Adds bytes; returns their address.
    fn put(&mut self, bytes: &[u8]) -> u64 {
        let at = self.end();
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        at
    }

    fn put_path(&mut self, path: &Path) -> u64 {
        self.put(&[path.as_os_str().as_bytes(), &[0]].concat())
    }

    fn end(&self) -> u64 {
        self.at + self.bytes.len() as u64
    }
}

/// Where the template's table of remote calls is: below everything on the stack.
fn table(linked: &Linked) -> u64 {
    (linked.registers.rsp - SCRATCH) & !15
}

/// Whether execve(2) runs an interpreter, with arguments that a copy would not get.
pub fn is_script(program: &Path) -> bool {
    let mut begin = [0; 2];
    let read = File::open(program).and_then(|mut file| file.read_exact(&mut begin));
    read.is_ok() && begin == *b"#!"
}

/// Kills and collects a child of ours.
fn end(pid: Pid) {
    let _ = kill(pid, Signal::SIGKILL);
    while let Ok(WaitStatus::PtraceEvent(..) | WaitStatus::Stopped(..)) = waitpid(pid, None) {}
}
