//! Everything that is tried, and how it is refused: the table of docs/isolation.md.
//!
//! Must not know: how attempts are run.

use libc::{
    AF_INET, AF_UNIX, AF_VSOCK, AT_FDCWD, O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, SOCK_DGRAM,
    SOCK_STREAM,
};
use nix::errno::Errno;

use crate::attempts::{Outside, loopback, open, reach, sys, text, unix, vsock};

/// How an attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The call fails with one of these.
    Errors(&'static [Errno]),
    /// The run ends, because no server makes such a call: it is `harness-broken` or
    /// `not-measured`, and names the call.
    Ends,
    /// The call succeeds inside, and nothing is seen outside.
    StaysInside,
}

/// Whether the same succeeds without walls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alone {
    Succeeds,
    /// It would harm this machine, or takes something that not every machine has.
    NotTried,
}

/// One attempt: its name on the command line, what the document calls it, and the calls.
pub struct Attempt {
    pub name: &'static str,
    pub tried: &'static str,
    pub seen: Seen,
    pub alone: Alone,
    pub carry_out: fn(&Outside) -> Result<i64, Errno>,
}

const GONE: Seen = Seen::Errors(&[Errno::ENOENT]);
const READ_ONLY: Seen = Seen::Errors(&[Errno::EROFS]);
const DENIED: Seen = Seen::Errors(&[Errno::EACCES, Errno::EPERM]);
/// An ordinary user may not anyway, and not every kernel has it.
const SYSTEM: Seen = Seen::Errors(&[Errno::EROFS, Errno::EACCES, Errno::ENOENT]);
/// It is executed, on a read-only mount, and may belong to somebody else.
const PROGRAM: Seen = Seen::Errors(&[Errno::ETXTBSY, Errno::EROFS, Errno::EACCES]);
const NOBODY: Seen = Seen::Errors(&[Errno::ESRCH]);

macro_rules! attempts {
    ($($name:literal, $tried:literal, $seen:expr, $alone:ident, $carry_out:expr;)*) => {
        &[$(Attempt {
            name: $name,
            tried: $tried,
            seen: $seen,
            alone: Alone::$alone,
            carry_out: $carry_out,
        }),*]
    };
}

/// Files by path.
pub const FILES: &[Attempt] = attempts![
    "read", "read a file", GONE, Succeeds, |o| open(&o.file("secret"), O_RDONLY);
    "read-shadow", "read /etc/shadow", GONE, NotTried, |_| open(&text("/etc/shadow"), O_RDONLY);
    "write", "open a file to write", GONE, Succeeds, |o| open(&o.file("target"), O_WRONLY);
    "write-up", "the same by ../", GONE, Succeeds, |o| open(&o.climbing("target"), O_WRONLY);
    "truncate-open", "truncate a file by open", GONE, Succeeds,
        |o| open(&o.file("target"), O_WRONLY | O_TRUNC);
    "truncate", "truncate a file by truncate", Seen::Ends, Succeeds,
        |o| sys!(SYS_truncate, &o.file("target"), 0);
    "create", "create a file", GONE, Succeeds, |o| open(&o.file("new"), O_CREAT | O_WRONLY);
    "create-root", "create a file in /", READ_ONLY, NotTried,
        |_| open(&text("/sabot-was-here"), O_CREAT | O_WRONLY);
    "chmod", "chmod a file", GONE, Succeeds, |o| sys!(SYS_chmod, &o.file("target"), 0o600);
    "chmod-up", "chmod a file by ../", GONE, Succeeds,
        |o| sys!(SYS_chmod, &o.climbing("target"), 0o600);
    "write-beside", "write a file beside the program", READ_ONLY, Succeeds,
        |o| open(&o.beside(), O_WRONLY);
    "chmod-beside", "chmod a file beside the program", READ_ONLY, Succeeds,
        |o| sys!(SYS_chmod, &o.beside(), 0o600);
    "chmod-usr", "chmod /usr", READ_ONLY, NotTried, |_| sys!(SYS_chmod, &text("/usr"), 0o755);
    "chmod-null", "chmod /dev/null", READ_ONLY, NotTried,
        |_| sys!(SYS_chmod, &text("/dev/null"), 0o666);
    "rename", "rename a file", Seen::Ends, Succeeds,
        |o| sys!(SYS_rename, &o.file("target"), &o.file("new"));
    "unlink", "remove a file", Seen::Ends, Succeeds, |o| sys!(SYS_unlink, &o.file("target"));
    "mkdir", "make a directory", Seen::Ends, Succeeds, |o| sys!(SYS_mkdir, &o.file("new"), 0o777);
    "link", "link a file into the run directory", Seen::Ends, NotTried,
        |o| sys!(SYS_link, &o.file("target"), &text("in"));
    "symlink", "make a symbolic link to a file and write by it", Seen::Ends, NotTried,
        |o| sys!(SYS_symlink, &o.file("target"), &text("in"))
            .and_then(|_| open(&text("in"), O_WRONLY));
    "mknod", "make a device", Seen::Ends, NotTried,
        |_| sys!(SYS_mknodat, AT_FDCWD, &text("disk"), 0o60666, 0xfe00);
    "directory", "chmod by ../ from the run directory's descriptor", GONE, Succeeds, |o| {
        let here = sys!(SYS_openat, AT_FDCWD, &text("."), O_RDONLY)?;
        sys!(SYS_fchmodat, here, &o.climbing("target"), 0o600)
    };
    "handle", "open a file by its handle", Seen::Ends, NotTried,
        |_| sys!(SYS_open_by_handle_at, AT_FDCWD, &[0_u8; 32][..], O_RDONLY);
];

