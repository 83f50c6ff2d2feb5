//! Running a case: a script on a world, observed step by step and judged after every restart.
//!
//! Must not know: how a world carries a call out, and what is done with an outcome.

mod ask;
mod clients;
pub mod difference;
mod exits;
mod expect;
mod info_probe;
mod judge;
mod live_checks;
mod log;
mod needs;
mod observe;
pub mod oracle;
mod outcome;
pub mod power_cuts;
mod resp;
mod starts;
mod state;
mod steps;
mod summary;
mod symptoms;
pub mod transcript;
mod verbs;

use crate::case::script::Script;
use crate::contract::Verdict;
use crate::profile::Profile;
use crate::world::World;

pub use info_probe::would_show;
pub use oracle::replay::WorldOracle;
pub use oracle::{Announcer, Oracle, Point};
pub use outcome::{Collect, Failure, Outcome, ReachedCall, Ruling, RunSummary, Sight, decisive};
pub use power_cuts::point::{CutPoint, Judged, Surveyed};
pub use power_cuts::survey::{Loads, survey};
pub use summary::run_for_summary;

use state::Stop;
use steps::Runner;

/// Runs a case.
pub fn run(
    script: &Script,
    world: &mut dyn World,
    profile: &Profile,
    oracle: &mut dyn Oracle,
) -> Outcome {
    let mut runner = Runner::new(script, world, profile, oracle);
    let end = runner.run();
    finish(script, profile, runner, end)
}

impl Runner<'_> {
    fn run(&mut self) -> Result<(), Stop> {
        self.applies()?;
        self.steps()
    }

    /// Whether the case can be run on this server at all.
    fn applies(&mut self) -> Result<(), Stop> {
        let roles = self.world.kernel().roles().clone();
        if let Some(reason) = needs::unmet(self.script, &roles, self.profile) {
            return Err(Stop::NotApplicable(reason));
        }
        if let Err(bad) = needs::check_roles(self.script, &roles) {
            for error in bad.errors {
                let line = error.line;
                let message =
                    format!("column {}: {} ({})", error.column, error.message, error.help);
                self.failures.push(Failure { line, message, bad_case: true });
            }
            return Err(Stop::BadCase);
        }
        Ok(())
    }
}

fn finish(
    script: &Script,
    profile: &Profile,
    mut runner: Runner<'_>,
    end: Result<(), Stop>,
) -> Outcome {
    runner.stopped(end);
    // What ends because the machine is switched off is no part of the run.
    let (files, trace, sites) = {
        let kernel = runner.world.kernel();
        let files = kernel.disk.files();
        let files = files.map(|(name, content)| (name.to_string(), content.to_vec())).collect();
        let through = runner.through.unwrap_or(kernel.trace.len());
        let sites = observe::sites(&kernel.trace.records()[..through]);
        (files, kernel.trace.to_string(), sites)
    };
    if let Err(broken) = runner.world.finish() {
        runner.stopped(Err(Stop::Broken(broken)));
    }
    runner.mark_unexpected();
    let worst = runner.rulings.iter().map(|ruling| ruling.verdict).min();
    let verdict = worst.unwrap_or(Verdict::NotMeasured);
    let transcript = transcript::write(&script.source, &runner.seen, &runner.remarks, verdict);
    let kernel = runner.world.kernel();
    Outcome {
        case: script.name.clone(),
        world_label: profile.family(),
        transcript,
        verdict,
        rulings: runner.state.rulings,
        failures: runner.state.failures,
        sights: runner.state.sights,
        trace,
        sites,
        files,
        calls: kernel.calls(),
        virtual_time_ns: kernel.now().as_nanos(),
    }
}

#[cfg(test)]
mod tests;
