//! What most modes begin with: interrupts are held, worlds chosen, workers started.
//!
//! Must not know: what a mode does with them.

use super::error::CommandError;
use super::options::{Cores, Limits};
use super::screen;
use crate::engine::interrupt;
use crate::engine::pool::{Pool, Settings};
use crate::engine::session::with_pool;
use crate::engine::worlds::{Absent, Choice};
use crate::world::supervised::doctor;

/// A command that runs servers and can be interrupted.
pub struct Session {
    settings: Settings,
}

impl Session {
    /// Holds interrupts back until there is something to end. To be called first.
    pub fn begin(limits: &Limits) -> Result<Session, CommandError> {
        interrupt::block()
            .map_err(|why| CommandError::unable(format!("cannot block signals: {why}")))?;
        let settings = Settings::of_this_binary(limits.deadline);
        Ok(Session { settings })
    }

    /// The same on at most so many cores.
    pub fn on(mut self, cores: &Cores) -> Result<Session, CommandError> {
        self.settings.jobs = cores.most();
        self.settings.times = cores.times()?;
        Ok(self)
    }

    /// How many cores at most.
    pub fn jobs(&self) -> usize {
        self.settings.jobs
    }

    /// Does `work` with workers, which the first interrupt ends.
    pub fn with_pool<T>(&self, work: impl FnOnce(&Pool) -> T) -> Result<T, CommandError> {
        with_pool(&self.settings, work)
            .map_err(|why| CommandError::unable(format!("cannot start workers: {why}")))
    }
}

/// Says which worlds are left out, and why, and where a wall around servers is missing; whether one
/// of the worlds had to be there.
pub fn announce(choice: &Choice) -> bool {
    if choice.worlds.iter().any(|world| world.place.is_supervised()) && !doctor::has_landlock() {
        screen::error("this Linux has no Landlock: servers are kept in by their view alone");
    }
    choice.absent.iter().for_each(|absent| screen::error(&announcement(absent)));
    choice.absent.iter().any(|absent| absent.wanted)
}

/// A world that is left out, in a line.
pub fn announcement(absent: &Absent) -> String {
    let what = if absent.wanted { "missing" } else { "skipped" };
    format!("{what}: world {}: {}", absent.label, absent.reason)
}
