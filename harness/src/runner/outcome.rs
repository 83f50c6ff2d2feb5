//! What a run of a case came to, as plain data: whole for a reader, or in short for a sweep.
//!
//! Must not know: how a case is run.

use serde::{Deserialize, Serialize};

use super::exchange::Exchange;
use crate::contract::{Reason, Regime, Verdict};
use crate::kernel::{Look, Site};

/// What a run of a case came to, as plain data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The script's name.
    pub case: String,
    /// Which servers share this transcript: the profile's family.
    pub world_label: String,
    /// The script with everything that was observed written under each step.
    pub transcript: String,
    /// Every command of the case with its reply, in the order in which they were sent.
    pub replies: Vec<Exchange>,
    /// The worst of the verdicts.
    pub verdict: Verdict,
    /// Every verdict, in the order in which they were given.
    pub rulings: Vec<Ruling>,
    /// What did not come true.
    pub failures: Vec<Failure>,
    /// For a known bug: each symptom as it was looked for.
    pub symptoms: Vec<SymptomCheck>,
    /// The kernel's trace; two runs of one case have the same.
    pub trace: String,
    /// Every site that was reached, in the order in which they were first reached.
    pub sites: Vec<String>,
    /// What was on the disk at the end.
    pub files: Vec<(String, Vec<u8>)>,
    /// How many calls the kernel decided.
    pub calls: u64,
    /// How far the clock went.
    pub virtual_time_ns: u64,
}

/// A verdict as it was given in a run, with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// Of the script, from 1; 0 stands for no line.
    pub line: u32,
    pub verdict: Verdict,
    /// Why, as data.
    pub reason: Reason,
    /// Why, for a person.
    pub sentence: String,
    /// Of a loss: a place with what was promised and what is there.
    #[serde(default)]
    pub difference: Option<String>,
    /// How much of the history is there; None: no prefix of it, or that is not what it is about.
    #[serde(default)]
    pub survivors: Option<usize>,
    pub standing: Standing,
    /// It is about a start that was refused after the plan had failed a call of that very start.
    pub start_met_fault: bool,
}

/// Whether a verdict speaks against the server, as the case sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It breaks no promise, or none that the case is about.
    Harmless,
    /// An `expect` calls for it.
    Expected,
    /// It breaks a promise, and nothing in the case expects that.
    Unexpected,
}

impl Ruling {
    /// One that nothing expects and no fault explains.
    pub fn new(line: u32, verdict: Verdict, reason: Reason, sentence: String) -> Ruling {
        let standing = Standing::Harmless;
        let (difference, survivors, start_met_fault) = (None, None, false);
        Ruling { line, verdict, reason, sentence, difference, survivors, standing, start_met_fault }
    }

    /// Whether it breaks a promise, and nothing in the case expects that.
    pub fn is_unexpected(&self) -> bool {
        self.standing == Standing::Unexpected
    }
}

/// Something in the case that did not come true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Of the script, from 1; 0 stands for no line.
    pub line: u32,
    /// In one sentence.
    pub message: String,
    /// The case itself is wrong (a rule that never fired, a restart of a server that runs); else an
    /// `expect` was not met.
    pub bad_case: bool,
}

impl Outcome {
    /// Whether the case itself is wrong, so that nothing it says about the server counts.
    pub fn is_bad_case(&self) -> bool {
        self.failures.iter().any(|failure| failure.bad_case)
    }

    /// Leaves the first `head` lines of the script out of every count of lines: they are not the
    /// case's own. What is about one of them is about no line.
    pub fn count_lines_behind(&mut self, head: u32) {
        let rulings = self.rulings.iter_mut().map(|ruling| &mut ruling.line);
        let failures = self.failures.iter_mut().map(|failure| &mut failure.line);
        let symptoms = self.symptoms.iter_mut().map(|symptom| &mut symptom.line);
        let replies = self.replies.iter_mut().map(|exchange| &mut exchange.line);
        for line in rulings.chain(failures).chain(symptoms).chain(replies) {
            *line = line.saturating_sub(head);
        }
    }

    /// Whether a promise was broken that the case did not expect to be, or an `expect` was not met.
    pub fn breaks_a_promise(&self) -> bool {
        self.rulings.iter().any(Ruling::is_unexpected)
            || self.failures.iter().any(|failure| !failure.bad_case)
    }
}

/// What was seen where a symptom was looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymptomCheck {
    /// Of the script, from 1.
    pub line: u32,
    /// What was there instead; None: the symptom.
    pub instead: Option<String>,
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// The worst of the verdicts.
    pub verdict: Verdict,
    /// Every verdict, in the order in which they were given.
    pub rulings: Vec<Ruling>,
    pub failures: Vec<Failure>,
    /// A rule that should have fired has not.
    pub unfired: bool,
    /// Sites in the order in which they were first reached; empty unless they were asked for.
    pub reached: Vec<ReachedCall>,
    /// The kernel's trace, where sites were asked for.
    pub trace: String,
    /// What happened on its way, where sites were asked for.
    #[serde(default)]
    pub course: Box<Course>,
}

/// What could have gone otherwise in a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// What calls did to the disk, in order.
    pub changes: Vec<Change>,
    /// Calls at which the plan or the schedule stepped in, each once.
    pub disturbed: Vec<Site>,
}

/// A call that has changed the disk, by what a sync beside it would make durable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub site: Site,
    /// Roles of files and directories whose earlier changes it builds on.
    pub builds_on: Vec<String>,
    /// Roles of files and directories that it changes.
    pub changes: Vec<String>,
}

/// What a run is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Collect {
    /// Its verdicts alone.
    Verdicts,
    /// Also the sites that it went through, and its trace.
    Sites,
}

/// One call of a run, as far as it decides which faults fit it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReachedCall {
    pub site: Site,
    /// Which start of the script its server came from, from 1. A start that is refused is tried
    /// again, so a site's incarnation may be a later one.
    pub start: u32,
    /// The start was refused at first: how many calls like it that attempt had made.
    pub again: Option<u32>,
    /// How many bytes a read or write asked for; else 0.
    pub bytes: u64,
    /// How many it moved.
    pub moved: u64,
    /// Whether a child of the server was alive before or after it.
    pub children: bool,
    /// It only looked whether there was anything, and there was not.
    pub idle: bool,
    /// Who else could have run before it.
    #[serde(default)]
    pub others: Vec<String>,
    /// It opens a file to write, and fails where nothing may be changed.
    #[serde(default)]
    pub opens_to_write: bool,
    /// What it returned, as a trace shows it.
    pub returned: String,
    /// What was on the disk when it was made.
    pub disk: Look,
    /// What the server promised then.
    pub regime: Regime,
}

impl RunSummary {
    /// Why the run says nothing about the server, if so.
    pub fn wrong(&self) -> Option<&Failure> {
        self.failures.iter().find(|failure| failure.bad_case)
    }
}

/// The first of the worst verdicts.
///
/// A server is right to refuse its start when one of its own calls failed, so such a refusal counts
/// only where no other verdict was given: a sweep asks what was lost.
pub fn decisive(rulings: &[Ruling]) -> Option<&Ruling> {
    let counting = rulings.iter().filter(|ruling| !ruling.start_met_fault);
    let worst = counting.min_by_key(|ruling| ruling.verdict);
    worst.or_else(|| rulings.iter().min_by_key(|ruling| ruling.verdict))
}
