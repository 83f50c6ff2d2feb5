//! A sweep as JUnit: a suite for each workload and world, a test for each run.
//!
//! Must not know: how it was found.

use std::time::Duration;

use super::junit::{self, Became};
use crate::sweep::accepted::Accepted;
use crate::sweep::{Class, File, Record, Sweep};

/// The report as JUnit: a suite for each workload and world, a test for each cell; `times` are how
/// long the sweeps took, as far as that is known.
///
/// # Errors
/// When a text cannot be written as XML.
pub fn junit(file: &File, accepted: &Accepted, times: &[Duration]) -> Result<String, String> {
    let suites = file.sweeps.iter().enumerate();
    let mut suites: Vec<_> =
        suites.map(|(n, sweep)| suite(sweep, accepted, times.get(n).copied())).collect();
    let missing = file.missing();
    if !missing.is_empty() {
        let why = format!("{}, and what is not here was not tried", missing.join("; "));
        let became = Became::Errored("partial".to_string(), why);
        let test = ("report".to_string(), "complete".to_string(), became);
        suites.insert(0, ("sabot sweep".to_string(), vec![test], None));
    }
    junit::write("sabot sweep", &suites)
}

/// The suite of one sweep; what is accepted is a skipped test, with the reason.
pub fn suite(sweep: &Sweep, accepted: &Accepted, took: Option<Duration>) -> junit::Suite {
    let name = format!("{} in {}", sweep.workload, sweep.world);
    let mut tests: Vec<junit::Test> = Vec::new();
    if let Some(why) = &sweep.refused {
        let became = Became::Errored("not swept".to_string(), why.clone());
        tests.push((name.clone(), "dry run".to_string(), became));
    }
    if sweep.is_partial() {
        let became = Became::Errored("partial".to_string(), sweep.missing());
        tests.push((name.clone(), "complete".to_string(), became));
    }
    for record in &sweep.records {
        let Some(class) = record.class(&sweep.workload, accepted) else { continue };
        let test = format!("{}, {}", record.fault, record.ending.words());
        let why = || accepted.run(&sweep.workload, record).unwrap_or_default();
        tests.push((record.site.to_string(), test, became(record, class, why)));
    }
    (name, tests, took)
}

fn became(record: &Record, class: Class, accepted: impl Fn() -> String) -> Became {
    let verdict = || record.verdict().map(|verdict| verdict.to_string()).unwrap_or_default();
    let message = || format!("{}\n{}", record.sentence, record.token);
    match class {
        Class::Broken => Became::Failed(verdict(), message()),
        Class::NotMeasured => Became::Errored(verdict(), message()),
        Class::Accepted => Became::Skipped(format!("accepted: {}", accepted())),
        Class::NothingInjected => Became::Skipped("nothing was injected".to_string()),
        _ => Became::Passed,
    }
}
