//! The words of judgement and their order.
//!
//! Must not know: how a verdict is reached.

use std::fmt;
use std::str::FromStr;

/// What a run came to. The worst first; a case has the worst of its verdicts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The harness went wrong: nothing it saw counts.
    HarnessBroken,
    /// This machine or this world could not do it.
    NotMeasured,
    /// The server used up its budget of calls.
    Hung,
    /// The server ended in a way that neither the case nor its policy calls for.
    Died,
    /// The server did not start on what was on the disk.
    RefusedStart,
    /// Acknowledged writes are gone that the policy promised to keep, and no client was told.
    Lost,
    /// The dataset is the state after no prefix of the history.
    Diverged,
    /// As `lost`, but a client had been told before the kill.
    LostReported,
    /// Writes stay refused after the fault is over.
    Stuck,
    /// INFO says something that is not so, about what the documentation defines.
    Misreported,
    /// Descriptors, zombies or children stay behind in a living server.
    Leaked,
    /// Nothing is promised, but nobody would expect it.
    Surprise,
    /// Writes are gone because the operating system claimed what it had not done.
    LostByLie,
    /// Temporary files stay behind after a kill.
    Litter,
    /// Writes are gone that the policy did not promise to keep.
    LostAllowed,
    /// Nothing that was acknowledged is gone.
    Kept,
    /// The case asks for something that this server does not have.
    NotApplicable,
}

impl Verdict {
    /// All of them, the worst first.
    pub const ALL: [Verdict; 17] = [
        Verdict::HarnessBroken,
        Verdict::NotMeasured,
        Verdict::Hung,
        Verdict::Died,
        Verdict::RefusedStart,
        Verdict::Lost,
        Verdict::Diverged,
        Verdict::LostReported,
        Verdict::Stuck,
        Verdict::Misreported,
        Verdict::Leaked,
        Verdict::Surprise,
        Verdict::LostByLie,
        Verdict::Litter,
        Verdict::LostAllowed,
        Verdict::Kept,
        Verdict::NotApplicable,
    ];

    /// All of them in the order in which a person wants to hear of them: what is known before what
    /// was not measured.
    pub const BY_WEIGHT: [Verdict; 17] = [
        Verdict::Hung,
        Verdict::Died,
        Verdict::RefusedStart,
        Verdict::Lost,
        Verdict::Diverged,
        Verdict::Stuck,
        Verdict::Misreported,
        Verdict::LostReported,
        Verdict::Leaked,
        Verdict::Surprise,
        Verdict::LostByLie,
        Verdict::Litter,
        Verdict::LostAllowed,
        Verdict::Kept,
        Verdict::NotApplicable,
        Verdict::NotMeasured,
        Verdict::HarnessBroken,
    ];

    /// Its place in [`Verdict::BY_WEIGHT`].
    pub fn rank(self) -> usize {
        Verdict::BY_WEIGHT.into_iter().position(|other| other == self).unwrap_or(usize::MAX)
    }

    /// Its name in cases and transcripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::HarnessBroken => "harness-broken",
            Verdict::NotMeasured => "not-measured",
            Verdict::Hung => "hung",
            Verdict::Died => "died",
            Verdict::RefusedStart => "refused-start",
            Verdict::Lost => "lost",
            Verdict::Diverged => "diverged",
            Verdict::LostReported => "lost-reported",
            Verdict::Stuck => "stuck",
            Verdict::Misreported => "misreported",
            Verdict::Surprise => "surprise",
            Verdict::Leaked => "leaked",
            Verdict::LostByLie => "lost-by-lie",
            Verdict::Litter => "litter",
            Verdict::LostAllowed => "lost-allowed",
            Verdict::Kept => "kept",
            Verdict::NotApplicable => "not-applicable",
        }
    }

    /// Whether the server is at fault in a way that ends a run with exit code 1. What was announced
    /// before it was lost, what a lie of the operating system took, surprises and litter are
    /// findings, not broken promises.
    pub fn is_broken_promise(self) -> bool {
        matches!(
            self,
            Verdict::Hung
                | Verdict::Died
                | Verdict::RefusedStart
                | Verdict::Lost
                | Verdict::Diverged
                | Verdict::Stuck
                | Verdict::Misreported
        )
    }

    /// Whether the run says nothing about the server.
    pub fn is_no_measurement(self) -> bool {
        matches!(self, Verdict::HarnessBroken | Verdict::NotMeasured)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is not the name of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no verdict has this name")]
pub struct NotAVerdict;

impl FromStr for Verdict {
    type Err = NotAVerdict;

    fn from_str(text: &str) -> Result<Verdict, NotAVerdict> {
        Verdict::ALL.into_iter().find(|verdict| verdict.as_str() == text).ok_or(NotAVerdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_stand_in_order() {
        for pair in Verdict::ALL.windows(2) {
            assert!(pair[0] < pair[1], "{} is worse than {}", pair[0], pair[1]);
        }
        for verdict in Verdict::ALL {
            assert_eq!(verdict.as_str().parse(), Ok(verdict));
            let json = serde_json::to_string(&verdict).unwrap();
            assert_eq!(json, format!("\"{verdict}\""));
        }
    }
}
