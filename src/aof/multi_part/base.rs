//! Writes a base: the dataset in one file, as an RDB file or as commands (Redis:
//! `rewriteAppendOnlyFile`, aof.c). A child does it in a rewrite, and the server itself at its
//! first start.
//!
//! On success the file is complete and synced; its name is not. Otherwise the temporary file is
//! gone, as far as it could be removed.
//!
//! Must not know: which part it becomes.

use super::super::rewrite_dataset::rewrite_append_only_file_rio;
use crate::child_info::ProcessType;
use crate::clock;
use crate::config::Config;
use crate::env::Inherited;
use crate::generation::Autosync;
use crate::keyspace::Keyspace;
use crate::log::{Level, Log};
use crate::os::{Errno, ForkChild, OFlag, Os, Pid, strerror};
use crate::rdb::{AfterKey, Reached, SaveOptions, rdb_save_rio};
use crate::rio::Rio;

/// The name of a child's finished file.
pub(super) fn bg_name(pid: Pid) -> String {
    format!("temp-rewriteaof-bg-{pid}.aof")
}

/// The name of the file that a process is writing.
pub(super) fn temp_name(pid: Pid) -> String {
    format!("temp-rewriteaof-{pid}.aof")
}

/// The directives that affect a base.
#[derive(Clone)]
pub(super) struct BaseOptions {
    /// How the file is synced on the way; None without.
    autosync: Option<Autosync>,
    /// Write the time in front of commands.
    timestamp: bool,
    /// Microseconds to sleep after each key.
    key_save_delay: u64,
    /// How to write an RDB file; None for commands.
    rdb: Option<SaveOptions>,
}

impl BaseOptions {
    pub(super) fn new(config: &Config) -> Self {
        let rdb = SaveOptions { aof_preamble: true, ..SaveOptions::new(config) };
        BaseOptions {
            autosync: config
                .aof_rewrite_incremental_fsync
                .then_some(config.generation.rdb.autosync),
            timestamp: config.aof_timestamp_enabled,
            key_save_delay: config.rdb_key_save_delay,
            rdb: config.aof_use_rdb_preamble.then_some(rdb),
        }
    }

    /// Whether a base begins with the time. One that is an RDB file does not.
    pub(super) fn annotates(&self) -> bool {
        self.timestamp && self.rdb.is_none()
    }
}

/// Writes the dataset to `filename`. Logs errors.
pub(super) fn write_base(
    os: &mut dyn Os,
    log: &Log,
    keyspace: &Keyspace,
    options: &BaseOptions,
    filename: &str,
    after_key: AfterKey<'_>,
) -> Result<(), Errno> {
    let warning = |os: &mut dyn Os, line: &str| log.line(os, Level::Warning, line);
    let temp = temp_name(os.getpid());
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC;
    let fd = os.open(&temp, flags, 0o666).inspect_err(|&errno| {
        let reason = strerror(errno);
        warning(
            os,
            &format!("Opening the temp file for AOF rewrite in rewriteAppendOnlyFile(): {reason}"),
        );
    })?;
    let mut aof = Rio::with_file(fd);
    let written = produce(os, &mut aof, keyspace, options, after_key);
    written.inspect_err(|&errno| {
        let reason = strerror(errno);
        warning(os, &format!("Write error writing append only file on disk: {reason}"));
        let _ = aof.close(os);
        let _ = os.unlink(&temp);
    })?;
    os.rename(&temp, filename).inspect_err(|&errno| {
        let reason = strerror(errno);
        warning(
            os,
            &format!("Error moving temp append only file on the final destination: {reason}"),
        );
        let _ = os.unlink(&temp);
    })
}

/// Everything but the rename.
fn produce(
    os: &mut dyn Os,
    aof: &mut Rio,
    keyspace: &Keyspace,
    options: &BaseOptions,
    after_key: AfterKey<'_>,
) -> Result<(), Errno> {
    if let Some(autosync) = options.autosync {
        aof.set_auto_sync(autosync);
    }
    match &options.rdb {
        Some(rdb) => rdb_save_rio(os, aof, keyspace, rdb, after_key)?,
        None => write_commands(os, aof, keyspace, options, after_key)?,
    }
    aof.flush(os)?;
    aof.fsync(os)?;
    aof.close(os)
}

fn write_commands(
    os: &mut dyn Os,
    aof: &mut Rio,
    keyspace: &Keyspace,
    options: &BaseOptions,
    after_key: AfterKey<'_>,
) -> Result<(), Errno> {
    if options.timestamp {
        let annotation = format!("#TS:{}\r\n", clock::time(os));
        aof.write(os, annotation.as_bytes())?;
    }
    let mut after_key = |os: &mut dyn Os, reached| {
        after_key(os, reached);
        if options.key_save_delay != 0 {
            os.nanosleep(options.key_save_delay.saturating_mul(1000));
        }
    };
    rewrite_append_only_file_rio(os, aof, keyspace, &mut after_key)
}

/// What the child inherits from its parent.
pub(super) struct RewriteChild<'a> {
    inherited: Inherited<'a>,
    options: BaseOptions,
}

impl<'a> RewriteChild<'a> {
    pub(super) fn new(config: &Config, inherited: Inherited<'a>) -> Self {
        RewriteChild { inherited, options: BaseOptions::new(config) }
    }
}

impl ForkChild for RewriteChild<'_> {
    fn copy(&self) -> Box<dyn ForkChild> {
        Box::new(RewriteChild { inherited: self.inherited.copy(), options: self.options.clone() })
    }

    fn run(&self, os: &mut dyn Os) -> i32 {
        let Inherited { keyspace, log, .. } = &self.inherited;
        self.inherited.begin(os);
        let mut reporter = match self.options.rdb {
            Some(_) => self.inherited.reporter(ProcessType::Aof),
            None => self.inherited.fresh_reporter(ProcessType::Aof),
        };
        let mut after_key = |os: &mut dyn Os, reached| {
            if matches!(reached, Reached::Key(_)) && reporter.after_key(os).is_err() {
                os.exit(1);
            }
        };
        let name = bg_name(os.getpid());
        if write_base(os, log, keyspace, &self.options, &name, &mut after_key).is_err() {
            return 1;
        }
        let line = format!("Successfully created the temporary AOF base file {name}");
        log.line(os, Level::Notice, &line);
        i32::from(reporter.done(os).is_err())
    }
}
