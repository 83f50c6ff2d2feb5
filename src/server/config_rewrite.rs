//! CONFIG REWRITE: overwrites the file in place (Redis: `rewriteConfigOverwriteFile`, config.c).
//!
//! One write covers all of the old content, padded with '#' if the new one is shorter; then the
//! file is truncated. So the file can be read at any moment, and a full disk leaves the old
//! content.
//!
//! Must not know: what the lines mean.

use super::Server;
use crate::command::Failure;
use crate::config::rewrite::rewrite;
use crate::os::{Errno, OFlag, Os, strerror};
use crate::resp::Reply;

impl Server {
    pub(super) fn config_rewrite(&mut self, os: &mut dyn Os) -> Reply {
        let path = self.config.config_file.clone();
        if path.is_empty() {
            return Failure::new("The server is running without a config file").into();
        }
        let done = read(os, &path).and_then(|old| {
            let dir = os.getcwd().ok();
            overwrite(os, &path, rewrite(&self.config, dir.as_deref(), &old).into_bytes())
        });
        match done {
            Ok(()) => {
                self.warning(os, "CONFIG REWRITE executed with success.");
                Reply::OK
            }
            Err(errno) => {
                let reason = strerror(errno);
                self.warning(os, &format!("CONFIG REWRITE failed: {reason}"));
                Failure::new(format!("Rewriting config file: {reason}")).into()
            }
        }
    }
}

/// The old text, up to the first read error; empty if the file does not exist.
fn read(os: &mut dyn Os, path: &str) -> Result<Vec<u8>, Errno> {
    let fd = match os.open(path, OFlag::O_RDONLY, 0) {
        Ok(fd) => fd,
        Err(Errno::ENOENT) => return Ok(Vec::new()),
        Err(errno) => return Err(errno),
    };
    let (mut text, mut block) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = os.read(fd, &mut block) {
        text.extend_from_slice(&block[..count]);
    }
    let _ = os.close(fd);
    Ok(text)
}

/// As in Redis, a short write goes unnoticed.
fn overwrite(os: &mut dyn Os, path: &str, mut text: Vec<u8>) -> Result<(), Errno> {
    let fd = os.open(path, OFlag::O_RDWR | OFlag::O_CREAT, 0o644)?;
    let length = text.len() as u64;
    let written = os.fstat(fd).and_then(|old| {
        if old.size > length {
            text.push(b'\n');
            text.resize(old.size as usize, b'#');
        }
        os.write(fd, &text)
    });
    if written.is_ok() && text.len() as u64 > length {
        // If this fails, the padding stays as a comment.
        let _ = os.ftruncate(fd, length);
    }
    let _ = os.close(fd);
    written.map(drop)
}
