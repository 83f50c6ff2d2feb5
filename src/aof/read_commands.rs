//! Replays one file of commands (Redis: `loadAppendOnlyFile`, later `loadSingleAppendOnlyFile`,
//! aof.c).
//!
//! When loading returns, every complete command of the file has been executed, in order, and
//! nothing else. A file may end in the middle of a command after a power cut; with
//! `aof-load-truncated yes` it is truncated after the last complete command and the server starts.
//! Any other defect ends the server with exit code 1, because the rest of the file cannot be
//! trusted.
//!
//! A file that ends between MULTI and EXEC is truncated to before the MULTI, but only if it ends
//! between two commands. If it ends inside a queued command, Redis truncates after the last
//! complete one and leaves the MULTI in the file. Everything appended later is then queued behind
//! it.
//!
//! An RDB file ([`crate::rdb`]) at the start is loaded first. If the file ends inside the *first*
//! command after it, Redis truncates to zero, the RDB file included, because the valid offset is
//! recorded only after each command. The dataset stays complete until the next restart.
//!
//! Must not know: what the commands do, and which files there are.

use super::expiry::strtoll;
use super::state::Core;
use crate::env::Env;
use crate::keyspace::Bytes;
use crate::os::{Errno, Os, Whence, strerror};
use crate::rdb::{LoadOptions, Receiver, rdb_load_rio};
use crate::rio::stdio::FileReader;

/// The files cannot be loaded, and the log says why. The server ends with exit code 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CannotLoad;

/// The file contains a command that the server does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownCommand;

/// Executes the loaded commands (Redis: the fake client of `createAOFClient`). It also receives the
/// keys of an RDB file, and serves clients in between.
pub trait Executor: Receiver {
    /// The options for loading an RDB file in front of the commands.
    fn preamble_options(&self) -> LoadOptions;

    /// A further file begins: it is executed by a client of its own, which starts in database 0.
    fn begin_file(&mut self) {}

    /// Runs one command on the database that earlier SELECTs chose, or queues it after a MULTI. Err
    /// if the command is unknown.
    fn execute(&mut self, os: &mut dyn Os, argv: Vec<Bytes>) -> Result<(), UnknownCommand>;

    /// Whether a MULTI is still open.
    fn in_multi(&self) -> bool;

    /// Drops the queued commands.
    fn discard(&mut self);
}

/// What a layout says while a file is loaded, and how it reads.
pub(super) trait Dialect {
    /// Clients are served each time this many lines have been read.
    fn lines_between_events(&self) -> u64;

    /// Longest framing line that is read at once, in bytes.
    fn line_max(&self) -> usize;

    /// Whether a line is no part of a command.
    fn is_annotation(&self, line: &[u8]) -> bool;

    /// The file starts with an RDB file.
    fn reading_rdb(&self) -> String;

    fn rdb_failed(&self) -> String;

    /// After the RDB file; None if nothing is said.
    fn reading_tail(&self) -> Option<&'static str>;

    /// Around a line of the log that names the file.
    fn of_file(&self, words: &str) -> String;

    /// The lines before a truncation to `len` bytes.
    fn truncating(&self, len: u64) -> [String; 2];

    fn loaded_anyway(&self) -> String;

    /// What redis-check-aof is called with.
    fn to_check(&self) -> &'static str;

    /// Says that a command is not known.
    fn unknown_command(&self, env: &mut Env<'_>, reader: &mut FileReader, name: &str)
    -> CannotLoad;
}

/// How a file was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileLoaded {
    Whole,
    Truncated,
}

/// Why reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadEnd {
    /// At the end of the file, between two commands.
    CleanEof,
    /// In the middle of a command: end of file or an error.
    Read,
    /// At something that is not a command.
    Format,
}

/// Offsets to which the file can be truncated.
#[derive(Default)]
struct ValidOffsets {
    /// After the last complete command; stays 0 if `aof-load-truncated` is off.
    valid_up_to: u64,
    /// Before the last MULTI.
    valid_before_multi: u64,
}

/// One file to be loaded.
pub(super) struct File<'a> {
    pub(super) path: &'a str,
    /// The name that the checker of an RDB file is given.
    pub(super) name: &'a str,
    pub(super) dialect: &'a dyn Dialect,
}

