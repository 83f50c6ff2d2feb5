//! What a sweep found, in words: counts, the matrix, the findings.
//!
//! Must not know: how it was found.

use super::matrix::{Cell, Matrix};
use crate::contract::{Reason, Verdict};
use crate::kernel::disk::power_cut::FsModel;
use crate::sweep::blamed::Blamed;
use crate::sweep::finding::{self, CauseAcrossSweeps, Finding, findings};
use crate::sweep::{Fault, Kind, Record, RunResult, Sweep};

/// Counts and matrix: what stays the same as long as the server does the same.
pub fn matrix(sweep: &Sweep) -> String {
    matrix_within(sweep, usize::MAX)
}

/// The same in lines of so many characters, if that is possible.
pub fn matrix_within(sweep: &Sweep, width: usize) -> String {
    if let Some(why) = &sweep.refused {
        return format!("{} in {}: not swept: {why}\n", sweep.workload, sweep.world);
    }
    let alone = sweep.records.iter().filter(|record| is_shown(record));
    let cells = alone.map(|record| Cell {
        site: record.site.first.clone(),
        fault: column(record),
        ending: record.ending,
        verdict: record.verdict(),
    });
    format!("{}\n{}", counts(sweep), Matrix::of(cells).render(width))
}

/// Whether the matrix has a cell for the run.
pub fn is_shown(record: &Record) -> bool {
    let default = !record.same_as_default_order;
    !record.past_last_call && !record.site.is_pair() && !record.is_posix() && default
}

/// An order of tasks has one column, whatever else went wrong: what it came to alone, and what it
/// made of a fault that ends otherwise in the default order.
pub fn column(record: &Record) -> String {
    match &record.fault.first {
        Fault::Order { first, .. } => first.to_string(),
        Fault::Call(_) | Fault::None => record.fault.to_string(),
    }
}

/// Everything that was done and everything that was not.
pub fn counts(sweep: &Sweep) -> String {
    let mut parts: Vec<String> = Vec::new();
    let runs = || sweep.records.iter().filter(|record| !record.is_cut());
    for verdict in Verdict::ALL {
        let count = runs().filter(|record| record.result == RunResult::Judged(verdict)).count();
        if count > 0 {
            parts.push(format!("{count} {verdict}"));
        }
    }
    let mut text = format!(
        "{}: {} sites, {} runs: {}\n",
        sweep.workload,
        sweep.sites(),
        runs().count(),
        parts.join(", ")
    );
    let ends = sweep.count(RunResult::NothingInjected) - sweep.missed();
    text.push_str(&format!(
        "{ends} end-of-axis checks injected nothing (expected); {} calls that found nothing to do \
         were left out\n",
        sweep.idle
    ));
    if sweep.left_out > 0 {
        let words = "as many kinds as possible";
        text.push_str(&format!("a sample ({words}): {} runs were left out\n", sweep.left_out));
    }
    text.push_str(&pairs(sweep));
    if sweep.missed() > 0 {
        text.push_str(&format!("{} other runs injected nothing\n", sweep.missed()));
    }
    text.push_str(&cuts(sweep));
    if sweep.is_partial() {
        text.push_str(&format!("{}\n", sweep.missing()));
    }
    text
}

/// How many pairs were made, and how many were not.
fn pairs(sweep: &Sweep) -> String {
    let made = sweep.records.iter().filter(|record| record.site.is_pair());
    let made = made.filter(|record| record.fs().is_none_or(|fs| fs == FsModel::Ext4)).count();
    let left_out = sweep.pairs_left_out;
    match made + left_out {
        0 => String::new(),
        _ => format!(
            "{made} of these runs are pairs, of as many kinds as possible; {left_out} more were \
             left out\n"
        ),
    }
}

/// What cutting the power came to.
pub fn cuts(sweep: &Sweep) -> String {
    let in_order = cuts_of(sweep, Kind::Power, false, "the power cut");
    let orders = cuts_of(sweep, Kind::Order, false, "behind other orders of tasks the power cut");
    in_order + &orders + &cuts_of(sweep, Kind::Power, true, "behind a first fault the power cut")
}

