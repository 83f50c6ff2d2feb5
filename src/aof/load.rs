//! Replays the file after a restart (Redis: `loadAppendOnlyFile`, aof.c).
//!
//! When loading returns, every complete command of the file has been executed, in order, and
//! nothing else. A file may end in the middle of a command after a power cut; with
//! `aof-load-truncated yes` it is truncated after the last complete command and the server starts.
//! Any other defect ends the server with exit code 1, because the rest of the file cannot be
//! trusted.
//!
//! A file that ends between MULTI and EXEC is truncated to before the MULTI, but only if it ends
//! between two commands. If it ends inside a queued command, 6.0 truncates after the last complete
//! one and leaves the MULTI in the file. Everything appended later is then queued behind it.
//!
//! A preamble ([`crate::rdb`]) in the same file is loaded first. If the file ends inside the
//! *first* command after it, 6.0 truncates to zero, preamble included, because the valid offset is
//! recorded only after each command. The dataset stays complete until the next restart.
//!
//! Must not know: what the commands do.

use super::feed::strtoll;
use super::state::{Aof, State};
use crate::env::Env;
use crate::keyspace::Bytes;
use crate::os::{Errno, OFlag, Os, Whence, strerror};
use crate::rdb::{LoadOptions, Receiver, rdb_load_rio};
use crate::rio::stdio::FileReader;

/// Clients are served each time this many commands have run.
const COMMANDS_BETWEEN_EVENTS: u64 = 1000;
/// Longest framing line that is read at once, in bytes.
const LINE_MAX: usize = 127;

/// The file contains a command that the server does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownCommand;

/// Executes the loaded commands (Redis: the fake client of `createAOFClient`). It also receives the
/// keys of a preamble, and serves clients in between.
pub trait Executor: Receiver {
    /// The options for loading a preamble.
    fn preamble_options(&self) -> LoadOptions;

    /// Runs one command on the database that earlier SELECTs chose, or queues it after a MULTI. Err
    /// if the command is unknown.
    fn execute(&mut self, os: &mut dyn Os, argv: Vec<Bytes>) -> Result<(), UnknownCommand>;

    /// Whether a MULTI is still open.
    fn in_multi(&self) -> bool;

    /// Drops the queued commands.
    fn discard(&mut self);
}

/// How loading ended. Any other end is the end of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadResult {
    /// The file was loaded, possibly after being truncated.
    Loaded,
    /// The file is empty. (Redis returns `C_ERR`, which is not treated as an error either.)
    Empty,
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

impl Aof {
    /// Loads the file. The AOF is off meanwhile, so that commands are not appended to the file they
    /// come from.
    pub fn load(&mut self, env: &mut Env<'_>, executor: &mut dyn Executor) -> LoadResult {
        let fd = match env.os.open(&env.config.appendfilename, OFlag::O_RDONLY, 0o666) {
            Ok(fd) => fd,
            Err(errno) => {
                let reason = strerror(errno);
                die(
                    env,
                    &format!("Fatal error: can't open the append log file for reading: {reason}"),
                )
            }
        };
        let size = env.os.fstat(fd).map(|stat| stat.size);
        let mut reader = FileReader::new(fd, size.unwrap_or(u64::from(u32::MAX)));
        if size == Ok(0) {
            self.current_size = 0;
            self.fsync_offset = 0;
            reader.close(env.os);
            return LoadResult::Empty;
        }
        executor.start(env.os, size.unwrap_or(0));
        let state = std::mem::replace(&mut self.state, State::Off);
        self.load_commands(env, executor, &mut reader);
        reader.close(env.os);
        self.state = state;
        self.update_current_size(env);
        self.rewrite_base_size = self.current_size;
        self.fsync_offset = self.current_size;
        LoadResult::Loaded
    }

    /// Returns only if the server may start.
    fn load_commands(
        &mut self,
        env: &mut Env<'_>,
        executor: &mut dyn Executor,
        reader: &mut FileReader,
    ) {
        let mut offsets = ValidOffsets::default();
        let mut preamble_error = None;
        let stop = match load_rdb_preamble(env, executor, reader) {
            Ok(()) => run_commands(env, executor, reader, &mut offsets),
            Err(errno) => {
                preamble_error = Some(errno);
                ReadEnd::Read
            }
        };
        match stop {
            ReadEnd::CleanEof if !executor.in_multi() => return,
            ReadEnd::CleanEof => {
                env.warning("Revert incomplete MULTI/EXEC transaction in AOF file");
                offsets.valid_up_to = offsets.valid_before_multi;
            }
            ReadEnd::Read if reader.at_eof() => {}
            ReadEnd::Read => {
                let errno = reader.error().or(preamble_error).unwrap_or(Errno::from_raw(0));
                let reason = strerror(errno);
                let line = format!("Unrecoverable error reading the append only file: {reason}");
                close_and_die(env, reader, &line)
            }
            ReadEnd::Format => close_and_die(
                env,
                reader,
                "Bad file format reading the append only file: make a backup of your AOF file, \
                 then use ./redis-check-aof --fix <filename>",
            ),
        }
        if !self.truncate(env, offsets.valid_up_to) {
            close_and_die(
                env,
                reader,
                "Unexpected end of file reading the append only file. You can: 1) Make a backup \
                 of your AOF file, then use ./redis-check-aof --fix <filename>. 2) Alternatively \
                 you can set the 'aof-load-truncated' configuration option to yes and restart the \
                 server.",
            );
        }
        executor.discard();
    }

