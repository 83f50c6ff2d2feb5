//! A template: a server that is stopped and copied for each start.
//!
//! Exec and dynamic linking take most of the time of a start, and always do the same. So a program
//! is executed once, without a filter, and stopped at its entry point: by then the dynamic linker
//! has mapped and relocated everything, and the constructors of libraries have run. What a server
//! does next is the same for all starts with the same arguments at the same time. So a copy goes on
//! to the end of its beginning ([`super::beginning`]), and is a template itself.
//!
//! For a start the template forks into the PID namespace of the start. The copy makes the calls
//! that a child makes before its exec ([`super::set_up`]), and goes on; at the entry point it first
//! gets its own arguments on its stack.
//!
//! This equals an exec only if nothing that is done before depends on the run or the identity of
//! the process. Every call up to there is checked ([`super::inherited`]); if one might depend on
//! those, there is no such template. Must not know: what the server is.

use std::fs::{self, File};
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;

use libc::{c_int, pid_t, user_regs_struct};
use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::beginning::{Begun, Circumstances, begin};
use super::linking::{Linked, link};
use super::namespace::{Namespace, copy_descriptor, open_process};
use super::privileges::LISTENER;
use super::remote_calls::{Batch, CODE, RemoteCall, read_code, write_code};
use super::set_up::{Copied, RULES_OF_BEGUN, as_beginner, as_server};
use super::spawn::{self, Launched};
use super::stack::{self, Scratch};
use super::start_key::StartKey;
use super::time_page::TimePage;
use super::tsc::{self, Forbidden};
use super::view::View;
use super::watched::{Noted, Watched};
use crate::kernel::CallName;
use crate::world::supervised::memory::Memory;
use crate::world::supervised::notify::Listener;

/// A process stopped at its entry point or after its beginning.
#[derive(Debug)]
pub struct Template {
    pid: Pid,
    key: StartKey,
    linked: Linked,
    /// The code at the entry point, which is overwritten.
    code: [u8; CODE.len()],
    /// Whether it has Landlock rules for its copies.
    has_rules: bool,
    begun: Option<(Begins, Begun)>,
    /// A copy whose children are in the PID namespace of this process. Those of the template itself
    /// are in that of the last start, and without privileges there is no way back.
    origin: Option<Pid>,
}

/// What a beginning depends on besides the [`StartKey`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begins {
    pub args: Vec<String>,
    /// The server's number in the PID namespace of the start.
    pub pid: i32,
}

/// The number of the first process in a PID namespace, which is a server's parent.
const FIRST: i32 = 1;