/// /proc and devices.
pub const MACHINE: &[Attempt] = attempts![
    "proc-root", "write by /proc/1/root", DENIED, NotTried,
        |o| open(&o.through_proc("target"), O_WRONLY);
    "proc-root-chmod", "chmod by /proc/1/root", DENIED, NotTried,
        |o| sys!(SYS_chmod, &o.through_proc("target"), 0o600);
    "proc-mem-read", "read the memory of process 1", DENIED, NotTried,
        |_| open(&text("/proc/1/mem"), O_RDONLY);
    "proc-mem", "write to the memory of process 1", READ_ONLY, NotTried,
        |_| open(&text("/proc/1/mem"), O_RDWR);
    "proc-environ", "read the environment of process 1", DENIED, NotTried,
        |_| open(&text("/proc/1/environ"), O_RDONLY);
    "proc-other", "look at a process outside", GONE, Succeeds,
        |o| open(&text(&format!("/proc/{}/status", o.pid)), O_RDONLY);
    "proc-exe", "write to the program by /proc/self/exe", PROGRAM, NotTried,
        |_| open(&text("/proc/self/exe"), O_WRONLY);
    "proc-sys", "change a setting in /proc/sys", SYSTEM, NotTried,
        |_| open(&text("/proc/sys/kernel/core_pattern"), O_WRONLY);
    "sysrq", "write to /proc/sysrq-trigger", SYSTEM, NotTried,
        |_| open(&text("/proc/sysrq-trigger"), O_WRONLY);
    "sysfs", "write to /sys/power/state", GONE, NotTried,
        |_| open(&text("/sys/power/state"), O_WRONLY);
    "cgroup", "make a control group", Seen::Ends, NotTried,
        |_| sys!(SYS_mkdir, &text("/sys/fs/cgroup/sabot"), 0o755);
    "tty", "open the terminal", GONE, NotTried, |_| open(&text("/dev/tty"), O_RDWR);
    "tiocsti", "type on the terminal by its descriptor (TIOCSTI)",
        Seen::Errors(&[Errno::ENOTTY]),
        NotTried, |_| {
            let typed = [b'\n'];
            let on = |fd: i32| sys!(SYS_ioctl, fd, libc::TIOCSTI as i64, &typed[..]);
            on(0).or_else(|_| on(1)).or_else(|_| on(2))
        };
    "mem", "open /dev/mem", GONE, NotTried, |_| open(&text("/dev/mem"), O_RDWR);
    "shm", "make shared memory in /dev/shm", GONE, Succeeds,
        |o| open(&text(&format!("/dev/shm/sabot-{}", o.pid)), O_CREAT | O_RDWR);
    "chmod-input", "chmod /dev/null by standard input", READ_ONLY, NotTried,
        |_| sys!(SYS_fchmod, 0, 0o666);
    "descriptors", "use a descriptor that was left open", Seen::Errors(&[Errno::EBADF]), NotTried,
        |_| {
            let used = (3..4096).find(|fd| sys!(SYS_fcntl, *fd, libc::F_GETFD).is_ok());
            used.map(i64::from).ok_or(Errno::EBADF)
        };
];

