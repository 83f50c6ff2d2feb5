//! Cuts of the power at one call, as records: one for each profile of disks.
//!
//! A profile allows all that a stronger one allows, so its record is as bad as those; its own are
//! counted, and the cut that is named is the first of the worst under the strongest profile that
//! allows one. Must not know: how states are found.

use super::enumerate::Run;
use super::result::{Came, Judged, Record, is_finding, judged};
use super::workload::Workload;
use crate::kernel::Cut;
use crate::kernel::disk::power_cut::FsModel;
use crate::runner::{CutPoint, RunSummary, Surveyed};

/// The kinds of file systems by name, the strongest first.
pub fn profiles() -> [&'static str; 3] {
    FsModel::ALL.map(FsModel::as_str)
}

/// How many records a run of this kind makes.
pub fn records_of(run: &Run) -> usize {
    if run.cuts { FsModel::ALL.len() } else { 1 }
}

/// The run and its line that cuts the power.
pub fn point(workload: &Workload, run: &Run) -> CutPoint {
    let rule = run.added.last().map(|(_, line)| line.clone()).unwrap_or_default();
    CutPoint { script: workload.script(&run.added, run.ending), rule }
}

/// What became of one run, as its three records.
pub fn records(run: &Run, survey: &Result<Option<Surveyed>, RunSummary>) -> Vec<Record> {
    let mut records = Vec::new();
    for profile in FsModel::ALL {
        let mut record = Record { fault: column(run, profile), ..blank(run) };
        match survey {
            Ok(None) => {}
            Ok(Some(surveyed)) => fill(&mut record, surveyed, profile),
            Err(summary) => put(&mut record, judged(summary)),
        }
        records.push(record);
    }
    records
}

/// States of the same cut that broke a promise in another way than the worst ones: a record holds
/// one verdict, but a cut may leave several causes.
pub fn beside(run: &Run, survey: &Result<Option<Surveyed>, RunSummary>) -> Vec<Record> {
    let Ok(Some(surveyed)) = survey else { return Vec::new() };
    let told = records(run, survey);
    let said = |record: &Record| (record.came, record.reason.clone());
    let mut known: Vec<_> = told.iter().filter(|record| record.is_finding()).map(said).collect();
    let mut beside = Vec::new();
    for class in &surveyed.judged {
        let Ok(cut) = class.cut.parse::<Cut>() else { continue };
        let Judged { came, reason, sentence } = judged(&class.brief);
        let fault = column(run, cut.fs);
        let record = Record { fault, came, reason, sentence, cut: class.cut.clone(), ..blank(run) };
        if record.is_finding() && !known.contains(&said(&record)) {
            known.push(said(&record));
            beside.push(record);
        }
    }
    beside
}

/// What a run is called where only disks of this kind count: `ext4<` instead of `cut<`.
fn column(run: &Run, profile: FsModel) -> String {
    run.fault.replacen("cut", profile.as_str(), 1)
}

fn fill(record: &mut Record, surveyed: &Surveyed, profile: FsModel) {
    record.images = surveyed.images.get(profile as usize).copied().unwrap_or_default();
    record.sampled = !surveyed.complete;
    let allowed = surveyed
        .judged
        .iter()
        .filter(|class| class.cut.parse().is_ok_and(|cut: Cut| cut.fs <= profile));
    let Some(worst) = allowed.min_by_key(|class| judged(&class.brief).came) else { return };
    put(record, judged(&worst.brief));
    if record.verdict().is_some_and(is_finding) {
        record.cut = worst.cut.clone();
    }
}

fn put(record: &mut Record, judged: Judged) {
    let Judged { came, reason, sentence } = judged;
    (record.came, record.reason, record.sentence) = (came, reason, sentence);
}

fn blank(run: &Run) -> Record {
    Record {
        site: run.site.clone(),
        place: run.place,
        fault: run.fault.clone(),
        kind: run.kind,
        ending: run.ending,
        came: Came::NothingInjected,
        cut: String::new(),
        images: 0,
        sampled: false,
        sentence: String::new(),
        reason: None,
        token: String::new(),
        usual: false,
        beyond: run.beyond,
    }
}
