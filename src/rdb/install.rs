//! What follows the rename of a finished file.
//!
//! Until the directory is synced, a power cut may bring the previous file back under the name.
//!
//! Must not know: what is in the file.

use crate::generation::Installation;
use crate::os::{Errno, OFlag, Os};

/// Makes a rename to `filename` durable, if the generation does (Redis: `fsyncFileDir`, util.c).
pub fn sync_directory(
    os: &mut dyn Os,
    installation: Installation,
    filename: &str,
) -> Result<(), Errno> {
    match installation {
        Installation::Rename => Ok(()),
        Installation::RenameAndSync => fsync_file_dir(os, filename),
    }
}

/// Syncs the directory of a file. File systems that cannot sync a directory are no error.
pub fn fsync_file_dir(os: &mut dyn Os, filename: &str) -> Result<(), Errno> {
    let dir = match filename.rsplit_once('/') {
        None => ".",
        Some(("", _)) => "/",
        Some((dir, _)) => dir,
    };
    // Some systems do not open directories at all.
    let fd = match os.open(dir, OFlag::O_RDONLY, 0) {
        Ok(fd) => fd,
        Err(Errno::EISDIR) => return Ok(()),
        Err(errno) => return Err(errno),
    };
    match os.fdatasync(fd) {
        Ok(()) | Err(Errno::EBADF | Errno::EINVAL) => {
            let _ = os.close(fd);
            Ok(())
        }
        Err(errno) => {
            let _ = os.close(fd);
            Err(errno)
        }
    }
}
