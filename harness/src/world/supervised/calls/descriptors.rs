//! Calls on descriptors of the model: duplicating one, its flags, its offset.
//!
//! A duplicate is a real one: the supervisor installs the same open file description once more.
//! Must not know: what is behind a descriptor.

use std::os::fd::AsFd;
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::{Whence, lseek};

use super::call::Call;
use super::{Action, Outcome, Trouble};
use crate::kernel::calls::Number;
use crate::kernel::{Entered, Fd, TaskId};
use crate::world::Broken;
use crate::world::supervised::notify::Notice;
use crate::world::supervised::schedule::os_error;
use crate::world::supervised::start::filter::FIRST_FD;
use crate::world::supervised::{Supervised, names};

impl Supervised {
    /// Decodes a call that duplicates a descriptor; None: it is another one.
    pub(super) fn decode_dup(&self, notice: &Notice) -> Result<Option<Call>, Trouble> {
        let (fd, second, third) = (notice.int(0), notice.int(1), notice.int(2));
        let keep = OFlag::empty();
        let (number, flags) = match (notice.number, second) {
            (libc::SYS_dup, _) => (Number::From(FIRST_FD), keep),
            (libc::SYS_dup2, new) => (Number::Exactly(new), keep),
            (libc::SYS_dup3, new) if new == fd => return Err(Trouble::Errno(Errno::EINVAL)),
            (libc::SYS_dup3, new) => (Number::Exactly(new), OFlag::from_bits_truncate(third)),
            (libc::SYS_fcntl, libc::F_DUPFD) => (Number::From(third), keep),
            (libc::SYS_fcntl, libc::F_DUPFD_CLOEXEC) => (Number::From(third), OFlag::O_CLOEXEC),
            _ => return Ok(None),
        };
        if let Number::Exactly(0..FIRST_FD) = number {
            let call = names::describe(notice);
            return Err(Trouble::Broken(Broken::Harness(format!("not modelled: {call}"))));
        }
        Ok(Some(Call::Dup { fd, number, flags }))
    }

    pub(super) fn do_dup(
        &mut self,
        tid: i32,
        notice: &Notice,
        entered: Entered,
        (fd, number, flags): (Fd, Number, OFlag),
    ) -> Outcome {
        let made = self.kernel.borrow_mut().dup(entered, fd, number);
        let new = match made {
            Ok(new) => new,
            Err(errno) => return Ok(Action::error(errno)),
        };
        if new != fd {
            let file = self.copy(tid, fd)?;
            self.install(tid, notice, Rc::clone(&file), new, flags.into())?;
        }
        Ok(Action::value(new.into()))
    }

    /// fcntl(2) about flags; false: it is about something else. Linux has them, too, so the target
    /// makes the call itself.
    pub(super) fn flags(&self, task: TaskId, notice: &Notice) -> bool {
        let (fd, command) = (notice.int(0), notice.int(1));
        if command == libc::F_SETFL {
            let flags = OFlag::from_bits_retain(notice.int(2));
            return self.kernel.borrow_mut().set_status_flags(task, fd, flags).is_ok();
        }
        [libc::F_GETFD, libc::F_SETFD, libc::F_GETFL].contains(&command)
    }

    /// lseek(2) on a file of the model: the real offset follows.
    pub(super) fn lseek(&self, task: TaskId, notice: &Notice) -> Outcome {
        let (fd, offset, whence) = (notice.int(0), notice.args[1] as i64, notice.int(2));
        let to = self.kernel.borrow_mut().lseek(task, fd, offset, whence)?;
        let file = self.copy(notice.tid, fd)?;
        lseek(file.as_fd(), to as i64, Whence::SeekSet).map_err(|e| os_error("lseek", e))?;
        Ok(Action::value(to as i64))
    }
}
