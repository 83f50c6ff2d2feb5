//! `sabot diff`: is this upgrade safe? Two reports of `sweep` or of `audit`, compared.
//!
//! | word | when |
//! |---|---|
//! | worse | the same run or case breaks a promise now, or loses what is at least announced |
//! | better | the other way round |
//! | other | another verdict that weighs the same |
//! | new | only the new report has this run; it is worse if it breaks a promise in a way that the |
//! |     | old server did not, at the same kind of call of the same workload |
//! | gone | only the old report has it |
//!
//! Two versions of a server make other calls, so new and gone runs are ordinary; they are counted
//! and not listed, unless they break a promise. Must not know: how a report was made.

use std::collections::BTreeMap;
use std::path::Path;

use super::args::DiffArgs;
use super::screen;
use crate::audit::record::{self, Audit, CaseRecord};
use crate::contract::Verdict;
use crate::error::{Stop, cannot};
use crate::exit::Exit;
use crate::sweep::file::{Change, changes};
use crate::sweep::{Axis, File, RunResult};

/// What a file holds.
enum Report {
    Sweep(File),
    Audit(Box<Audit>),
}

/// How a thing is now, as against before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Now {
    Worse,
    Better,
    Other,
    New,
    Gone,
    /// Something was found out before, and nothing now.
    Unmeasured,
}

impl Now {
    const ALL: [Now; 6] =
        [Now::Worse, Now::Unmeasured, Now::Better, Now::Other, Now::New, Now::Gone];

    fn as_str(self) -> &'static str {
        match self {
            Now::Worse => "worse",
            Now::Better => "better",
            Now::Other => "other",
            Now::New => "new",
            Now::Gone => "gone",
            Now::Unmeasured => "not measured any more",
        }
    }
}

/// The mode.
pub fn main(args: &DiffArgs) -> Result<Exit, Stop> {
    let (old, new) = (read(&args.old)?, read(&args.new)?);
    let lines = match (&old, &new) {
        (Report::Sweep(old), Report::Sweep(new)) => runs(old, new),
        (Report::Audit(old), Report::Audit(new)) => {
            screen::line(&format!("{} → {}", old.server, new.server));
            let mut lines = cases(&old.cases, &new.cases);
            lines.extend(runs(&old.file(), &new.file()));
            lines
        }
        _ => {
            let (old, new) = (args.old.display(), args.new.display());
            let words = "one is the report of a sweep and the other of an audit";
            return Err(Stop::usage(format!("{old}, {new}: {words}")));
        }
    };
    for (path, report) in [(&args.old, &old), (&args.new, &new)] {
        if report.is_part() {
            screen::line(&format!("{} holds only a part of the runs", path.display()));
        }
    }
    Ok(conclude(&lines))
}

impl Report {
    fn is_part(&self) -> bool {
        match self {
            Report::Sweep(file) => file.partial || file.sweeps.iter().any(|s| s.is_partial()),
            Report::Audit(audit) => audit.partial || audit.sample.is_some(),
        }
    }
}

fn read(path: &Path) -> Result<Report, Stop> {
    let text = std::fs::read_to_string(path).map_err(|e| Stop::usage(cannot("read", path, &e)))?;
    let format = serde_json::from_str::<serde_json::Value>(&text).ok();
    let is_audit = format.is_some_and(|v| v.get("format") == Some(&record::FORMAT.into()));
    let read = match is_audit {
        true => Audit::read(&text).map(|audit| Report::Audit(Box::new(audit))),
        false => File::read(&text).map(Report::Sweep),
    };
    read.map_err(|why| Stop::usage(format!("{}: {why}", path.display())))
}

/// One difference: how it is now, where, and what.
type Line = (Now, String, String);

/// What a verdict weighs: a broken promise, one that was nearly broken, or nothing.
fn weight(verdict: Verdict) -> u8 {
    match verdict {
        verdict if verdict.is_broken_promise() => 2,
        Verdict::LostReported | Verdict::Leaked => 1,
        _ => 0,
    }
}

fn compare(old: Option<Verdict>, new: Option<Verdict>) -> Now {
    match (old, new) {
        (None, _) => Now::New,
        (_, None) => Now::Gone,
        (Some(old), Some(new)) if new.is_no_measurement() && !old.is_no_measurement() => {
            Now::Unmeasured
        }
        (Some(old), Some(new)) => match weight(new).cmp(&weight(old)) {
            std::cmp::Ordering::Greater => Now::Worse,
            std::cmp::Ordering::Less => Now::Better,
            std::cmp::Ordering::Equal => Now::Other,
        },
    }
}

