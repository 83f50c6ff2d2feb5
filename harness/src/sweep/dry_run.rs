//! A workload in a world without any fault: the calls that it makes there, and whether it can be
//! swept at all. One that breaks a promise by itself is a finding, and the only one: whatever came
//! with a fault would be put down to it.
//!
//! Must not know: which faults there are, and how scripts are run.

use std::collections::BTreeSet;

use super::enumerate::{RunPlan, Scope};
use super::signature::{Judgement, Signature};
use super::workload::{Ending, Workload};
use crate::contract::Verdict;
use crate::runner::difference::Difference;
use crate::runner::{ReachedCall, RunSummary};

/// What a workload does without any fault.
#[derive(Clone, Debug)]
pub struct DryRun {
    pub reached: Vec<ReachedCall>,
    pub verdict: Verdict,
    /// What the server lacks that the workload needs; nothing is swept then.
    pub lacks: Option<String>,
    /// What the power cuts at the end come to by themselves.
    pub power_cuts: Vec<(Ending, Option<Verdict>)>,
}

/// Why a workload is not swept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    pub why: String,
    /// The case itself is wrong.
    pub bad_case: bool,
    /// It breaks a promise by itself, which is a finding.
    pub alone: Option<Alone>,
}

/// What a workload comes to without any fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alone {
    pub judgement: Judgement,
    /// The last call that it makes.
    pub last: ReachedCall,
}

impl DryRun {
    /// The scripts to be run: the dry run, the same again, and with each power cut at its end.
    pub fn scripts(workload: &Workload) -> Vec<String> {
        let dry = workload.dry();
        let power_cuts = Ending::POWER_CUTS.map(|ending| workload.script(&[], ending));
        [dry.clone(), dry].into_iter().chain(power_cuts).collect()
    }

    /// From what these scripts came to. None: some are missing.
    pub fn of(summaries: Vec<Option<RunSummary>>) -> Option<Result<DryRun, Objection>> {
        let summaries: Vec<RunSummary> = summaries.into_iter().collect::<Option<_>>()?;
        let [dry, again, power_cuts @ ..] = summaries.as_slice() else { return None };
        if let Some(why) = objection(dry, again) {
            let bad_case = dry.wrong().is_some();
            return Some(Err(Objection { why, bad_case, alone: Alone::of(dry, again) }));
        }
        let verdicts = power_cuts.iter().map(|cut| Signature::of(cut).map(|it| it.verdict));
        let power_cuts = Ending::POWER_CUTS.into_iter().zip(verdicts).collect();
        // What came before the server was found to lack what the case needs is no part of it.
        let lacks = (dry.verdict == Verdict::NotApplicable).then(|| sentence(dry).to_string());
        let reached = if lacks.is_some() { Vec::new() } else { dry.reached.clone() };
        Some(Ok(DryRun { reached, verdict: dry.verdict, lacks, power_cuts }))
    }

    /// All that is swept. Where a power cut at the end alone breaks a promise, a fault before it
    /// would be blamed for that, so there are no runs with that ending.
    pub fn plan(&self, workload: &Workload, scope: Scope<'_>) -> RunPlan {
        let mut plan = RunPlan::of(workload, &self.reached, scope);
        let telling = self.telling_endings();
        plan.runs.retain(|run| telling.contains(&run.ending));
        plan
    }

    /// The endings that break no promise by themselves.
    pub fn telling_endings(&self) -> BTreeSet<Ending> {
        let fine = |verdict: &Option<Verdict>| {
            matches!(verdict, Some(Verdict::Kept | Verdict::LostAllowed))
        };
        let broken = self.power_cuts.iter().filter(|(_, verdict)| !fine(verdict));
        let broken: BTreeSet<Ending> = broken.map(|(ending, _)| *ending).collect();
        Ending::ALL.into_iter().filter(|ending| !broken.contains(ending)).collect()
    }
}

impl Alone {
    fn of(dry: &RunSummary, again: &RunSummary) -> Option<Alone> {
        let says_something = dry.trace == again.trace && dry.wrong().is_none();
        let finding = says_something && dry.verdict.is_broken_promise();
        let last = dry.reached.last().filter(|_| finding)?.clone();
        Some(Alone { judgement: Judgement::of(dry), last })
    }
}

/// Why there is nothing to sweep.
fn objection(dry: &RunSummary, again: &RunSummary) -> Option<String> {
    if let Some(difference) = Difference::between(&dry.trace, &again.trace) {
        let shown = difference.shown("run 1", "run 2");
        return Some(format!("it is not deterministic: two dry runs differ in {shown}"));
    }
    if let Some(failure) = dry.wrong() {
        let (line, message) = (failure.line, &failure.message);
        return Some(format!("its dry run went wrong in line {line}: {message}"));
    }
    let fine = !dry.verdict.is_broken_promise() && !dry.verdict.is_no_measurement();
    (!fine)
        .then(|| format!("its dry run, without any fault, is {}: {}", dry.verdict, sentence(dry)))
}

/// What was said with its verdict.
fn sentence(dry: &RunSummary) -> &str {
    let found = dry.rulings.iter().find(|ruling| ruling.verdict == dry.verdict);
    found.map(|ruling| ruling.sentence.as_str()).unwrap_or_default()
}
