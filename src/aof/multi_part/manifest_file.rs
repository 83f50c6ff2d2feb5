//! The manifest on disk (Redis: `aofLoadManifestFromDisk`, `writeAofManifestFile`, aof.c).
//!
//! It is written to a temporary file, synced, and renamed; then the directory is synced. Not before
//! that is a change in effect, and a power cut leaves the old one or the new one.
//!
//! Must not know: what a part is for.

use super::manifest::{BadManifest, MANIFEST_MAX_LINE, Manifest};
use crate::config::Config;
use crate::env::Env;
use crate::log::Level;
use crate::os::{Errno, OFlag, Os, strerror};
use crate::rdb::install::fsync_file_dir;
use crate::rio::stdio::FileReader;

/// The manifest could not be written, and the log says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotPersisted;

/// A file in the directory (Redis: `makePath`).
pub(super) fn path(config: &Config, name: &str) -> String {
    format!("{}/{name}", config.appenddirname)
}

/// Redis: `dirExists`.
pub(super) fn dir_exists(env: &mut Env<'_>) -> bool {
    env.os.stat(&env.config.appenddirname).is_ok_and(|stat| stat.is_dir)
}

/// Redis: `fileExist`.
pub(super) fn file_exists(os: &mut dyn Os, path: &str) -> bool {
    os.stat(path).is_ok_and(|stat| !stat.is_dir)
}

/// Creates the directory, if needed, or logs why not (Redis: `dirCreateIfMissing`).
pub(super) fn create_dir(env: &mut Env<'_>) -> Result<(), NotPersisted> {
    let dir = &env.config.appenddirname;
    let errno = match env.os.mkdir(dir, 0o755) {
        Ok(()) => return Ok(()),
        Err(Errno::EEXIST) if dir_exists(env) => return Ok(()),
        Err(Errno::EEXIST) => Errno::ENOTDIR,
        Err(errno) => errno,
    };
    let reason = strerror(errno);
    env.warning(&format!("Can't open or create append-only dir {dir}: {reason}"));
    Err(NotPersisted)
}

fn manifest_name(config: &Config) -> String {
    format!("{}.manifest", config.appendfilename)
}

/// The manifest; empty if the file does not exist. Exits if the file is not a valid manifest.
pub(super) fn read(env: &mut Env<'_>) -> Manifest {
    let dir = &env.config.appenddirname;
    if !dir_exists(env) {
        let line = format!("The AOF directory {dir} doesn't exist");
        env.log.line(env.os, Level::Debug, &line);
        return Manifest::default();
    }
    let name = manifest_name(env.config);
    let path = path(env.config, &name);
    if !file_exists(env.os, &path) {
        let line = format!("The AOF manifest file {name} doesn't exist");
        env.log.line(env.os, Level::Debug, &line);
        return Manifest::default();
    }
    let fd = env.os.open(&path, OFlag::O_RDONLY, 0o666).unwrap_or_else(|errno| {
        let reason = strerror(errno);
        env.warning(&format!(
            "Fatal error: can't open the AOF manifest file {path} for reading: {reason}"
        ));
        env.os.exit(1)
    });
    let size = env.os.fstat(fd).map_or(0, |stat| stat.size);
    let mut reader = FileReader::new(fd, size);
    match read_lines(env.os, &mut reader) {
        Ok(manifest) => {
            reader.close(env.os);
            manifest
        }
        Err(bad) => refuse(env, &bad),
    }
}

fn read_lines(os: &mut dyn Os, reader: &mut FileReader) -> Result<Manifest, BadManifest> {
    let unreadable = |reason| BadManifest { at: None, reason };
    let mut manifest = Manifest::default();
    let mut number = 0;
    while let Some(line) = reader.read_line(os, MANIFEST_MAX_LINE) {
        number += 1;
        manifest.add_line(number, &line)?;
    }
    if !reader.at_eof() {
        return Err(unreadable("Read AOF manifest failed"));
    }
    if number == 0 {
        return Err(unreadable("Found an empty AOF manifest"));
    }
    Ok(manifest)
}

fn refuse(env: &mut Env<'_>, bad: &BadManifest) -> ! {
    env.warning("\n*** FATAL AOF MANIFEST FILE ERROR ***\n");
    if let Some((number, line)) = &bad.at {
        env.warning(&format!("Reading the manifest file, at line {number}\n"));
        env.warning(&format!(">>> '{line}'\n"));
    }
    env.warning(&format!("{}\n", bad.reason));
    env.os.exit(1)
}

/// Writes the manifest if it has changed (Redis: `persistAofManifest`).
pub(super) fn persist(env: &mut Env<'_>, manifest: &mut Manifest) -> Result<(), NotPersisted> {
    if !manifest.dirty {
        return Ok(());
    }
    let name = manifest_name(env.config);
    let temp = format!("temp-{name}");
    let temp_path = path(env.config, &temp);
    let flags = OFlag::O_WRONLY | OFlag::O_TRUNC | OFlag::O_CREAT;
    let fd = env.os.open(&temp_path, flags, 0o644).map_err(|errno| {
        let reason = strerror(errno);
        env.warning(&format!("Can't open the AOF manifest file {temp}: {reason}"));
        NotPersisted
    })?;
    let text = manifest.to_string();
    let written = write_and_rename(env, fd, [&temp, &name], text.as_bytes());
    let _ = env.os.close(fd);
    written.map(|()| manifest.dirty = false).map_err(|line| {
        env.warning(&line);
        NotPersisted
    })
}

/// The steps after opening; the error is the line to log.
fn write_and_rename(
    env: &mut Env<'_>,
    fd: crate::os::Fd,
    [temp, name]: [&str; 2],
    mut text: &[u8],
) -> Result<(), String> {
    let (from, to) = (path(env.config, temp), path(env.config, name));
    while !text.is_empty() {
        match env.os.write(fd, text) {
            Ok(count) => text = &text[count..],
            Err(Errno::EINTR) => {}
            Err(errno) => {
                let reason = strerror(errno);
                return Err(format!(
                    "Error trying to write the temporary AOF manifest file {temp}: {reason}"
                ));
            }
        }
    }
    env.os
        .fdatasync(fd)
        .map_err(|errno| format!("Fail to fsync the temp AOF file {temp}: {}.", strerror(errno)))?;
    env.os.rename(&from, &to).map_err(|errno| {
        format!(
            "Error trying to rename the temporary AOF manifest file {temp} into {name}: {}",
            strerror(errno)
        )
    })?;
    fsync_file_dir(env.os, &to)
        .map_err(|errno| format!("Fail to fsync AOF directory {to}: {}.", strerror(errno)))
}
