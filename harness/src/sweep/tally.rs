//! What counts, decided once: headlines, tables, JUnit and exit codes all take their numbers here.
//!
//! Every run and every case that counts falls into exactly one [`Class`], so the classes add up to
//! the whole. A record does not count if another one already says the same, or if only a disk shows
//! it that keeps nothing but what was synced by name ([`Record::is_counted`]). Must not know: how
//! numbers are printed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::accepted::Accepted;
use super::record::{Record, Sweep};
use super::signature::RunResult;
use crate::contract::Verdict;

/// What a run or a case came to, the worst first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// It broke a promise that nobody has accepted to be broken.
    Broken,
    /// The machine, the world or the harness could not do it.
    NotMeasured,
    /// It broke a promise, and a file of accepted findings says why that is known.
    Accepted,
    /// Promised writes are gone, but a client had been told; or something leaked.
    NearlyBroken,
    LostByLie,
    LostAllowed,
    Litter,
    Kept,
    /// A case that went as it says, or otherwise without breaking a promise.
    CaseAsExpected,
    /// The server lacks what a case is about.
    NotApplicable,
    /// The fault met no call.
    NothingInjected,
}

impl Class {
    /// All of them, the worst first.
    pub const ALL: [Class; 11] = [
        Class::Broken,
        Class::NotMeasured,
        Class::Accepted,
        Class::NearlyBroken,
        Class::LostByLie,
        Class::LostAllowed,
        Class::Litter,
        Class::Kept,
        Class::CaseAsExpected,
        Class::NotApplicable,
        Class::NothingInjected,
    ];

    /// That of a run whose finding, if it is one, is accepted or not.
    pub fn of_run(result: RunResult, is_accepted: bool) -> Class {
        match result {
            RunResult::NothingInjected => Class::NothingInjected,
            RunResult::Judged(verdict) if verdict.is_broken_promise() => match is_accepted {
                true => Class::Accepted,
                false => Class::Broken,
            },
            RunResult::Judged(verdict) if verdict.is_no_measurement() => match is_accepted {
                true => Class::Accepted,
                false => Class::NotMeasured,
            },
            RunResult::Judged(Verdict::LostReported | Verdict::Leaked) => Class::NearlyBroken,
            RunResult::Judged(Verdict::LostByLie) => Class::LostByLie,
            RunResult::Judged(Verdict::LostAllowed) => Class::LostAllowed,
            RunResult::Judged(Verdict::Litter) => Class::Litter,
            RunResult::Judged(Verdict::NotApplicable) => Class::NotApplicable,
            RunResult::Judged(_) => Class::Kept,
        }
    }
}

/// How many of each class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally(BTreeMap<Class, usize>);

impl Tally {
    /// The runs of one sweep.
    pub fn of_sweep(sweep: &Sweep, accepted: &Accepted) -> Tally {
        let class = |record: &Record| record.class(&sweep.workload, accepted);
        sweep.records.iter().filter_map(class).collect()
    }

    /// The runs of several.
    pub fn of_sweeps(sweeps: &[Sweep], accepted: &Accepted) -> Tally {
        sweeps.iter().map(|sweep| Tally::of_sweep(sweep, accepted)).sum()
    }

    pub fn count(&self, class: Class) -> usize {
        self.0.get(&class).copied().unwrap_or_default()
    }

    /// All that was counted.
    pub fn total(&self) -> usize {
        self.0.values().sum()
    }

    /// Those of which there are some, the worst first.
    pub fn classes(&self) -> impl Iterator<Item = Class> + '_ {
        self.0.keys().copied()
    }
}

impl FromIterator<Class> for Tally {
    fn from_iter<I: IntoIterator<Item = Class>>(classes: I) -> Tally {
        let mut counts = BTreeMap::new();
        classes.into_iter().for_each(|class| *counts.entry(class).or_default() += 1);
        Tally(counts)
    }
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Tally>>(tallies: I) -> Tally {
        tallies.fold(Tally::default(), |mut all, one| {
            one.0.into_iter().for_each(|(class, count)| *all.0.entry(class).or_default() += count);
            all
        })
    }
}

impl Record {
    /// Whether it is a run that counts. It does not if only a disk shows it that keeps nothing but
    /// what was synced by name, if another order of tasks only came to the same, if a stronger file
    /// system left this state, too, or if it is the check that no call follows the last one.
    pub fn is_counted(&self) -> bool {
        let own = self.cut.is_none_or(|cut| self.fs() == Some(cut.fs));
        let is_end = self.past_last_call && self.result == RunResult::NothingInjected;
        own && !self.same_as_default_order && !self.is_posix() && !is_end
    }

    /// Its class; None: it does not count.
    pub fn class(&self, workload: &str, accepted: &Accepted) -> Option<Class> {
        let is_accepted = || self.is_finding() && accepted.run(workload, self).is_some();
        self.is_counted().then(|| Class::of_run(self.result, is_accepted()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Cut;
    use crate::sweep::{Ending, Kind};

    fn record(fault: &str, result: RunResult) -> Record {
        Record {
            site: "parent.aof.write#1".parse().expect("a site"),
            place: 0,
            fault: fault.parse().expect("a fault"),
            kind: Kind::Error,
            ending: Ending::Killed,
            result,
            cut: None,
            images: 0,
            sampled: false,
            sentence: String::new(),
            reason: None,
            token: String::new(),
            same_as_default_order: false,
            past_last_call: false,
        }
    }

    #[test]
    fn every_verdict_has_one_class_and_a_broken_promise_none_but_broken_or_accepted() {
        for verdict in Verdict::ALL {
            let class = Class::of_run(RunResult::Judged(verdict), false);
            assert_eq!(class == Class::Broken, verdict.is_broken_promise(), "{verdict}");
            assert_eq!(class == Class::NotMeasured, verdict.is_no_measurement(), "{verdict}");
            assert!(Class::ALL.contains(&class));
        }
        let classes = Class::ALL.windows(2);
        assert!(classes.into_iter().all(|pair| pair[0] < pair[1]), "each once, in order");
    }

    #[test]
    fn what_another_record_says_already_is_not_counted_again() {
        let lost = RunResult::Judged(Verdict::Lost);
        let cut: Cut = "none@ext4".parse().expect("a cut");
        let own = Record { cut: Some(cut), ..record("ext4<", lost) };
        let repeated = Record { cut: Some(cut), ..record("xfs<", lost) };
        let usual = Record { same_as_default_order: true, ..record("EIO", lost) };
        let nothing = RunResult::NothingInjected;
        let end = Record { past_last_call: true, ..record("EIO", nothing) };
        let kept = record("xfs<", RunResult::Judged(Verdict::Kept));
        let posix = record("posix<", lost);
        let records = vec![own, repeated, usual, end, kept, posix, record("EIO", nothing)];
        let sweep = Sweep { workload: "w".to_string(), records, ..Sweep::default() };
        let tally = Tally::of_sweep(&sweep, &Accepted::default());
        let counts = [Class::Broken, Class::Kept, Class::NothingInjected];
        assert_eq!(counts.map(|class| tally.count(class)), [1, 1, 1]);
        assert_eq!(tally.total(), 3);
    }
}
