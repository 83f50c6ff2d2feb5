//! Calls with a path: which of them are about the run directory, and what the model calls the file.
//!
//! Files outside belong to the machine, not to the run: they may be opened, to read or as a log,
//! but none may be renamed, removed or made. Must not know: what happens to a file.

use std::path::{Component, Path};

use nix::fcntl::{AtFlags, OFlag};

use super::Trouble;
use super::call::Call;
use crate::world::Broken;
use crate::world::supervised::memory::Memory;
use crate::world::supervised::notify::Notice;
use crate::world::supervised::{Supervised, names};

impl Supervised {
    /// Decodes a call by path on a file of the model; None: it is something else.
    pub(super) fn decode_path(&self, notice: &Notice) -> Result<Option<Call>, Trouble> {
        let args = &notice.args;
        let here = libc::AT_FDCWD;
        let flags = |n: usize| OFlag::from_bits_retain(notice.int(n));
        let changed = |at: i32, path: u64| self.changed(notice, at, path);
        let call = match notice.number {
            libc::SYS_open => self.decode_open(notice, here, args[0], flags(1), args[2])?,
            libc::SYS_openat => {
                self.decode_open(notice, notice.int(0), args[1], flags(2), args[3])?
            }
            libc::SYS_creat => {
                let flags = OFlag::O_CREAT | OFlag::O_WRONLY | OFlag::O_TRUNC;
                self.decode_open(notice, here, args[0], flags, args[1])?
            }
            libc::SYS_truncate => {
                let path = changed(here, args[0])?;
                path.map(|path| Call::Truncate { path, length: args[1] })
            }
            libc::SYS_unlink => changed(here, args[0])?.map(Call::Unlink),
            libc::SYS_rmdir => changed(here, args[0])?.map(Call::Rmdir),
            libc::SYS_unlinkat => {
                let is_dir = notice.int(2) & AtFlags::AT_REMOVEDIR.bits() != 0;
                let call = if is_dir { Call::Rmdir } else { Call::Unlink };
                changed(notice.int(0), args[1])?.map(call)
            }
            libc::SYS_mkdir => {
                let mode = args[1] as u32;
                changed(here, args[0])?.map(|path| Call::Mkdir { path, mode })
            }
            libc::SYS_mkdirat => {
                let mode = args[2] as u32;
                changed(notice.int(0), args[1])?.map(|path| Call::Mkdir { path, mode })
            }
            libc::SYS_rename => self.decode_rename(notice, here, args[0], here, args[1])?,
            libc::SYS_renameat => {
                self.decode_rename(notice, notice.int(0), args[1], notice.int(2), args[3])?
            }
            libc::SYS_renameat2 if args[4] == 0 => {
                self.decode_rename(notice, notice.int(0), args[1], notice.int(2), args[3])?
            }
            _ => None,
        };
        Ok(call)
    }

    fn decode_open(
        &self,
        notice: &Notice,
        at: i32,
        path: u64,
        flags: OFlag,
        mode: u64,
    ) -> Result<Option<Call>, Trouble> {
        let path = Memory(notice.tid).path(path)?;
        let inside = self.resolve(notice, at, &path)?;
        Ok(inside.map(|path| Call::Open { path, flags, mode: mode as u32 }))
    }

    fn decode_rename(
        &self,
        notice: &Notice,
        from_at: i32,
        from: u64,
        to_at: i32,
        to: u64,
    ) -> Result<Option<Call>, Trouble> {
        let from = self.changed(notice, from_at, from)?;
        let to = self.changed(notice, to_at, to)?;
        Ok(from.zip(to).map(|(from, to)| Call::Rename { from, to }))
    }

    /// The model's name of a file that a call changes. None: the clients' socket, which is not
    /// modelled.
    fn changed(&self, notice: &Notice, at: i32, path: u64) -> Result<Option<String>, Trouble> {
        let path = Memory(notice.tid).path(path)?;
        match self.resolve(notice, at, &path)? {
            Some(inside) => Ok(Some(inside)),
            None if self.inside(&path).as_deref() == Some(&self.program.profile.socket) => Ok(None),
            None => Err(Trouble::Broken(Broken::NotMeasured(format!(
                "the server changes {path}, outside the run directory: {}",
                names::describe(notice)
            )))),
        }
    }

    fn resolve(&self, notice: &Notice, at: i32, path: &str) -> Result<Option<String>, Trouble> {
        if at != libc::AT_FDCWD && !path.starts_with('/') {
            return Err(Trouble::Broken(Broken::Harness(format!(
                "a path relative to an open directory is not modelled: {path}, {}",
                names::describe(notice)
            ))));
        }
        Ok(self.inside(path).filter(|inside| *inside != self.program.profile.socket))
    }

    /// A path relative to the run directory; None: it leads outside.
    pub(super) fn inside(&self, path: &str) -> Option<String> {
        let path = Path::new(path);
        let relative = match path.is_absolute() {
            true => path.strip_prefix(self.directory.path()).ok()?,
            false => path,
        };
        let mut parts = Vec::new();
        for component in relative.components() {
            match component {
                Component::Normal(part) => parts.push(part.to_str()?),
                Component::CurDir => {}
                Component::ParentDir => {
                    parts.pop()?;
                }
                _ => return None,
            }
        }
        Some(parts.join("/"))
    }
}

/// Whether this is an open by path.
pub fn is_open(number: i64) -> bool {
    [libc::SYS_open, libc::SYS_openat].contains(&number)
}
