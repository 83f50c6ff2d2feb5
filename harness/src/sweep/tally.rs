//! What counts, decided once: headlines, tables, JUnit and exit codes all take their numbers here.
//!
//! Every run and every case that counts falls into exactly one [`Class`], so the classes add up to
//! the whole. A record does not count if another one already says the same, or if only a disk shows
//! it that keeps nothing but what was synced by name ([`Record::is_counted`]). A workload that
//! could not be swept counts as one run that was not measured. Must not know: how numbers are
//! printed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::accepted::Accepted;
use super::class::Class;
use super::record::{Record, Sweep};
use super::signature::RunResult;

/// How many of each class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally(BTreeMap<Class, usize>);

impl Tally {
    /// The runs of one sweep.
    pub fn of_sweep(sweep: &Sweep, accepted: &Accepted) -> Tally {
        let class = |record: &Record| record.class(&sweep.workload, accepted);
        let refused = sweep.refused.iter().map(|_| Class::NotMeasured);
        sweep.records.iter().filter_map(class).chain(refused).collect()
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

impl Sweep {
    /// Writes down at each run what it counts as, for readers of the JSON.
    pub fn classify(&mut self, accepted: &Accepted) {
        for record in &mut self.records {
            record.counts_as = record.class(&self.workload, accepted);
        }
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
    use std::collections::BTreeSet;

    use super::*;
    use crate::contract::Verdict;
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
            lacks: BTreeSet::new(),
            images: 0,
            sampled: false,
            sentence: String::new(),
            reason: None,
            token: String::new(),
            same_as_default_order: false,
            past_last_call: false,
            counts_as: None,
        }
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
        let mut sweep = Sweep { workload: "w".to_string(), records, ..Sweep::default() };
        let tally = Tally::of_sweep(&sweep, &Accepted::default());
        let counts = [Class::Broken, Class::Kept, Class::NothingInjected];
        assert_eq!(counts.map(|class| tally.count(class)), [1, 1, 1]);
        assert_eq!(tally.total(), 3);
        sweep.classify(&Accepted::default());
        let classes: Tally = sweep.records.iter().filter_map(|record| record.counts_as).collect();
        assert_eq!(classes, tally, "the records of a JSON file add up to its counts");
    }

    #[test]
    fn a_workload_that_could_not_be_swept_is_not_measured() {
        let sweep = Sweep { refused: Some("two dry runs differ".to_string()), ..Sweep::default() };
        let tally = Tally::of_sweep(&sweep, &Accepted::default());
        assert_eq!((tally.count(Class::NotMeasured), tally.total()), (1, 1));
    }
}