/// Networks and other processes.
pub const OTHERS: &[Attempt] = attempts![
    "tcp", "connect to a TCP port", Seen::Errors(&[Errno::ECONNREFUSED]), Succeeds,
        |o| reach(AF_INET, SOCK_STREAM, &loopback(o.tcp));
    "udp", "send to a UDP port", Seen::StaysInside, Succeeds,
        |o| reach(AF_INET, SOCK_DGRAM, &loopback(o.udp));
    "internet", "connect to another machine", Seen::Errors(&[Errno::ENETUNREACH]), NotTried, |_| {
        let mut address = loopback(80);
        address[4..8].copy_from_slice(&[192, 0, 2, 1]);
        reach(AF_INET, SOCK_STREAM, &address)
    };
    "unix", "connect to a unix socket", GONE, Succeeds,
        |o| reach(AF_UNIX, SOCK_STREAM, &unix(o.file("socket").as_bytes_with_nul()));
    "abstract", "connect to an abstract unix socket",
        Seen::Errors(&[Errno::ECONNREFUSED, Errno::EPERM]), Succeeds, |o| {
            let name = [b"\0", o.file("").as_bytes()].concat();
            reach(AF_UNIX, SOCK_STREAM, &unix(&name))
        };
    "vsock", "connect to the hypervisor (vsock)", Seen::Errors(&[Errno::EAFNOSUPPORT]), NotTried,
        |_| reach(AF_VSOCK, SOCK_STREAM, &vsock());
    "kill", "kill a process", NOBODY, Succeeds, |o| sys!(SYS_kill, o.pid, libc::SIGKILL);
    "tgkill", "kill a thread", NOBODY, Succeeds,
        |o| sys!(SYS_tgkill, o.pid, o.pid, libc::SIGKILL);
    "renice", "change a process' priority", NOBODY, Succeeds,
        |o| sys!(SYS_setpriority, libc::PRIO_PROCESS as i32, o.pid, 19);
    "limit", "change a process' limits", NOBODY, Succeeds,
        |o| sys!(SYS_prlimit64, o.pid, libc::RLIMIT_CORE as i32, &[0_u8; 16][..], 0);
    "ptrace", "trace a process", Seen::Ends, Succeeds,
        |o| sys!(SYS_ptrace, libc::PTRACE_SEIZE as i32, o.pid, 0, 0);
    "memory", "write to a process' memory", Seen::Ends, NotTried,
        |o| sys!(SYS_process_vm_writev, o.pid, 0, 0, 0, 0, 0);
    "pidfd", "open a process", Seen::Ends, Succeeds, |o| sys!(SYS_pidfd_open, o.pid, 0);
    "shell", "execute a shell that writes, connects and kills", Seen::StaysInside, Succeeds, |o| {
        let Outside { folder, tcp, pid, beside, .. } = o;
        let (folder, beside) = (folder.display(), beside.display());
        let script = text(&format!(
            "echo changed >{folder}/new; echo changed >{folder}/target; chmod 600 {folder}/target; \
             echo changed >{beside}; chmod 600 {beside}; \
             (echo out >/dev/tcp/127.0.0.1/{tcp}) 2>/dev/null; kill -9 {pid}; true"
        ));
        let (bash, flag) = (text("/bin/bash"), text("-c"));
        let words = [bash.as_ptr() as u64, flag.as_ptr() as u64, script.as_ptr() as u64, 0];
        let words: Vec<u8> = words.into_iter().flat_map(u64::to_ne_bytes).collect();
        sys!(SYS_execve, &bash, &words[..], 0)
    };
];

