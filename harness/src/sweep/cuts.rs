//! Power cuts at one call, as records: one for each kind of file system.
//!
//! A model of a file system allows all that a stronger one allows, so its record is as bad as
//! theirs; its own states are counted, and the cut that is named is the first of the worst under
//! the strongest model that allows one. Must not know: how states are found.

use std::collections::BTreeSet;

use super::planned::PlannedRun;
use super::record::Record;
use super::signature::{Judgement, is_finding};
use super::workload::Workload;
use crate::contract::reason::without_numbers;
use crate::kernel::Cut;
use crate::kernel::disk::power_cut::FsModel;
use crate::runner::{CutPoint, Judged, Lack, RunSummary, Surveyed};

/// How many records a run of this kind makes.
pub fn records_of(run: &PlannedRun) -> usize {
    if run.cuts_power() { FsModel::ALL.len() } else { 1 }
}

/// The run and the call at which it cuts the power. None: it does not.
pub fn point(workload: &Workload, run: &PlannedRun) -> Option<CutPoint> {
    let when = run.fault.last().power_cut()?;
    let (before, after) = workload.around_last(&run.added, run.ending);
    Some(CutPoint { before, site: run.site.last().clone(), when, after })
}

/// The script of a run that leaves this behind.
pub fn script_leaving(workload: &Workload, run: &PlannedRun, cut: Cut) -> String {
    let mut added = run.added.clone();
    if let Some(step) = added.last_mut() {
        step.verb = step.verb.clone().leaving(cut);
    }
    workload.script(&added, run.ending)
}

/// What became of one run, as its three records.
pub fn records(run: &PlannedRun, survey: &Result<Option<Surveyed>, RunSummary>) -> Vec<Record> {
    let mut records = Vec::new();
    for fs in FsModel::ALL {
        let mut record = blank(run, fs);
        match survey {
            Ok(None) => {}
            Ok(Some(surveyed)) => fill(&mut record, surveyed, fs),
            Err(summary) => record.put(Judgement::of(summary)),
        }
        records.push(record);
    }
    records
}

/// States of the same cut that show something else than the worst ones: a record holds one verdict,
/// but a cut may leave several causes.
pub fn other_states(
    run: &PlannedRun,
    survey: &Result<Option<Surveyed>, RunSummary>,
) -> Vec<Record> {
    let Ok(Some(surveyed)) = survey else { return Vec::new() };
    let told = records(run, survey);
    // More than the signature: a state that leaves other files behind is told as well.
    let seen = |record: &Record| (record.result, without_numbers(&record.sentence));
    let told = told.iter().filter(|record| record.is_finding());
    let mut known: Vec<_> = told.map(|record| (seen(record), record.lacks.clone())).collect();
    let mut others = Vec::new();
    let mut classes: Vec<&Judged> = surveyed.judged.iter().collect();
    classes.sort_by_key(|class| class.lacks.len());
    for class in classes {
        let (cut, lacks) = (Some(class.cut), class.lacks.clone());
        let mut record = Record { cut, lacks, ..blank(run, class.cut.fs) };
        record.put(Judgement::of(&class.brief));
        let is_known = |(its, lacks): &(_, BTreeSet<Lack>)| {
            *its == seen(&record) && lacks.is_subset(&record.lacks)
        };
        if record.is_finding() && !known.iter().any(is_known) {
            known.push((seen(&record), record.lacks.clone()));
            others.push(record);
        }
    }
    others
}

fn fill(record: &mut Record, surveyed: &Surveyed, fs: FsModel) {
    record.images = surveyed.images.get(fs as usize).copied().unwrap_or_default();
    record.sampled = !surveyed.complete;
    let allowed = surveyed.judged.iter().filter(|class| class.cut.fs <= fs);
    let judged = allowed.map(|class| (class, Judgement::of(&class.brief)));
    let worst = judged.min_by_key(|(class, it)| (it.result, class.lacks.len()));
    let Some((class, worst)) = worst else { return };
    record.put(worst);
    if record.verdict().is_some_and(is_finding) {
        (record.cut, record.lacks) = (Some(class.cut), class.lacks.clone());
    }
}

/// The run where only disks of this kind count: `ext4<` instead of `cut<`.
fn blank(run: &PlannedRun, fs: FsModel) -> Record {
    let fault = run.fault.clone().with_last(run.fault.last().on(fs));
    Record { fault, ..Record::not_injected(run) }
}
