//! Writes a snapshot (Redis: `rdbSave`, `rdbSaveRio`, rdb.c).
//!
//! 1. Opens `temp-PID.rdb`.
//! 2. Writes header, databases, EOF and checksum; with `rdb-save-incremental-fsync` it syncs every
//!    32 MB, and in 6.0 a failure of these syncs goes unnoticed.
//! 3. Flushes, syncs and closes, checking each for errors.
//! 4. Renames it to `dbfilename`.
//!
//! On failure the temporary file is removed and the previous snapshot is untouched.
//! Must not know: whether it runs in a child.

use super::format::{Sink, Writer, opcode};
use super::install;
use super::lzf::Lzf;
use super::state::Rdb;
use crate::bio::Bio;
use crate::child_info::ProcessType;
use crate::clock;
use crate::config::Config;
use crate::env::{Env, Status};
use crate::generation::{Generation, RdbOpen};
use crate::keyspace::Keyspace;
use crate::keyspace::access::{Access, Object, Tracking};
use crate::log::{Level, Log};
use crate::os::{Errno, OFlag, Os, Pid, strerror};
use crate::rio::Rio;

/// No snapshot was written or started. The log says why, unless a child is already running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaveFailed;

/// The directives that affect a snapshot.
#[derive(Clone, Debug)]
pub struct SaveOptions {
    pub generation: &'static Generation,
    pub filename: String,
    pub compression: bool,
    pub checksum: bool,
    pub incremental_fsync: bool,
    /// Microseconds to sleep after each key.
    pub key_save_delay: u64,
    /// Write or load the preamble of an AOF.
    pub aof_preamble: bool,
}

impl SaveOptions {
    pub fn new(config: &Config) -> Self {
        SaveOptions {
            generation: config.generation,
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

/// How far a save has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// A key was written; holds the bytes written so far.
    Key(u64),
    /// Another step of writing a snapshot was done.
    Step,
}

/// Called after each key, and in a snapshot also after each step, so that signals, the data pipe or
/// reports can be handled.
pub type AfterKey<'a> = &'a mut dyn FnMut(&mut dyn Os, Reached);

/// Writes the dataset to `rio`, as a whole RDB file or as the preamble of an AOF. Success means
/// that everything was *passed* to the stream, not that it is on disk.
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
    writer.raw(format!("REDIS{:04}", options.generation.rdb.version).as_bytes())?;
    info_aux_fields(&mut writer, ctime, keyspace, options)?;
    for code in keyspace.functions.code() {
        writer.byte(opcode::FUNCTION2)?;
        writer.string(code)?;
    }
    let (limits, access) = (&keyspace.limits, &keyspace.access);
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
            writer.key_value_pair(key, object, limits)?;
            if options.key_save_delay != 0 {
                out.os.nanosleep(options.key_save_delay.saturating_mul(1000));
            }
            after_key(out.os, Reached::Key(out.rio.processed_bytes()));
        }
    }
    out.write(&[opcode::EOF])?;
    let checksum = out.rio.checksum();
    out.write(&checksum.to_le_bytes())
}

/// The access data of the next key, if `maxmemory-policy` is based on it.
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

/// Redis: `rdbSaveInfoAuxFields`. The replication fields are left out.
fn info_aux_fields(
    writer: &mut Writer<'_>,
    ctime: i64,
    keyspace: &Keyspace,
    options: &SaveOptions,
) -> Result<(), Errno> {
    let generation = options.generation;
    writer.aux("redis-ver", generation.version)?;
    writer.aux("redis-bits", "64")?;
    writer.aux("ctime", &ctime.to_string())?;
    writer.aux("used-mem", &keyspace.used_memory().to_string())?;
    writer.aux(generation.rdb.aof_aux, if options.aof_preamble { "1" } else { "0" })
}

/// The name of the file that a process is writing.
fn temp_name(pid: Pid) -> String {
    format!("temp-{pid}.rdb")
}

/// Removes the temporary file of a process (Redis: `rdbRemoveTempFile`).
pub fn rdb_remove_temp_file(os: &mut dyn Os, bio: &Bio, pid: Pid) {
    bio.bg_unlink(os, &temp_name(pid));
}

