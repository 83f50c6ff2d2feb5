//! Loads the parts in order (Redis: `loadAppendOnlyFiles`, `loadSingleAppendOnlyFile`, aof.c).
//!
//! Every part that the manifest lists must be there. Only the last one may end in the middle of a
//! command: commands after a gap would be applied to another dataset than they were executed on.
//!
//! Must not know: what the commands do.

use super::super::read_commands::{CannotLoad, Dialect, Executor, File, FileLoaded, refuse};
use super::super::state::{Core, State};
use super::super::storage::LoadResult;
use super::manifest_file::path;
use super::state::{MultiPart, size_of};
use crate::clock::ustime;
use crate::env::Env;
use crate::os::{Errno, OFlag, strerror};
use crate::rio::stdio::FileReader;

/// Clients are served each time this many lines have been read.
const LINES_BETWEEN_EVENTS: u64 = 1024;
/// Longest framing line or annotation that is read at once, in bytes (Redis:
/// `AOF_ANNOTATION_LINE_MAX_LEN`, less its NUL).
const LINE_MAX: usize = 1023;

/// Every line names the part.
struct OfPart<'a> {
    name: &'a str,
    /// A file of the older layout, with commands behind an RDB file.
    old_style: bool,
}

impl Dialect for OfPart<'_> {
    fn lines_between_events(&self) -> u64 {
        LINES_BETWEEN_EVENTS
    }

    fn line_max(&self) -> usize {
        LINE_MAX
    }

    fn is_annotation(&self, line: &[u8]) -> bool {
        line.first() == Some(&b'#')
    }

    fn reading_rdb(&self) -> String {
        match self.old_style {
            true => "Reading RDB preamble from AOF file...".to_string(),
            false => "Reading RDB base file on AOF loading...".to_string(),
        }
    }

    fn rdb_failed(&self) -> String {
        let what = if self.old_style { "preamble of the AOF file" } else { "base file" };
        format!("Error reading the RDB {what} {}, AOF loading aborted", self.name)
    }

    fn reading_tail(&self) -> Option<&'static str> {
        self.old_style.then_some("Reading the remaining AOF tail...")
    }

    fn of_file(&self, words: &str) -> String {
        format!("{words} {}", self.name)
    }

    fn truncating(&self, len: u64) -> [String; 2] {
        let name = self.name;
        [
            format!("!!! Warning: short read while loading the AOF file {name}!!!"),
            format!("!!! Truncating the AOF {name} at offset {len} !!!"),
        ]
    }

    fn loaded_anyway(&self) -> String {
        format!("AOF {} loaded anyway because aof-load-truncated is enabled", self.name)
    }

    fn to_check(&self) -> &'static str {
        "<filename.manifest>"
    }

    fn unknown_command(
        &self,
        env: &mut Env<'_>,
        reader: &mut FileReader,
        name: &str,
    ) -> CannotLoad {
        let file = self.name;
        env.warning(&format!("Unknown command '{name}' reading the append only file {file}"));
        reader.close(env.os);
        CannotLoad
    }
}

/// What became of one part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PartLoaded {
    Loaded(FileLoaded),
    Empty,
    NotExist,
}

impl MultiPart {
    pub(super) fn load_parts(
        &mut self,
        core: &mut Core,
        env: &mut Env<'_>,
        executor: &mut dyn Executor,
    ) -> Result<LoadResult, CannotLoad> {
        self.upgrade_if_needed(env);
        if self.manifest.is_empty() {
            return Ok(LoadResult::NotExist);
        }
        let total = self.total_size(env)?;
        if total == 0 {
            // Redis returns `AOF_EMPTY`, which counts as loaded.
            return Ok(LoadResult::Loaded);
        }
        executor.start(env.os, total);
        let base = self.manifest.base.clone();
        let base_size = base.as_ref().map_or(0, |base| size_of(env, &base.name).unwrap_or(0));
        let count = self.manifest.parts().count();
        for (n, part) in self.manifest.parts().enumerate() {
            let what = if n == 0 && base.is_some() { "base" } else { "incr" };
            load_part(core, env, executor, &part.name, what, n + 1 == count)?;
        }
        core.current_size = total;
        // Not remembered anywhere, so the first automatic rewrite may come early.
        core.rewrite_base_size = base_size;
        Ok(LoadResult::Loaded)
    }

    /// The size of all parts in bytes. None may be missing.
    fn total_size(&self, env: &mut Env<'_>) -> Result<u64, CannotLoad> {
        let mut total = 0;
        for part in self.manifest.parts() {
            match size_of(env, &part.name) {
                Ok(size) => total += size,
                Err(_) => return Err(CannotLoad),
            }
        }
        Ok(total)
    }
}

fn load_part(
    core: &mut Core,
    env: &mut Env<'_>,
    executor: &mut dyn Executor,
    name: &str,
    what: &str,
    is_last: bool,
) -> Result<(), CannotLoad> {
    let start = ustime(env.os);
    match load_file(core, env, executor, name)? {
        PartLoaded::Loaded(FileLoaded::Truncated) if !is_last => {
            return Err(refuse(env, "Fatal error: the truncated file is not the last file"));
        }
        PartLoaded::Loaded(_) => {
            let seconds = (ustime(env.os) - start) as f32 / 1e6;
            env.notice(&format!("DB loaded from {what} file {name}: {seconds:.3} seconds"));
        }
        PartLoaded::Empty | PartLoaded::NotExist => {}
    }
    Ok(())
}

fn load_file(
    core: &mut Core,
    env: &mut Env<'_>,
    executor: &mut dyn Executor,
    name: &str,
) -> Result<PartLoaded, CannotLoad> {
    let path = path(env.config, name);
    let fd = match env.os.open(&path, OFlag::O_RDONLY, 0o666) {
        Ok(fd) => fd,
        Err(errno) => return not_opened(env, name, &path, errno),
    };
    let size = env.os.fstat(fd).map(|stat| stat.size);
    let mut reader = FileReader::new(fd, size.unwrap_or(u64::from(u32::MAX)));
    if size == Ok(0) {
        reader.close(env.os);
        return Ok(PartLoaded::Empty);
    }
    executor.begin_file();
    let state = std::mem::replace(&mut core.state, State::Off);
    let dialect = OfPart { name, old_style: name == env.config.appendfilename };
    let file = File { path: &path, name, dialect: &dialect };
    let loaded = file.load(core, env, executor, &mut reader)?;
    core.state = state;
    reader.close(env.os);
    Ok(PartLoaded::Loaded(loaded))
}

fn not_opened(
    env: &mut Env<'_>,
    name: &str,
    path: &str,
    errno: Errno,
) -> Result<PartLoaded, CannotLoad> {
    match env.os.stat(path) {
        Err(gone @ Errno::ENOENT) => {
            let reason = strerror(gone);
            env.warning(&format!("The append log file {name} doesn't exist: {reason}"));
            Ok(PartLoaded::NotExist)
        }
        _ => {
            let reason = strerror(errno);
            let what = format!("can't open the append log file {name} for reading");
            Err(refuse(env, &format!("Fatal error: {what}: {reason}")))
        }
    }
}
