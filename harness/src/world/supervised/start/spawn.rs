//! Starting a server under supervision.
//!
//! The order matters. The child asks to be traced, installs the filter and stops. The supervisor
//! takes a copy of the listener and lets the child exec; it stops again before the new program has
//! run an instruction. There it is prepared ([`super::exec`]), and then tracing ends. Must not
//! know: what the server is.
//!
//! # Safety
//!
//! Between fork and exec the child only makes system calls, on memory that was prepared before.

#![allow(unsafe_code)]

use std::ffi::{CString, NulError};
use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use libc::{c_char, c_int, pid_t, sock_filter};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::ptrace;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::exec::{Clocks, prepare, prepare_for_linking};
use super::filter;
use super::namespace::{Namespace, copy_descriptor, fork_into, open_process};
use super::privileges::{LISTENER, install, keep_for_template, renounce};
use super::start_key::StartKey;
use super::time_page::TimePage;
use super::vdso::TIME_FD;
use super::view::View;
use crate::world::supervised::notify::{Answer, Listener};

/// Enough for a server's default of 10,000 clients, and the same on every machine that allows it.
const MAX_DESCRIPTORS: libc::rlim_t = 16384;
/// As most shells set it, in bytes.
const STACK: libc::rlim_t = 8 << 20;
/// The child's descriptor table has room up to here from the start.
pub const LARGEST: c_int = 2 * filter::FIRST_FD - 1;

/// How long a child may take to its exec, in real milliseconds.
const EXEC_PATIENCE: u16 = 10_000;

/// A server process that has not run an instruction of its program yet.
#[derive(Debug)]
pub struct Launched {
    /// Its pid in this process' namespace.
    pub host: pid_t,
    pub pidfd: OwnedFd,
    pub listener: Listener,
}

/// What the child needs, prepared before the fork.
struct ChildSetup {
    program: CString,
    directory: CString,
    argv: Vec<*const c_char>,
    envp: Vec<*const c_char>,
    /// None: it becomes a template, whose copies get their own filters.
    filter: Option<Vec<sock_filter>>,
    /// The mount namespace that it enters; None: it is there already.
    view: Option<c_int>,
    rules: Option<c_int>,
    /// That of the time; None: it asks Linux.
    time: Option<c_int>,
    input: OwnedFd,
    output: c_int,
    limits: [(libc::__rlimit_resource_t, libc::rlimit); 4],
    slice: SchedAttr,
    /// Nobody reads the time stamp counter for it, so it must be able to do so itself.
    is_alone: bool,
    /// What `argv` and `envp` point to.
    _strings: Vec<CString>,
}

/// Starts a program in `directory` with standard output and error going to `output`.
pub fn launch(
    namespace: &Namespace,
    key: &StartKey,
    args: &[String],
    directory: &Path,
    output: BorrowedFd<'_>,
    time: &TimePage,
    filter: Vec<sock_filter>,
) -> Result<Launched, String> {
    let StartKey { program, environment, .. } = key;
    let failed = |what: String| format!("start {}: {what}", program.display());
    let mut setup =
        child_setup(program, args, environment, directory, output, Some(filter)).map_err(failed)?;
    setup.rules = namespace.room().and_then(|room| room.view().rules());
    setup.time = Some(time.as_fd().as_raw_fd());
    // SAFETY: the child calls `become_server`, which only makes system calls and never returns.
    let host = match unsafe { fork_into(namespace) } {
        Ok(Some(host)) => host,
        // SAFETY: this is the forked child.
        Ok(None) => unsafe { become_server(&setup) },
        Err(errno) => return Err(format!("fork into a PID namespace: {errno}")),
    };
    take_over(host).map_err(|what| failed(given_up(host, what)))
}

/// A program that nobody supervises.
pub struct Alone<'a> {
    pub program: &'a Path,
    pub args: &'a [String],
    pub environment: &'a [(String, String)],
    pub directory: &'a Path,
    /// None: it has nothing to read.
    pub input: Option<OwnedFd>,
    pub output: BorrowedFd<'a>,
}

