//! The same failure: what two runs have in common that failed alike.
//!
//! There is one notion of it: a sweep puts findings of one cause together by it, shrinking and
//! exploring keep to it. It leaves out where the fault was, all numbers, and which files were left
//! behind. Must not know: faults and sites.

use serde::{Deserialize, Serialize};

use crate::contract::{Reason, Verdict};
use crate::runner::{RunSummary, decisive};

/// A verdict and why it was given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Signature {
    pub verdict: Verdict,
    /// None: nothing says why.
    pub reason: Option<Reason>,
}

impl Signature {
    /// That of a run. None: its fault was never injected, so it says nothing.
    pub fn of(summary: &RunSummary) -> Option<Signature> {
        ruled(summary).map(|(signature, _)| signature)
    }

    /// The same failure of a server that words its log otherwise.
    pub fn in_any_words(&self) -> Signature {
        let reason = self.reason.clone().map(Reason::in_any_words);
        Signature { verdict: self.verdict, reason }
    }
}

/// What one run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunResult {
    /// To a verdict.
    Judged(Verdict),
    /// Its fault was never injected, so it says nothing.
    NothingInjected,
}

impl RunResult {
    /// The verdict, if its fault was injected at all.
    pub fn verdict(self) -> Option<Verdict> {
        match self {
            RunResult::Judged(verdict) => Some(verdict),
            RunResult::NothingInjected => None,
        }
    }
}

/// What a run came to, with its reason where somebody should hear of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    pub result: RunResult,
    pub reason: Option<Reason>,
    pub sentence: String,
}

impl Judgement {
    pub fn of(summary: &RunSummary) -> Judgement {
        let Some((Signature { verdict, reason }, sentence)) = ruled(summary) else {
            let (result, sentence) = (RunResult::NothingInjected, String::new());
            return Judgement { result, reason: None, sentence };
        };
        let result = RunResult::Judged(verdict);
        match is_finding(verdict) {
            true => Judgement { result, reason, sentence },
            false => Judgement { result, reason: None, sentence: String::new() },
        }
    }
}

/// The signature of a run and its sentence.
fn ruled(summary: &RunSummary) -> Option<(Signature, String)> {
    if summary.unfired {
        return None;
    }
    if let Some(failure) = summary.wrong() {
        let why = format!("the script went wrong in line {}: {}", failure.line, failure.message);
        let reason = Some(Reason::other(&why));
        return Some((Signature { verdict: Verdict::NotMeasured, reason }, why));
    }
    let decisive = decisive(&summary.rulings);
    let ruling = decisive.map(|ruling| (ruling.reason.clone(), ruling.sentence.clone()));
    let (reason, sentence) = ruling.unzip();
    let signature = Signature { verdict: summary.verdict, reason };
    Some((signature, sentence.unwrap_or_default()))
}

/// Whether a verdict is worth a line: a promise was broken, or nearly, or nothing was found out.
pub fn is_finding(verdict: Verdict) -> bool {
    let near = matches!(verdict, Verdict::LostReported | Verdict::Leaked | Verdict::Surprise);
    near || verdict.is_broken_promise() || verdict.is_no_measurement()
}