/// The same on a second SIGINT. The descriptor is left to the end of the process instead of a
/// background job.
pub fn rdb_remove_temp_file_from_signal(os: &mut dyn Os, pid: Pid) {
    let temp = temp_name(pid);
    let _ = os.open(&temp, OFlag::O_RDONLY | OFlag::O_NONBLOCK, 0);
    let _ = os.unlink(&temp);
}

impl Rdb {
    /// Writes a snapshot, blocking (Redis: `rdbSave`). On success it has its final name and no
    /// change counts as unsaved.
    pub fn save(
        &mut self,
        env: &mut Env<'_>,
        keyspace: &Keyspace,
        after_key: AfterKey<'_>,
    ) -> Result<(), SaveFailed> {
        // A save in the foreground reports like one in a child, if one is running, to itself.
        let children = &mut *env.children;
        let last = children.last_rdb_report;
        let mut reporter = children.info.reporter(env.log, ProcessType::Rdb, last);
        let mut report = |os: &mut dyn Os, reached| {
            if matches!(reached, Reached::Key(_)) && reporter.after_key(os).is_err() {
                os.exit(1);
            }
            after_key(os, reached);
        };
        let options = SaveOptions::new(env.config);
        let saved = rdb_save(env.os, env.log, keyspace, &options, &mut report);
        children.last_rdb_report = reporter.last_report();
        saved?;
        self.dirty = 0;
        self.lastsave = clock::time(env.os);
        self.lastbgsave_status = Status::Ok;
        Ok(())
    }
}

/// Writes the file without changing the server's state. Logs errors.
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
        let (dir, reason) = beside_dir(os, options, errno);
        let file = RdbOpen { temp: &temp, filename, dir: &dir, reason: &reason };
        let line = options.generation.words.cannot_open_rdb(&file);
        warning(os, &line);
        SaveFailed
    })?;
    let mut rio = Rio::with_file(fd);
    after_key(os, Reached::Step);
    let failed = |os: &mut dyn Os, step: &str, errno: Errno| {
        let line = options.generation.words.rdb_write_error(step, &strerror(errno));
        warning(os, &line);
    };
    if let Err((step, errno)) = produce(os, &mut rio, keyspace, options, after_key) {
        failed(os, step, errno);
        let _ = rio.close(os);
        let _ = os.unlink(&temp);
        return Err(SaveFailed);
    }
    if let Err(errno) = os.rename(&temp, filename) {
        let (dir, reason) = beside_dir(os, options, errno);
        let line = format!(
            "Error moving temp DB file {temp} on the final destination {filename} (in server root \
             dir {dir}): {reason}"
        );
        warning(os, &line);
        let _ = os.unlink(&temp);
        return Err(SaveFailed);
    }
    if let Err(errno) = install::sync_directory(os, options.generation.rdb.installation, filename) {
        failed(os, "fsyncFileDir", errno);
        let _ = os.unlink(&temp);
        return Err(SaveFailed);
    }
    after_key(os, Reached::Step);
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
) -> Result<(), (&'static str, Errno)> {
    if options.incremental_fsync {
        rio.set_auto_sync(options.generation.rdb.autosync);
    }
    let saved = rdb_save_rio(os, rio, keyspace, options, after_key);
    saved.map_err(|errno| ("rdbSaveRio", errno))?;
    type Step = fn(&mut Rio, &mut dyn Os) -> Result<(), Errno>;
    let steps: [(&str, Step); 3] =
        [("fflush", Rio::flush), ("fsync", Rio::fsync), ("fclose", Rio::close)];
    for (name, step) in steps {
        step(rio, os).map_err(|errno| (name, errno))?;
        after_key(os, Reached::Step);
    }
    Ok(())
}

/// The working directory and the reason for an error message.
fn beside_dir(os: &mut dyn Os, options: &SaveOptions, errno: Errno) -> (String, String) {
    let (dir, getcwd) = match os.getcwd() {
        Ok(dir) => (dir, None),
        Err(errno) => ("unknown".to_string(), Some(strerror(errno))),
    };
    let first = strerror(errno);
    let reason = options.generation.words.reason_beside_dir(&first, getcwd.as_deref());
    (dir, reason.to_string())
}
