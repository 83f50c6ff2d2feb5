//! Running a case: a script on a world, observed step by step and judged after every restart.
//!
//! Must not know: how a world carries a call out, and what is done with an outcome.

mod ask;
mod brief;
mod clients;
mod cuts;
mod ends;
mod expect;
mod judge;
mod living;
mod loader;
mod rehearse;
mod resume;
mod runner;
mod see;
mod sights;
mod starts;
mod verbs;

use crate::contract::Verdict;
use crate::profile::Profile;
use crate::report::transcript;
use crate::world::World;

pub use brief::{Brief, Learned, beside_own_faults, brief};
pub use cuts::{CutPoint, Judged, Loads, Surveyed, survey};
pub use rehearse::{Point, would_show};
pub use sights::Sight;

use super::needs;
use super::oracle::Oracle;
use super::script::Script;
use runner::{Runner, Stop};
use verbs::looks_at_the_disk;

/// What a run of a case came to, as plain data.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Outcome {
    /// The script's name.
    pub case: String,
    /// Which servers share this transcript: the profile's family.
    pub world_label: String,
    /// The script with everything that was observed written under each step.
    pub transcript: String,
    /// The worst of the verdicts.
    pub verdict: Verdict,
    /// Line, verdict and reason, in the order in which they were reached.
    pub verdicts: Vec<(u32, Verdict, String)>,
    /// Lines of `verdicts` that break a promise without an `expect` that says so.
    pub unexpected: Vec<u32>,
    /// Indices of `verdicts`: starts that were refused because a call of their own had met a fault.
    #[serde(default)]
    pub own_fault: Vec<usize>,
    /// What did not come true.
    pub failures: Vec<Failure>,
    /// For a known bug: each symptom as it was looked for.
    pub sights: Vec<Sight>,
    /// The kernel's trace; two runs of one case have the same.
    pub trace: String,
    /// Every site that was reached, in the order in which they were first reached.
    pub sites: Vec<String>,
    /// What was on the disk at the end.
    pub files: Vec<(String, Vec<u8>)>,
    /// How many calls the kernel decided.
    pub calls: u64,
    /// How far the clock went.
    pub virtual_time_ns: u64,
}

/// Something in the case that did not come true.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Failure {
    /// Of the script, from 1.
    pub line: u32,
    /// In one sentence.
    pub message: String,
    /// The case itself is wrong (a rule that never fired, a restart of a server that runs); else an
    /// `expect` was not met.
    pub bad_case: bool,
}

impl Outcome {
    /// Whether the case itself is wrong, so that nothing it says about the server counts.
    pub fn is_bad_case(&self) -> bool {
        self.failures.iter().any(|failure| failure.bad_case)
    }

    /// Whether a promise was broken that the case did not expect to be, or an `expect` was not met.
    pub fn breaks_a_promise(&self) -> bool {
        !self.unexpected.is_empty() || self.failures.iter().any(|failure| !failure.bad_case)
    }
}

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
        let sites = see::sites(&kernel.trace.records()[..through]);
        (files, kernel.trace.to_string(), sites)
    };
    if let Err(broken) = runner.world.finish() {
        runner.stopped(Err(Stop::Broken(broken)));
    }
    let worst = runner.verdicts.iter().map(|(_, verdict, _)| *verdict).min();
    let verdict = worst.unwrap_or(Verdict::NotMeasured);
    let unexpected = runner.unexpected();
    let transcript = transcript::write(&script.source, &runner.seen, &runner.remarks, verdict);
    let kernel = runner.world.kernel();
    Outcome {
        case: script.name.clone(),
        world_label: profile.family(),
        transcript,
        verdict,
        verdicts: runner.state.verdicts,
        unexpected,
        own_fault: runner.state.own_fault,
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
