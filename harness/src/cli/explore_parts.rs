//! `sabot explore --shard K/N`, `sabot explore --parts FILE…`: an exploration on several machines.
//!
//! Must not know: how runs are made, and what is made of what they found.

use std::path::{Path, PathBuf};

use super::error::CommandError;
use super::{output, screen};
use crate::error::cannot;
use crate::exit::{Exit, Status, overall};
use crate::sweep::Shard;
use crate::sweep::explore::part::{Found, Part, Subject, join};

/// The part of this machine: where it is written, and of what it is.
pub struct Here<'a> {
    pub subject: Subject,
    pub shard: Shard,
    pub path: &'a Path,
}

impl Here<'_> {
    /// Writes that nothing is there yet: whatever ends this process, the file is not complete.
    pub fn begin(&self) -> Result<(), CommandError> {
        self.write(true, Found::default())
    }

    /// Writes what was found, as far as it was looked for.
    pub fn end(&self, is_interrupted: bool, found: Found) -> Result<Exit, CommandError> {
        let (done, causes) = (found.done, found.causes.len());
        let broken = found.causes.iter().map(|_| Status::BrokenPromise);
        let exit = if is_interrupted { Exit::Interrupted } else { overall(broken) };
        self.write(is_interrupted, found)?;
        let (shard, path) = (self.shard, self.path.display());
        let state = if is_interrupted { ", interrupted" } else { "" };
        screen::line(&format!("part {shard}{state}: {done} runs, {causes} causes, in {path}"));
        Ok(exit)
    }

    fn write(&self, is_interrupted: bool, found: Found) -> Result<(), CommandError> {
        let part = Part::new(self.subject.clone(), self.shard, is_interrupted, found);
        output::write_json(self.path, &part.write())
    }
}

/// Reads the parts of an exploration and puts them together; also says what is missing.
pub fn read(paths: &[PathBuf], subject: &Subject) -> Result<(Found, Vec<String>), CommandError> {
    let part = |path: &PathBuf| {
        let text = std::fs::read_to_string(path)
            .map_err(|why| CommandError::usage(cannot("read", path, &why)))?;
        let wrong = |why: String| CommandError::usage(format!("{}: {why}", path.display()));
        let part = Part::read(&text).map_err(wrong)?;
        match part.subject == *subject {
            true => Ok(part),
            false => Err(wrong(format!("it is of {}", differing(&part.subject, subject)))),
        }
    };
    let parts: Vec<Part> = paths.iter().map(part).collect::<Result<_, _>>()?;
    join(parts).map_err(CommandError::usage)
}

/// The first thing that is another one.
fn differing(part: &Subject, asked: &Subject) -> String {
    match () {
        () if part.server != asked.server => format!("{}, not of {}", part.server, asked.server),
        () if part.seed != asked.seed => format!("seed {}, not of {}", part.seed, asked.seed),
        () if part.runs != asked.runs => format!("{} runs, not of {}", part.runs, asked.runs),
        () if part.sabot != asked.sabot => {
            format!("sabot {}, and this is {}", part.sabot, asked.sabot)
        }
        () => "an exploration under another configuration".to_string(),
    }
}
