//! Every case in every world, each run once.
//!
//! Must not know: what becomes of the outcomes.

use super::library::{CaseFile, ParsedCase, job};
use crate::engine::pool::{Interrupted, Pool};
use crate::engine::worlds::World;
use crate::runner::Outcome;

/// The outcomes by case and world; `done` hears the name of a case at the end of each run.
///
/// # Errors
/// When the pool was stopped first.
pub fn run_all(
    pool: &Pool,
    cases: &[ParsedCase],
    worlds: &[World],
    mut done: impl FnMut(&str),
) -> Result<Vec<Vec<Outcome>>, Interrupted> {
    let of = |case: &ParsedCase| worlds.iter().map(|world| job(&case.file, world)).collect();
    let jobs: Vec<Vec<_>> = cases.iter().map(of).collect();
    let pending = pool.run_all(jobs.into_iter().flatten());
    let outcomes = pending.in_order(|n, _| done(&cases[n / worlds.len()].file.name))?;
    let mut outcomes = outcomes.into_iter();
    Ok(cases.iter().map(|_| outcomes.by_ref().take(worlds.len()).collect()).collect())
}

/// The same case so many times in one world.
///
/// # Errors
/// When the pool was stopped first.
pub fn repeat(
    pool: &Pool,
    case: &CaseFile,
    world: &World,
    runs: usize,
) -> Result<Vec<Outcome>, Interrupted> {
    pool.run_all((0..runs).map(|_| job(case, world))).in_order(|_, _| {})
}
