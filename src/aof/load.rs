//! Running the file again after a restart (Redis: `loadAppendOnlyFile`).
//!
//! When loading returns, every whole command of the file was executed, in order, and nothing else.
//! A file that ends in the middle of a command is what a power cut leaves; with `aof-load-truncated
//! yes` it is cut after the last whole command and the server starts. Anything else that is wrong
//! with it ends the server with exit code 1, because the rest of the file cannot be trusted.
//!
//! A MULTI without its EXEC at the very end of the file is taken back to before the MULTI. That
//! holds only when the file ends cleanly: when it ends inside a command that was to be queued,
//! 6.0 cuts after the last queued one and leaves the MULTI in the file, where everything appended
//! later is queued behind it.
//!
//! A preamble ([`crate::rdb`]) is loaded first, in the same file. In 6.0 a file that ends inside
//! the *first* command after it is cut to nothing, preamble and all: how far the file is good is
//! only noted after each command. The dataset is whole until the next restart.
//!
//! Must not know: what the commands do.

use super::feed::strtoll;
use super::state::{Aof, State};
use crate::env::Env;
use crate::keyspace::Bytes;
use crate::os::{Errno, OFlag, Os, Whence, strerror};
use crate::rdb::{LoadOptions, Receiver, rdb_load_rio};
use crate::rio::stdio::FileReader;

/// After this many commands others are served.
const COMMANDS_BETWEEN_EVENTS: u64 = 1000;
/// Longest line of the framing that is read at once, in bytes.
const LINE_MAX: usize = 127;

/// The file names a command that the server does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownCommand;

/// Who runs what is loaded: Redis' fake client. It also takes the keys of a preamble, and serves
/// others between them and between commands.
pub trait Executor: Receiver {
    /// How to load a preamble.
    fn preamble_options(&self) -> LoadOptions;

    /// Runs one command of the file on the database that earlier SELECTs chose, or queues it behind
    /// a MULTI; Err when the command is unknown.
    fn execute(&mut self, os: &mut dyn Os, argv: Vec<Bytes>) -> Result<(), UnknownCommand>;

    /// Whether a MULTI waits for its EXEC.
    fn in_multi(&self) -> bool;

    /// Drops the queued commands.
    fn discard(&mut self);
}

/// How loading ended; when it ended otherwise, the process did too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadResult {
    /// The file was loaded, perhaps after it was cut.
    Loaded,
    /// The file has no bytes. (Redis: `C_ERR`, which is no error either.)
    Empty,
}

/// Why reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// At the end of the file, between two commands.
    CleanEof,
    /// In the middle of a command, for the end of the file or for an error.
    Read,
    /// At something that is no command.
    Format,
}

/// How far loading has come.
#[derive(Default)]
struct Progress {
    /// Offset after the last whole command; stays 0 when truncating is off.
    valid_up_to: u64,
    /// Offset of the last MULTI.
    valid_before_multi: u64,
}

impl Aof {
    /// Loads the file. Meanwhile the AOF is off, so that commands are not appended to what they are
    /// read from.
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

    /// Returns when the server may start.
    fn load_commands(
        &mut self,
        env: &mut Env<'_>,
        executor: &mut dyn Executor,
        reader: &mut FileReader,
    ) {
        let mut progress = Progress::default();
        let mut preamble_error = None;
        let stop = match load_rdb_preamble(env, executor, reader) {
            Ok(()) => run_commands(env, executor, reader, &mut progress),
            Err(errno) => {
                preamble_error = Some(errno);
                Stop::Read
            }
        };
        match stop {
            Stop::CleanEof if !executor.in_multi() => return,
            Stop::CleanEof => {
                env.warning("Revert incomplete MULTI/EXEC transaction in AOF file");
                progress.valid_up_to = progress.valid_before_multi;
            }
            Stop::Read if reader.at_eof() => {}
            Stop::Read => {
                let errno = reader.error().or(preamble_error).unwrap_or(Errno::from_raw(0));
                let reason = strerror(errno);
                let line = format!("Unrecoverable error reading the append only file: {reason}");
                close_and_die(env, reader, &line)
            }
            Stop::Format => close_and_die(
                env,
                reader,
                "Bad file format reading the append only file: make a backup of your AOF file, \
                 then use ./redis-check-aof --fix <filename>",
            ),
        }
        if !self.truncate(env, progress.valid_up_to) {
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

    /// Cuts the file to `len` bytes, if that is allowed. Whether it worked.
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

/// Loads the RDB file with which this one begins, if it does. When this returns without an error,
/// the reader stands where the commands begin.
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
    progress: &mut Progress,
) -> Stop {
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
            progress.valid_before_multi = progress.valid_up_to;
        }
        let name = String::from_utf8_lossy(&argv[0]).into_owned();
        if executor.execute(env.os, argv).is_err() {
            die(env, &format!("Unknown command '{name}' reading the append only file"));
        }
        if env.config.aof_load_truncated {
            progress.valid_up_to = reader.position();
        }
        if env.config.key_load_delay != 0 {
            env.os.nanosleep(env.config.key_load_delay.saturating_mul(1000));
        }
    }
}

/// The next command, which has at least its name.
fn read_command(env: &mut Env<'_>, reader: &mut FileReader) -> Result<Vec<Bytes>, Stop> {
    let Some(line) = reader.read_line(env.os, LINE_MAX) else {
        return Err(if reader.at_eof() { Stop::CleanEof } else { Stop::Read });
    };
    let argc = match line.as_slice() {
        [b'*'] | [b'*', 0, ..] => return Err(Stop::Read),
        [b'*', number @ ..] => strtoll(number) as i32,
        _ => return Err(Stop::Format),
    };
    if argc < 1 {
        return Err(Stop::Format);
    }
    let mut argv = Vec::new();
    for _ in 0..argc {
        argv.push(read_argument(env, reader)?);
    }
    Ok(argv)
}

fn read_argument(env: &mut Env<'_>, reader: &mut FileReader) -> Result<Bytes, Stop> {
    let line = reader.read_line(env.os, LINE_MAX).ok_or(Stop::Read)?;
    let [b'$', number @ ..] = line.as_slice() else { return Err(Stop::Format) };
    // A negative length is a huge one, as in Redis, and no file is that long.
    let len = usize::try_from(strtoll(number)).unwrap_or(usize::MAX);
    let argument = reader.read(env.os, len);
    if argument.len() < len || reader.read(env.os, 2).len() < 2 {
        return Err(Stop::Read);
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
