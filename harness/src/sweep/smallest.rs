//! The smallest script that fails as a given one does, found on a fleet.
//!
//! Must not know: how a script is made smaller.

use std::sync::mpsc::channel;

use super::shrink;
use super::signature::Signature;
use crate::case;
use crate::engine::pool::Fleet;
use crate::engine::wire::Batch;
use crate::engine::worlds::World;
use crate::runner::{Collect, RunSummary};

/// The lines of the smallest script that fails as this one does; None after an interrupt.
pub fn smallest(fleet: &Fleet, world: &World, script: &str) -> Option<Vec<String>> {
    let wanted = Signature::of(summaries(fleet, world, &[script.to_string()]).first()?);
    Some(shrink::shrink(script, |texts| {
        // What is not a case any more is not tried.
        let cases: Vec<usize> =
            (0..texts.len()).filter(|n| case::parse("", &texts[*n]).is_ok()).collect();
        let scripts: Vec<String> = cases.iter().map(|n| texts[*n].clone()).collect();
        let summaries = summaries(fleet, world, &scripts);
        let met = summaries.iter().position(|summary| Signature::of(summary) == wanted);
        met.map(|found| cases[found])
    }))
}

fn summaries(fleet: &Fleet, world: &World, scripts: &[String]) -> Vec<RunSummary> {
    if scripts.is_empty() {
        return Vec::new();
    }
    let (sender, receiver) = channel();
    let batch =
        Batch { place: world.place.clone(), scripts: scripts.to_vec(), collect: Collect::Verdicts };
    fleet.brief(batch, move |briefs| {
        let _ = sender.send(briefs);
    });
    receiver.recv().unwrap_or_default()
}
