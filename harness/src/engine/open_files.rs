//! How many files a process may have open.
//!
//! A supervised server has descriptors from 512 up, and some below. Where only the soft limit is
//! too low, it is raised. Must not know: what opens them.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// How many files the processes of a supervised server must be able to have open.
const FILES: u64 = 1024;

/// Sees to it that there may be as many as are needed.
///
/// # Errors
/// Says what to change where that is not allowed.
pub(super) fn enough() -> Result<(), String> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)
        .map_err(|why| format!("the limit of open files cannot be read: {why}"))?;
    suffices(hard)?;
    if soft >= FILES {
        return Ok(());
    }
    setrlimit(Resource::RLIMIT_NOFILE, FILES, hard)
        .map_err(|why| format!("the limit of open files cannot be raised: {why}"))
}

fn suffices(hard: u64) -> Result<(), String> {
    if hard >= FILES {
        return Ok(());
    }
    let few = format!("a process may have only {hard} files open here, and {FILES} are needed");
    Err(format!("{few}: raise the limit (ulimit -n)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_open_files_that_is_too_low_is_named() {
        let why = suffices(20).expect_err("too few");
        assert!(why.starts_with("a process may have only 20 files open here"), "{why}");
        assert_eq!(suffices(FILES), Ok(()));
    }
}
