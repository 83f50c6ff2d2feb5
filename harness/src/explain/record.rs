//! What was found out about a finding, as plain data.
//!
//! Must not know: how it was found out, and how it is told.

use serde::{Deserialize, Serialize};

use super::change::Change;
use super::repair::Repair;
use crate::contract::Verdict;
use crate::kernel::Cut;

/// Why a finding is what it is, and what would have helped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    pub case: String,
    pub world: String,
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub sentence: String,
    /// One place with what was promised and what is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// Commands that were answered without an error before that verdict, each with its reply.
    pub acknowledged: Vec<Acknowledged>,
    /// The lines of the script that go against the server.
    pub faults: Vec<String>,
    /// The server's own line that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// The same without the fault; None: there is nothing to leave out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Trial>,
    /// Where the power is cut at a step of the script: the modes under which each variant was
    /// judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<String>,
    /// How many variants were tried.
    pub tried: usize,
    /// Fitting variants that were left out, because there are so many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: usize,
    /// What helped, by kind; the one that is easiest to make first.
    pub helped: Vec<Help>,
    /// Of a start that is refused: what an operator can do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repairs: Vec<Repair>,
}

/// A command and its reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    pub command: String,
    pub reply: String,
}

/// The nearest of the smallest changes of one kind that helped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Help {
    /// One, or two that help together.
    pub changes: Vec<Change>,
    pub trial: Trial,
    /// How many variants of the same kind and size helped.
    pub like_it: usize,
    /// What the ordinary run of the token came to.
    pub replayed: Verdict,
    /// Replays the variant.
    pub token: String,
}

/// What a variant came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The worst of all states; None: the fault was never injected.
    pub verdict: Option<Verdict>,
    /// How many states of a power cut, or modes of one, it was judged in; 0: no power was cut.
    pub states: u64,
    /// Whether these are all that there are.
    pub complete: bool,
    /// Leaves the worst of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
}

impl Trial {
    /// Whether the promise holds that the finding says is broken.
    pub fn helps(&self, finding: Verdict) -> bool {
        let Some(verdict) = self.verdict.filter(|verdict| !verdict.is_no_measurement()) else {
            return false;
        };
        match finding.is_broken_promise() {
            true => !verdict.is_broken_promise(),
            false => verdict > finding && verdict != Verdict::NotApplicable,
        }
    }

    /// Whether it keeps all that was promised.
    pub fn holds(&self) -> bool {
        let fine = [Verdict::Kept, Verdict::LostAllowed, Verdict::Litter];
        self.verdict.is_some_and(|verdict| fine.contains(&verdict))
    }
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_helps_nobody_and_a_loss_that_was_announced_is_no_broken_promise() {
        let helps = |verdict, finding| {
            Trial { verdict, states: 0, complete: true, cut: None }.helps(finding)
        };
        assert!(helps(Some(Verdict::Kept), Verdict::Lost));
        assert!(helps(Some(Verdict::LostReported), Verdict::Lost));
        assert!(!helps(Some(Verdict::RefusedStart), Verdict::Lost));
        assert!(!helps(Some(Verdict::NotMeasured), Verdict::Lost));
        assert!(!helps(None, Verdict::Lost));
        assert!(helps(Some(Verdict::LostAllowed), Verdict::LostReported));
        assert!(!helps(Some(Verdict::LostReported), Verdict::LostReported));
        assert!(!helps(Some(Verdict::NotApplicable), Verdict::Leaked));
    }
}
