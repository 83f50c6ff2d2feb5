//! Running a case: a script on a world, observed step by step and judged after every restart.
//!
//! Must not know: how a world carries a call out, and what is done with an outcome.

mod ask;
mod backups;
mod causes;
mod changes;
mod clients;
mod content;
pub mod difference;
mod exchange;
mod expect;
mod faults;
mod judge;
mod judgements;
mod lineage;
mod live_checks;
mod log;
mod needs;
mod observe;
pub mod oracle;
mod outcome;
pub mod own_line;
mod past;
pub mod power_cuts;
mod protocol;
mod record;
pub mod resp;
mod rule;
mod second_run;
mod server_log;
mod session;
mod silence;
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

pub use exchange::Exchange;
pub use oracle::replay::{Remembered, WorldOracle};
pub use oracle::{Announcer, Oracle, Point};
pub use outcome::{
    Change, Collect, Course, Failure, Outcome, ReachedCall, Ruling, RunSummary, Standing,
    SymptomCheck, decisive,
};
pub use power_cuts::lack::Lack;
pub use power_cuts::point::{CutPoint, Judged, Surveyed};
pub use power_cuts::survey::{Loads, survey};
pub use summary::run_for_summary;

use record::Keep;
use state::{EarlyEnd, Runner};

/// Runs a case.
pub fn run(
    script: &Script,
    world: &mut dyn World,
    profile: &Profile,
    oracle: &mut dyn Oracle,
) -> Outcome {
    let mut runner = Runner::new(script, world, profile, Some(oracle), Keep::Transcript);
    let end = runner.run();
    finish(script, profile, runner, end)
}

impl Runner<'_> {
    fn run(&mut self) -> Result<(), EarlyEnd> {
        self.applies()?;
        self.steps()
    }

    /// Whether the case can be run on this server at all.
    fn applies(&mut self) -> Result<(), EarlyEnd> {
        let roles = self.session.world.kernel().roles().clone();
        if let Some(reason) = needs::unmet(self.script, &roles, self.profile) {
            return Err(EarlyEnd::NotApplicable(reason));
        }
        if let Err(bad) = needs::check_roles(self.script, &roles) {
            for error in bad.errors {
                let line = error.line;
                let message =
                    format!("column {}: {} ({})", error.column, error.message, error.help);
                self.judgements.failures.push(Failure { line, message, bad_case: true });
            }
            return Err(EarlyEnd::BadCase);
        }
        Ok(())
    }
}

fn finish(
    script: &Script,
    profile: &Profile,
    mut runner: Runner<'_>,
    end: Result<(), EarlyEnd>,
) -> Outcome {
    runner.ended(end);
    // Switching the machine off ends processes, too; that is not part of the run.
    let (files, trace, sites) = {
        let kernel = runner.session.world.kernel();
        let files = kernel.disk.files();
        let files = files.map(|(name, content)| (name.to_string(), content.to_vec())).collect();
        let through = runner.record.script_ended_at.unwrap_or(kernel.trace.len());
        let sites = summary::names_of_sites(&kernel.trace.records()[..through]);
        (files, kernel.trace.to_string(), sites)
    };
    if let Err(broken) = runner.session.world.finish() {
        runner.ended(Err(EarlyEnd::Broken(broken)));
    }
    runner.judgements.mark_unexpected(script.is_known());
    let Runner { session, record, judgements, .. } = runner;
    let verdict = judgements.worst().unwrap_or(Verdict::NotMeasured);
    let transcript = transcript::write(&script.source, &record.seen, &record.remarks, verdict);
    let kernel = session.world.kernel();
    Outcome {
        case: script.name.clone(),
        world_label: profile.family(),
        transcript,
        replies: exchange::exchanges(&record.seen.history, &record.runners, record.replies),
        verdict,
        rulings: judgements.rulings,
        failures: judgements.failures,
        symptoms: judgements.symptoms,
        trace,
        sites,
        files,
        calls: kernel.calls(),
        virtual_time_ns: kernel.now().as_nanos(),
    }
}

#[cfg(test)]
mod tests;
