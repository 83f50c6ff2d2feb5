//! The script that is explained: which of its lines go against the server, and how it reads with
//! changes in it.
//!
//! Must not know: which changes are tried.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::change::{Change, process_of};
use crate::case::script::{PageFate, Script, Verb};
use crate::kernel::plan::{Effect, Halt, Rule, Selector, Victim, When};
use crate::kernel::{Cut, Decision, Site};
use crate::runner::CutPoint;

/// How the power is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cutting {
    Never,
    /// By a rule for one call: all states can be gone through.
    AtCall {
        site: Site,
        when: When,
        cut: Cut,
    },
    /// By a step, or by a rule for any call of a kind.
    Elsewhere(Cut),
}

/// A script taken apart.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Every line, as it is written.
    lines: Vec<String>,
    /// What lines do, by their index.
    verbs: BTreeMap<usize, Verb>,
    /// Which server a call belongs to: the start of the script for each call, where it is not the
    /// incarnation.
    starts: BTreeMap<Site, u32>,
    cut_at: Option<usize>,
}

/// A script with changes in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    pub script: String,
    /// The part before the line that cuts the power at a call, and the part after it.
    around_the_cut: Option<(String, String)>,
}

impl Variant {
    /// The call at which this variant cuts the power.
    pub fn point(&self, cutting: &Cutting) -> Option<CutPoint> {
        let Cutting::AtCall { site, when, .. } = cutting else { return None };
        let (before, after) = self.around_the_cut.clone()?;
        Some(CutPoint { before, site: site.clone(), when: *when, after })
    }
}

/// What becomes of the lines of a script.
#[derive(Default)]
struct Edit {
    /// Lines that come before the one with this index.
    before: BTreeMap<usize, Vec<String>>,
    gone: BTreeSet<usize>,
}

impl Subject {
    pub fn of(script: &Script, starts: impl IntoIterator<Item = (Site, u32)>) -> Subject {
        let lines: Vec<String> = script.source.lines().map(String::from).collect();
        let index = |line: u32| (line as usize).saturating_sub(1);
        let steps = script.steps.iter().map(|step| (index(step.line), step.verb.clone()));
        let verbs: BTreeMap<usize, Verb> = steps.collect();
        let cuts_at_a_call = |verb: &Verb| cut_rule(verb).is_some_and(is_for_one);
        let cut_at = verbs.iter().rev().find(|(_, verb)| cuts_at_a_call(verb)).map(|(n, _)| *n);
        Subject { lines, verbs, starts: starts.into_iter().collect(), cut_at }
    }

    pub fn cutting(&self) -> Cutting {
        let at_call = self.cut_at.and_then(|line| cut_rule(&self.verbs[&line]));
        if let Some(Rule { selector: Selector::Site(site), effect, .. }) = at_call
            && let Effect::Halt(when, Halt::Power(cut)) = effect
        {
            return Cutting::AtCall { site: site.clone(), when: *when, cut: *cut };
        }
        self.verbs.values().find_map(cut_of).map_or(Cutting::Never, Cutting::Elsewhere)
    }

    /// The lines that go against the server, as they are written; steps that cut the power or
    /// damage a file among them.
    pub fn faults(&self) -> Vec<(&str, &Verb)> {
        let harms = |verb: &Verb| {
            self.is_fault(verb) || matches!(verb, Verb::PowerCut(_) | Verb::Damage { .. })
        };
        let its = self.verbs.iter().filter(|(_, verb)| harms(verb));
        its.map(|(n, verb)| (self.lines[*n].trim(), verb)).collect()
    }

    /// Whether a line makes something go wrong that can be left out. What says `maybe` belongs to
    /// the workload.
    fn is_fault(&self, verb: &Verb) -> bool {
        match verb {
            Verb::Inject { rule, .. } => !matches!(rule.effect, Effect::Sync(..)),
            Verb::Preempt { decision, .. } => !decision.maybe,
            Verb::SyncErrors(_) | Verb::Space(Some(_)) | Verb::Hold(_) => true,
            Verb::Release(task) => {
                let held = |verb: &Verb| matches!(verb, Verb::Hold(held) if held == task);
                self.verbs.values().any(held)
            }
            _ => false,
        }
    }

