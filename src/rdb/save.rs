//! Writing a snapshot (Redis: `rdbSaveRio`, `rdbSave`).
//!
//! 1. Opens `temp-PID.rdb`, where nobody looks for a dataset.
//! 2. Writes header, databases, end and checksum; with `rdb-save-incremental-fsync` every 32 MB are
//!    synced on the way. In 6.0 a failing sync there goes unnoticed.
//! 3. Flushes, syncs, closes: each of them is looked at.
//! 4. Renames it to `dbfilename`.
//!
//! Where it fails, the temporary file is removed and the file before it is untouched.
//! Must not know: whether it runs in a child.

use super::format::{RDB_VERSION, Sink, Writer, opcode};
use super::lzf::Lzf;
use super::state::Rdb;
use crate::bio::Bio;
use crate::clock;
use crate::config::{Config, REDIS_VERSION};
use crate::env::{Env, Status};
use crate::keyspace::Keyspace;
use crate::keyspace::access::{Access, Object, Tracking};
use crate::log::{Level, Log};
use crate::os::{Errno, OFlag, Os, Pid, strerror};
use crate::rio::{REDIS_AUTOSYNC_BYTES, Rio};

/// No snapshot was written, or none was started; the log says why, except when a child is at work
/// already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaveFailed;

/// The directives that decide what a snapshot looks like.
#[derive(Clone, Debug)]
pub struct SaveOptions {
    pub filename: String,
    pub compression: bool,
    pub checksum: bool,
    pub incremental_fsync: bool,
    /// Microseconds to sleep after each key.
    pub key_save_delay: u64,
    /// It is the preamble of an AOF.
    pub aof_preamble: bool,
}

impl SaveOptions {
    pub fn new(config: &Config) -> Self {
        SaveOptions {
            filename: config.dbfilename.clone(),
            compression: config.rdbcompression,
            checksum: config.rdbchecksum,
            incremental_fsync: config.rdb_save_incremental_fsync,
            key_save_delay: config.rdb_key_save_delay,
            aof_preamble: false,
        }
    }
}

/// A stream as a [`Sink`].
struct ToRio<'a> {
    os: &'a mut dyn Os,
    rio: &'a mut Rio,
}

impl Sink for ToRio<'_> {
    fn write(&mut self, data: &[u8]) -> Result<(), Errno> {
        self.rio.write(self.os, data)
    }
}

/// What is called after each key, with how many bytes were written so far, and in a snapshot also
/// after each step: a moment at which the work may be interrupted.
pub type AfterKey<'a> = &'a mut dyn FnMut(&mut dyn Os, u64);

/// Writes the dataset to `rio`, as the whole of an RDB file or as the preamble of an AOF. When this
/// returns without an error, all was *given* to the stream.
pub fn rdb_save_rio(
    os: &mut dyn Os,
    rio: &mut Rio,
    keyspace: &Keyspace,
    options: &SaveOptions,
    after_key: AfterKey<'_>,
) -> Result<(), Errno> {
    if options.checksum {
        rio.start_checksum();
    }
    let mut out = ToRio { os, rio };
    let mut lzf = options.compression.then(Lzf::default);
    let ctime = clock::time(out.os);
    let mut writer = Writer::new(&mut out, lzf.as_mut());
    writer.raw(format!("REDIS{RDB_VERSION:04}").as_bytes())?;
    info_aux_fields(&mut writer, ctime, keyspace, options.aof_preamble)?;
    let (fill, access) = (keyspace.limits.list_max_ziplist_size, &keyspace.access);
    for (index, db) in keyspace.dbs.iter().enumerate().filter(|(_, db)| !db.dict.is_empty()) {
        let mut writer = Writer::new(&mut out, lzf.as_mut());
        writer.byte(opcode::SELECTDB)?;
        writer.len(index as u64)?;
        writer.byte(opcode::RESIZEDB)?;
        writer.len(db.dict.len() as u64)?;
        writer.len(db.expires.len() as u64)?;
        for (key, object) in &db.dict {
            let mut writer = Writer::new(&mut out, lzf.as_mut());
            if let Some(when) = db.expires.get(key) {
                writer.byte(opcode::EXPIRETIME_MS)?;
                writer.raw(&when.to_le_bytes())?;
            }
            usage(&mut writer, access, object)?;
            writer.key_value_pair(key, object, fill)?;
            if options.key_save_delay != 0 {
                out.os.nanosleep(options.key_save_delay.saturating_mul(1000));
            }
            after_key(out.os, out.rio.processed_bytes());
        }
    }
    out.write(&[opcode::EOF])?;
    let checksum = out.rio.checksum();
    out.write(&checksum.to_le_bytes())
}

