//! Which calls of a process a copy of it inherits.
//!
//! Those that change nothing but memory, signal handlers and thread registers, and whose results do
//! not depend on the run: up to its entry point a program may do no more ([`while_linking`]). At
//! its beginning a few are added whose answer is known, or that a copy makes again
//! ([`at_the_beginning`]). Must not know: how a process is watched.

use std::path::Path;

use libc::{c_int, c_long, user_regs_struct};

use super::tsc;
use crate::world::supervised::memory::Memory;
use crate::world::supervised::stand_in;

/// Calls that are fine whatever their arguments are.
const HARMLESS: &[c_long] = &[
    libc::SYS_arch_prctl,
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getrandom,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_mprotect,
    libc::SYS_munmap,
    libc::SYS_pread64,
    libc::SYS_read,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_sched_getaffinity,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_time,
    libc::SYS_uname,
];
/// What a server does besides at its beginning; a fork inherits all of it.
const HARMLESS_LATER: &[c_long] =
    &[libc::SYS_mremap, libc::SYS_sigaltstack, libc::SYS_sysinfo, libc::SYS_umask, tsc::READ];
/// The standard streams for what a server says.
const OUTPUT: [c_int; 2] = [1, 2];

/// What becomes of a call at the beginning of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is made; copies inherit what it does.
    Made,
    /// It is made, and each copy makes it again, because the copies must not share what it makes.
    Again,
    /// It returns this instead of what Linux says.
    Answered(i64),
    /// It says these bytes, in the log of each copy.
    Said,
    /// It sets what the program believes to be its action for SIGSEGV.
    Action,
    /// No copy could inherit it: the copies go on from here.
    Last,
}

/// A server at its beginning, as far as the fate of its calls depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Beginner<'a> {
    pub memory: Memory,
    /// Its number, and that of its parent, in the PID namespace of a start.
    pub pid: i32,
    pub parent: i32,
    /// The run directory, which differs from start to start.
    pub directory: &'a Path,
    /// The pipes it has made.
    pub pipes: &'a [c_int],
}

/// Whether a program that makes this call on the way to its entry point can be copied there. Fails
/// with what it does.
pub fn while_linking(memory: Memory, call: &user_regs_struct) -> Result<(), String> {
    let number = number_of(call);
    let path = path_of(memory, call);
    match path {
        Some(path) if is_open(number) && tells_of_process(&path) => {
            Err(format!("it opens {path} before it begins"))
        }
        Some(_) if !is_open(number) || only_reads(call) => Ok(()),
        None if changes_memory_only(call) => Ok(()),
        _ => Err(format!("it makes system call {number} before it begins")),
    }
}

/// What becomes of a call that a server makes at its beginning.
pub fn at_the_beginning(server: Beginner<'_>, call: &user_regs_struct) -> Fate {
    let user_regs_struct { rdi, rsi, .. } = *call;
    let (number, fd) = (number_of(call), rdi as c_int);
    let fine = |fine: bool| if fine { Fate::Made } else { Fate::Last };
    if let Some(path) = path_of(server.memory, call) {
        return fine(server.path_is_fixed(&path, number) && (!is_open(number) || only_reads(call)));
    }
    match number {
        libc::SYS_getpid | libc::SYS_gettid => Fate::Answered(server.pid.into()),
        libc::SYS_getppid => Fate::Answered(server.parent.into()),
        libc::SYS_write if OUTPUT.contains(&fd) => Fate::Said,
        libc::SYS_pipe | libc::SYS_pipe2 => Fate::Again,
        libc::SYS_fcntl if server.pipes.contains(&fd) => match rsi as c_int {
            libc::F_GETFL | libc::F_GETFD => Fate::Made,
            libc::F_SETFL | libc::F_SETFD => Fate::Again,
            _ => Fate::Last,
        },
        libc::SYS_read | libc::SYS_pread64 | libc::SYS_close | libc::SYS_lseek => {
            fine(fd > 2 && !server.pipes.contains(&fd))
        }
        libc::SYS_ioctl => fine(rsi == libc::TCGETS),
        libc::SYS_rt_sigaction if fd == libc::SIGSEGV => Fate::Action,
        _ => fine(changes_memory_only(call) || HARMLESS_LATER.contains(&number)),
    }
}

impl Beginner<'_> {
    /// Whether all starts find the same under a path.
    fn path_is_fixed(&self, path: &str, number: c_long) -> bool {
        let at = Path::new(path);
        let here = number == libc::SYS_chdir && path == ".";
        let by_descriptor = path.is_empty();
        let known =
            at.is_absolute() && !at.starts_with(self.directory) && number != libc::SYS_chdir;
        here || by_descriptor || known && !tells_of_process(path)
    }
}

/// Whether a file tells something about a process or the machine, and nothing stands in for it.
fn tells_of_process(path: &str) -> bool {
    path.starts_with("/proc") && !stand_in::exists(path)
}

fn changes_memory_only(call: &user_regs_struct) -> bool {
    let user_regs_struct { rdi, rsi, rdx, r10, .. } = *call;
    match number_of(call) {
        libc::SYS_mmap => {
            let shares = r10 as c_int & libc::MAP_TYPE != libc::MAP_PRIVATE;
            !shares || rdx as c_int & libc::PROT_WRITE == 0
        }
        libc::SYS_futex => rsi as c_int & !libc::FUTEX_PRIVATE_FLAG == libc::FUTEX_WAKE,
        libc::SYS_prctl => rdi as c_int == libc::PR_CAPBSET_READ,
        libc::SYS_prlimit64 => rdx == 0,
        number => HARMLESS.contains(&number),
    }
}

