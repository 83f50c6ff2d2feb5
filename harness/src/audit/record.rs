//! What an audit found, as plain data: the JSON file, and what the page is made of.
//!
//! Must not know: how anything is run, and how it looks.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::known::KnownBug;
use crate::contract::{Reason, Verdict};
use crate::exit::Status;
use crate::explain::{Explanation, Repair};
use crate::runner::Outcome;
use crate::suite::check::Assessment;
use crate::sweep::{Class, File, Sample, Shard, Sweep, Tally, file};

/// What the first field of every such file says.
pub const FORMAT: &str = "sabot audit";
/// Files of another version are refused.
pub const VERSION: u32 = 1;

/// Everything about one server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    pub format: String,
    pub version: u32,
    /// The version of sabot.
    pub sabot: String,
    /// Name and version of the server.
    pub server: String,
    /// The word or path that it was given as.
    pub world: String,
    pub config: Option<Config>,
    /// It was interrupted.
    pub partial: bool,
    /// Which part of all runs was made; None: everything.
    pub sample: Option<Sample>,
    pub cases: Vec<CaseRecord>,
    pub sweeps: Vec<Sweep>,
    /// Every run and case that counts, by what it came to: what every report of the audit says.
    #[serde(default)]
    pub counts: Tally,
    pub causes: Vec<Cause>,
    /// Accepted, but not seen.
    pub stale: Vec<String>,
}

/// How long the parts of an audit took in real time: no two are alike, so they stand in the JUnit
/// file and nowhere else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    pub cases: Duration,
    /// In the order of the sweeps.
    pub sweeps: Vec<Duration>,
}

/// The configuration that everything ran under.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    pub path: String,
    pub kept: Vec<String>,
    /// Place, directive, reason.
    pub dropped: Vec<(String, String, String)>,
}

/// How a case went on this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseResult {
    /// As the case expects.
    #[serde(rename = "as-told")]
    AsExpected,
    /// Otherwise, but no promise was broken.
    Otherwise,
    /// A promise was broken that the case does not expect to be.
    Broken,
    /// The server lacks what the case is about.
    NotApplicable,
    /// Nothing was found out.
    NotMeasured,
}

/// A case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseRecord {
    pub name: String,
    pub verdict: Verdict,
    #[serde(rename = "story")]
    pub result: CaseResult,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The worst unexpected sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sentence: String,
    /// The line of the case that it is about; 0: the case as a whole.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub line: u32,
    /// Replays the case; where it is broken or was not measured.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub token: String,
    /// Why a broken promise is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
}

impl CaseRecord {
    /// An audit is about promises: a case that goes otherwise on this server, because it
    /// words an error differently or never makes the call, is no failure of the server.
    pub fn of(name: &str, outcome: &Outcome, assessment: Assessment) -> CaseRecord {
        let broken = outcome.rulings.iter().filter(|ruling| ruling.is_unexpected());
        let worst = broken.min_by_key(|ruling| ruling.verdict);
        let result = match (assessment.status, worst) {
            (Status::NotApplicable, _) => CaseResult::NotApplicable,
            (Status::NotMeasured, _) => CaseResult::NotMeasured,
            (Status::BrokenPromise, Some(_)) => CaseResult::Broken,
            (Status::BrokenPromise | Status::BadCase, _) => CaseResult::Otherwise,
            _ => CaseResult::AsExpected,
        };
        let verdict = match (result, worst) {
            (CaseResult::Broken, Some(ruling)) => ruling.verdict,
            _ => outcome.verdict,
        };
        let sentence = worst.map(|ruling| ruling.sentence.clone()).unwrap_or_default();
        let line = worst.map(|ruling| ruling.line).unwrap_or_default();
        let notes = assessment.notes;
        let (name, token, accepted) = (name.to_string(), String::new(), None);
        CaseRecord { name, verdict, result, notes, sentence, line, token, accepted }
    }