/// How the value of the next key was used, where `maxmemory-policy` goes by it.
fn usage(writer: &mut Writer<'_>, access: &Access, object: &Object) -> Result<(), Errno> {
    match access.settings.tracking {
        Tracking::Nothing => Ok(()),
        Tracking::IdleTime => {
            writer.byte(opcode::IDLE)?;
            writer.len(access.idle_seconds(object) as u64)
        }
        Tracking::Frequency => {
            writer.byte(opcode::FREQ)?;
            writer.byte(access.frequency(object))
        }
    }
}

/// Redis: `rdbSaveInfoAuxFields`. The replication fields appear only in a server that replicates.
fn info_aux_fields(
    writer: &mut Writer<'_>,
    ctime: i64,
    keyspace: &Keyspace,
    preamble: bool,
) -> Result<(), Errno> {
    writer.aux("redis-ver", REDIS_VERSION)?;
    writer.aux("redis-bits", "64")?;
    writer.aux("ctime", &ctime.to_string())?;
    writer.aux("used-mem", &keyspace.used_memory().to_string())?;
    writer.aux("aof-preamble", if preamble { "1" } else { "0" })
}

/// The name under which a process writes.
fn temp_name(pid: Pid) -> String {
    format!("temp-{pid}.rdb")
}

/// Removes what a process left (Redis: `rdbRemoveTempFile`).
pub fn rdb_remove_temp_file(os: &mut dyn Os, bio: &Bio, pid: Pid) {
    bio.bg_unlink(os, &temp_name(pid));
}

/// The same at a second SIGINT: this process has no time for a background job, and its end closes
/// what it has opened.
pub fn rdb_remove_temp_file_from_signal(os: &mut dyn Os, pid: Pid) {
    let temp = temp_name(pid);
    let _ = os.open(&temp, OFlag::O_RDONLY | OFlag::O_NONBLOCK, 0);
    let _ = os.unlink(&temp);
}

impl Rdb {
    /// Writes a snapshot while everybody waits (Redis: `rdbSave`). When this returns without an
    /// error, it is at its name, and nothing counts as changed.
    pub fn save(
        &mut self,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
        after_key: AfterKey<'_>,
    ) -> Result<(), SaveFailed> {
        rdb_save(env.os, env.log, keyspace, &SaveOptions::new(env.config), after_key)?;
        self.dirty = 0;
        self.lastsave = clock::time(env.os);
        self.lastbgsave_status = Status::Ok;
        Ok(())
    }
}

/// The file, without what a server remembers about it. Logs what goes wrong.
pub(super) fn rdb_save(
    os: &mut dyn Os,
    log: &Log,
    keyspace: &Keyspace,
    options: &SaveOptions,
    after_key: AfterKey<'_>,
) -> Result<(), SaveFailed> {
    let warning = |os: &mut dyn Os, line: &str| log.line(os, Level::Warning, line);
    let temp = temp_name(os.getpid());
    let filename = &options.filename;
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC;
    let fd = os.open(&temp, flags, 0o666).map_err(|errno| {
        let (dir, errno) = working_directory(os, errno);
        let reason = strerror(errno);
        let line = format!(
            "Failed opening the RDB file {filename} (in server root dir {dir}) for saving: {reason}"
        );
        warning(os, &line);
        SaveFailed
    })?;
    let mut rio = Rio::with_file(fd);
    after_key(os, rio.processed_bytes());
    if let Err(errno) = produce(os, &mut rio, keyspace, options, after_key) {
        warning(os, &format!("Write error saving DB on disk: {}", strerror(errno)));
        let _ = rio.close(os);
        let _ = os.unlink(&temp);
        return Err(SaveFailed);
    }
    if let Err(errno) = os.rename(&temp, filename) {
        let (dir, errno) = working_directory(os, errno);
        let reason = strerror(errno);
        let line = format!(
            "Error moving temp DB file {temp} on the final destination {filename} (in server root \
             dir {dir}): {reason}"
        );
        warning(os, &line);
        let _ = os.unlink(&temp);
        return Err(SaveFailed);
    }
    after_key(os, rio.processed_bytes());
    log.line(os, Level::Notice, "DB saved on disk");
    Ok(())
}

/// Steps 2 and 3.
fn produce(
    os: &mut dyn Os,
    rio: &mut Rio,
    keyspace: &Keyspace,
    options: &SaveOptions,
    after_key: AfterKey<'_>,
) -> Result<(), Errno> {
    if options.incremental_fsync {
        rio.set_auto_sync(REDIS_AUTOSYNC_BYTES);
    }
    rdb_save_rio(os, rio, keyspace, options, after_key)?;
    for step in [Rio::flush, Rio::fsync, Rio::close] {
        step(rio, os)?;
        after_key(os, rio.processed_bytes());
    }
    Ok(())
}

/// The directory for an error line. Asking for it may fail, and then that is the error that Redis
/// logs.
fn working_directory(os: &mut dyn Os, errno: Errno) -> (String, Errno) {
    match os.getcwd() {
        Ok(dir) => (dir, errno),
        Err(errno) => ("unknown".to_string(), errno),
    }
}
