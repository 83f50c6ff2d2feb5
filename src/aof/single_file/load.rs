//! Loads the file after a restart, and says what Redis 6.0 says of it.
//!
//! Must not know: what the commands do.

use super::super::read_commands::{CannotLoad, Dialect, Executor, File, refuse};
use super::super::state::{Core, State};
use super::super::storage::LoadResult;
use super::state::update_current_size;
use crate::env::Env;
use crate::os::{OFlag, strerror};
use crate::rio::stdio::FileReader;

/// Clients are served each time this many commands have run.
const COMMANDS_BETWEEN_EVENTS: u64 = 1000;
/// Longest framing line that is read at once, in bytes.
const LINE_MAX: usize = 127;

/// There is one file, so nobody names it.
struct OneFile;

impl Dialect for OneFile {
    fn lines_between_events(&self) -> u64 {
        COMMANDS_BETWEEN_EVENTS
    }

    fn line_max(&self) -> usize {
        LINE_MAX
    }

    fn is_annotation(&self, _line: &[u8]) -> bool {
        false
    }

    fn reading_rdb(&self) -> String {
        "Reading RDB preamble from AOF file...".to_string()
    }

    fn rdb_failed(&self) -> String {
        "Error reading the RDB preamble of the AOF file, AOF loading aborted".to_string()
    }

    fn reading_tail(&self) -> Option<&'static str> {
        Some("Reading the remaining AOF tail...")
    }

    fn of_file(&self, words: &str) -> String {
        words.to_string()
    }

    fn truncating(&self, len: u64) -> [String; 2] {
        [
            "!!! Warning: short read while loading the AOF file !!!".to_string(),
            format!("!!! Truncating the AOF at offset {len} !!!"),
        ]
    }

    fn loaded_anyway(&self) -> String {
        "AOF loaded anyway because aof-load-truncated is enabled".to_string()
    }

    fn to_check(&self) -> &'static str {
        "<filename>"
    }

    /// The file stays open.
    fn unknown_command(
        &self,
        env: &mut Env<'_>,
        _reader: &mut FileReader,
        name: &str,
    ) -> CannotLoad {
        refuse(env, &format!("Unknown command '{name}' reading the append only file"))
    }
}

pub(super) fn load(
    core: &mut Core,
    env: &mut Env<'_>,
    executor: &mut dyn Executor,
) -> Result<LoadResult, CannotLoad> {
    let config = env.config;
    let name = &config.appendfilename;
    let fd = match env.os.open(name, OFlag::O_RDONLY, 0o666) {
        Ok(fd) => fd,
        Err(errno) => {
            let reason = strerror(errno);
            let words = "Fatal error: can't open the append log file for reading";
            return Err(refuse(env, &format!("{words}: {reason}")));
        }
    };
    let size = env.os.fstat(fd).map(|stat| stat.size);
    let mut reader = FileReader::new(fd, size.unwrap_or(u64::from(u32::MAX)));
    if size == Ok(0) {
        core.current_size = 0;
        core.file_size = 0;
        core.fsync_offset = 0;
        reader.close(env.os);
        // Redis returns `C_ERR`, which is not treated as an error either.
        return Ok(LoadResult::Empty);
    }
    executor.start(env.os, size.unwrap_or(0));
    let state = std::mem::replace(&mut core.state, State::Off);
    File { path: name, name, dialect: &OneFile }.load(core, env, executor, &mut reader)?;
    reader.close(env.os);
    core.state = state;
    update_current_size(core, env);
    core.rewrite_base_size = core.current_size;
    core.fsync_offset = core.file_size;
    Ok(LoadResult::Loaded)
}