    /// The rule that fails a call, or has it do less than it should.
    pub fn failing(&self) -> Option<&Rule> {
        self.failing_line().and_then(|line| rule(&self.verbs[&line]))
    }

    fn failing_line(&self) -> Option<usize> {
        let fails = |verb: &Verb| {
            rule(verb)
                .is_some_and(|rule| matches!(rule.effect, Effect::Error(_) | Effect::Short(_)))
        };
        self.verbs.iter().find(|(_, verb)| fails(verb)).map(|(line, _)| *line)
    }

    /// Whether it says what becomes of the pages of a failed sync.
    pub fn decides_on_pages(&self) -> bool {
        self.verbs.values().any(|verb| matches!(verb, Verb::SyncErrors(_)))
    }

    /// Whether the power cut at a call is all that goes wrong.
    pub fn only_cuts_power(&self) -> bool {
        let mut faults = self.verbs.iter().filter(|(_, verb)| self.is_fault(verb));
        self.cut_at.is_some() && faults.all(|(line, _)| Some(*line) == self.cut_at)
    }

    /// The script without its fault. A power cut stays where something else went wrong before it;
    /// where it is all there is, a kill stands in its place. None: nothing can be left out.
    pub fn control(&self) -> Option<Variant> {
        let mut edit = Edit::default();
        let keep_cut = !self.only_cuts_power();
        for (line, verb) in &self.verbs {
            if self.is_fault(verb) && !(keep_cut && Some(*line) == self.cut_at) {
                edit.gone.insert(*line);
            }
        }
        if edit.gone.is_empty() {
            let kill = Verb::Kill(Victim::All).optional();
            for (line, verb) in &self.verbs {
                match verb {
                    Verb::PowerCut(_) => edit.replace(*line, &kill),
                    Verb::Damage { .. } => _ = edit.gone.insert(*line),
                    _ => {}
                }
            }
        }
        (!edit.gone.is_empty()).then(|| self.edited(&edit))
    }

    /// The script with these changes. None: one of them has no place in it.
    pub fn with(&self, changes: &[Change]) -> Option<Variant> {
        let mut edit = Edit::default();
        for change in changes {
            self.put(change, &mut edit)?;
        }
        Some(self.edited(&edit))
    }

    /// The same script where each of its power cuts leaves this.
    pub fn leaving(script: &Script, cut: Cut) -> String {
        let mut lines: Vec<String> = script.source.lines().map(String::from).collect();
        for step in script.steps.iter().filter(|step| cut_of(&step.verb).is_some()) {
            lines[step.line as usize - 1] = step.verb.clone().leaving(cut).to_string();
        }
        text(lines.iter().map(String::as_str))
    }

    fn put(&self, change: &Change, edit: &mut Edit) -> Option<()> {
        match change {
            Change::Sync { when, role, at } => {
                let rule = Verb::inject_at(at.clone(), Effect::Sync(*when, role.clone()));
                self.rule_of_start(at, &rule.optional(), edit)
            }
            Change::Late { at } => {
                let late = Effect::Delay(Duration::from_secs(1));
                self.rule_of_start(at, &Verb::inject_at(at.clone(), late).optional(), edit)
            }
            Change::First { task, at } => {
                let (site, task) = (at.clone(), task.clone());
                let decision = Decision { site, task, maybe: true, origin: 0 };
                let line = self.start(self.start_of(at))?;
                edit.insert(line, &Verb::Preempt { decision, role: Vec::new() });
                Some(())
            }
            Change::Once { .. } => {
                for (line, verb) in &self.verbs {
                    if let Verb::Inject { rule, roles } = verb
                        && lasts(rule)
                    {
                        let rule = Rule { window: rule.window.once(), ..rule.clone() };
                        edit.replace(*line, &Verb::Inject { rule, roles: roles.clone() });
                    }
                }
                Some(())
            }
            Change::PagesKept => {
                edit.insert(self.failing_line()?, &Verb::SyncErrors(PageFate::Dirty));
                Some(())
            }
            Change::Ends { at } => {
                let fails = |verb: &Verb| rule(verb).is_some_and(|rule| lasts(rule) || fails(rule));
                let failing = self.failing_line()?;
                let others = self.verbs.iter().filter(|(_, verb)| fails(verb));
                edit.gone.extend(others.map(|(line, _)| *line));
                let kill = Effect::Halt(When::Before, Halt::Kill(process_of(at)));
                edit.replace(failing, &Verb::inject_at(at.clone(), kill));
                Some(())
            }
        }
    }

