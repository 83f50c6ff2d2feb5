//! An audit as a page: which facts stand where.
//!
//! Must not know: how a page looks, and how an audit is made.

use super::grid::{Run, grids};
use super::timeline::Timeline;
use super::{Page, Tile, meaning, tone};
use crate::audit::causes::Causes;
use crate::audit::event::Event;
use crate::audit::record::{Audit, CaseRecord, CaseResult, Cause};
use crate::case;
use crate::contract::Verdict;
use crate::report::export::strace;
use crate::report::{explanation, html, operator, sweep_text};
use crate::suite::redis_conf::Policy;
use crate::sweep::accepted::Accepted;
use crate::sweep::{Class, Sweep, Token};

/// The page; `causes` still knows which run belongs to which.
pub fn page(audit: &Audit, causes: &Causes, accepted: &Accepted, family: &str) -> Page {
    let numbered = (1..).zip(&audit.causes);
    let (headline, tone) = headline(audit);
    Page {
        server: audit.server.clone(),
        world: audit.world.clone(),
        sabot: audit.sabot.clone(),
        made: None,
        limits: audit.limits(),
        question: question(audit),
        headline,
        tone,
        answers: answers(audit),
        tiles: tiles(audit),
        causes: numbered.map(|(number, cause)| shown(number, cause, family)).collect(),
        sweeps: audit.sweeps.iter().map(|sweep| matrix(sweep, causes, accepted)).collect(),
        folders: folders(audit),
        config: audit.config.as_ref().map(|config| html::Config {
            path: config.path.clone(),
            kept: config.kept.clone(),
            dropped: config.dropped.clone(),
        }),
        stale: audit.stale.clone(),
    }
}

/// What a finding means that shows only on a disk that guarantees no more than POSIX does.
const POSIX: &str = "only where nothing is kept but what was synced by name; it does not count, \
    because no server syncs the directory that holds its own";

/// What is asked, and the answer.
fn question(audit: &Audit) -> String {
    match &audit.config {
        None => "May I trust this server?".to_string(),
        Some(config) => format!("May I trust this server with {}?", config.path),
    }
}

fn headline(audit: &Audit) -> (String, &'static str) {
    let of = many(audit.counts.total(), "run");
    let broken = audit.causes.iter().filter(|cause| cause.is_broken_promise());
    let (known, new): (Vec<&Cause>, Vec<&Cause>) =
        broken.partition(|cause| cause.accepted.is_some());
    let known = match known.len() {
        0 => String::new(),
        count => format!(" {} more accepted.", many(count, "way")),
    };
    match new.len() {
        0 if audit.counts.total() == 0 => ("Nothing was tried.".to_string(), "unknown"),
        0 if audit.partial => {
            let text = "Not known yet: it was interrupted; no promise was broken so far, in";
            (format!("{text} {of}.{known}"), "unknown")
        }
        0 => match unmeasured(audit) {
            None => {
                (format!("Yes, as far as was tried: no promise was broken in {of}.{known}"), "kept")
            }
            Some(what) => (format!("Nothing is certain: {what} could not be measured."), "unknown"),
        },
        count => {
            let broken = audit.counts.count(Class::Broken);
            let other = new.iter().filter(|cause| cause.other_policy).count();
            let ways = in_ways(audit, count - other, other);
            (format!("{ways}, seen in {broken} of {of}.{known}"), "broken")
        }
    }
}

/// In how many ways promises break, under the user's policy and under others.
fn in_ways(audit: &Audit, own: usize, other: usize) -> String {
    let Some(config) = &audit.config else {
        return format!("Not fully: promises break in {}", many(own, "way"));
    };
    let policy = Policy::of_lines(config.kept.iter().map(String::as_str));
    match (own, other) {
        (0, other) => format!(
            "Yes, as far as was tried: promises break only under other policies than yours \
             ({policy}), in {}",
            many(other, "way")
        ),
        (own, 0) => {
            format!(
                "Not fully: under your policy ({policy}) promises break in {}",
                many(own, "way")
            )
        }
        (own, other) => format!(
            "Not fully: under your policy ({policy}) promises break in {}, and in {other} more \
             under other policies",
            many(own, "way")
        ),
    }
}

/// A row for each event that was tried: the worst that it does under the user's policy.
fn answers(audit: &Audit) -> Vec<html::Answer> {
    let row = |event: Event| {
        let its = |cause: &&(usize, &Cause)| {
            cause.1.is_broken_promise() && cause.1.events().contains(&event)
        };
        let all: Vec<(usize, &Cause)> = (1..).zip(&audit.causes).collect();
        let worst = all.iter().filter(its).find(|(_, cause)| cause.accepted.is_none());
        let (word, tone, text, cause) = match worst {
            None => ("kept".to_string(), "kept", "Every promise was kept.".to_string(), None),
            Some((number, cause)) if cause.other_policy => {
                let text = "Only under other policies than yours.".to_string();
                (cause.verdict.to_string(), "near", text, Some(*number))
            }
            Some((number, cause)) => {
                (cause.verdict.to_string(), "broken", operator::sentence(cause), Some(*number))
            }
        };
        html::Answer { event: event.words(), word, tone, text, cause }
    };
    audit.tried().into_iter().map(row).collect()
}

