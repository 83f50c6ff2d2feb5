//! Nothing is left behind: every process that descends from this one ends before it does.
//!
//! As a child subreaper this process becomes the parent of whatever loses its own parent below it,
//! so that a killed worker's machine is waited for, too. Must not know: what those processes were.

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

/// Does `work`; whatever it started has ended when this returns.
///
/// # Errors
/// When orphans below this process would go elsewhere; then nothing was done.
pub fn leave_nothing<T>(work: impl FnOnce() -> T) -> std::io::Result<T> {
    // From here on: a probe of what the machine can do already leaves the first process of a
    // namespace behind it for a moment.
    adopt_orphans()?;
    let result = work();
    end_descendants();
    Ok(result)
}

/// Makes this process the one that orphans below it come to.
pub fn adopt_orphans() -> std::io::Result<()> {
    Ok(prctl::set_child_subreaper(true)?)
}

/// Kills every child and waits until no descendant is left.
///
/// Grandchildren become children when their parents are gone, hence the loop. Where the kernel does
/// not list children (`CONFIG_PROC_CHILDREN`), only waiting is left; workers and servers carry a
/// parent-death signal and end all the same.
pub fn end_descendants() {
    loop {
        for pid in children() {
            // It may have ended since it was listed; that is what is wanted.
            let _ = kill(pid, Signal::SIGKILL);
        }
        match waitpid(None, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => break,
        }
    }
}

/// The living and the unreaped children of every thread of this process.
fn children() -> Vec<Pid> {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    threads
        .flatten()
        .filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|pids| {
            pids.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()
        })
        .map(Pid::from_raw)
        .collect()
}
