//! Names of system calls, for messages about calls that are not modelled.
//!
//! Must not know: what any of them does.

use super::notify::Notice;

/// `name(first argument, …)`, with arguments in hexadecimal because their types are not known here.
pub fn describe(notice: &Notice) -> String {
    let args: Vec<String> = notice.args.iter().map(|arg| format!("{arg:#x}")).collect();
    format!("{}({})", name(notice.number), args.join(", "))
}

/// The name of a call; its number, if it is none of those below.
pub fn name(number: i64) -> String {
    let known = NAMES.iter().find(|(known, _)| *known == number);
    known.map_or_else(
        || format!("system call {number}"),
        |(_, name)| name["SYS_".len()..].to_string(),
    )
}

/// Whether the first argument is a descriptor, so that the filter traps only model descriptors.
pub fn takes_descriptor(number: i64) -> bool {
    crate::world::supervised::start::filter::PASS_BELOW.contains(&number)
}

macro_rules! names {
    ($($name:ident)*) => { &[$((libc::$name, stringify!($name))),*] };
}

/// The calls that the filter traps and that a server could conceivably make.
const NAMES: &[(i64, &str)] = names![
    SYS_read SYS_write SYS_close SYS_readv SYS_writev SYS_pread64 SYS_pwrite64 SYS_preadv
    SYS_pwritev SYS_preadv2 SYS_pwritev2 SYS_lseek SYS_fcntl SYS_fsync SYS_fdatasync
    SYS_sync_file_range SYS_ftruncate SYS_fallocate SYS_dup SYS_dup2 SYS_dup3 SYS_open SYS_openat
    SYS_openat2 SYS_creat SYS_truncate SYS_rename SYS_renameat SYS_renameat2 SYS_unlink SYS_unlinkat
    SYS_mkdir SYS_mkdirat SYS_rmdir SYS_link SYS_linkat SYS_symlink SYS_symlinkat SYS_mknod
    SYS_mknodat SYS_chdir SYS_fchdir SYS_chroot SYS_chown SYS_fchown SYS_lchown SYS_fchownat
    SYS_utimensat SYS_futimesat SYS_utime SYS_sendfile SYS_splice SYS_tee SYS_vmsplice
    SYS_copy_file_range SYS_sync SYS_syncfs SYS_msync SYS_pipe SYS_pipe2 SYS_fork SYS_vfork
    SYS_clone SYS_clone3 SYS_execveat SYS_exit SYS_exit_group SYS_wait4 SYS_waitid SYS_kill
    SYS_tkill SYS_rt_sigqueueinfo SYS_rt_tgsigqueueinfo SYS_rt_sigsuspend SYS_rt_sigtimedwait
    SYS_signalfd SYS_signalfd4 SYS_pause SYS_alarm SYS_setitimer SYS_getitimer SYS_timer_create
    SYS_timer_settime SYS_timerfd_create SYS_timerfd_settime SYS_nanosleep SYS_clock_nanosleep
    SYS_clock_gettime SYS_clock_getres SYS_gettimeofday SYS_time SYS_times SYS_getrandom SYS_futex
    SYS_get_robust_list SYS_set_robust_list SYS_epoll_create SYS_epoll_create1 SYS_epoll_wait
    SYS_epoll_pwait SYS_epoll_pwait2 SYS_poll SYS_ppoll SYS_select SYS_pselect6 SYS_inotify_init1
    SYS_io_uring_setup SYS_io_uring_enter SYS_io_setup SYS_io_submit SYS_sendmmsg SYS_recvmmsg
    SYS_setuid SYS_setgid SYS_setrlimit SYS_memfd_create SYS_pidfd_open SYS_pidfd_send_signal
    SYS_close_range SYS_ptrace SYS_process_vm_readv SYS_seccomp SYS_bpf SYS_perf_event_open
    SYS_mbind SYS_set_mempolicy SYS_get_mempolicy SYS_shmget SYS_shmat SYS_semget SYS_msgget
    SYS_mq_open SYS_userfaultfd
];