/// Calls that change the machine, or make another of it: none is ever made outside.
pub const PRIVILEGED: &[Attempt] = attempts![
    "mount", "mount", Seen::Ends, NotTried,
        |_| sys!(SYS_mount, &text("x"), &text("/proc"), &text("tmpfs"), 0, 0);
    "umount", "umount", Seen::Ends, NotTried, |_| sys!(SYS_umount2, &text("/proc"), 2);
    "open-tree", "open_tree", Seen::Ends, NotTried,
        |_| sys!(SYS_open_tree, AT_FDCWD, &text("/"), 1);
    "pivot", "pivot_root", Seen::Ends, NotTried,
        |_| sys!(SYS_pivot_root, &text("/usr"), &text("/usr"));
    "chroot", "chroot", Seen::Ends, NotTried, |_| sys!(SYS_chroot, &text("/usr"));
    "unshare", "unshare", Seen::Ends, NotTried, |_| sys!(SYS_unshare, libc::CLONE_NEWUSER);
    "setns", "setns", Seen::Ends, NotTried, |_| sys!(SYS_setns, 0, 0);
    "io-uring", "io_uring_setup", Seen::Ends, NotTried,
        |_| sys!(SYS_io_uring_setup, 1, &[0_u8; 120][..]);
    "bpf", "bpf", Seen::Ends, NotTried, |_| sys!(SYS_bpf, 0, &[0_u8; 128][..], 128);
    "perf", "perf_event_open", Seen::Ends, NotTried,
        |_| sys!(SYS_perf_event_open, &[0_u8; 128][..], 0, -1, -1, 0);
    "userfaultfd", "userfaultfd", Seen::Ends, NotTried, |_| sys!(SYS_userfaultfd, 0);
    "keys", "add_key", Seen::Ends, NotTried,
        |_| sys!(SYS_add_key, &text("user"), &text("sabot"), &b"x"[..], 1_i64, -3);
    "keyctl", "keyctl", Seen::Ends, NotTried, |_| sys!(SYS_keyctl, 0, -3, 0);
    "module", "init_module", Seen::Ends, NotTried,
        |_| sys!(SYS_init_module, &b"x"[..], 1_i64, &text(""));
    "module-file", "finit_module", Seen::Ends, NotTried,
        |_| sys!(SYS_finit_module, 0, &text(""), 0);
    "kexec", "kexec_load", Seen::Ends, NotTried, |_| sys!(SYS_kexec_load, 0, 0, 0, 0);
    "reboot", "reboot", Seen::Ends, NotTried, |_| sys!(SYS_reboot, 0, 0, 0, 0);
    "hostname", "sethostname", Seen::Ends, NotTried,
        |_| sys!(SYS_sethostname, &b"sabot"[..], 5_i64);
    "clock", "clock_settime", Seen::Ends, NotTried, |_| sys!(SYS_clock_settime, 0, &[0_u8; 16][..]);
    "swap", "swapon", Seen::Ends, NotTried, |_| sys!(SYS_swapon, &text("/dev/null"), 0);
    "shmget", "SysV shared memory (shmget)", Seen::Ends, NotTried,
        |_| sys!(SYS_shmget, 0x5ab0, 4096, 0o1666);
    "semget", "SysV semaphores (semget)", Seen::Ends, NotTried,
        |_| sys!(SYS_semget, 0x5ab0, 1, 0o1666);
    "msgget", "SysV message queues (msgget)", Seen::Ends, NotTried,
        |_| sys!(SYS_msgget, 0x5ab0, 0o1666);
    "mqueue", "POSIX message queues (mq_open)", Seen::Ends, NotTried,
        |_| sys!(SYS_mq_open, &text("sabot"), O_CREAT | O_RDWR, 0o666, 0);
];

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Attempt> {
    [FILES, MACHINE, OTHERS, PRIVILEGED].into_iter().flatten()
}