    pub fn class(&self) -> Class {
        match self.result {
            CaseResult::AsExpected | CaseResult::Otherwise => Class::CaseAsExpected,
            CaseResult::Broken if self.accepted.is_some() => Class::Accepted,
            CaseResult::Broken => Class::Broken,
            CaseResult::NotApplicable => Class::NotApplicable,
            CaseResult::NotMeasured => Class::NotMeasured,
        }
    }
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

fn is_zero(line: &u32) -> bool {
    *line == 0
}

/// One way in which things go wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    pub verdict: Verdict,
    /// The kinds of calls; of a case, its name.
    pub places: Vec<String>,
    /// Only a disk shows it that keeps nothing but what was synced by name, which no server does
    /// for its own directory: it does not count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub posix: bool,
    pub sentence: String,
    /// Why, as data; None: nothing says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Every workload in which it shows sets another policy than the configuration.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub other_policy: bool,
    /// Known bugs that it looks like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<KnownBug>,
    pub workloads: Vec<String>,
    pub faults: Vec<String>,
    /// How many runs show it: over all causes, as many as are counted as broken.
    pub runs: usize,
    /// In how many other states of power cuts it shows, whose runs tell of something worse.
    #[serde(default, skip_serializing_if = "is_none")]
    pub states: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
    /// One of the runs, in words.
    pub example: String,
    /// Replays the smallest script, or else the example.
    pub token: String,
    /// How many lines the smallest script has, and how many the first one had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<(usize, usize)>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub transcript: String,
    /// Why, and what would have helped, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// Of a start that is refused: what an operator can do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repairs: Vec<Repair>,
    #[serde(skip)]
    pub trace: String,
}

impl Default for Cause {
    fn default() -> Cause {
        Cause {
            verdict: Verdict::NotMeasured,
            places: Vec::new(),
            posix: false,
            sentence: String::new(),
            reason: None,
            other_policy: false,
            known: Vec::new(),
            workloads: Vec::new(),
            faults: Vec::new(),
            runs: 0,
            states: 0,
            accepted: None,
            example: String::new(),
            token: String::new(),
            lines: None,
            transcript: String::new(),
            explanation: None,
            repairs: Vec::new(),
            trace: String::new(),
        }
    }
}

impl Cause {
    /// Whether it breaks a promise that anybody could rely on.
    pub fn is_broken_promise(&self) -> bool {
        self.verdict.is_broken_promise() && !self.posix
    }

    /// What brings it on.
    pub fn events(&self) -> BTreeSet<Event> {
        let events = self.faults.iter().filter_map(|fault| Event::of_column(fault));
        let mut events: BTreeSet<Event> = events.collect();
        if events.is_empty() {
            events.insert(Event::Cases);
        }
        events
    }

    /// A few of the places by name.
    pub fn place(&self) -> String {
        match self.places.as_slice() {
            [first, second, rest @ ..] if rest.len() > 1 => {
                format!("{first}, {second} and {} more", rest.len())
            }
            places => places.join(", "),
        }
    }
}

impl Audit {
    /// # Errors
    /// Says why the text is no audit of this version.
    pub fn read(text: &str) -> Result<Audit, String> {
        file::of_version(file::json(text)?, VERSION)
    }

    pub fn write(&self) -> String {
        serde_json::to_string_pretty(self).expect("audits are plain data")
    }

    /// What nothing was found out about, each with the reason.
    pub fn unmeasured(&self) -> Vec<String> {
        let refused = |sweep: &Sweep| {
            let why = sweep.refused.as_ref()?;
            Some(format!("{}: {why}", sweep.workload))
        };
        let cause = |cause: &Cause| {
            let unknown = cause.verdict.is_no_measurement();
            unknown.then(|| format!("{}: {}", cause.workloads.join(", "), cause.sentence))
        };
        let refused = self.sweeps.iter().filter_map(refused);
        refused.chain(self.causes.iter().filter_map(cause)).collect()
    }

    /// The events that were tried.
    pub fn tried(&self) -> BTreeSet<Event> {
        let records = self.sweeps.iter().flat_map(|sweep| &sweep.records);
        let mut tried: BTreeSet<Event> = records.map(|it| Event::of(it.fault.last())).collect();
        if !self.cases.is_empty() {
            tried.insert(Event::Cases);
        }
        tried
    }

    /// The sweeps as a report of their own.
    pub fn file(&self) -> File {
        File::new(Shard::WHOLE.to_string(), self.partial, self.sweeps.clone())
    }

    /// Why it does not hold everything, in sentences.
    pub fn limits(&self) -> Vec<String> {
        let mut limits = Vec::new();
        if self.partial {
            limits.push("Partial: it was interrupted, and what is not here was not tried.".into());
        }
        if let Some(sample) = self.sample {
            limits.push(format!("A sample: {sample}, of as many kinds as possible."));
        }
        limits
    }
}
