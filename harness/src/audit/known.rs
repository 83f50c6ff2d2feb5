//! Known bugs that a server shows, and which causes look like one of them.
//!
//! A cause looks like a known bug if the bug's case ends with the same verdict for the same reason,
//! and the same kind of event brings it on. That is likeness, and no proof. Must not know: how
//! anything is told.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::case::known_bug::Recorded;
use crate::case::script::{Script, Verb};
use crate::kernel::plan::{Effect, Halt};
use crate::runner::{Outcome, decisive};
use crate::suite::known_bugs::upstream;
use crate::suite::library::ParsedCase;
use crate::sweep::Signature;

/// A bug of the case library.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownBug {
    /// `known/05a_leftover_counts_twice`.
    pub name: String,
    /// What it is, in a sentence.
    pub title: String,
    /// Where it was reported.
    pub upstream: String,
    /// Servers on record that do not show it.
    pub absent: Vec<String>,
}

/// A bug that shows on the server of an audit.
#[derive(Clone, Debug)]
pub struct Shown {
    bug: KnownBug,
    signature: Signature,
    events: BTreeSet<Event>,
}

impl Shown {
    /// None: the case is about no bug, or it does not show.
    pub fn of(case: &ParsedCase, outcome: &Outcome) -> Option<Shown> {
        let symptoms = case.script.symptoms();
        let seen = outcome.symptoms.iter().filter(|symptom| symptom.instead.is_none()).count();
        if symptoms == 0 || seen < symptoms || outcome.is_bad_case() {
            return None;
        }
        let ruling = decisive(&outcome.rulings)?;
        let (verdict, reason) = (ruling.verdict, Some(ruling.reason.clone()));
        let text = case.file.own_text();
        let first = text.lines().next().unwrap_or_default();
        let title = first.split_once(": ").map_or(first, |(_, title)| title);
        let absent = |server: &&str| case.script.recorded(server) == Recorded::Absent;
        let bug = KnownBug {
            name: case.file.name.clone(),
            title: title.to_string(),
            upstream: upstream(text).to_string(),
            absent: case.script.servers_on_record().filter(absent).map(String::from).collect(),
        };
        let signature = Signature { verdict, reason };
        Some(Shown { bug, signature, events: events(&case.script) })
    }

    /// The bug, if a cause looks like it.
    pub fn like(&self, signature: &Signature, events: &BTreeSet<Event>) -> Option<KnownBug> {
        let same = self.signature == *signature && !self.events.is_disjoint(events);
        same.then(|| self.bug.clone())
    }
}

/// What brings it on: most cases end with a kill, which counts only where there is nothing else.
fn events(script: &Script) -> BTreeSet<Event> {
    let mut events: BTreeSet<Event> =
        script.steps.iter().filter_map(|step| event(&step.verb)).collect();
    if events.iter().any(|event| *event != Event::Kill) {
        events.remove(&Event::Kill);
    }
    events
}

fn event(verb: &Verb) -> Option<Event> {
    match verb {
        Verb::Maybe(verb) => event(verb),
        Verb::Space(Some(_)) => Some(Event::DiskFull),
        Verb::PowerCut(_) => Some(Event::PowerCut),
        Verb::Kill(_) => Some(Event::Kill),
        Verb::Inject { rule, .. } => match &rule.effect {
            Effect::Error(errno) => Some(Event::of_error(*errno)),
            Effect::Short(_) => Some(Event::DiskError),
            Effect::Retval(_) => Some(Event::Lie),
            Effect::Delay(_) | Effect::Hold => Some(Event::SlowDisk),
            Effect::Signal(_) => Some(Event::Kill),
            Effect::Halt(_, Halt::Power(_)) => Some(Event::PowerCut),
            Effect::Halt(..) => Some(Event::Kill),
        },
        _ => None,
    }
}
