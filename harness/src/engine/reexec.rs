//! How this program is executed again: as a worker, or as our own server.
//!
//! Must not know: what becomes of a program that was.

use std::path::Path;
use std::process::Command;

/// The first argument of a program that is executed again.
pub const WORD: &str = "sabot-again";

/// The second one, for our own server; what follows is what `sabot-server` would get.
pub const SERVER_CORE: &str = "server-core";

/// The second one, for a worker; the number of its core follows.
pub(super) const WORKER: &str = "worker";

/// The second one, for a program that is asked for its version behind the walls of a run; its path
/// follows.
pub(super) const VERSION: &str = "version";

/// Set in a worker's environment: whoever sees it in `main` was started as a worker in vain.
const MARK: &str = "SABOT_AGAIN";

/// How to start a worker of the program `exe`, which links this crate.
pub fn worker(exe: &Path, cpu: usize) -> Command {
    let mut command = Command::new(exe);
    command.args([WORD, WORKER, &cpu.to_string()]).env(MARK, WORKER);
    command
}

/// How to run `PATH --version`.
pub fn version(path: &Path) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([WORD, VERSION]).arg(std::path::absolute(path)?);
    Ok(command)
}

/// Whether a worker can be made of this program.
///
/// # Errors
/// When this process was to be a worker and yet got as far as `main`: workers of it would start
/// workers without end.
pub fn possible() -> Result<(), String> {
    match std::env::var_os(MARK) {
        None => Ok(()),
        Some(_) => Err(format!(
            "this program was executed as a worker ({MARK} is set) but ran as itself: it must be \
             linked dynamically against glibc"
        )),
    }
}
