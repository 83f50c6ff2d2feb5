//! The mount namespace of a view, put together in a process of its own.
//!
//! Must not know: what is in a view.
//!
//! # Safety
//!
//! Between fork and exit the child only makes system calls, on memory that was prepared before.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use libc::c_int;
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};

use super::mounts::{
    Reach, Restrictions, attach, copy_tree, make_root_of_working_directory, restrict,
};
use super::tree::Bind;

/// A bind with its paths as system calls take them.
struct Ready {
    from: CString,
    /// Relative to the root of the view.
    to: CString,
    restrictions: Restrictions,
}

/// Makes a mount namespace whose root is `root`, with these trees bound into it.
pub fn namespace(root: &Path, binds: &[Bind]) -> Result<OwnedFd, String> {
    let text = |bytes: &[u8]| CString::new(bytes).map_err(|error| error.to_string());
    let mut ready = Vec::with_capacity(binds.len());
    for Bind { path, restrictions } in binds {
        let from = text(path.as_os_str().as_bytes())?;
        let to = text(path.strip_prefix("/").unwrap_or(path).as_os_str().as_bytes())?;
        ready.push(Ready { from, to, restrictions: *restrictions });
    }
    let root = text(root.as_os_str().as_bytes())?;
    let failed = |errno: Errno| errno.to_string();
    // It lives until the other end is closed.
    let (hold, held) = nix::unistd::pipe().map_err(failed)?;
    let (read, write) = nix::unistd::pipe().map_err(failed)?;
    // SAFETY: the child only makes system calls and ends with `_exit`.
    let child = Errno::result(unsafe { libc::fork() }).map_err(failed)?;
    if child == 0 {
        let word: c_int = match assemble(&root, &ready) {
            Ok(()) => 0,
            Err((step, errno)) => (step as c_int) << 16 | errno as c_int,
        };
        // SAFETY: plain numbers, and live locals with their sizes.
        unsafe {
            libc::write(write.as_raw_fd(), (&raw const word).cast(), size_of::<c_int>());
            libc::close(held.as_raw_fd());
            libc::read(hold.as_raw_fd(), (&raw const word).cast_mut().cast(), 1);
            libc::_exit(0);
        }
    }
    drop(write);
    let mut word = [0; size_of::<c_int>()];
    let came = nix::unistd::read(&read, &mut word);
    let opened = File::open(format!("/proc/{child}/ns/mnt"));
    drop(held);
    let _ = nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(child), None);
    match (came, c_int::from_ne_bytes(word)) {
        (Ok(len), 0) if len == word.len() => opened.map(OwnedFd::from).map_err(|e| e.to_string()),
        (Ok(len), word) if len == size_of::<c_int>() => {
            let what = match binds.get((word >> 16) as usize) {
                Some(bind) => format!("bind {}", bind.path.display()),
                None => "bind its root and make that the root (pivot_root)".to_string(),
            };
            Err(format!("{what}: {}", Errno::from_raw(word & 0xffff)))
        }
        _ => Err("the process that makes it has ended".to_string()),
    }
}

/// Enters a new mount namespace and makes this its content. Fails with the number of the bind, too,
/// or one past the last.
fn assemble(root: &CStr, binds: &[Ready]) -> Result<(), (usize, Errno)> {
    let whole = |errno: Errno| (binds.len(), errno);
    unshare(CloneFlags::CLONE_NEWNS).map_err(whole)?;
    bind(root, root, Restrictions::READ_ONLY, Reach::Mount).map_err(whole)?;
    nix::unistd::chdir(root).map_err(whole)?;
    for (n, Ready { from, to, restrictions }) in binds.iter().enumerate() {
        bind(from, to, *restrictions, Reach::Below).map_err(|errno| (n, errno))?;
    }
    make_root_of_working_directory().map_err(whole)
}

fn bind(from: &CStr, to: &CStr, what: Restrictions, reach: Reach) -> Result<(), Errno> {
    let tree = copy_tree(from, reach)?;
    restrict(tree.as_fd(), what, reach)?;
    attach(tree.as_fd(), to)
}
