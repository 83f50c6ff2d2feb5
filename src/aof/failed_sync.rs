//! What the append only file does about errors, where generations differ: what a failed sync means,
//! and which error clients are told.
//!
//! Must not know: when to sync.

use super::state::Core;
use crate::config::AppendFsync;
use crate::env::{Env, Status};
use crate::generation::FailedSync;
use crate::os::{Errno, strerror};

/// A way of dealing with errors.
pub(super) trait Errors {
    /// The sync under `always` failed. May end the process.
    fn sync_failed(&self, env: &mut Env<'_>, errno: Errno);

    /// The last sync of a SHUTDOWN failed.
    fn last_sync_failed(&self, env: &mut Env<'_>, errno: Errno);

    /// Whether a flush without anything to write syncs what is unsynced under this policy.
    fn syncs_when_idle(&self, policy: AppendFsync) -> bool;

    /// write(2) failed without writing anything.
    fn write_failed(&self, core: &mut Core, errno: Errno, logged: bool);

    /// The AOF is switched on: what failed before does not matter any more.
    fn forget(&self, core: &mut Core, env: &mut Env<'_>);
}

/// The way of a generation.
pub(super) fn errors(how: FailedSync) -> &'static dyn Errors {
    match how {
        FailedSync::Unnoticed => &Unnoticed,
        FailedSync::Noticed => &Noticed,
    }
}

/// 6.0: nobody looks at what a sync returns.
struct Unnoticed;

impl Errors for Unnoticed {
    fn sync_failed(&self, _env: &mut Env<'_>, _errno: Errno) {}

    fn last_sync_failed(&self, _env: &mut Env<'_>, _errno: Errno) {}

    fn syncs_when_idle(&self, policy: AppendFsync) -> bool {
        policy == AppendFsync::Everysec
    }

    /// Between two log lines clients are still told the previous error.
    fn write_failed(&self, core: &mut Core, errno: Errno, logged: bool) {
        if logged {
            core.last_write_errno = errno;
        }
    }

    fn forget(&self, _core: &mut Core, _env: &mut Env<'_>) {}
}

/// Since 6.2: under `always` an acknowledged write is on disk or the server is gone.
struct Noticed;

impl Errors for Noticed {
    fn sync_failed(&self, env: &mut Env<'_>, errno: Errno) {
        env.warning(&format!(
            "Can't persist AOF for fsync error when the AOF fsync policy is 'always': {}. \
             Exiting...",
            strerror(errno)
        ));
        env.os.exit(1)
    }

    fn last_sync_failed(&self, env: &mut Env<'_>, errno: Errno) {
        env.warning(&format!("Fail to fsync the AOF file: {}.", strerror(errno)));
    }

    /// Under `always` something may be left from before a change of the policy.
    fn syncs_when_idle(&self, policy: AppendFsync) -> bool {
        policy != AppendFsync::No
    }

    fn write_failed(&self, core: &mut Core, errno: Errno, _logged: bool) {
        core.last_write_errno = errno;
    }

    fn forget(&self, core: &mut Core, env: &mut Env<'_>) {
        if env.bio.fsync_error().is_some() {
            env.warning("AOF reopen, just ignore the AOF fsync error in bio job");
            env.bio.forget_fsync_error();
        }
        if core.last_write_status == Status::Err {
            env.warning("AOF reopen, just ignore the last error.");
            core.last_write_status = Status::Ok;
        }
    }
}