fn cuts_of(sweep: &Sweep, kind: Kind, pairs: bool, what: &str) -> String {
    let of_kind = move |record: &&Record| {
        record.kind == kind && record.is_cut() && record.site.is_pair() == pairs
    };
    let cuts = || sweep.records.iter().filter(of_kind).filter(|record| !record.past_last_call);
    let images: u64 = cuts().map(|record| record.images).sum();
    if images == 0 {
        return String::new();
    }
    let of = |fs| cuts().filter(move |record| record.fs() == Some(fs));
    let told: Vec<FsModel> =
        FsModel::ALL.into_iter().filter(|fs| of(*fs).next().is_some()).collect();
    let broken = told.iter().map(|fs| {
        let broken = of(*fs).filter(|r| !r.same_as_default_order);
        let broken = broken.filter(|r| r.verdict().is_some_and(|v| v.is_broken_promise()));
        format!("{fs} at {}", broken.count())
    });
    let broken: Vec<String> = broken.collect();
    // The weakest model allows all that the others do; an audit leaves posix out.
    let weakest = told.last().copied().unwrap_or(FsModel::Posix);
    let points = of(weakest).count();
    let sampled = of(weakest).filter(|record| record.sampled).count();
    let how = match sampled {
        0 => "which are all of them".to_string(),
        _ => format!("at {sampled} of them a sample"),
    };
    format!(
        "{what} at {points} points: {images} states, {how}; a promise broken under {}\n",
        broken.join(", ")
    )
}

/// Each finding in a few lines; with its token where `tokens`; where `posix`, also what only a disk
/// shows that keeps nothing but what was synced by name.
pub fn told(sweep: &Sweep, tokens: bool, posix: bool) -> String {
    let findings = findings(sweep);
    let told = findings.iter().filter(|finding| posix || !finding.example.is_posix());
    told.map(|finding| tell(finding, tokens)).collect()
}

fn tell(finding: &Finding, tokens: bool) -> String {
    let Finding { verdict, axes, faults, count, example, cause, .. } = finding;
    let runs = if *count == 1 { "1 run".to_string() } else { format!("{count} runs") };
    let place = match &cause.blamed {
        Blamed::PosixCut => "power cut, with nothing kept but what was synced by name".to_string(),
        blamed if blamed.is_calls() => some(&texts(axes)),
        blamed => blamed.to_string(),
    };
    let mut text = format!("{verdict}  {place}  {} ({runs})\n", texts(faults).join("; "));
    text.push_str(&format!("    {}\n", sentence(example)));
    text.push_str(&format!("    for example {}\n", finding::example_of(example)));
    if tokens {
        text.push_str(&format!("    {}\n", example.token));
    }
    text
}

/// What became of a run; where a start was refused, with the server's own words.
fn sentence(record: &Record) -> String {
    match &record.reason {
        Some(Reason::Refused { says: Some(says), .. }) => format!("{}: {says}", record.sentence),
        _ => record.sentence.clone(),
    }
}

fn texts(list: &[impl ToString]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// A few of them by name.
fn some(names: &[String]) -> String {
    match names {
        [_, _, _, _, rest @ ..] if !rest.is_empty() => {
            format!("{} and {} more", names[..3].join(", "), names.len() - 3)
        }
        _ => names.join(", "),
    }
}

/// What the sweeps came to together: each cause once, the worst first, with one token.
pub fn causes(sweeps: &[Sweep], posix: bool) -> String {
    let tell = |cause: &CauseAcrossSweeps<'_>| {
        let (sweep, example) = &cause.example;
        let (sentence, token) = (sentence(example), &example.token);
        let shown = finding::example_of(example);
        let places = some(&cause.places);
        format!(
            "{}  {} runs  {places}\n    {sentence}\n    for example {}, {shown}\n    {token}\n",
            cause.verdict, cause.count, sweep.workload
        )
    };
    let causes = finding::causes(sweeps);
    let told = causes.iter().filter(|cause| posix || !cause.example.1.is_posix());
    told.map(tell).collect()
}