/// Starts a program in the same way with a filter that needs no supervisor. Returns its pid.
pub fn launch_alone(namespace: &Namespace, alone: Alone<'_>) -> Result<pid_t, String> {
    let filter = Some(filter::without_supervisor());
    let Alone { program, args, environment, directory, input, output } = alone;
    let mut setup = child_setup(program, args, environment, directory, output, filter)?;
    setup.is_alone = true;
    setup.input = input.unwrap_or(setup.input);
    setup.rules = namespace.room().and_then(|room| room.view().rules());
    // SAFETY: the child calls `become_server`, which only makes system calls and never returns.
    let host = match unsafe { fork_into(namespace) } {
        Ok(Some(host)) => host,
        // SAFETY: this is the forked child.
        Ok(None) => unsafe { become_server(&setup) },
        Err(errno) => return Err(format!("fork into a PID namespace: {errno}")),
    };
    let goes_on = await_stop(host).and_then(|()| {
        ptrace::detach(Pid::from_raw(host), None).map_err(|errno| format!("ptrace: {errno}"))
    });
    goes_on.map(|()| host).map_err(|what| given_up(host, what))
}

/// Executes `program` in this process' PID namespace without a filter, for a template. Returns its
/// pid and its entry point; it is traced, and has not run an instruction yet. It sees what servers
/// see except for /proc, and has the Landlock rules as descriptor [`LISTENER`].
pub fn execute(
    program: &Path,
    environment: &[(String, String)],
    view: &View,
    time: &TimePage,
) -> Result<(pid_t, u64), String> {
    let null = fs::File::options().write(true).open("/dev/null").map_err(|e| e.to_string())?;
    let mut setup = child_setup(program, &[], environment, Path::new("/"), null.as_fd(), None)?;
    setup.view = Some(view.namespace().as_raw_fd());
    setup.rules = view.rules();
    setup.time = Some(time.as_fd().as_raw_fd());
    // SAFETY: the child calls `become_server`, which only makes system calls and never returns.
    let host = match unsafe { libc::fork() } {
        -1 => return Err(format!("fork: {}", Errno::last())),
        // SAFETY: this is the forked child.
        0 => unsafe { become_server(&setup) },
        host => host,
    };
    let executed = await_stop(host).and_then(|()| to_exec(host, None));
    let entry = executed.and_then(|()| prepare_for_linking(host));
    entry.map(|entry| (host, entry)).map_err(|what| given_up(host, what))
}

fn given_up(host: pid_t, what: String) -> String {
    let _ = kill(Pid::from_raw(host), Signal::SIGKILL);
    let _ = waitpid(Pid::from_raw(host), None);
    what
}

fn child_setup(
    program: &Path,
    args: &[String],
    environment: &[(String, String)],
    directory: &Path,
    output: BorrowedFd<'_>,
    filter: Option<Vec<sock_filter>>,
) -> Result<ChildSetup, String> {
    let text = |error: NulError| error.to_string();
    let program = CString::new(program.as_os_str().as_bytes()).map_err(text)?;
    let mut strings = vec![program.clone()];
    for arg in args {
        strings.push(CString::new(arg.as_str()).map_err(text)?);
    }
    let arguments = strings.len();
    for (name, value) in environment {
        strings.push(CString::new(format!("{name}={value}")).map_err(text)?);
    }
    let pointers = |strings: &[CString]| {
        strings.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect::<Vec<_>>()
    };
    Ok(ChildSetup {
        program,
        directory: CString::new(directory.as_os_str().as_bytes()).map_err(text)?,
        argv: pointers(&strings[..arguments]),
        envp: pointers(&strings[arguments..]),
        filter,
        view: None,
        rules: None,
        time: None,
        input: fs::File::open("/dev/null").map_err(|error| format!("/dev/null: {error}"))?.into(),
        output: output.as_raw_fd(),
        limits: limits().map_err(|errno| format!("getrlimit: {errno}"))?,
        slice: SchedAttr::long_slice(),
        is_alone: false,
        _strings: strings,
    })
}

