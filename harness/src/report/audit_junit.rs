//! An audit as JUnit: a suite for the cases, and one for each sweep.
//!
//! Must not know: how an audit is made.

use super::junit::{self, Became, Suite, Test};
use super::sweep_junit;
use crate::audit::record::{Audit, CaseRecord, CaseResult, Times};
use crate::sweep::accepted::Accepted;

/// The report as XML.
///
/// # Errors
/// When a text cannot be written as XML.
pub fn write(audit: &Audit, accepted: &Accepted, times: &Times) -> Result<String, String> {
    let cases = ("cases".to_string(), audit.cases.iter().map(test).collect(), Some(times.cases));
    let took = |n: usize| times.sweeps.get(n).copied();
    let sweeps = audit.sweeps.iter().enumerate();
    let sweeps = sweeps.map(|(n, sweep)| sweep_junit::suite(sweep, accepted, took(n)));
    let suites: Vec<Suite> = std::iter::once(cases).chain(sweeps).collect();
    junit::write(&format!("sabot audit of {}", audit.server), &suites)
}

fn test(case: &CaseRecord) -> Test {
    let (folder, name) = case.name.split_once('/').unwrap_or(("", &case.name));
    let verdict = case.verdict.to_string();
    let notes = case.notes.join("\n");
    let became = match (case.result, &case.accepted) {
        (CaseResult::AsExpected | CaseResult::Otherwise, _) => Became::Passed,
        (CaseResult::NotApplicable, _) => Became::Skipped(notes),
        (CaseResult::Broken, Some(why)) => Became::Skipped(format!("accepted: {why}")),
        (CaseResult::Broken, None) => {
            Became::Failed(verdict, format!("{}\n{notes}", case.sentence))
        }
        (CaseResult::NotMeasured, _) => Became::Errored(verdict, notes),
    };
    (folder.to_string(), name.to_string(), became)
}
