//! What a run or a case counts as.
//!
//! Must not know: which of them count, and how numbers are printed.

use serde::{Deserialize, Serialize};

use super::signature::RunResult;
use crate::contract::Verdict;

/// What a run or a case came to, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// It broke a promise that nobody has accepted to be broken.
    Broken,
    /// The machine, the world or the harness could not do it.
    NotMeasured,
    /// It broke a promise, and a file of accepted findings says why that is known.
    Accepted,
    /// Promised writes are gone, but a client had been told; something leaked, or surprises.
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
            RunResult::Judged(Verdict::LostReported | Verdict::Leaked | Verdict::Surprise) => {
                Class::NearlyBroken
            }
            RunResult::Judged(Verdict::LostByLie) => Class::LostByLie,
            RunResult::Judged(Verdict::LostAllowed) => Class::LostAllowed,
            RunResult::Judged(Verdict::Litter) => Class::Litter,
            RunResult::Judged(Verdict::NotApplicable) => Class::NotApplicable,
            RunResult::Judged(_) => Class::Kept,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
