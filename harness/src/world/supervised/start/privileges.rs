//! What a server may not do although its user may: capabilities, new privileges, whatever lies
//! beyond the Landlock rules, and calls that its filter does not let pass.
//!
//! The functions here are called between fork and exec, and only make system calls. Must not know:
//! which calls pass.

#![allow(unsafe_code)]

use libc::{c_int, sock_filter, sock_fprog};
use nix::errno::Errno;

/// The descriptor of the listener in the child: everything but 0, 1 and 2 is closed. Before there
/// is one it is that of the Landlock rules.
pub const LISTENER: c_int = 3;
pub const FILTER_FLAGS: libc::c_ulong =
    libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
/// `struct __user_cap_header_struct` of linux/capability.h: version 3, the caller itself.
pub const CAPABILITIES: [u32; 2] = [0x2008_0522, 0];
/// CAP_SYS_CHROOT, CAP_SYS_PTRACE and CAP_SYS_ADMIN, which setns(2) with a pidfd needs.
const KEPT: [u32; 3] = [18, 19, 21];
/// CAP_DAC_OVERRIDE.
const DAC_OVERRIDE: u32 = 1;

/// Gives up what a server does not need: what lies beyond the Landlock rules, which are descriptor
/// [`LISTENER`] if there are any, and capabilities. Closes the descriptor. Returns -1 on failure.
pub fn renounce(has_rules: bool) -> i64 {
    // SAFETY: plain numbers, and two live arrays with the layout that capset(2) expects.
    unsafe {
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
            || has_rules && libc::syscall(libc::SYS_landlock_restrict_self, LISTENER, 0) < 0
        {
            return -1;
        }
        libc::close(LISTENER);
        libc::syscall(libc::SYS_capset, &CAPABILITIES, &servers_capabilities())
    }
}

/// What a server may do, in the layout of capset(2): as root, whatever the modes of files forbid;
/// the view and Landlock hold nevertheless.
pub fn servers_capabilities() -> [u32; 6] {
    let kept = if keeps_capabilities() { 0 } else { 1 << DAC_OVERRIDE };
    [kept, kept, 0, 0, 0, 0]
}

/// Puts this process, and all that it will fork, under a filter. Returns the listener, or -1 with
/// errno set.
pub fn install(filter: &[sock_filter]) -> i64 {
    let program = sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    let mode = libc::SECCOMP_SET_MODE_FILTER;
    // SAFETY: plain numbers, and a live `sock_fprog` that names a live slice with its length.
    unsafe {
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 {
            return -1;
        }
        libc::syscall(libc::SYS_seccomp, mode, FILTER_FLAGS, &program)
    }
}

/// Whether a template must keep capabilities over its exec, because it is not root in its user
/// namespace. Its copies drop them.
fn keeps_capabilities() -> bool {
    !nix::unistd::geteuid().is_root()
}

/// For a template: forbids new privileges, as a filter would, and keeps over the exec what setns(2)
/// needs. Returns -1 on failure.
pub fn keep_for_template() -> i64 {
    let kept: u32 = KEPT.iter().map(|number| 1 << number).sum();
    // Effective, permitted, inheritable; then the same for the upper half.
    let sets = [kept, kept, kept, 0, 0, 0];
    // SAFETY: plain numbers, and two live arrays with the layout that capset(2) expects.
    unsafe {
        if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 {
            return -1;
        }
        if !keeps_capabilities() {
            return 0;
        }
        if libc::syscall(libc::SYS_capset, &CAPABILITIES, &sets) < 0 {
            return -1;
        }
        let raise = libc::PR_CAP_AMBIENT_RAISE as libc::c_ulong;
        let failed = |number: &u32| {
            libc::prctl(libc::PR_CAP_AMBIENT, raise, libc::c_ulong::from(*number), 0, 0) < 0
        };
        if KEPT.iter().any(failed) { -1 } else { 0 }
    }
}

/// Tries to install a filter with a listener; it lets everything pass.
pub fn install_filter() -> Result<(), Errno> {
    let code = (libc::BPF_RET | libc::BPF_K) as u16;
    let pass = [sock_filter { code, jt: 0, jf: 0, k: libc::SECCOMP_RET_ALLOW }];
    Errno::result(install(&pass)).map(drop)
}
