//! The seccomp filter: which calls pass, and which are trapped for the supervisor.
//!
//! Every call that no table here lists is trapped, and a trapped call that is not modelled ends the
//! run. Calls on descriptors are trapped only from [`FIRST_FD`] on, where the supervisor puts the
//! files and pipes that it models, so that traffic on sockets costs nothing. Must not know: what
//! becomes of a trapped call.

use libc::{c_long, sock_filter};

use super::tsc;
use crate::kernel::CallName;

/// Descriptors of the model start here; others (sockets, epoll, files elsewhere) are below.
pub const FIRST_FD: i32 = 512;

/// Calls that pass: their results do not depend on time, other tasks or the persistence files, or
/// they change nothing but the calling process.
const PASS: &[c_long] = &[
    // memory
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_membarrier,
    libc::SYS_mlock,
    libc::SYS_munlock,
    // the process about itself
    libc::SYS_arch_prctl,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_getpgrp,
    libc::SYS_getpgid,
    libc::SYS_getsid,
    libc::SYS_getgroups,
    libc::SYS_getrlimit,
    libc::SYS_prlimit64,
    libc::SYS_getrusage,
    libc::SYS_capget,
    libc::SYS_rseq,
    libc::SYS_set_tid_address,
    libc::SYS_setsid,
    libc::SYS_setpgid,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_umask,
    // scheduling hints: which task runs is the supervisor's business
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_yield,
    libc::SYS_clock_getres,
    libc::SYS_getpriority,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    // signals
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    // looking at files by name
    libc::SYS_access,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fstatfs,
    libc::SYS_getdents64,
    libc::SYS_readlink,
    libc::SYS_readlinkat,
    libc::SYS_statfs,
    // modes and owners, which the disk model does not keep
    libc::SYS_chmod,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_flock,
    libc::SYS_ioctl,
    // sockets
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_getpeername,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_listen,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_socketpair,
    // readiness, except the waiting itself
    libc::SYS_epoll_ctl,
    libc::SYS_eventfd2,
];

/// Calls that pass unless their first argument is a descriptor of the model. `mmap`, whose
/// descriptor is the fifth argument, always passes, because only programs and libraries are mapped;
/// a mapping that writes to a file would be noticed at the end of the run.
pub const PASS_BELOW: &[c_long] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_close,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_lseek,
    libc::SYS_fcntl,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_sync_file_range,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_dup,
    libc::SYS_dup2,
    libc::SYS_dup3,
];

/// Calls that only ask or advise, by what they may come to. They pass, too, unless somebody wants
/// one of that to be a site.
const QUESTIONS: &[(c_long, &[CallName])] = &[
    (libc::SYS_stat, &[CallName::Stat]),
    (libc::SYS_lstat, &[CallName::Stat]),
    (libc::SYS_fstat, &[CallName::Fstat]),
    // By path, or with AT_EMPTY_PATH.
    (libc::SYS_newfstatat, &[CallName::Stat, CallName::Fstat]),
    (libc::SYS_statx, &[CallName::Stat, CallName::Fstat]),
    (libc::SYS_getcwd, &[CallName::Getcwd]),
    (libc::SYS_fadvise64, &[CallName::Fadvise]),
];

/// Whether a call only asks or advises.
pub fn is_question(number: c_long) -> bool {
    QUESTIONS.iter().any(|(known, _)| *known == number)
}

/// Families of sockets that stay in their network namespace, or in the view. Others do not exist:
/// AF_VSOCK, for example, reaches the machine that this one is a guest of.
const FAMILIES: &[i32] = &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// What a program needs besides [`PASS`] to say its version where nobody supervises it.
const ALONE: &[c_long] = &[
    libc::SYS_execve,
    libc::SYS_open,
    libc::SYS_openat,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_getrandom,
    libc::SYS_clock_gettime,
    libc::SYS_gettimeofday,
    libc::SYS_time,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_poll,
    libc::SYS_ppoll,
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_wait4,
    libc::SYS_pipe,
    libc::SYS_pipe2,
    libc::SYS_chdir,
    libc::SYS_tgkill,
];

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const JUMP_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const JUMP_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
/// Offsets in `struct seccomp_data`; the low half of an argument comes first on x86-64.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
/// The address of the call, its upper half.
const ADDRESS_HIGH: u32 = 12;
const FIRST_ARGUMENT: u32 = 16;
const THIRD_ARGUMENT: u32 = 32;
/// AUDIT_ARCH_X86_64 of linux/audit.h: EM_X86_64, 64-bit, little-endian.
const X86_64: u32 = 0xc000_003e;