/// The limits of a server, so that they do not depend on the shell that starts sabot. No core is
/// dumped: of a limit of 1, Linux takes neither a file nor a pipe to be large enough (core(5)).
fn limits() -> Result<[(libc::__rlimit_resource_t, libc::rlimit); 4], Errno> {
    let of = |kind, wanted: u64| {
        let (_, hard) = getrlimit(kind)?;
        let limit = hard.min(wanted);
        Ok(libc::rlimit { rlim_cur: limit, rlim_max: limit })
    };
    Ok([
        (libc::RLIMIT_NOFILE, of(Resource::RLIMIT_NOFILE, MAX_DESCRIPTORS)?),
        (libc::RLIMIT_STACK, of(Resource::RLIMIT_STACK, STACK)?),
        (libc::RLIMIT_DATA, of(Resource::RLIMIT_DATA, libc::RLIM_INFINITY)?),
        (libc::RLIMIT_CORE, of(Resource::RLIMIT_CORE, 1)?),
    ])
}

/// `struct sched_attr` of linux/sched/types.h, in its first form.
#[repr(C)]
struct SchedAttr {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

/// The longest slice that Linux takes, in nanoseconds.
const LONG_SLICE: u64 = 100_000_000;

impl SchedAttr {
    /// An ordinary process with long slices. Supervisor and server share a core, and one that wakes
    /// up may run at once if its slices are shorter, so a thread that spins does not keep the
    /// supervisor from looking at it.
    fn long_slice() -> SchedAttr {
        // SAFETY: plain numbers.
        let nice = unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) };
        SchedAttr {
            size: size_of::<SchedAttr>() as u32,
            policy: libc::SCHED_OTHER as u32,
            flags: 0,
            nice,
            priority: 0,
            runtime: LONG_SLICE,
            deadline: 0,
            period: 0,
        }
    }
}

/// The steps of the child that must succeed, in order.
const STEPS: [&str; 13] = [
    "setns to a view",
    "prctl(PR_SET_PDEATHSIG)",
    "dup2 of the input",
    "dup2 of the output",
    "dup2 of the output for errors",
    "dup2 of the Landlock rules",
    "dup2 of the time",
    "close_range",
    "chdir",
    "setrlimit",
    "prctl(PR_SET_TSC), for which the processor must be one of x86-64",
    "ptrace(PTRACE_TRACEME)",
    "landlock_restrict_self, capset and seccomp(SECCOMP_SET_MODE_FILTER), or a template's capset",
];

/// What the child does up to its exec. If a step fails, it exits with the index of that in
/// [`STEPS`], which the supervisor reports.
///
/// Its addresses are the same in every run, unless the machine forbids that, as the seccomp
/// profiles of container runtimes do. That only matters to a debugger: no trace contains addresses.
///
/// # Safety
///
/// Only in a forked child.
unsafe fn become_server(setup: &ChildSetup) -> ! {
    // SAFETY: system calls on memory that `setup` owns, and on a local signal set, for which zero
    // is a valid value.
    unsafe {
        let mut step = 0;
        let mut must = |result: i64| {
            if result < 0 {
                libc::_exit(step);
            }
            step += 1;
        };
        // Not setsid(2), see `be_init`.
        libc::setpgid(0, 0);
        must(setup.view.map_or(0, |view| libc::setns(view, libc::CLONE_NEWNS)).into());
        must(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL).into());
        must(libc::dup2(setup.input.as_raw_fd(), 0).into());
        must(libc::dup2(setup.output, 1).into());
        must(libc::dup2(setup.output, 2).into());
        // Only the number matters where there are no rules.
        must(libc::dup2(setup.rules.unwrap_or(0), LISTENER).into());
        libc::fcntl(LISTENER, libc::F_SETFD, 0);
        must(setup.time.map_or(0, |time| libc::dup2(time, TIME_FD)).into());
        let others = if setup.time.is_some() { TIME_FD + 1 } else { LISTENER + 1 };
        must(libc::syscall(libc::SYS_close_range, others, c_int::MAX, 0));
        // Growing a table that several threads share waits for a grace period of RCU, about 16 ms,
        // and the first descriptor of the model would make it grow. A table never shrinks.
        if libc::dup2(0, LARGEST) == LARGEST {
            libc::close(LARGEST);
        }
        must(libc::chdir(setup.directory.as_ptr()).into());
        libc::personality(libc::ADDR_NO_RANDOMIZE as u64);
        // An older Linux does not know that; then a thread that spins does so for longer.
        libc::syscall(libc::SYS_sched_setattr, 0, &setup.slice, 0);
        let refused = |(kind, limit): &(_, _)| libc::setrlimit(*kind, limit) != 0;
        must(if setup.limits.iter().any(refused) { -1 } else { 0 });
        // A template is forbidden to read the counter at its entry point: nobody handles it before.
        let forbidden = match setup.filter {
            Some(_) if !setup.is_alone => libc::prctl(libc::PR_SET_TSC, libc::PR_TSC_SIGSEGV),
            _ => 0,
        };
        must(forbidden.into());
        // Ignored signals would stay ignored over the exec. KILL and STOP are refused.
        for signal in 1..libc::SIGRTMIN() {
            libc::signal(signal, libc::SIG_DFL);
        }
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
        must(libc::ptrace(libc::PTRACE_TRACEME));
        must(match &setup.filter {
            None => keep_for_template(),
            Some(_) if renounce(setup.rules.is_some()) < 0 => -1,
            Some(filter) => install(filter),
        });
        // The filter lets this tgkill(2) pass, but not kill(2).
        libc::syscall(libc::SYS_tgkill, libc::getpid(), libc::getpid(), libc::SIGSTOP);
        libc::execve(setup.program.as_ptr(), setup.argv.as_ptr(), setup.envp.as_ptr());
        // exit_group(2) is trapped and nobody listens any more, so it ends by a signal.
        libc::syscall(libc::SYS_tgkill, libc::getpid(), libc::getpid(), libc::SIGKILL);
        libc::_exit(1)
    }
}

