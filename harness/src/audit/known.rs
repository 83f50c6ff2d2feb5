//! Known bugs that a server shows, and which causes look like one of them.
//!
//! A cause looks like a known bug if the bug's case ends with the same verdict for the same reason,
//! the same kind of event brings it on, and the server does not end with another line in its log.
//! That is likeness, and no proof. Must not know: how anything is told.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::case::known_bug::Recorded;
use crate::case::script::{Script, Verb};
use crate::kernel::plan::{Effect, Halt};
use crate::runner::{Outcome, decisive, own_line};
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    bug: KnownBug,
    signature: Signature,
    events: BTreeSet<Event>,
    /// With what the server ends in its log, if it ends by itself.
    own_line: Option<String>,
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
        let own_line = own_line::of_the_end(verdict, &outcome.transcript).map(String::from);
        Some(Shown { bug, signature, events: events(&case.script), own_line })
    }

    /// The name of its case.
    pub fn name(&self) -> &str {
        &self.bug.name
    }

    /// The bug, if a cause looks like it; `line` is what the server says itself, if it does.
    pub fn like(
        &self,
        signature: &Signature,
        events: &BTreeSet<Event>,
        line: Option<&str>,
    ) -> Option<KnownBug> {
        let same = self.signature.in_any_words() == signature.in_any_words();
        let same = same && !self.events.is_disjoint(events);
        let other_end = self.own_line.as_deref().zip(line).is_some_and(|(a, b)| !alike(a, b));
        (same && !other_end).then(|| self.bug.clone())
    }
}

/// How many words tell lines of a log apart; further on there are names of files and numbers.
const TELLING: usize = 4;

fn alike(a: &str, b: &str) -> bool {
    a.split_whitespace().take(TELLING).eq(b.split_whitespace().take(TELLING))
}

/// What brings it on: most cases end with a kill, which counts only where there is nothing else, or
/// where a call was held until then. A call that is held to the end was never made, so that is a
/// kill before the call.
fn events(script: &Script) -> BTreeSet<Event> {
    let mut events: BTreeSet<Event> =
        script.steps.iter().filter_map(|step| event(&step.verb)).collect();
    if events.iter().any(|event| *event != Event::Kill) && !is_killed_while_held(script) {
        events.remove(&Event::Kill);
    }
    events
}

fn is_killed_while_held(script: &Script) -> bool {
    let mut held = false;
    script.steps.iter().any(|step| {
        let verb = without_maybe(&step.verb);
        match verb {
            Verb::Inject { rule, .. } if matches!(rule.effect, Effect::Hold) => held = true,
            Verb::Heal | Verb::Release(_) => held = false,
            _ => {}
        }
        held && matches!(verb, Verb::Kill(_))
    })
}

fn without_maybe(verb: &Verb) -> &Verb {
    match verb {
        Verb::Maybe(verb) => without_maybe(verb),
        verb => verb,
    }
}

fn event(verb: &Verb) -> Option<Event> {
    match without_maybe(verb) {
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
            Effect::ReadOnly => Some(Event::DiskError),
            Effect::Sync(..) => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case;
    use crate::contract::reason::Attempts;
    use crate::contract::{Reason, Verdict};

    #[test]
    fn servers_that_end_with_other_lines_do_not_show_the_same_bug() {
        let signature = Signature {
            verdict: Verdict::RefusedStart,
            reason: Some(Reason::refused(Attempts::Twice, None)),
        };
        let (name, none) = ("known/05c_split".to_string(), String::new());
        let bug = KnownBug { name, title: none.clone(), upstream: none, absent: Vec::new() };
        let line = "Bad file format reading the append only file appendonly.aof.2.incr.aof: make";
        let own_line = Some(line.to_string());
        let events = BTreeSet::from([Event::DiskError]);
        let shown = Shown { bug, signature: signature.clone(), events: events.clone(), own_line };
        let like = |line| shown.like(&signature, &events, line).is_some();
        assert!(like(Some("Bad file format reading the append only file other.aof: make")));
        assert!(!like(Some("Unable to obtain the AOF file appendonly.aof.1.base.rdb length")));
        assert!(like(None), "nothing speaks against it");
        assert!(shown.like(&signature, &BTreeSet::from([Event::Kill]), Some(line)).is_none());
    }

    #[test]
    fn a_call_that_is_held_until_the_server_is_killed_was_never_made() {
        let events = |steps: &str| {
            let text = format!("config appendonly yes\n\n{steps}");
            events(&case::parse("held", &text).expect("a case"))
        };
        let held = "inject write on=aof hold when=1\n> SET a 1\n";
        let killed = BTreeSet::from([Event::SlowDisk, Event::Kill]);
        assert_eq!(events(&format!("{held}kill all\n")), killed);
        assert_eq!(events(&format!("{held}kill all maybe\n")), killed);
        let healed = events(&format!("{held}heal\nkill all\n"));
        assert_eq!(healed, BTreeSet::from([Event::SlowDisk]));
    }
}
