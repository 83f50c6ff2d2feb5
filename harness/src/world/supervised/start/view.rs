//! What a server can see: a root of its own, in which there is only what it needs.
//!
//! A view is made once per worker and program. Its root is a directory in the worker's tmpfs, bound
//! read-only: programs and libraries of this machine, the program's own tree, a few devices, and
//! copies of the files in /etc and /sys that programs read when they start. Each start gets a copy
//! of these mounts, with its run directory, its log and its own /proc added ([`Room`]). Must not
//! know: how a server is started.

use std::ffi::{CStr, CString};
use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use libc::c_int;
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};

use super::mounts::{Reach, Restrictions, attach, copy_tree, new_proc, restrict};
use super::{assemble, rules, tree::Tree};
use crate::world::Broken;

/// A mount namespace from which those of starts are copied.
#[derive(Debug)]
pub struct View {
    /// Where its root lies in this process' tmpfs.
    root: PathBuf,
    namespace: OwnedFd,
    rules: Option<OwnedFd>,
}

impl View {
    /// The view for a program, in the directory `root` below `place`, the tmpfs. What the paths in
    /// `named` lead to can be read besides.
    pub fn new(
        place: &Path,
        root: PathBuf,
        program: &Path,
        named: &[PathBuf],
    ) -> Result<View, Broken> {
        let failed = |error: std::io::Error| {
            Broken::Harness(format!("make a view for {}: {error}", program.display()))
        };
        let mut tree = Tree::new(root.clone(), place);
        tree.put_system().map_err(failed)?;
        tree.put_program(program).map_err(failed)?;
        named.iter().try_for_each(|path| tree.put_named(path)).map_err(failed)?;
        let runs = tree.inside(place);
        fs::create_dir_all(&runs).map_err(failed)?;
        let unable = |what: String| Broken::NotMeasured(format!("cannot make a view: {what}"));
        let namespace = assemble::namespace(&root, tree.binds()).map_err(unable)?;
        let rules = rules::ruleset(&root, &runs, &root.join("dev")).map_err(unable)?;
        Ok(View { root, namespace, rules })
    }

    /// Where a path of the view lies outside of it.
    pub fn outside(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The mount namespace, for processes that run no server.
    pub fn namespace(&self) -> BorrowedFd<'_> {
        self.namespace.as_fd()
    }

    /// The descriptor of the Landlock rules; None where there is no Landlock.
    pub fn rules(&self) -> Option<c_int> {
        self.rules.as_ref().map(AsRawFd::as_raw_fd)
    }
}

/// What one run adds to a view: two paths that are the same inside and outside.
#[derive(Debug)]
pub struct Room {
    view: Rc<View>,
    directory: CString,
    log: CString,
}

/// What a process does to enter, in order; for messages.
pub const STEPS: [&str; 7] = [
    "copy the run directory's mount",
    "copy the log's mount",
    "make a /proc (a container must not mask its own: --security-opt systempaths=unconfined)",
    "enter the view",
    "copy the view",
    "mount the run directory and the log",
    "mount /proc",
];

impl Room {
    /// A room with the directory `directory` and the file `log`, which both exist.
    pub fn new(view: Rc<View>, directory: &Path, log: &Path) -> Result<Room, Broken> {
        let made = fs::create_dir_all(view.outside(directory))
            .and_then(|()| fs::File::create(view.outside(log)));
        made.map_err(|error| Broken::Harness(format!("make room in a view: {error}")))?;
        let text = |path: &Path| {
            CString::new(path.as_os_str().as_bytes())
                .map_err(|error| Broken::Harness(error.to_string()))
        };
        Ok(Room { directory: text(directory)?, log: text(log)?, view })
    }

    pub fn view(&self) -> &View {
        &self.view
    }

    /// Another room in the same view.
    pub fn beside(&self, directory: &Path, log: &Path) -> Result<Room, Broken> {
        Room::new(Rc::clone(&self.view), directory, log)
    }

    /// Puts this process, which is the first of its PID namespace, into a mount namespace of its
    /// own. Only makes system calls. Fails with the number of the step in [`STEPS`], too.
    pub fn enter(&self) -> Result<(), (usize, Errno)> {
        let at = |step: usize| move |errno: Errno| (step, errno);
        let directory = writable(&self.directory).map_err(at(0))?;
        let log = writable(&self.log).map_err(at(1))?;
        let proc = new_proc().map_err(at(2))?;
        setns(self.view.namespace(), CloneFlags::CLONE_NEWNS).map_err(at(3))?;
        unshare(CloneFlags::CLONE_NEWNS).map_err(at(4))?;
        attach(directory.as_fd(), &self.directory).map_err(at(5))?;
        attach(log.as_fd(), &self.log).map_err(at(5))?;
        attach(proc.as_fd(), c"/proc").map_err(at(6))
    }
}

fn writable(path: &CStr) -> Result<OwnedFd, Errno> {
    let tree = copy_tree(path, Reach::Mount)?;
    restrict(tree.as_fd(), Restrictions::WRITABLE, Reach::Mount)?;
    Ok(tree)
}
