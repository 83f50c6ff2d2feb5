//! Two reports of one kind, compared: is an upgrade safe?
//!
//! | change | when |
//! |---|---|
//! | worse | the same run or case breaks a promise now, or loses what is at least announced |
//! | better | the other way round |
//! | other | another verdict that weighs the same |
//! | new, gone | only one of them has this run: there is nothing to compare it with |
//!
//! Reports are compared only if they are to hold the same: one configuration, one sample, one
//! shard. Must not know: where reports are, and how a difference is told.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::record::{Audit, CaseRecord, FORMAT};
use crate::contract::Verdict;
use crate::sweep::file::{self, changes};
use crate::sweep::{File, RunResult, Shard};

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    Sweep(File),
    Audit(Box<Audit>),
}

/// How a run or a case is now, as against before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    Worse,
    /// Something was found out before, and nothing now.
    Unmeasured,
    Better,
    Other,
    New,
    Gone,
}

/// One run or case that came out differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    pub change: Change,
    /// The case, or the workload with its site and fault.
    pub place: String,
    /// None: it was not run.
    pub old: Option<Verdict>,
    pub new: Option<Verdict>,
    /// What is said about the new run, where something is.
    pub sentence: String,
    /// Replays the new run, where it is a finding.
    pub token: String,
}

impl Report {
    /// # Errors
    /// Says why the text is neither the report of a sweep nor that of an audit.
    pub fn read(text: &str) -> Result<Report, String> {
        let format = serde_json::from_str::<serde_json::Value>(text).ok();
        let is_audit = format.is_some_and(|value| value.get("format") == Some(&FORMAT.into()));
        match is_audit {
            true => Audit::read(text).map(|audit| Report::Audit(Box::new(audit))),
            false => File::read(text).map(Report::Sweep),
        }
    }

    /// Whether it does not hold all the runs there are.
    pub fn is_part(&self) -> bool {
        match self {
            Report::Sweep(file) => file.shard != Shard::WHOLE.to_string() || self.is_cut_short(),
            Report::Audit(audit) => audit.sample.is_some() || self.is_cut_short(),
        }
    }

    /// Whether it does not even hold all the runs that it was to hold.
    pub fn is_cut_short(&self) -> bool {
        match self {
            Report::Sweep(file) => !file.missing().is_empty(),
            Report::Audit(audit) => !audit.file().missing().is_empty(),
        }
    }
}

/// Why two reports cannot be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Incomparable {
    #[error("one is the report of a sweep and the other of an audit")]
    Kinds,
    #[error("one ran under another configuration than the other")]
    Configurations,
    #[error("one is a sample of another size than the other")]
    Samples,
    #[error("one holds other shards of a sweep than the other")]
    Shards,
}

/// All that changed, cases first.
///
/// # Errors
/// When the reports are not of the same kind, or are not to hold the same.
pub fn compare(old: &Report, new: &Report) -> Result<Vec<Changed>, Incomparable> {
    match (old, new) {
        (Report::Sweep(old), Report::Sweep(new)) if old.part() != new.part() => {
            Err(Incomparable::Shards)
        }
        (Report::Sweep(old), Report::Sweep(new)) => Ok(runs(old, new)),
        (Report::Audit(old), Report::Audit(new)) => {
            let kept = |audit: &Audit| audit.config.as_ref().map(|config| config.kept.clone());
            match () {
                () if kept(old) != kept(new) => return Err(Incomparable::Configurations),
                () if old.sample != new.sample => return Err(Incomparable::Samples),
                () => {}
            }
            let mut changed = cases(&old.cases, &new.cases);
            changed.extend(runs(&old.file(), &new.file()));
            Ok(changed)
        }
        _ => Err(Incomparable::Kinds),
    }
}

/// What a verdict weighs: a broken promise, one that was nearly broken, or nothing.
pub(super) fn weight(verdict: Verdict) -> u8 {
    match verdict {
        verdict if verdict.is_broken_promise() => 2,
        Verdict::LostReported | Verdict::Leaked | Verdict::Surprise => 1,
        _ => 0,
    }
}

fn change(old: Option<Verdict>, new: Option<Verdict>) -> Change {
    match (old, new) {
        (None, _) => Change::New,
        (_, None) => Change::Gone,
        (Some(old), Some(new)) if new.is_no_measurement() && !old.is_no_measurement() => {
            Change::Unmeasured
        }
        (Some(old), Some(new)) => match weight(new).cmp(&weight(old)) {
            Ordering::Greater => Change::Worse,
            Ordering::Less => Change::Better,
            Ordering::Equal => Change::Other,
        },
    }
}

fn cases(old: &[CaseRecord], new: &[CaseRecord]) -> Vec<Changed> {
    let by_name = |cases: &[CaseRecord]| -> BTreeMap<String, CaseRecord> {
        cases.iter().map(|case| (case.name.clone(), case.clone())).collect()
    };
    let (old, new_cases) = (by_name(old), by_name(new));
    let mut names: Vec<&String> = old.keys().chain(new_cases.keys()).collect();
    names.sort();
    names.dedup();
    let changed = |name: &String| {
        let state = |cases: &BTreeMap<String, CaseRecord>| {
            cases.get(name).map(|case| (case.verdict, case.result))
        };
        let (before, after) = (state(&old), state(&new_cases));
        let verdict = |state: Option<(Verdict, _)>| state.map(|(verdict, _)| verdict);
        let (old, new) = (verdict(before), verdict(after));
        (before != after).then(|| Changed {
            change: change(old, new),
            place: name.clone(),
            old,
            new,
            sentence: new_cases.get(name).map(|case| case.sentence.clone()).unwrap_or_default(),
            token: new_cases.get(name).map(|case| case.token.clone()).unwrap_or_default(),
        })
    };
    names.into_iter().filter_map(changed).collect()
}

fn runs(old: &File, new: &File) -> Vec<Changed> {
    let (old, new) = (&counted(old), &counted(new));
    let changed = |run: file::Change| {
        let judged = |came: Option<RunResult>| match came {
            Some(RunResult::Judged(verdict)) => Some(verdict),
            Some(RunResult::NothingInjected) | None => None,
        };
        let (old, new) = (judged(run.old), judged(run.new));
        let place = format!("{} {}: {}", run.workload, run.site, run.fault);
        let change = change(old, new);
        let (sentence, token) = (run.sentence, run.token);
        let changed = Changed { change, place, old, new, sentence, token };
        (changed.old.is_some() || changed.new.is_some()).then_some(changed)
    };
    changes(old, new).into_iter().filter_map(changed).collect()
}

/// The report without what only a disk shows that keeps nothing but what was synced by name.
fn counted(file: &File) -> File {
    let mut file = file.clone();
    file.sweeps.iter_mut().for_each(|sweep| sweep.records.retain(|record| !record.is_posix()));
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_weighs_more_is_worse() {
        use Verdict::{Diverged, Kept, Lost, LostAllowed, LostReported, NotMeasured};
        for (old, new, expected) in [
            (Kept, Lost, Change::Worse),
            (LostReported, Lost, Change::Worse),
            (Kept, LostReported, Change::Worse),
            (Lost, Kept, Change::Better),
            (Kept, LostAllowed, Change::Other),
            (Lost, Diverged, Change::Other),
            (Kept, NotMeasured, Change::Unmeasured),
        ] {
            assert_eq!(change(Some(old), Some(new)), expected, "{old} {new}");
        }
        assert_eq!(change(None, Some(Kept)), Change::New);
        assert_eq!(change(Some(Kept), None), Change::Gone);
    }
}