impl File<'_> {
    /// Loads the file.
    pub(super) fn load(
        &self,
        core: &Core,
        env: &mut Env<'_>,
        executor: &mut dyn Executor,
        reader: &mut FileReader,
    ) -> Result<FileLoaded, CannotLoad> {
        let mut offsets = ValidOffsets::default();
        let mut preamble_error = None;
        let stop = match self.load_rdb(env, executor, reader) {
            Ok(()) => self.run_commands(env, executor, reader, &mut offsets)?,
            Err(errno) => {
                preamble_error = Some(errno);
                ReadEnd::Read
            }
        };
        let dialect = self.dialect;
        match stop {
            ReadEnd::CleanEof if !executor.in_multi() => return Ok(FileLoaded::Whole),
            ReadEnd::CleanEof => {
                let words = "Revert incomplete MULTI/EXEC transaction in AOF file";
                env.warning(&dialect.of_file(words));
                offsets.valid_up_to = offsets.valid_before_multi;
            }
            ReadEnd::Read if reader.at_eof() => {}
            ReadEnd::Read => {
                let errno = reader.error().or(preamble_error).unwrap_or(Errno::from_raw(0));
                let words = "Unrecoverable error reading the append only file";
                let line = format!("{}: {}", dialect.of_file(words), strerror(errno));
                return Err(close_and_refuse(env, reader, &line));
            }
            ReadEnd::Format => {
                let words = "Bad file format reading the append only file";
                let line = format!(
                    "{}: make a backup of your AOF file, then use ./redis-check-aof --fix {}",
                    dialect.of_file(words),
                    dialect.to_check()
                );
                return Err(close_and_refuse(env, reader, &line));
            }
        }
        if !self.truncate(core, env, offsets.valid_up_to) {
            let words = "Unexpected end of file reading the append only file";
            let line = format!(
                "{}. You can: 1) Make a backup of your AOF file, then use ./redis-check-aof --fix \
                 {}. 2) Alternatively you can set the 'aof-load-truncated' configuration option to \
                 yes and restart the server.",
                dialect.of_file(words),
                dialect.to_check()
            );
            return Err(close_and_refuse(env, reader, &line));
        }
        executor.discard();
        Ok(FileLoaded::Truncated)
    }

    /// Truncates the file to `len` bytes, if `aof-load-truncated` allows it. Returns whether it
    /// did.
    fn truncate(&self, core: &Core, env: &mut Env<'_>, len: u64) -> bool {
        if !env.config.aof_load_truncated {
            return false;
        }
        let dialect = self.dialect;
        for line in dialect.truncating(len) {
            env.warning(&line);
        }
        if let Err(errno) = env.os.truncate(self.path, len) {
            let words = dialect.of_file("Error truncating the AOF file");
            env.warning(&format!("{words}: {}", strerror(errno)));
            return false;
        }
        if let Some(fd) = core.fd
            && let Err(errno) = env.os.lseek(fd, 0, Whence::End)
        {
            let words = dialect.of_file("Can't seek the end of the AOF file");
            env.warning(&format!("{words}: {}", strerror(errno)));
            return false;
        }
        env.warning(&dialect.loaded_anyway());
        true
    }

    /// Loads the RDB file at the start, if there is one. On success the reader is at the first
    /// command.
    fn load_rdb(
        &self,
        env: &mut Env<'_>,
        executor: &mut dyn Executor,
        reader: &mut FileReader,
    ) -> Result<(), Errno> {
        if reader.read(env.os, 5) != b"REDIS" {
            return reader.rewind(env.os);
        }
        env.notice(&self.dialect.reading_rdb());
        reader.rewind(env.os)?;
        let filename = self.name.to_string();
        let options = LoadOptions { filename, ..executor.preamble_options() };
        if let Err(errno) = rdb_load_rio(env.os, env.log, &options, reader, executor) {
            env.warning(&self.dialect.rdb_failed());
            return Err(errno);
        }
        if let Some(words) = self.dialect.reading_tail() {
            env.notice(words);
        }
        Ok(())
    }

    fn run_commands(
        &self,
        env: &mut Env<'_>,
        executor: &mut dyn Executor,
        reader: &mut FileReader,
        offsets: &mut ValidOffsets,
    ) -> Result<ReadEnd, CannotLoad> {
        let mut lines = 0u64;
        loop {
            if lines.is_multiple_of(self.dialect.lines_between_events()) {
                executor.progress(env.os, reader.position());
            }
            lines += 1;
            let argv = match self.read_command(env, reader) {
                Ok(None) => continue,
                Ok(Some(argv)) => argv,
                Err(stop) => return Ok(stop),
            };
            if argv[0].eq_ignore_ascii_case(b"MULTI") {
                offsets.valid_before_multi = offsets.valid_up_to;
            }
            let name = String::from_utf8_lossy(&argv[0]).into_owned();
            if executor.execute(env.os, argv).is_err() {
                return Err(self.dialect.unknown_command(env, reader, &name));
            }
            if env.config.aof_load_truncated {
                offsets.valid_up_to = reader.position();
            }
            if env.config.key_load_delay != 0 {
                env.os.nanosleep(env.config.key_load_delay.saturating_mul(1000));
            }
        }
    }

    /// The next command, which has at least a name; None for an annotation.
    fn read_command(
        &self,
        env: &mut Env<'_>,
        reader: &mut FileReader,
    ) -> Result<Option<Vec<Bytes>>, ReadEnd> {
        let Some(line) = reader.read_line(env.os, self.dialect.line_max()) else {
            return Err(if reader.at_eof() { ReadEnd::CleanEof } else { ReadEnd::Read });
        };
        let argc = match line.as_slice() {
            line if self.dialect.is_annotation(line) => return Ok(None),
            [b'*'] | [b'*', 0, ..] => return Err(ReadEnd::Read),
            [b'*', number @ ..] => strtoll(number) as i32,
            _ => return Err(ReadEnd::Format),
        };
        if argc < 1 {
            return Err(ReadEnd::Format);
        }
        let mut argv = Vec::new();
        for _ in 0..argc {
            argv.push(self.read_argument(env, reader)?);
        }
        Ok(Some(argv))
    }

    fn read_argument(&self, env: &mut Env<'_>, reader: &mut FileReader) -> Result<Bytes, ReadEnd> {
        let line = reader.read_line(env.os, self.dialect.line_max()).ok_or(ReadEnd::Read)?;
        let [b'$', number @ ..] = line.as_slice() else { return Err(ReadEnd::Format) };
        // As in Redis, a negative length becomes a huge one, which is longer than any file.
        let len = usize::try_from(strtoll(number)).unwrap_or(usize::MAX);
        let argument = reader.read(env.os, len);
        if argument.len() < len || reader.read(env.os, 2).len() < 2 {
            return Err(ReadEnd::Read);
        }
        Ok(argument)
    }
}

pub(super) fn refuse(env: &mut Env<'_>, message: &str) -> CannotLoad {
    env.warning(message);
    CannotLoad
}

fn close_and_refuse(env: &mut Env<'_>, reader: &mut FileReader, message: &str) -> CannotLoad {
    reader.close(env.os);
    refuse(env, message)
}