    /// Truncates the file to `len` bytes, if `aof-load-truncated` allows it. Returns whether it
    /// did.
    fn truncate(&mut self, env: &mut Env<'_>, len: u64) -> bool {
        if !env.config.aof_load_truncated {
            return false;
        }
        env.warning("!!! Warning: short read while loading the AOF file !!!");
        env.warning(&format!("!!! Truncating the AOF at offset {len} !!!"));
        if let Err(errno) = env.os.truncate(&env.config.appendfilename, len) {
            env.warning(&format!("Error truncating the AOF file: {}", strerror(errno)));
            return false;
        }
        if let Some(fd) = self.fd
            && let Err(errno) = env.os.lseek(fd, 0, Whence::End)
        {
            env.warning(&format!("Can't seek the end of the AOF file: {}", strerror(errno)));
            return false;
        }
        env.warning("AOF loaded anyway because aof-load-truncated is enabled");
        true
    }
}

/// Loads the RDB preamble, if there is one. On success the reader is at the first command.
fn load_rdb_preamble(
    env: &mut Env<'_>,
    executor: &mut dyn Executor,
    reader: &mut FileReader,
) -> Result<(), Errno> {
    if reader.read(env.os, 5) != b"REDIS" {
        return reader.rewind(env.os);
    }
    env.notice("Reading RDB preamble from AOF file...");
    reader.rewind(env.os)?;
    let options = executor.preamble_options();
    if let Err(errno) = rdb_load_rio(env.os, env.log, &options, reader, executor) {
        env.warning("Error reading the RDB preamble of the AOF file, AOF loading aborted");
        return Err(errno);
    }
    env.notice("Reading the remaining AOF tail...");
    Ok(())
}

fn run_commands(
    env: &mut Env<'_>,
    executor: &mut dyn Executor,
    reader: &mut FileReader,
    offsets: &mut ValidOffsets,
) -> ReadEnd {
    let mut commands = 0u64;
    loop {
        if commands.is_multiple_of(COMMANDS_BETWEEN_EVENTS) {
            executor.progress(env.os, reader.position());
        }
        let argv = match read_command(env, reader) {
            Ok(argv) => argv,
            Err(stop) => return stop,
        };
        commands += 1;
        if argv[0].eq_ignore_ascii_case(b"MULTI") {
            offsets.valid_before_multi = offsets.valid_up_to;
        }
        let name = String::from_utf8_lossy(&argv[0]).into_owned();
        if executor.execute(env.os, argv).is_err() {
            die(env, &format!("Unknown command '{name}' reading the append only file"));
        }
        if env.config.aof_load_truncated {
            offsets.valid_up_to = reader.position();
        }
        if env.config.key_load_delay != 0 {
            env.os.nanosleep(env.config.key_load_delay.saturating_mul(1000));
        }
    }
}

/// The next command; it has at least a name.
fn read_command(env: &mut Env<'_>, reader: &mut FileReader) -> Result<Vec<Bytes>, ReadEnd> {
    let Some(line) = reader.read_line(env.os, LINE_MAX) else {
        return Err(if reader.at_eof() { ReadEnd::CleanEof } else { ReadEnd::Read });
    };
    let argc = match line.as_slice() {
        [b'*'] | [b'*', 0, ..] => return Err(ReadEnd::Read),
        [b'*', number @ ..] => strtoll(number) as i32,
        _ => return Err(ReadEnd::Format),
    };
    if argc < 1 {
        return Err(ReadEnd::Format);
    }
    let mut argv = Vec::new();
    for _ in 0..argc {
        argv.push(read_argument(env, reader)?);
    }
    Ok(argv)
}

fn read_argument(env: &mut Env<'_>, reader: &mut FileReader) -> Result<Bytes, ReadEnd> {
    let line = reader.read_line(env.os, LINE_MAX).ok_or(ReadEnd::Read)?;
    let [b'$', number @ ..] = line.as_slice() else { return Err(ReadEnd::Format) };
    // As in Redis, a negative length becomes a huge one, which is longer than any file.
    let len = usize::try_from(strtoll(number)).unwrap_or(usize::MAX);
    let argument = reader.read(env.os, len);
    if argument.len() < len || reader.read(env.os, 2).len() < 2 {
        return Err(ReadEnd::Read);
    }
    Ok(argument)
}

fn die(env: &mut Env<'_>, message: &str) -> ! {
    env.warning(message);
    env.os.exit(1)
}

fn close_and_die(env: &mut Env<'_>, reader: &mut FileReader, message: &str) -> ! {
    reader.close(env.os);
    die(env, message)
}