    /// A rule for a call: it stands before the start of its server, and again after each `heal`.
    fn rule_of_start(&self, site: &Site, rule: &Verb, edit: &mut Edit) -> Option<()> {
        let number = self.start_of(site);
        let start = self.start(number)?;
        let end = self.start(number + 1).unwrap_or(self.lines.len());
        edit.insert(start, rule);
        let heals = self.verbs.range(start..end).filter(|(_, verb)| matches!(verb, Verb::Heal));
        heals.for_each(|(line, _)| edit.insert(line + 1, rule));
        Some(())
    }

    fn start_of(&self, site: &Site) -> u32 {
        self.starts.get(site).copied().unwrap_or(site.incarnation)
    }

    /// The index of the line that starts the server for the time with this number.
    fn start(&self, number: u32) -> Option<usize> {
        let first = self.verbs.iter().find(|(_, verb)| verb.needs_server());
        let restarts = self.verbs.iter().filter(|(_, verb)| matches!(verb, Verb::Restart(_)));
        let mut starts = first.into_iter().chain(restarts).map(|(line, _)| *line);
        starts.nth(number.checked_sub(1)? as usize)
    }

    fn edited(&self, edit: &Edit) -> Variant {
        let mut all = Vec::new();
        let mut cut = None;
        for n in 0..=self.lines.len() {
            all.extend(edit.before.get(&n).into_iter().flatten().map(String::as_str));
            if let Some(line) = self.lines.get(n).filter(|_| !edit.gone.contains(&n)) {
                if self.cut_at == Some(n) {
                    cut = Some(all.len());
                }
                all.push(line);
            }
        }
        let part = |lines: &[&str]| text(lines.iter().copied());
        let around_the_cut = cut.map(|n| (part(&all[..n]), part(&all[n + 1..])));
        Variant { script: part(&all), around_the_cut }
    }
}

impl Edit {
    fn insert(&mut self, line: usize, verb: &Verb) {
        self.before.entry(line).or_default().push(verb.to_string());
    }

    fn replace(&mut self, line: usize, verb: &Verb) {
        self.gone.insert(line);
        self.insert(line, verb);
    }
}

fn text<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.map(|line| format!("{line}\n")).collect()
}

fn rule(verb: &Verb) -> Option<&Rule> {
    match verb {
        Verb::Inject { rule, .. } => Some(rule),
        _ => None,
    }
}

fn fails(rule: &Rule) -> bool {
    matches!(rule.effect, Effect::Error(_) | Effect::Short(_))
}

/// Whether a rule fails more than one call.
pub fn lasts(rule: &Rule) -> bool {
    let many = matches!(rule.selector, Selector::Calls { .. }) && rule.window != rule.window.once();
    many && fails(rule)
}

fn cut_rule(verb: &Verb) -> Option<&Rule> {
    rule(verb).filter(|rule| matches!(rule.effect, Effect::Halt(_, Halt::Power(_))))
}

fn is_for_one(rule: &Rule) -> bool {
    matches!(rule.selector, Selector::Site(_))
}

fn cut_of(verb: &Verb) -> Option<Cut> {
    match (verb, cut_rule(verb).map(|rule| &rule.effect)) {
        (Verb::PowerCut(cut), _) | (_, Some(Effect::Halt(_, Halt::Power(cut)))) => Some(*cut),
        _ => None,
    }
}
