//! Calls that only ask or advise, where a case is about them: the filter traps no others.
//!
//! What the plan leaves alone, Linux answers from the real file, which is as the model says. Must
//! not know: who asks for a site.

use nix::errno::Errno;
use nix::fcntl::AtFlags;

use super::call::About;
use super::{Action, Outcome};
use crate::kernel::{CallName, Entered, TaskId};
use crate::world::supervised::Supervised;
use crate::world::supervised::memory::Memory;
use crate::world::supervised::notify::Notice;
use crate::world::supervised::start::filter;

impl Supervised {
    /// Which question the call asks, and about what. Returns `None` if the call is not a question,
    /// or if the case does not watch that kind.
    pub(super) fn decode_question(
        &self,
        task: TaskId,
        notice: &Notice,
    ) -> Result<Option<(CallName, About)>, Errno> {
        if !filter::is_question(notice.number) {
            return Ok(None);
        }
        let about = match notice.number {
            libc::SYS_getcwd => Some(About::Nothing),
            libc::SYS_stat | libc::SYS_lstat => self.about_path(notice, notice.args[0])?,
            libc::SYS_newfstatat | libc::SYS_statx => {
                let flags = notice.int(if notice.number == libc::SYS_statx { 2 } else { 3 });
                match flags & AtFlags::AT_EMPTY_PATH.bits() {
                    0 if notice.int(0) == libc::AT_FDCWD => {
                        self.about_path(notice, notice.args[1])?
                    }
                    0 => None,
                    _ => self.about_descriptor(task, notice.int(0)),
                }
            }
            _ => self.about_descriptor(task, notice.int(0)),
        };
        let Some(about) = about else { return Ok(None) };
        let call = match about {
            About::Path(_) => CallName::Stat,
            About::Fd(_) if notice.number == libc::SYS_fadvise64 => CallName::Fadvise,
            About::Fd(_) => CallName::Fstat,
            About::Nothing => CallName::Getcwd,
        };
        let watched = self.kernel.borrow().watched().contains(&call);
        Ok(watched.then_some((call, about)))
    }

    fn about_path(&self, notice: &Notice, path: u64) -> Result<Option<About>, Errno> {
        let path = Memory(notice.tid).path(path)?;
        let inside = self.inside(&path).filter(|inside| *inside != self.program.profile.socket);
        Ok(inside.map(About::Path))
    }

    fn about_descriptor(&self, task: TaskId, fd: i32) -> Option<About> {
        self.kernel.borrow().lookup(task, fd).map(|_| About::Fd(fd))
    }

    /// Makes a question.
    pub(super) fn do_question(&self, entered: Entered, about: &About) -> Outcome {
        let mut kernel = self.kernel.borrow_mut();
        let found = match about {
            About::Path(path) => kernel.stat(path).map(|_| ()),
            About::Fd(_) | About::Nothing => Ok(()),
        };
        let (result, made) = kernel.question(entered, found);
        match made && result.is_ok() {
            true => Ok(Action::CONTINUE),
            false => Ok(Action::result(result.map(|()| 0))),
        }
    }
}
