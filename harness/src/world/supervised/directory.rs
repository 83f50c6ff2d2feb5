//! The run directory: the real files, which get every change that the model decides.
//!
//! Must not know: why a file changes.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use libc::pid_t;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use crate::kernel::{Disk, Image};
use crate::world::Broken;

/// A directory that is removed with this value.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// Takes over an empty directory.
    pub fn new(path: PathBuf) -> Result<Directory, Broken> {
        Ok(Directory { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// open(2) by the model's name. The supervisor's own descriptor is closed on exec. A directory
    /// is opened as the process `seer` sees it, so that its descriptor leads to nothing else.
    pub fn open(&self, name: &str, flags: OFlag, mode: u32, seer: pid_t) -> Result<OwnedFd, Errno> {
        let path = self.path.join(name);
        match path.is_dir() {
            true => {
                let seen = format!("/proc/{seer}/root{}", path.display());
                open_path(Path::new(&seen), flags, 0)
            }
            false => open_path(&path, flags, mode),
        }
    }

    pub fn rename(&self, from: &str, to: &str) -> Result<(), Errno> {
        done(fs::rename(self.path.join(from), self.path.join(to)))
    }

    pub fn unlink(&self, name: &str) -> Result<(), Errno> {
        done(fs::remove_file(self.path.join(name)))
    }

    pub fn mkdir(&self, name: &str, mode: u32) -> Result<(), Errno> {
        nix::unistd::mkdir(&self.path.join(name), Mode::from_bits_truncate(mode))
    }

    pub fn rmdir(&self, name: &str) -> Result<(), Errno> {
        done(fs::remove_dir(self.path.join(name)))
    }

    pub fn truncate(&self, name: &str, length: u64) -> Result<(), Errno> {
        let file = open_path(&self.path.join(name), OFlag::O_WRONLY, 0)?;
        done(fs::File::from(file).set_len(length))
    }

    /// Replaces a file by one with this content, or removes it.
    pub fn set(&self, name: &str, content: Option<&[u8]>) -> Result<(), Broken> {
        let path = self.path.join(name);
        let failed = |error: io::Error| Broken::Harness(format!("set {name}: {error}"));
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        content.map_or(Ok(()), |content| fs::write(&path, content)).map_err(failed)
    }

    /// Replaces everything by an image. Sockets stay, because they are not on the disk.
    pub fn replace(&self, image: &Image) -> Result<(), Broken> {
        let failed = |error: io::Error| Broken::Harness(format!("put an image: {error}"));
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                fs::remove_dir_all(entry.path()).map_err(failed)?;
            } else if !kind.is_socket() {
                fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        for dir in image.dirs() {
            fs::create_dir(self.path.join(dir)).map_err(failed)?;
        }
        image.files().try_for_each(|(name, content)| self.set(name, Some(content)))
    }

    /// Compares the real files with the model. Sockets are not modelled.
    pub fn compare(&self, disk: &Disk) -> Result<(), Broken> {
        let broken =
            |what: String| Err(Broken::Harness(format!("the disk model is wrong: {what}")));
        let mut real = BTreeSet::new();
        walk(&self.path, "", &mut real)
            .map_err(|error| Broken::Harness(format!("{}: {error}", self.path.display())))?;
        let modelled: BTreeSet<String> =
            disk.names.iter().map(|(name, _)| name.to_string()).collect();
        if let Some(name) = modelled.difference(&real).next() {
            return broken(format!("{name} is not really there"));
        }
        if let Some(name) = real.difference(&modelled).next() {
            return broken(format!("{name} is really there"));
        }
        for (name, content) in disk.files() {
            let found = fs::read(self.path.join(name))
                .map_err(|error| Broken::Harness(format!("{name}: {error}")))?;
            if found != content {
                let at = found.iter().zip(content).position(|(a, b)| a != b);
                let at = at.unwrap_or_else(|| found.len().min(content.len()));
                let (real, model) = (found.len(), content.len());
                return broken(format!(
                    "{name} differs from offset {at} on; it has {real} bytes, in the model {model}"
                ));
            }
        }
        Ok(())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // The tmpfs is gone with the worker anyway; this only makes room for the next run.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn open_path(path: &Path, flags: OFlag, mode: u32) -> Result<OwnedFd, Errno> {
    open(path, flags | OFlag::O_CLOEXEC, Mode::from_bits_truncate(mode))
}

fn walk(root: &Path, prefix: &str, names: &mut BTreeSet<String>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(prefix))? {
        let entry = entry?;
        let kind = entry.file_type()?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let name = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        if kind.is_dir() {
            walk(root, &name, names)?;
        }
        if !kind.is_socket() {
            names.insert(name);
        }
    }
    Ok(())
}

fn done(result: io::Result<()>) -> Result<(), Errno> {
    result.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))
}
