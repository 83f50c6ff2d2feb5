//! Mounts by the calls that work on descriptors: a tree is copied, restricted and attached.
//!
//! Nothing here allocates, so that a forked child may use it. Must not know: what is mounted, and
//! what for.

#![allow(unsafe_code)]

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use libc::c_int;
use nix::errno::Errno;

/// What may not be done by way of a mount: the flags of mount_setattr(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restrictions(pub u64);

impl Restrictions {
    /// Nothing can be changed, and neither set-user-ID programs nor device files work.
    pub const READ_ONLY: Restrictions =
        Restrictions(libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV);
    /// Nothing can be changed.
    pub const READ_ALL: Restrictions = Restrictions(libc::MOUNT_ATTR_RDONLY);
    /// A device file: it can be used, but neither changed nor executed.
    pub const DEVICE: Restrictions =
        Restrictions(libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NOEXEC);
    /// Files can be made; they are not privileged.
    pub const WRITABLE: Restrictions =
        Restrictions(libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV);
}

/// Whether a call is about one mount or about those below it, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    Mount,
    Below,
}

impl Reach {
    fn flag(self) -> c_int {
        match self {
            Reach::Mount => 0,
            Reach::Below => libc::AT_RECURSIVE,
        }
    }
}

/// open_tree(2): a copy of the mounts from `path` on, which is not attached anywhere yet.
pub fn copy_tree(path: &CStr, reach: Reach) -> Result<OwnedFd, Errno> {
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | reach.flag() as u32;
    // SAFETY: a C string and plain numbers; the result is a new descriptor.
    unsafe {
        let fd = libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags);
        Ok(OwnedFd::from_raw_fd(Errno::result(fd)? as c_int))
    }
}

/// A new /proc for the PID namespace of this process, read-only and not attached anywhere yet.
/// In a user namespace Linux wants to see another whole /proc where this is called.
pub fn new_proc() -> Result<OwnedFd, Errno> {
    let attributes = Restrictions::READ_ONLY.0 | libc::MOUNT_ATTR_NOEXEC;
    let nothing = std::ptr::null::<libc::c_char>();
    let create = libc::FSCONFIG_CMD_CREATE;
    // SAFETY: C strings, null pointers where the man pages allow them, and plain numbers; the
    // results that are not negative are new descriptors.
    unsafe {
        let fs = libc::syscall(libc::SYS_fsopen, c"proc".as_ptr(), libc::FSOPEN_CLOEXEC);
        let fs = OwnedFd::from_raw_fd(Errno::result(fs)? as c_int);
        let fd = fs.as_raw_fd();
        Errno::result(libc::syscall(libc::SYS_fsconfig, fd, create, nothing, nothing, 0))?;
        let mount = libc::syscall(libc::SYS_fsmount, fd, libc::FSMOUNT_CLOEXEC, attributes);
        Ok(OwnedFd::from_raw_fd(Errno::result(mount)? as c_int))
    }
}

/// mount_setattr(2) on a tree.
pub fn restrict(tree: BorrowedFd<'_>, what: Restrictions, reach: Reach) -> Result<(), Errno> {
    let flags = (libc::AT_EMPTY_PATH | reach.flag()) as u32;
    set_attributes(tree.as_raw_fd(), c"", flags, (what.0, 0))
}

/// mount_setattr(2) on whatever is mounted at `path`, and below it.
pub fn restrict_all(path: &CStr, what: Restrictions) -> Result<(), Errno> {
    set_attributes(libc::AT_FDCWD, path, libc::AT_RECURSIVE as u32, (what.0, 0))
}

/// The opposite, for the mount at `path` alone.
pub fn permit(path: &CStr, what: Restrictions) -> Result<(), Errno> {
    set_attributes(libc::AT_FDCWD, path, 0, (0, what.0))
}

/// Attributes to set, and to clear.
fn set_attributes(at: c_int, path: &CStr, flags: u32, of: (u64, u64)) -> Result<(), Errno> {
    let (attr_set, attr_clr) = of;
    let set = libc::mount_attr { attr_set, attr_clr, propagation: 0, userns_fd: 0 };
    let size = size_of::<libc::mount_attr>();
    // SAFETY: a C string, plain numbers, and a live `mount_attr` with its size.
    let result = unsafe {
        libc::syscall(libc::SYS_mount_setattr, at, path.as_ptr(), flags, &raw const set, size)
    };
    Errno::result(result).map(drop)
}

/// move_mount(2): attaches a copied tree.
pub fn attach(tree: BorrowedFd<'_>, to: &CStr) -> Result<(), Errno> {
    let flags = libc::MOVE_MOUNT_F_EMPTY_PATH;
    let (from, here) = (tree.as_raw_fd(), libc::AT_FDCWD);
    // SAFETY: two C strings and plain numbers.
    let result = unsafe {
        libc::syscall(libc::SYS_move_mount, from, c"".as_ptr(), here, to.as_ptr(), flags)
    };
    Errno::result(result).map(drop)
}

/// pivot_root(2) to the working directory; what was the root is not to be reached any more.
pub fn make_root_of_working_directory() -> Result<(), Errno> {
    // SAFETY: static C strings and plain numbers.
    unsafe {
        Errno::result(libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()))?;
        Errno::result(libc::umount2(c".".as_ptr(), libc::MNT_DETACH)).map(drop)
    }
}
