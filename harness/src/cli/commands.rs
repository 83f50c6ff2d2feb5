//! `sabot commands`: whether the verdicts of a server can be trusted, command by command.
//!
//! Without `--scripts` every write of the server is lost once, and must be missed; with it, so many
//! scripts without faults are drawn, and none may be blamed. Must not know: how a run is judged.

use std::cell::RefCell;

use super::args::CommandsArgs;
use super::error::CommandError;
use super::output;
use super::progress::Progress;
use super::screen;
use super::session::{Session, announce};
use crate::commands::blind_spots::{self, Proof};
use crate::commands::catalogue::Catalogue;
use crate::commands::false_alarms::{self, Counts};
use crate::engine::pool::{Interrupted, Pool};
use crate::engine::worlds::{Choice, World};
use crate::exit::{Exit, Status, overall};
use crate::report::commands as words;

/// The mode.
pub fn main(args: &CommandsArgs) -> Result<Exit, CommandError> {
    let session = Session::begin(&args.limits)?.on(&args.cores)?;
    let choice = match args.worlds.is_empty() {
        true => Choice::everywhere()?,
        false => Choice::of(&args.worlds)?,
    };
    let missing = announce(&choice).then_some(Status::NotMeasured);
    let statuses = match args.scripts {
        Some(runs) => session.with_pool(|pool| draw(args, pool, &choice.worlds, runs))??,
        None => session.with_pool(|pool| prove(args, pool, &choice.worlds))??,
    };
    match statuses {
        Ok(statuses) => Ok(overall(statuses.into_iter().chain(missing))),
        Err(Interrupted) => Err(CommandError::interrupted()),
    }
}

type Statuses = Result<Result<Vec<Status>, Interrupted>, CommandError>;

fn prove(args: &CommandsArgs, pool: &Pool, worlds: &[World]) -> Statuses {
    let catalogue = Catalogue::embedded();
    let progress = Progress::new(2 * worlds.len() * blind_spots::tries(&catalogue).len());
    let prove = |world: &World| {
        blind_spots::prove(pool, &catalogue, world, || progress.advance(&world.label))
    };
    let proofs: Result<Vec<Proof>, Interrupted> = worlds.iter().map(prove).collect();
    progress.finish();
    let Ok(proofs) = proofs else { return Ok(Err(Interrupted)) };
    screen::line(&words::table(&catalogue, &proofs));
    write_json(args, &proofs)?;
    let status = |proof: &Proof| match proof.holds() {
        true => Status::AsExpected,
        false if proof.is_blind() => Status::BrokenPromise,
        false => Status::NotMeasured,
    };
    Ok(Ok(proofs.iter().map(status).collect()))
}

fn draw(args: &CommandsArgs, pool: &Pool, worlds: &[World], runs: u64) -> Statuses {
    let catalogue = Catalogue::embedded();
    let total = usize::try_from(runs).unwrap_or(usize::MAX);
    let progress = RefCell::new(Progress::of_many(total.saturating_mul(worlds.len())));
    let mut all = Vec::new();
    for world in worlds {
        let done = |runs| {
            let progress = progress.borrow();
            (0..runs).for_each(|_| progress.advance(&world.label));
        };
        let searched = false_alarms::search(pool, &catalogue, world, args.seed, runs, done);
        let Ok(counts) = searched else { return Ok(Err(Interrupted)) };
        screen::line(&words::alarms(&counts));
        all.push(counts);
    }
    progress.borrow().finish();
    write_json(args, &all)?;
    let status = |counts: &Counts| match counts.hold() {
        true => Status::AsExpected,
        false if counts.alarms.is_empty() => Status::NotMeasured,
        false => Status::BrokenPromise,
    };
    Ok(Ok(all.iter().map(status).collect()))
}

fn write_json<T: serde::Serialize>(args: &CommandsArgs, results: &T) -> Result<(), CommandError> {
    let Some(path) = &args.json else { return Ok(()) };
    let text = serde_json::to_string_pretty(results).expect("results are plain data");
    output::write_json(path, &text)
}
