//! A program that is asked for its version, in a process that keeps it in.
//!
//! Must not know: what it answers.

use std::path::Path;

use super::reexec;
use crate::exit::Exit;
use crate::profile::{UNABLE, ask_by};
use crate::world::supervised;

/// From now on every program is asked behind the walls of a run.
pub(super) fn ask_behind_walls() {
    ask_by(reexec::version);
}

/// That process; returns its exit code.
pub(super) fn tell(program: &Path) -> i32 {
    let exit = match supervised::version::tell(program) {
        Ok(()) => Exit::Expected,
        Err(why) => {
            println!("{UNABLE}{why}");
            Exit::NotMeasured
        }
    };
    exit.code().into()
}