/// From the child's first stop to the first instruction of its program.
fn take_over(host: pid_t) -> Result<Launched, String> {
    let pid = Pid::from_raw(host);
    let failed = |what: &'static str| move |errno: Errno| format!("{what}: {errno}");
    await_stop(host)?;
    let pidfd = open_process(host).map_err(failed("pidfd_open"))?;
    let listener = copy_descriptor(pidfd.as_fd(), LISTENER).map_err(failed("pidfd_getfd"))?;
    let listener = Listener::new(listener);
    to_exec(host, Some(&listener))?;
    prepare(host, Clocks::Page)?;
    ptrace::detach(pid, None).map_err(failed("ptrace"))?;
    Ok(Launched { host, pidfd, listener })
}

/// Waits until a child has stopped, ready for its exec.
fn await_stop(host: pid_t) -> Result<(), String> {
    match waitpid(Pid::from_raw(host), None).map_err(|errno| format!("wait: {errno}"))? {
        WaitStatus::Stopped(_, Signal::SIGSTOP) => Ok(()),
        WaitStatus::Exited(_, step) => {
            let step = usize::try_from(step).ok().and_then(|step| STEPS.get(step));
            Err(format!("{} failed before exec", step.unwrap_or(&"something")))
        }
        other => Err(format!("expected a stop, got {other:?}")),
    }
}

/// Lets a stopped child exec. If it is under a filter, that traps the call.
fn to_exec(host: pid_t, listener: Option<&Listener>) -> Result<(), String> {
    let pid = Pid::from_raw(host);
    let failed = |errno: Errno| format!("ptrace: {errno}");
    let options = ptrace::Options::PTRACE_O_TRACEEXEC
        | ptrace::Options::PTRACE_O_EXITKILL
        | ptrace::Options::PTRACE_O_TRACESYSGOOD
        | ptrace::Options::PTRACE_O_TRACEFORK;
    ptrace::setoptions(pid, options).map_err(failed)?;
    ptrace::cont(pid, None).map_err(failed)?;
    if let Some(listener) = listener {
        let trapped = |errno: Errno| format!("execve: {errno}");
        let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::from(EXEC_PATIENCE)).map_err(trapped)?;
        if let Some(notice) = listener.receive().map_err(trapped)? {
            listener.answer(notice.id, Answer::Continue).map_err(trapped)?;
        }
    }
    match waitpid(pid, None).map_err(|errno| format!("wait: {errno}"))? {
        WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_EXEC) => Ok(()),
        WaitStatus::Signaled(..) => Err("it cannot be executed".to_string()),
        other => Err(format!("expected an exec, got {other:?}")),
    }
}
