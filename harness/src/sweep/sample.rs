//! A sample: some of many runs, so that no kind of run is left out because others are many.
//!
//! Each run is of one kind on several levels, from coarse to fine. Level by level, every kind of
//! which nothing was chosen yet gets one run, and what is left of the budget goes to the rest. Runs
//! are of groups (workloads), and of several that would do, one is taken of the group that has had
//! the least. Where the budget ends within a level, its kinds are spread evenly. The choice depends
//! on the runs alone, so it is the same everywhere. Must not know: what kinds are, and what a run
//! is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

/// How much of what could be tried is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sample {
    /// A tenth of everything, of as many kinds as possible over all workloads.
    Quick,
    /// So many runs of each workload, of as many kinds as possible.
    #[serde(untagged)]
    PerWorkload(u32),
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sample::Quick => f.write_str("a tenth of all runs"),
            Sample::PerWorkload(runs) => write!(f, "{runs} runs of each workload"),
        }
    }
}

/// One of those to choose from.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What it is on each level; None: nothing is wanted of it there.
    pub kinds: Vec<Option<u64>>,
    pub group: usize,
    /// At least 1.
    pub cost: u64,
}

/// A kind, by all that makes it one.
pub fn kind_of(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// The numbers of those that are chosen; their cost is at most `budget`.
pub fn choose(candidates: &[Candidate], budget: u64) -> BTreeSet<usize> {
    let mut choice =
        Choice { candidates, left: budget, chosen: BTreeSet::new(), had: BTreeMap::new() };
    let levels = candidates.iter().map(|it| it.kinds.len()).max().unwrap_or(0);
    for level in 0..levels {
        let open = choice.open(|it| it.kinds.get(level).copied().flatten());
        choice.take(&open);
    }
    let mut n = 0;
    let rest = choice.open(|_| {
        n += 1;
        Some(n)
    });
    choice.take(&rest);
    choice.chosen
}

struct Choice<'a> {
    candidates: &'a [Candidate],
    left: u64,
    chosen: BTreeSet<usize>,
    /// What each group has cost.
    had: BTreeMap<usize, u64>,
}

impl Choice<'_> {
    /// Kinds of which none was chosen, in the order in which they appear, each with all of it.
    fn open(&self, kind: impl FnMut(&Candidate) -> Option<u64>) -> Vec<Vec<usize>> {
        let kinds: Vec<Option<u64>> = self.candidates.iter().map(kind).collect();
        let known: BTreeSet<u64> = self.chosen.iter().filter_map(|n| kinds[*n]).collect();
        let mut places: BTreeMap<u64, usize> = BTreeMap::new();
        let mut open: Vec<Vec<usize>> = Vec::new();
        let kinds = kinds.into_iter().enumerate().filter_map(|(n, kind)| Some((n, kind?)));
        for (n, kind) in kinds.filter(|(_, kind)| !known.contains(kind)) {
            let place = *places.entry(kind).or_insert(open.len());
            if place == open.len() {
                open.push(Vec::new());
            }
            open[place].push(n);
        }
        open
    }

    /// One of each of these, as far as the budget goes.
    fn take(&mut self, open: &[Vec<usize>]) {
        let cost: u64 = open.iter().map(|kind| self.cheapest(kind)).sum();
        // Every so many of them, where not all can be paid.
        let share = |n: u64| u128::from(n) * u128::from(self.left) / u128::from(cost.max(1));
        let mut passed = 0;
        let mut wanted = Vec::new();
        for kind in open {
            let before = share(passed);
            passed += self.cheapest(kind);
            if cost <= self.left || share(passed) > before {
                wanted.push(kind);
            }
        }
        for kind in wanted {
            let had = |n: &usize| self.had.get(&self.candidates[*n].group).copied().unwrap_or(0);
            let next = kind.iter().min_by_key(|n| (had(n), self.candidates[**n].cost));
            if let Some(next) = next.copied() {
                self.pay(next);
            }
        }
    }

    fn cheapest(&self, kind: &[usize]) -> u64 {
        kind.iter().map(|n| self.candidates[*n].cost).min().unwrap_or(0)
    }

    fn pay(&mut self, next: usize) {
        let Candidate { group, cost, .. } = self.candidates[next];
        if cost <= self.left {
            self.left -= cost;
            *self.had.entry(group).or_default() += cost;
            self.chosen.insert(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        let one = (0..4_u64, 0..4_u64, 0..3_usize, 1..5_u64);
        let one = one.prop_map(|(coarse, fine, group, cost)| {
            let kinds = vec![Some(coarse), Some(kind_of(&(coarse, fine)))];
            Candidate { kinds, group, cost }
        });
        prop::collection::vec(one, 0..60)
    }

    proptest! {
        #[test]
        fn a_budget_holds_and_what_can_be_paid_is_of_every_kind(
            all in candidates(),
            budget in 0..120_u64,
        ) {
            let chosen = choose(&all, budget);
            let cost: u64 = chosen.iter().map(|n| all[*n].cost).sum();
            prop_assert!(cost <= budget);
            let dearest = all.iter().map(|it| it.cost).max().unwrap_or(0);
            for level in 0..2 {
                let kinds: BTreeSet<_> = all.iter().map(|it| it.kinds[level]).collect();
                let met: BTreeSet<_> = chosen.iter().map(|n| all[*n].kinds[level]).collect();
                // The levels before may have cost as much.
                let needed = kinds.len() as u64 * dearest * (level as u64 + 1);
                prop_assert!(budget < needed || met == kinds);
            }
            let whole: u64 = all.iter().map(|it| it.cost).sum();
            prop_assert!(budget < whole || chosen.len() == all.len());
        }
    }

    #[test]
    fn of_runs_that_are_alike_each_group_has_its_share() {
        let alike =
            |n: usize| Candidate { kinds: vec![Some(n as u64 % 10)], group: n / 10, cost: 1 };
        let all: Vec<Candidate> = (0..50).map(alike).collect();
        let mut groups: Vec<usize> = choose(&all, 10).into_iter().map(|n| all[n].group).collect();
        groups.sort_unstable();
        groups.dedup();
        assert_eq!(groups, [0, 1, 2, 3, 4]);
    }
}