/// What nothing was found out about.
fn unmeasured(audit: &Audit) -> Option<String> {
    let cases = audit.cases.iter().filter(|case| case.result == CaseResult::NotMeasured).count();
    let sweeps = audit.sweeps.iter().filter(|sweep| sweep.refused.is_some()).count();
    let what = format!("{} and {}", many(cases, "case"), many(sweeps, "workload"));
    (cases + sweeps > 0).then_some(what)
}

/// `1 run`, `2 runs`.
fn many(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// One for each class that there is; together they are all runs and cases.
fn tiles(audit: &Audit) -> Vec<Tile> {
    let tile = |class: Class| {
        let (label, tone) = match class {
            Class::Broken => ("broke a promise", "broken"),
            Class::NotMeasured => ("not measured", "unknown"),
            Class::Accepted => ("broke a promise, accepted", "near"),
            Class::NearlyBroken => ("lost, and a client was told; or leaked", "near"),
            Class::LostByLie => ("lost what the system lied about", "lie"),
            Class::LostAllowed => ("lost within the promise", "allowed"),
            Class::Litter => ("only left files behind", "lie"),
            Class::Kept => ("kept everything", "kept"),
            Class::CaseAsExpected => ("cases went as they say", "kept"),
            Class::NotApplicable => ("not applicable", "none"),
            Class::NothingInjected => ("injected nothing", "none"),
        };
        Tile { count: audit.counts.count(class), label: label.to_string(), tone }
    };
    Class::ALL.into_iter().map(tile).filter(|tile| tile.count > 0).collect()
}

fn shown(number: usize, cause: &Cause, family: &str) -> html::Cause {
    let token = Token::decode(&cause.token).ok();
    let script = token.and_then(|token| case::parse("token", &token.script).ok());
    html::Cause {
        number,
        verdict: cause.verdict.to_string(),
        tone: if cause.posix { "lie" } else { tone(cause.verdict) },
        lead: operator::lead(cause),
        own_line: operator::own_line(cause).map(String::from),
        takes: operator::takes(cause),
        advice: operator::advice(cause),
        helped: cause.explanation.as_ref().map(explanation::remedies).unwrap_or_default(),
        known: cause.known.iter().map(operator::known_bug).collect(),
        other_policy: cause.other_policy,
        place: cause.place(),
        sentence: cause.sentence.clone(),
        meaning: if cause.posix { POSIX } else { meaning(cause.verdict) },
        faults: cause.faults.iter().map(|fault| operator::column(fault)).collect(),
        workloads: cause.workloads.clone(),
        seen: operator::seen(cause),
        accepted: cause.accepted.clone(),
        example: cause.example.clone(),
        lines: cause.lines,
        transcript: cause.transcript.clone(),
        timeline: Timeline::of(&cause.trace),
        token: cause.token.clone(),
        strace: script.and_then(|script| strace::command(&script, "redis-server", family)),
    }
}

fn matrix(sweep: &Sweep, causes: &Causes, accepted: &Accepted) -> html::Sweep {
    let runs =
        sweep.records.iter().filter(|record| sweep_text::is_shown(record)).map(|record| Run {
            site: record.site.to_string(),
            fault: sweep_text::column(record),
            ending: record.ending,
            verdict: record.verdict(),
            cause: causes.number(&sweep.workload, record, accepted),
        });
    let name = sweep.workload.clone();
    let anchor = format!("matrix-{}", name.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
    html::Sweep {
        anchor,
        counts: counts(sweep),
        refused: sweep.refused.clone(),
        cuts: sweep_text::cuts(sweep),
        grids: grids(runs),
        name,
    }
}

fn counts(sweep: &Sweep) -> String {
    let counted = || sweep.records.iter().filter(|record| record.is_counted());
    let mut parts = vec![many(sweep.sites(), "call"), many(counted().count(), "run")];
    for verdict in Verdict::ALL {
        match counted().filter(|record| record.verdict() == Some(verdict)).count() {
            0 => {}
            count => parts.push(format!("{count} {verdict}")),
        }
    }
    if sweep.is_partial() {
        parts.push(sweep.missing());
    }
    parts.join(", ")
}

fn folders(audit: &Audit) -> Vec<html::Folder> {
    let mut folders: Vec<html::Folder> = Vec::new();
    for case in &audit.cases {
        let (folder, name) = case.name.split_once('/').unwrap_or(("", &case.name));
        if folders.last().is_none_or(|last| last.name != folder) {
            folders.push(html::Folder { name: folder.to_string(), cases: Vec::new() });
        }
        let last = folders.last_mut().expect("one was just put there");
        last.cases.push(row(case, name, &audit.causes));
    }
    folders
}

fn row(case: &CaseRecord, name: &str, causes: &[Cause]) -> html::Case {
    let mut notes = case.notes.clone();
    match case.result {
        CaseResult::AsExpected if case.verdict.is_broken_promise() => {
            notes.push("as the case expects".to_string());
        }
        CaseResult::Otherwise => {
            notes.insert(0, "no promise broken, but not what the case expects".to_string());
        }
        _ => {}
    }
    if let Some(reason) = &case.accepted {
        notes.push(format!("accepted: {reason}"));
    }
    let told = case.result == CaseResult::AsExpected && case.verdict.is_broken_promise();
    let cause = causes.iter().position(|cause| cause.places == [case.name.as_str()]).map(|n| n + 1);
    html::Case {
        name: name.to_string(),
        word: case.verdict.to_string(),
        tone: if told { "near" } else { tone(case.verdict) },
        notes,
        cause,
    }
}
