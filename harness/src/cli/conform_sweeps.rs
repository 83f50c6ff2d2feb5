//! `sabot conform --sweep`: every workload swept in two worlds, run for run.
//!
//! Must not know: how runs are made, and what differs.

use super::args::ConformArgs;
use super::error::CommandError;
use super::progress::Progress;
use super::screen;
use super::session::Session;
use crate::engine::pool::Interrupted;
use crate::engine::worlds::World;
use crate::exit::Exit;
use crate::report::conformance::reviewed_list::{List, Runs};
use crate::report::conformance::sweeps::{Document, Side};
use crate::report::table::short;
use crate::suite::library::{Library, ParsedCase, SWEEPS};
use crate::suite::redis_conf::NotUnder;
use crate::sweep::driver::{RunCount, Sweeper};
use crate::sweep::enumerate::Scope;
use crate::sweep::side_by_side::SideBySide;
use crate::sweep::{Shard, Workload};

/// The mode.
pub fn main(args: &ConformArgs, session: Session, worlds: &[World]) -> Result<Exit, CommandError> {
    let [left, right] = worlds else {
        return Err(CommandError::usage("sweeps are compared in two worlds"));
    };
    let options = &args.sweeps;
    let under = args.under.read()?;
    let all = [SWEEPS.to_string()];
    let words = if args.cases.is_empty() { &all[..] } else { &args.cases };
    let cases = under.cases(Library::open()?.select(words)?)?;
    let workload = |case: &ParsedCase| Workload::of(&case.file.name, &case.script);
    let workloads: Vec<Workload> = cases.iter().map(workload).collect();
    let scope = Scope {
        kinds: &options.faults,
        shard: Shard::WHOLE,
        sample: options.sample.map(|runs| runs as usize),
        // The same for both: of more states the worst may be worse.
        images: Some(options.images),
        ..Scope::WHOLE
    };
    let progress = Progress::of_many(0);
    progress.hear(RunCount::Parts(2 * workloads.len()), "");
    let found = session.with_pool(|pool| -> Result<Vec<SideBySide>, NotUnder> {
        under.is_taken_by(pool, worlds)?;
        let each = workloads.iter().map(|workload| -> Result<SideBySide, Interrupted> {
            let hear = |step| progress.hear(step, &workload.name);
            let sweeper = Sweeper { pool, scope, pairs: false, progress: &hear };
            sweeper.side_by_side(workload, [left, right])
        });
        Ok(each.collect::<Result<_, _>>()?)
    })?;
    progress.finish();
    Ok(conclude(args, [left, right], &found?))
}

fn conclude(args: &ConformArgs, worlds: [&World; 2], workloads: &[SideBySide]) -> Exit {
    let [left, right] = worlds.map(|world| world.family.as_str());
    let (reviewed, lacks) = (Runs::reviewed(left, right), List::reviewed(left, right));
    let side = |world: &World| Side { name: short(&world.label), family: world.family.clone() };
    let document =
        Document { sides: worlds.map(side), workloads, reviewed: &reviewed, lacks: &lacks };
    screen::line(&if args.summary { document.table() } else { document.render() });
    let differing: usize = workloads.iter().map(|found| found.differing.len()).sum();
    let refused = |found: &SideBySide| found.refused.iter().flatten().count();
    let unmeasured: usize = workloads.iter().map(|found| found.unmeasured + refused(found)).sum();
    match () {
        () if differing + document.unexplained() > 0 => Exit::BrokenPromise,
        () if unmeasured > 0 => Exit::NotMeasured,
        () => Exit::Expected,
    }
}