fn word(verdict: Option<Verdict>) -> String {
    verdict.map_or("(not run)".to_string(), |verdict| verdict.to_string())
}

fn cases(old: &[CaseRecord], new: &[CaseRecord]) -> Vec<Line> {
    let by_name = |cases: &[CaseRecord]| -> BTreeMap<String, CaseRecord> {
        cases.iter().map(|case| (case.name.clone(), case.clone())).collect()
    };
    let (old, new) = (by_name(old), by_name(new));
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    let line = |name: &String| {
        let state = |cases: &BTreeMap<String, CaseRecord>| {
            cases.get(name).map(|case| (case.verdict, case.story))
        };
        let (before, after) = (state(&old), state(&new));
        let verdicts = (before.map(|(verdict, _)| verdict), after.map(|(verdict, _)| verdict));
        let what = format!("{} → {}", word(verdicts.0), word(verdicts.1));
        (before != after).then(|| (compare(verdicts.0, verdicts.1), name.clone(), what))
    };
    names.into_iter().filter_map(line).collect()
}

fn runs(old: &File, new: &File) -> Vec<Line> {
    let (old, new) = (&counted(old), &counted(new));
    let known: Vec<Way> = ways(old).collect();
    let line = |change: Change| {
        let judged = |result: Option<RunResult>| result.and_then(RunResult::verdict);
        let (before, after) = (judged(change.old), judged(change.new));
        let place = format!("{} {}: {}", change.workload, change.site, change.fault);
        let axis = Axis::of(&change.site.first);
        let way = after.map(|verdict| (change.workload, axis, verdict));
        let now = match compare(before, after) {
            // A run that has no counterpart is judged by the company it keeps.
            Now::New if after.is_some_and(|verdict| verdict.is_broken_promise()) => {
                if way.is_some_and(|way| known.contains(&way)) { Now::New } else { Now::Worse }
            }
            now => now,
        };
        let mut what = format!("{} → {}", word(before), word(after));
        if !change.sentence.is_empty() {
            what.push_str(&format!("\n      {}", change.sentence));
        }
        (before.is_some() || after.is_some()).then_some((now, place, what))
    };
    changes(old, new).into_iter().filter_map(line).collect()
}

/// The report without what only a disk shows that keeps nothing but what was synced by name.
fn counted(file: &File) -> File {
    let mut file = file.clone();
    file.sweeps.iter_mut().for_each(|sweep| sweep.records.retain(|record| !record.is_posix()));
    file
}

/// A way in which a promise breaks: workload, kind of call, verdict.
type Way = (String, Axis, Verdict);

fn ways(file: &File) -> impl Iterator<Item = Way> + '_ {
    file.sweeps.iter().flat_map(|sweep| {
        sweep.records.iter().filter_map(|record| {
            let verdict = record.verdict().filter(|verdict| verdict.is_broken_promise())?;
            Some((sweep.workload.clone(), Axis::of(&record.site.first), verdict))
        })
    })
}

fn conclude(lines: &[Line]) -> Exit {
    let of = |now: Now| lines.iter().filter(move |(other, ..)| *other == now);
    for now in [Now::Worse, Now::Unmeasured, Now::Better, Now::Other] {
        if of(now).next().is_some() {
            screen::line(now.as_str());
        }
        for (_, place, what) in of(now) {
            screen::line(&format!("  {place}: {what}"));
        }
    }
    let counts = Now::ALL.map(|now| format!("{} {}", of(now).count(), now.as_str()));
    screen::line(&format!("{} differences: {}", lines.len(), counts.join(", ")));
    match () {
        () if of(Now::Worse).next().is_some() => Exit::BrokenPromise,
        () if of(Now::Unmeasured).next().is_some() => Exit::NotMeasured,
        () if lines.is_empty() => Exit::Expected,
        () => Exit::Differs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_weighs_more_is_worse() {
        use Verdict::{Diverged, Kept, Lost, LostAllowed, LostReported, NotMeasured};
        for (old, new, now) in [
            (Kept, Lost, Now::Worse),
            (LostReported, Lost, Now::Worse),
            (Kept, LostReported, Now::Worse),
            (Lost, Kept, Now::Better),
            (Kept, LostAllowed, Now::Other),
            (Lost, Diverged, Now::Other),
            (Kept, NotMeasured, Now::Unmeasured),
        ] {
            assert_eq!(compare(Some(old), Some(new)), now, "{old} {new}");
        }
        assert_eq!(compare(None, Some(Kept)), Now::New);
        assert_eq!(compare(Some(Kept), None), Now::Gone);
    }
}
