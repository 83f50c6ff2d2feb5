//! `sabot audit --shard K/N`, `sabot audit --parts FILE…`: an audit on several machines.
//!
//! Must not know: how a part is made, and what is made of all of them.

use std::path::{Path, PathBuf};

use super::error::CommandError;
use super::progress::Progress;
use super::session::Session;
use super::{output, screen, sweep};
use crate::audit::part::{Joined, Part, join};
use crate::audit::run::{AuditInputs, AuditRun, Seen, counts};
use crate::error::cannot;
use crate::exit::{Exit, overall};
use crate::sweep::Class;
use crate::sweep::accepted::Accepted;

/// Makes the part of this machine and writes it down.
pub fn make(
    session: &Session,
    inputs: &AuditInputs,
    accepted: &Accepted,
    path: &Path,
) -> Result<Exit, CommandError> {
    let part = |seen: Seen| {
        let Seen { cases, known, sweeps, is_partial, .. } = seen;
        Part::new(inputs.subject(), inputs.shard, is_partial, (cases, known, sweeps))
    };
    // Whatever ends this process, the file says that it is not complete.
    let nothing = part(Seen { is_partial: true, ..Seen::default() });
    output::write_json(path, &nothing.write())?;
    let progress = Progress::of_many(0);
    let seen = session.with_pool(|pool| {
        let hear = |step, what: &str| progress.hear(step, what);
        AuditRun { inputs, pool, progress: &hear }.part()
    })?;
    progress.finish();
    let seen = seen?;
    let counts = counts(&seen.cases, &seen.sweeps, accepted);
    let [broken, unmeasured] = [Class::Broken, Class::NotMeasured].map(|class| counts.count(class));
    let part = part(seen);
    output::write_json(path, &part.write())?;
    let state = if part.is_interrupted() { ", interrupted" } else { "" };
    screen::line(&format!(
        "part {}{state}: {} runs and cases, {broken} with a promise broken, {unmeasured} not \
         measured; it is in {}",
        part.shard(),
        counts.total(),
        path.display()
    ));
    Ok(match part.is_interrupted() {
        true => Exit::Interrupted,
        false => overall(counts.classes().map(sweep::status)),
    })
}

/// Reads the parts of an audit and puts them together.
pub fn read(paths: &[PathBuf], inputs: &AuditInputs) -> Result<Joined, CommandError> {
    let subject = inputs.subject();
    let part = |path: &PathBuf| {
        let text = std::fs::read_to_string(path)
            .map_err(|why| CommandError::usage(cannot("read", path, &why)))?;
        let wrong = |why: String| CommandError::usage(format!("{}: {why}", path.display()));
        let part = Part::read(&text).map_err(wrong)?;
        part.stranger_to(&subject).map_or(Ok(part), |why| Err(wrong(why)))
    };
    let parts: Vec<Part> = paths.iter().map(part).collect::<Result<_, _>>()?;
    join(parts, &inputs.cases()).map_err(CommandError::usage)
}