impl Template {
    /// Executes the program in a view, up to its entry point. Fails with the reason why it cannot
    /// be a template.
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
            let table = stack::below(linked.registers.rsp);
            tsc::arm(pid, &linked.registers, entry, table, Forbidden::Now)?;
            let has_rules = view.rules().is_some();
            let (key, begun, origin) = (key.clone(), None, None);
            Ok(Template { pid, key, linked, code, has_rules, begun, origin })
        });
        let mut template = made.inspect_err(|_| end(pid))?;
        template.origin = Some(Pid::from_raw(template.copy(pid, None)?));
        Ok(template)
    }

    /// A copy of this template at its entry point that has begun, for starts in `directory`. Fails
    /// with the reason why there is none.
    pub fn begin(
        &self,
        key: &StartKey,
        begins: &Begins,
        directory: &Path,
        view: &View,
        time: &TimePage,
    ) -> Result<Template, String> {
        time.grant_none();
        let origin = self.origin.ok_or("it has begun already")?;
        let pid = Pid::from_raw(self.copy(origin, None)?);
        let made = self.let_begin(pid, key, begins, directory, view).map(|begun| {
            let linked = Linked { auxiliary: Vec::new(), ..self.linked };
            let (key, code, has_rules) = (key.clone(), self.code, self.has_rules);
            let begun = Some((begins.clone(), begun));
            Template { pid, key, linked, code, has_rules, begun, origin: None }
        });
        made.inspect_err(|_| end(pid))
    }

    fn let_begin(
        &self,
        pid: Pid,
        key: &StartKey,
        begins: &Begins,
        directory: &Path,
        view: &View,
    ) -> Result<Begun, String> {
        let failed = |errno: Errno| format!("prepare a beginning: {errno}");
        let Linked { registers, entry, noted, .. } = self.linked;
        let (pointer, bytes) = stack::of_arguments(&self.linked, &self.key, &begins.args);
        Memory(pid.as_raw()).write(pointer, &bytes).map_err(failed)?;
        let watched = Watched::new(pid, key, view, noted);
        let mut scratch = Scratch::below(pointer);
        let nothing = watched.put_stand_in(&[])?;
        let calls = as_beginner(self.copied(), scratch.put(&nothing));
        self.make(pid, &scratch, &calls)?;
        let _ = fs::remove_file(watched.outside());
        write_code(pid, entry, &self.code).map_err(failed)?;
        let start = user_regs_struct { rip: entry, rsp: pointer, orig_rax: u64::MAX, ..registers };
        ptrace::setregs(pid, start).map_err(failed)?;
        let around = Circumstances { pid: begins.pid, parent: FIRST, directory };
        let begun = begin(watched, pid, around, RULES_OF_BEGUN)?;
        write_code(pid, entry, &CODE).map_err(failed)?;
        Ok(begun)
    }

    /// Whether a start with this key would do the same up to where the template is. `begins`: what
    /// its beginning depends on; None: only templates at the entry point fit.
    pub fn fits(&self, key: &StartKey, begins: Option<&Begins>) -> bool {
        let ours = &self.key;
        ours.program == key.program
            && ours.environment == key.environment
            && (!self.noted().timed || ours.clock == key.clock)
            && self.begun.as_ref().map(|(begins, _)| begins) == begins
    }

    /// The program that it is a template of.
    pub fn program(&self) -> &Path {
        &self.key.program
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// How many random numbers it has drawn.
    pub fn drawn(&self) -> u64 {
        self.noted().drawn
    }

    /// What it has written to its log.
    pub fn said(&self) -> &[u8] {
        self.begun.as_ref().map_or(&[], |(_, begun)| &begun.said)
    }

    /// Starts a copy in `namespace` and in `directory`, with these arguments, and with standard
    /// output and error appended to the file `log`.
    pub fn launch(
        &self,
        namespace: &Namespace,
        args: &[String],
        directory: &Path,
        log: &Path,
        watched: &[CallName],
    ) -> Result<Launched, String> {
        let host = self.copy(self.pid, Some(namespace))?;
        let launched = self.set_up(host, args, directory, log, watched);
        launched.inspect_err(|_| end(Pid::from_raw(host)))
    }

    /// Forks the template, or its origin, as a child of this process, and into `namespace` if there
    /// is one. The copy is stopped and traced.
    fn copy(&self, of: Pid, namespace: Option<&Namespace>) -> Result<pid_t, String> {
        let noted = self.noted();
        let flags = libc::CLONE_PARENT | libc::SIGCHLD | noted.clone_flags();
        let free = self.copied().free as u64;
        let child = [flags as u64, 0, 0, noted.clear_tid.unwrap_or(0), 0];
        let mut calls = namespace.map_or_else(Vec::new, |namespace| {
            vec![
                RemoteCall::new("pidfd_open", libc::SYS_pidfd_open, &[namespace.host() as u64]),
                RemoteCall::new("setns", libc::SYS_setns, &[free, libc::CLONE_NEWPID as u64]),
                RemoteCall::new("close", libc::SYS_close, &[free]),
            ]
        });
        calls.push(RemoteCall::new("clone", libc::SYS_clone, &child));
        let failed = |errno: Errno| format!("fork a template: {errno}");
        let registers = self.registers();
        let table = stack::below(registers.rsp);
        let batch =
            Batch::begin(of, &registers, self.linked.entry, table, &calls).map_err(failed)?;
        match waitpid(of, None).map_err(failed)? {
            WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_FORK) => {}
            WaitStatus::Stopped(_, Signal::SIGTRAP) => {
                batch.results(calls.len())?;
                return Err("fork a template: no child".to_string());
            }
            other => return Err(format!("fork a template: {other:?}")),
        }
        let host = ptrace::getevent(of).map_err(failed)? as pid_t;
        let entered = batch.results(calls.len() - 1);
        ptrace::cont(of, None).map_err(failed)?;
        let born = batch.end().and(entered).and_then(|_| {
            match waitpid(Pid::from_raw(host), None).map_err(failed)? {
                WaitStatus::Stopped(_, Signal::SIGSTOP) => Ok(host),
                other => Err(format!("expected a newborn's stop, got {other:?}")),
            }
        });
        born.inspect_err(|_| end(Pid::from_raw(host)))
    }

    /// Prepares a new copy and lets it go on.
    fn set_up(
        &self,
        host: pid_t,
        args: &[String],
        directory: &Path,
        log: &Path,
        watched: &[CallName],
    ) -> Result<Launched, String> {
        let pid = Pid::from_raw(host);
        let failed = |what: &'static str| move |errno: Errno| format!("{what}: {errno}");
        let start = match self.begun {
            Some(_) => self.registers(),
            None => {
                let (pointer, bytes) = stack::of_arguments(&self.linked, &self.key, args);
                Memory(host).write(pointer, &bytes).map_err(failed("write arguments"))?;
                let Linked { registers, entry, .. } = self.linked;
                user_regs_struct { rip: entry, rsp: pointer, orig_rax: u64::MAX, ..registers }
            }
        };
        let mut scratch = Scratch::below(start.rsp);
        let copied = Copied { watched, ..self.copied() };
        let calls = as_server(copied, &mut scratch, directory, log);
        let number = self.make(pid, &scratch, &calls)?;
        let pidfd = open_process(host).map_err(failed("pidfd_open"))?;
        let listener = copy_descriptor(pidfd.as_fd(), number as c_int);
        let listener = listener.map_err(failed("pidfd_getfd"))?;
        let close = RemoteCall::new("close", libc::SYS_close, &[number as u64]);
        self.make(pid, &scratch, &[close])?;
        write_code(pid, self.linked.entry, &self.code).map_err(failed("write code"))?;
        ptrace::setregs(pid, start).map_err(failed("ptrace"))?;
        ptrace::detach(pid, None).map_err(failed("ptrace"))?;
        Ok(Launched { host, pidfd, listener: Listener::new(listener) })
    }

    /// Lets a new copy make calls, whose memory is `scratch`. Returns the result of the last one.
    fn make(&self, pid: Pid, scratch: &Scratch, calls: &[RemoteCall]) -> Result<i64, String> {
        let failed = |errno: Errno| format!("set up a copy: {errno}");
        Memory(pid.as_raw()).write(scratch.at, &scratch.bytes).map_err(failed)?;
        let (registers, entry) = (self.registers(), self.linked.entry);
        Batch::begin(pid, &registers, entry, scratch.end(), calls).map_err(failed)?.end()
    }

    /// What a copy of this template is.
    fn copied(&self) -> Copied<'_> {
        let (robust_list, has_rules) = (self.noted().robust_list, self.has_rules);
        match &self.begun {
            Some((_, begun)) => {
                let (free, rules, begun) = (begun.free, RULES_OF_BEGUN, Some(begun));
                Copied { robust_list, has_rules, free, rules, begun, watched: &[] }
            }
            None => {
                let (free, rules, begun) = (LISTENER + 1, LISTENER, None);
                Copied { robust_list, has_rules, free, rules, begun, watched: &[] }
            }
        }
    }

    /// The registers that it has stopped with.
    fn registers(&self) -> user_regs_struct {
        self.begun.as_ref().map_or(self.linked.registers, |(_, begun)| begun.registers)
    }

    fn noted(&self) -> &Noted {
        self.begun.as_ref().map_or(&self.linked.noted, |(_, begun)| &begun.noted)
    }
}

impl Drop for Template {
    fn drop(&mut self) {
        self.origin.into_iter().chain([self.pid]).for_each(end);
    }
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
