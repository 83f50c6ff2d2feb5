//! The smallest script that fails as a given one does, found with a pool.
//!
//! Must not know: how a script is made smaller.

use super::shrink;
use super::signature::Signature;
use crate::case;
use crate::engine::pool::{Interrupted, Pool};
use crate::engine::wire::Batch;
use crate::engine::worlds::World;
use crate::runner::{Collect, RunSummary};

/// The lines of the smallest script that fails as this one does.
///
/// # Errors
/// When the pool was stopped before a first run.
pub fn smallest(pool: &Pool, world: &World, script: &str) -> Result<Vec<String>, Interrupted> {
    let first = summaries(pool, world, &[script.to_string()])?;
    let wanted = Signature::of(first.first().ok_or(Interrupted)?);
    let mut stopped = Ok(());
    let lines = shrink::shrink(script, |texts| {
        // A proposal that is not a case any more is left out.
        let cases: Vec<usize> =
            (0..texts.len()).filter(|n| case::parse("", &texts[*n]).is_ok()).collect();
        let scripts: Vec<String> = cases.iter().map(|n| texts[*n].clone()).collect();
        let summaries = summaries(pool, world, &scripts).unwrap_or_else(|why| {
            stopped = Err(why);
            Vec::new()
        });
        let met = summaries.iter().position(|summary| Signature::of(summary) == wanted);
        met.map(|found| cases[found])
    });
    stopped.map(|()| lines)
}

fn summaries(
    pool: &Pool,
    world: &World,
    scripts: &[String],
) -> Result<Vec<RunSummary>, Interrupted> {
    if scripts.is_empty() {
        return Ok(Vec::new());
    }
    let (place, scripts) = (world.place.clone(), scripts.to_vec());
    let batch = Batch { place, scripts, collect: Collect::Verdicts, computes: true };
    Ok(pool.summarize([batch]).in_order(|_, _| ())?.concat())
}
