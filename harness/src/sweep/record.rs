//! What the runs of a sweep came to, as plain data: what reports are made of and JSON files hold.
//!
//! Must not know: how anything is printed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::class::Class;
use super::fault::{Fault, Kind};
use super::pair::OneOrPair;
use super::planned::PlannedRun;
use super::signature::{Judgement, RunResult, Signature, is_finding};
use super::workload::Ending;
use crate::contract::{Reason, Verdict};
use crate::kernel::disk::power_cut::FsModel;
use crate::kernel::{Cut, Site};
use crate::runner::{Lack, RunSummary};

/// One run of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The call at which the fault was: `parent.aof.write#2`.
    pub site: OneOrPair<Site>,
    /// The site's place among those of the dry run.
    pub place: usize,
    /// The heading of its column in the matrix.
    pub fault: OneOrPair<Fault>,
    /// What sort of fault it is; of a pair, the second one.
    pub kind: Kind,
    /// How the run ended.
    pub ending: Ending,
    /// What it came to.
    #[serde(rename = "came")]
    pub result: RunResult,
    /// A power cut: which one came to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
    /// A power cut: what the disk lacks then, as little as comes to this; there for findings only.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lacks: BTreeSet<Lack>,
    /// A power cut: how many states were judged that no stronger model allows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub images: u64,
    /// There are more states than were judged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sampled: bool,
    /// What was promised and what happened; empty where nothing is to be said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub sentence: String,
    /// Why, as data; there for findings only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Replays the run; there for findings only.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub token: String,
    /// Another order of tasks came to the same as the default one.
    #[serde(rename = "usual", default, skip_serializing_if = "std::ops::Not::not")]
    pub same_as_default_order: bool,
    /// It is past the last call of its axis.
    #[serde(rename = "beyond", default, skip_serializing_if = "std::ops::Not::not")]
    pub past_last_call: bool,
    /// What a report counts it as. None: it does not count, or nobody has counted yet.
    #[serde(rename = "class", default, skip_serializing_if = "Option::is_none")]
    pub counts_as: Option<Class>,
}

impl Record {
    /// What a run came to.
    pub fn of(run: &PlannedRun, summary: &RunSummary) -> Record {
        let mut record = Record::not_injected(run);
        record.put(Judgement::of(summary));
        record
    }

    /// A run of which nothing is known but that it injected nothing.
    pub fn not_injected(run: &PlannedRun) -> Record {
        Record {
            site: run.site.clone(),
            place: run.place,
            fault: run.fault.clone(),
            kind: run.kind(),
            ending: run.ending,
            result: RunResult::NothingInjected,
            cut: None,
            lacks: BTreeSet::new(),
            images: 0,
            sampled: false,
            sentence: String::new(),
            reason: None,
            token: String::new(),
            same_as_default_order: false,
            past_last_call: run.past_last_call,
            counts_as: None,
        }
    }

    /// Writes down what it came to.
    pub fn put(&mut self, judgement: Judgement) {
        let Judgement { result, reason, sentence } = judgement;
        (self.result, self.reason, self.sentence) = (result, reason, sentence);
    }

    /// The verdict, if its fault was injected at all.
    pub fn verdict(&self) -> Option<Verdict> {
        self.result.verdict()
    }

    /// What it has in common with runs that failed alike, if its fault was injected at all.
    pub fn signature(&self) -> Option<Signature> {
        let reason = || self.reason.clone();
        self.verdict().map(|verdict| Signature { verdict, reason: reason() })
    }

    /// Whether somebody should hear of it. What a stronger file system model shows is told there.
    pub fn is_finding(&self) -> bool {
        let own = self.cut.is_none_or(|cut| self.fs() == Some(cut.fs));
        own && !self.same_as_default_order && self.verdict().is_some_and(is_finding)
    }

    /// Whether it is about a power cut, in whichever order of tasks.
    pub fn is_cut(&self) -> bool {
        self.fs().is_some()
    }

    /// The kind of file system that a power cut is about.
    pub fn fs(&self) -> Option<FsModel> {
        self.fault.last().fs()
    }

    /// Whether only a file system shows it that keeps nothing but what was synced by name.
    pub fn is_posix(&self) -> bool {
        self.fs() == Some(FsModel::Posix)
    }
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A workload swept in a world, or as much of it as was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    pub workload: String,
    pub world: String,
    /// What every report says of a server whose version nobody has tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// Sites where nothing happens, left out.
    pub idle: usize,
    pub records: Vec<Record>,
    /// Other findings of power cuts whose record tells of a worse one.
    #[serde(rename = "beside", default, skip_serializing_if = "Vec::is_empty")]
    pub other_states: Vec<Record>,
    /// How many runs were planned.
    pub planned: usize,
    /// It was interrupted, maybe before it was known how much there is to do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
    /// Why it was not swept at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Its dry run showed that the case itself is wrong.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bad_case: bool,
    /// A sample left out so many runs.
    #[serde(default, skip_serializing_if = "is_none")]
    pub left_out: usize,
    /// So many pairs were left out, because there are so many.
    #[serde(default, skip_serializing_if = "is_none")]
    pub pairs_left_out: usize,
}

impl Sweep {
    /// Not everything that was planned was done.
    pub fn is_partial(&self) -> bool {
        self.interrupted || self.records.len() != self.planned
    }

    /// What is missing of a partial one.
    pub fn missing(&self) -> String {
        let (planned, undone) = (self.planned, self.planned.saturating_sub(self.records.len()));
        match undone {
            0 if !self.interrupted => {
                format!("partial: {planned} runs were planned, and {} made", self.records.len())
            }
            0 => "partial: interrupted before the next runs were planned".to_string(),
            _ => format!("partial: {undone} of {planned} runs were not made"),
        }
    }

    /// How many sites were swept.
    pub fn sites(&self) -> usize {
        let within = self.records.iter().filter(|record| !record.past_last_call);
        within.map(|record| &record.site).collect::<BTreeSet<_>>().len()
    }

    pub fn count(&self, result: RunResult) -> usize {
        self.records.iter().filter(|record| record.result == result).count()
    }

    /// Runs in the middle of an axis that injected nothing: the workload is not what the dry run
    /// showed.
    pub fn missed(&self) -> usize {
        let missed = |record: &&Record| {
            record.result == RunResult::NothingInjected && !record.past_last_call
        };
        self.records.iter().filter(missed).count()
    }
}
