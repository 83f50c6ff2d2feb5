//! What a sweep found, in words: counts, the matrix, the findings; and the same for machines.
//!
//! Must not know: how it was found.

use crate::contract::Verdict;
use crate::report::junit::{self, Became};
use crate::report::matrix::{Cell, Matrix};
use crate::sweep::finding::{Finding, findings};
use crate::sweep::{Came, File, Record, Sweep};

use super::accepted::Accepted;

/// Counts and matrix: what stays the same as long as the server does the same.
pub fn matrix(sweep: &Sweep) -> String {
    if let Some(why) = &sweep.refused {
        return format!("{} in {}: not swept: {why}\n", sweep.workload, sweep.world);
    }
    let alone = sweep.records.iter().filter(|record| !record.beyond && !is_pair(record));
    let cells = alone.map(|record| Cell {
        site: record.site.clone(),
        fault: record.fault.clone(),
        verdict: record.verdict(),
    });
    format!("{}\n{}", counts(sweep), Matrix::of(cells).render())
}

fn is_pair(record: &Record) -> bool {
    record.site.contains(" + ")
}

/// Everything that was done and everything that was not.
pub fn counts(sweep: &Sweep) -> String {
    let mut parts: Vec<String> = Vec::new();
    for verdict in Verdict::ALL {
        let count = sweep.count(Came::Judged(verdict));
        if count > 0 {
            parts.push(format!("{count} {verdict}"));
        }
    }
    let mut text = format!(
        "{}: {} sites, {} runs: {}\n",
        sweep.workload,
        sweep.sites(),
        sweep.records.len(),
        parts.join(", ")
    );
    let ends = sweep.count(Came::NothingInjected) - sweep.missed();
    text.push_str(&format!(
        "{ends} ends of axes injected nothing, as they must; {} calls that found nothing to do \
         were left out\n",
        sweep.idle
    ));
    if sweep.missed() > 0 {
        text.push_str(&format!("{} other runs injected nothing\n", sweep.missed()));
    }
    if sweep.is_partial() {
        let undone = sweep.planned - sweep.records.len();
        text.push_str(&format!("partial: {undone} of {} runs were not made\n", sweep.planned));
    }
    text
}

/// Each finding in a few lines; with its token where `tokens`.
pub fn told(sweep: &Sweep, tokens: bool) -> String {
    findings(sweep).iter().map(|finding| tell(finding, tokens)).collect()
}

fn tell(finding: &Finding, tokens: bool) -> String {
    let Finding { verdict, axis, faults, count, example } = finding;
    let runs = if *count == 1 { "1 run".to_string() } else { format!("{count} runs") };
    let mut text = format!("{verdict}  {axis}  {} ({runs})\n", faults.join("; "));
    text.push_str(&format!("    {}\n", example.sentence));
    let (site, fault, ending) = (&example.site, &example.fault, example.ending.words());
    text.push_str(&format!("    for example {site}: {fault}, {ending}\n"));
    if tokens {
        text.push_str(&format!("    {}\n", example.token));
    }
    text
}

/// The report as JUnit: a suite for each workload and world, a test for each cell.
///
/// # Errors
/// When a text cannot be written as XML.
pub fn junit(file: &File, accepted: &Accepted) -> Result<String, String> {
    let suites: Vec<_> = file.sweeps.iter().map(|sweep| suite(sweep, accepted)).collect();
    junit::write("sabot sweep", &suites)
}

/// The suite of one sweep; what is accepted is a skipped test, with the reason.
pub fn suite(sweep: &Sweep, accepted: &Accepted) -> (String, Vec<junit::Test>) {
    let name = format!("{} in {}", sweep.workload, sweep.world);
    let mut tests: Vec<junit::Test> = Vec::new();
    if let Some(why) = &sweep.refused {
        let became = Became::Errored("not swept".to_string(), why.clone());
        tests.push((name.clone(), "dry run".to_string(), became));
    }
    for record in sweep.records.iter().filter(|record| !record.beyond) {
        let test = format!("{}, {}", record.fault, record.ending.words());
        let known = accepted.run(&sweep.workload, record).filter(|_| record.is_finding());
        let became =
            known.map_or_else(|| became(record), |why| Became::Skipped(format!("accepted: {why}")));
        tests.push((record.site.clone(), test, became));
    }
    (name, tests)
}

fn became(record: &Record) -> Became {
    let message = format!("{}\n{}", record.sentence, record.token);
    match record.verdict() {
        None => Became::Skipped("nothing was injected".to_string()),
        Some(verdict) if verdict.is_broken_promise() => {
            Became::Failed(verdict.to_string(), message)
        }
        Some(verdict) if verdict.is_no_measurement() => {
            Became::Errored(verdict.to_string(), message)
        }
        Some(_) => Became::Passed,
    }
}