/// The path of a call that looks at a file, opens one or enters a directory; None: it does not.
fn path_of(memory: Memory, call: &user_regs_struct) -> Option<String> {
    let at = match number_of(call) {
        libc::SYS_access
        | libc::SYS_chdir
        | libc::SYS_lstat
        | libc::SYS_open
        | libc::SYS_readlink
        | libc::SYS_stat
        | libc::SYS_statfs => call.rdi,
        libc::SYS_faccessat
        | libc::SYS_faccessat2
        | libc::SYS_newfstatat
        | libc::SYS_openat
        | libc::SYS_readlinkat => call.rsi,
        _ => return None,
    };
    Some(memory.path(at).unwrap_or_default())
}

fn number_of(call: &user_regs_struct) -> c_long {
    call.orig_rax as c_long
}

fn is_open(number: c_long) -> bool {
    [libc::SYS_open, libc::SYS_openat].contains(&number)
}

/// Whether an open asks for nothing but to read a file that exists.
fn only_reads(call: &user_regs_struct) -> bool {
    let flags = if number_of(call) == libc::SYS_open { call.rsi } else { call.rdx };
    flags as c_int & (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC) == libc::O_RDONLY
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use super::*;

    /// What becomes of a call with these first three arguments.
    fn fate(number: c_long, args: [u64; 3]) -> Fate {
        let memory = Memory(nix::unistd::getpid().as_raw());
        let directory = Path::new("/mnt/run0");
        let server = Beginner { memory, pid: 2, parent: 1, directory, pipes: &[5, 6] };
        let [rdi, rsi, rdx] = args;
        at_the_beginning(server, &registers(number, rdi, rsi, rdx))
    }

    fn with_path(number: c_long, path: &str) -> Fate {
        let path = CString::new(path).expect("no NUL");
        let at = path.as_ptr() as u64;
        let by_descriptor = [libc::SYS_openat, libc::SYS_newfstatat].contains(&number);
        fate(number, if by_descriptor { [libc::AT_FDCWD as u64, at, 0] } else { [at, 0, 0] })
    }

    #[rustfmt::skip]
    fn registers(number: c_long, rdi: u64, rsi: u64, rdx: u64) -> user_regs_struct {
        user_regs_struct {
            orig_rax: number as u64, rdi, rsi, rdx,
            r15: 0, r14: 0, r13: 0, r12: 0, r11: 0, r10: 0, r9: 0, r8: 0, rbp: 0, rbx: 0, rax: 0,
            rcx: 0, rip: 0, rsp: 0, cs: 0, ss: 0, ds: 0, es: 0, fs: 0, gs: 0, eflags: 0,
            fs_base: 0, gs_base: 0,
        }
    }

    #[test]
    fn what_differs_from_run_to_run_ends_a_beginning() {
        let of_the_run = ["appendonly.aof", "./dump.rdb", "/mnt/run0", "/mnt/run0/dump.rdb", ".."];
        for path in of_the_run.iter().chain(&["/proc/self/stat", "/proc/meminfo"]) {
            for number in [libc::SYS_openat, libc::SYS_newfstatat, libc::SYS_access] {
                assert_eq!(with_path(number, path), Fate::Last, "{path}");
            }
        }
        for directory in ["data", "/mnt/run0", "/tmp"] {
            assert_eq!(with_path(libc::SYS_chdir, directory), Fate::Last, "{directory}");
        }
        let from_outside = [libc::SYS_getcwd, libc::SYS_getrusage, libc::SYS_epoll_create1];
        let new_tasks = [libc::SYS_clone, libc::SYS_clone3, libc::SYS_fork, libc::SYS_socket];
        for number in from_outside.into_iter().chain(new_tasks) {
            assert_eq!(fate(number, [0; 3]), Fate::Last, "call {number}");
        }
    }

    #[test]
    fn what_copies_would_share_ends_a_beginning_or_is_made_again() {
        let writes = libc::O_WRONLY as u64;
        let log = CString::new("/var/log/redis.log").expect("no NUL");
        assert_eq!(fate(libc::SYS_open, [log.as_ptr() as u64, writes, 0]), Fate::Last);
        for (number, fd) in [(libc::SYS_read, 5), (libc::SYS_close, 6), (libc::SYS_read, 0)] {
            assert_eq!(fate(number, [fd, 0, 0]), Fate::Last, "call {number} on {fd}");
        }
        assert_eq!(fate(libc::SYS_write, [7, 0, 0]), Fate::Last);
        assert_eq!(fate(libc::SYS_pipe2, [0; 3]), Fate::Again);
        let set = libc::F_SETFL as u64;
        assert_eq!(fate(libc::SYS_fcntl, [5, set, 0]), Fate::Again);
        assert_eq!(fate(libc::SYS_fcntl, [7, set, 0]), Fate::Last);
    }

    #[test]
    fn what_is_the_same_in_all_starts_belongs_to_the_beginning() {
        for path in ["/etc/localtime", "/proc/cpuinfo", "/dev/urandom"] {
            assert_eq!(with_path(libc::SYS_openat, path), Fate::Made, "{path}");
        }
        assert_eq!(with_path(libc::SYS_chdir, "."), Fate::Made);
        assert_eq!(fate(libc::SYS_getpid, [0; 3]), Fate::Answered(2));
        assert_eq!(fate(libc::SYS_getppid, [0; 3]), Fate::Answered(1));
        assert_eq!(fate(libc::SYS_write, [1, 0, 0]), Fate::Said);
        let signals = [(libc::SIGSEGV, Fate::Action), (libc::SIGTERM, Fate::Made)];
        for (signal, expected) in signals {
            assert_eq!(fate(libc::SYS_rt_sigaction, [signal as u64, 0, 0]), expected);
        }
    }
}
