//! What the runs of a sweep came to, as plain data: what reports are made of and JSON files hold.
//!
//! Must not know: how anything is printed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::enumerate::Run;
use super::fault::{Kind, parts_of_order};
use super::workload::Ending;
use crate::contract::{Reason, Verdict};
use crate::kernel::Cut;
use crate::kernel::disk::power_cut::FsModel;
use crate::runner::{RunSummary, decisive};

/// What one run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Came {
    /// To a verdict.
    Judged(Verdict),
    /// Its fault was never injected, so it says nothing.
    NothingInjected,
}

/// One run of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The call at which the fault was: `parent.aof.write#2`.
    pub site: String,
    /// The site's place among those of the dry run.
    pub place: usize,
    /// The heading of its column in the matrix.
    pub fault: String,
    /// What sort of fault it is.
    pub kind: Kind,
    /// How the run ended.
    pub ending: Ending,
    /// What it came to.
    pub came: Came,
    /// A cut of the power: which one came to this.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cut: String,
    /// A cut of the power: how many states were judged that no stronger profile allows.
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
    /// Another order of tasks came to the same as the usual one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub usual: bool,
    /// It stands behind the end of its axis.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beyond: bool,
}

impl Record {
    /// What a run came to.
    pub fn of(run: &Run, brief: &RunSummary) -> Record {
        let Judged { came, reason, sentence } = judged(brief);
        Record {
            site: run.site.clone(),
            place: run.place,
            fault: run.fault.clone(),
            kind: run.kind,
            ending: run.ending,
            came,
            cut: String::new(),
            images: 0,
            sampled: false,
            sentence,
            reason,
            token: String::new(),
            usual: false,
            beyond: run.beyond,
        }
    }

    /// The verdict, if its fault was injected at all.
    pub fn verdict(&self) -> Option<Verdict> {
        match self.came {
            Came::Judged(verdict) => Some(verdict),
            Came::NothingInjected => None,
        }
    }

    /// Whether somebody should hear of it. What a stronger profile of disks shows is told there.
    pub fn is_finding(&self) -> bool {
        let profile = |cut: Cut| self.fault.starts_with(cut.fs.as_str());
        let own = self.cut.is_empty() || self.cut.parse().is_ok_and(profile);
        own && !self.usual && self.verdict().is_some_and(is_finding)
    }

    /// Whether it is about a cut of the power, in whichever order of tasks.
    pub fn is_cut(&self) -> bool {
        FsModel::ALL.iter().any(|profile| self.fault.starts_with(profile.as_str()))
    }

    /// Whether only a disk that keeps nothing but what was synced by name shows it.
    pub fn is_posix(&self) -> bool {
        self.fault.starts_with(FsModel::Posix.as_str())
    }
}

/// What faults came to in the usual order of tasks.
#[derive(Debug, Default)]
pub struct Usual(BTreeSet<(String, String, Ending, Came)>);

impl Usual {
    /// What these came to, beside what is known.
    pub fn learn<'a>(&mut self, records: impl IntoIterator<Item = &'a Record>) {
        let records = records.into_iter().filter(|record| record.kind != Kind::Order);
        self.0.extend(records.map(|r| (r.site.clone(), r.fault.clone(), r.ending, r.came)));
    }

    /// Marks the orders that came to the same as what else went wrong with them, the order itself
    /// of a pair to the same as the first fault alone.
    pub fn mark<'a>(&self, records: impl IntoIterator<Item = &'a mut Record>) {
        for record in records.into_iter().filter(|record| record.kind == Kind::Order) {
            let (site, fault) =
                match (record.site.split_once(" + "), record.fault.split_once(" + ")) {
                    (Some((site, _)), Some((fault, _))) => (site, fault),
                    _ => (record.site.as_str(), parts_of_order(&record.fault).0),
                };
            let same = (site.to_string(), fault.to_string(), record.ending, record.came);
            record.usual = self.0.contains(&same);
        }
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Whether a verdict is worth a line: a promise was broken, or nearly, or nothing was found out.
pub fn is_finding(verdict: Verdict) -> bool {
    let near = matches!(verdict, Verdict::LostReported | Verdict::Leaked);
    near || verdict.is_broken_promise() || verdict.is_no_measurement()
}

/// What a run came to, with its reason where somebody should hear of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    pub came: Came,
    pub reason: Option<Reason>,
    pub sentence: String,
}

pub fn judged(summary: &RunSummary) -> Judged {
    let (came, ruling) = if summary.unfired {
        (Came::NothingInjected, None)
    } else if let Some(failure) = summary.wrong() {
        let why = format!("the script went wrong in line {}: {}", failure.line, failure.message);
        (Came::Judged(Verdict::NotMeasured), Some((Reason::other(&why), why)))
    } else {
        let decisive = decisive(&summary.rulings).filter(|_| is_finding(summary.verdict));
        let ruling = decisive.map(|ruling| (ruling.reason.clone(), ruling.sentence.clone()));
        (Came::Judged(summary.verdict), ruling)
    };
    let (reason, sentence) = ruling.unzip();
    Judged { came, reason, sentence: sentence.unwrap_or_default() }
}

/// A workload swept in a world, or as much of it as was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    pub workload: String,
    pub world: String,
    /// Sites where nothing happens, left out.
    pub idle: usize,
    pub records: Vec<Record>,
    /// Other findings of cuts of the power whose record tells of a worse one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<Record>,
    /// How many runs were planned.
    pub planned: usize,
    /// It was interrupted, maybe before it was known how much there is to do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
    /// Why it was not swept at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

impl Sweep {
    /// Not everything that was planned was done.
    pub fn is_partial(&self) -> bool {
        self.interrupted || self.records.len() < self.planned
    }

    /// What is missing of a partial one.
    pub fn missing(&self) -> String {
        let (planned, undone) = (self.planned, self.planned.saturating_sub(self.records.len()));
        match undone {
            0 => "partial: interrupted before the next runs were planned".to_string(),
            _ => format!("partial: {undone} of {planned} runs were not made"),
        }
    }

    /// How many sites were swept.
    pub fn sites(&self) -> usize {
        let within = self.records.iter().filter(|record| !record.beyond);
        within.map(|record| &record.site).collect::<BTreeSet<_>>().len()
    }

    pub fn count(&self, came: Came) -> usize {
        self.records.iter().filter(|record| record.came == came).count()
    }

    /// Runs in the middle of an axis that injected nothing: the workload is not what the dry run
    /// showed.
    pub fn missed(&self) -> usize {
        let missed = |record: &&Record| record.came == Came::NothingInjected && !record.beyond;
        self.records.iter().filter(missed).count()
    }
}