/// The program of the filter: kill on another architecture; allow calls that are listed; for calls
/// on a descriptor, check the descriptor; for a socket, check the family; for a signal to a thread
/// or its action, check the signal; trap anything else, and questions that are `watched`.
pub fn program(watched: &[CallName]) -> Vec<sock_filter> {
    let mut program = vec![
        instruction(LOAD, 0, 0, ARCHITECTURE),
        instruction(JUMP_EQUAL, 1, 0, X86_64),
        instruction(RETURN, 0, 0, libc::SECCOMP_RET_KILL_PROCESS),
        instruction(LOAD, 0, 0, NUMBER),
    ];
    // Each test comes right before the instructions that it skips, so every jump is short.
    for number in PASS_BELOW {
        program.extend([
            instruction(JUMP_EQUAL, 0, 4, *number as u32),
            instruction(LOAD, 0, 0, FIRST_ARGUMENT),
            instruction(JUMP_AT_LEAST, 0, 1, FIRST_FD as u32),
            instruction(RETURN, 0, 0, libc::SECCOMP_RET_USER_NOTIF),
            instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
        ]);
    }
    let is_watched = |calls: &[CallName]| calls.iter().any(|call| watched.contains(call));
    let unwatched = QUESTIONS.iter().filter(|(_, calls)| !is_watched(calls));
    let unwatched = unwatched.map(|(number, _)| number);
    for number in PASS.iter().chain([&libc::SYS_mmap]).chain(unwatched) {
        program.extend([
            instruction(JUMP_EQUAL, 0, 1, *number as u32),
            instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
        ]);
    }
    program.extend(sockets());
    // What a process does about the time stamp counter.
    program.extend([
        instruction(JUMP_EQUAL, 0, 4, libc::SYS_prctl as u32),
        instruction(LOAD, 0, 0, FIRST_ARGUMENT),
        instruction(JUMP_EQUAL, 0, 1, libc::PR_SET_TSC as u32),
        instruction(RETURN, 0, 0, libc::SECCOMP_RET_USER_NOTIF),
        instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]);
    program.extend([
        instruction(JUMP_EQUAL, 0, 6, libc::SYS_rt_sigaction as u32),
        instruction(LOAD, 0, 0, FIRST_ARGUMENT),
        instruction(JUMP_EQUAL, 0, 3, libc::SIGSEGV as u32),
        instruction(LOAD, 0, 0, ADDRESS_HIGH),
        instruction(JUMP_EQUAL, 1, 0, (tsc::PAGE >> 32) as u32),
        instruction(RETURN, 0, 0, libc::SECCOMP_RET_USER_NOTIF),
        instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]);
    // A new child stops itself before anybody listens.
    program.extend([
        instruction(JUMP_EQUAL, 0, 4, libc::SYS_tgkill as u32),
        instruction(LOAD, 0, 0, THIRD_ARGUMENT),
        instruction(JUMP_EQUAL, 1, 0, libc::SIGSTOP as u32),
        instruction(JUMP_EQUAL, 0, 1, libc::SIGKILL as u32),
        instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]);
    program.push(instruction(RETURN, 0, 0, libc::SECCOMP_RET_USER_NOTIF));
    program
}

/// A filter that traps one call and lets all others pass.
pub fn only(number: c_long) -> Vec<sock_filter> {
    vec![
        instruction(LOAD, 0, 0, NUMBER),
        instruction(JUMP_EQUAL, 0, 1, number as u32),
        instruction(RETURN, 0, 0, libc::SECCOMP_RET_USER_NOTIF),
        instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ]
}

/// A socket of another family fails as where the kernel was built without it.
fn sockets() -> Vec<sock_filter> {
    let tests = FAMILIES.len() as u8;
    let mut part = vec![
        instruction(JUMP_EQUAL, 0, tests + 3, libc::SYS_socket as u32),
        instruction(LOAD, 0, 0, FIRST_ARGUMENT),
    ];
    for (n, family) in (0..tests).zip(FAMILIES) {
        part.push(instruction(JUMP_EQUAL, tests - n, 0, *family as u32));
    }
    part.push(instruction(RETURN, 0, 0, refusal(libc::EAFNOSUPPORT)));
    part.push(instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW));
    part
}

/// The same filter without anybody who listens: a few more calls pass, and all others are refused.
pub fn without_supervisor() -> Vec<sock_filter> {
    let mut lines = program(&[]);
    for line in &mut lines {
        if line.code == RETURN && line.k == libc::SECCOMP_RET_USER_NOTIF {
            line.k = refusal(libc::EPERM);
        }
    }
    // Before the last line, where everything ends that no table lists.
    let last = lines.pop();
    for number in ALONE {
        lines.push(instruction(JUMP_EQUAL, 0, 1, *number as u32));
        lines.push(instruction(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW));
    }
    lines.extend(last);
    lines
}

fn refusal(errno: i32) -> u32 {
    libc::SECCOMP_RET_ERRNO | errno as u32
}

fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}
