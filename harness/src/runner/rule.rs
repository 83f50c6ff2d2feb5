//! Giving verdicts, and complaining about the case. Each is kept among the judgements and written
//! down in the record.
//!
//! Must not know: how a verdict is reached.

use super::needs::meant;
use super::outcome::{Failure, Ruling};
use super::state::{EarlyEnd, Runner};
use crate::case::script::Verb;
use crate::contract::{Judgement, Reason, Verdict};
use crate::kernel::{Overclaim, Rule, Selector};
use crate::world::Broken;

impl Runner<'_> {
    /// Gives the verdict of the contract.
    pub fn rule(&mut self, judgement: Judgement) {
        let Judgement { verdict, reason, sentence, difference, survivors, .. } = judgement;
        let ruling = Ruling::new(self.record.line, verdict, reason, sentence);
        self.give(Ruling { difference, survivors, ..ruling });
    }

    /// Gives a verdict that is not the contract's, but the run's own.
    pub fn rule_in_words(&mut self, verdict: Verdict, sentence: String) {
        self.give(Ruling::new(self.record.line, verdict, Reason::other(&sentence), sentence));
    }

    pub fn give(&mut self, ruling: Ruling) {
        if self.record.keeps_transcript() {
            let Ruling { verdict, sentence, .. } = &ruling;
            let difference = ruling.difference.iter().map(|text| format!("; {text}"));
            let difference: String = difference.collect();
            self.record.remark(format!("contract: {verdict} — {sentence}{difference}"));
        }
        self.judgements.rulings.push(ruling);
    }

    /// An `expect` was not met.
    pub fn failed(&mut self, message: String) {
        self.fail_at(self.record.line, message, false);
    }

    /// The case is wrong: it ends here.
    pub fn bad_case(&mut self, message: impl Into<String>) -> Result<(), EarlyEnd> {
        self.unless_never_ready()?;
        self.wrong_case(message.into())
    }

    /// The same where it does not matter what the server has come to.
    pub fn wrong_case(&mut self, message: String) -> Result<(), EarlyEnd> {
        self.fail_at(self.record.line, message, true);
        Err(EarlyEnd::BadCase)
    }

    fn fail_at(&mut self, line: u32, message: String, bad_case: bool) {
        let kind = if bad_case { "wrong case" } else { "not met" };
        self.record.remark_at(line, format!("{kind}: {message}"));
        self.judgements.failures.push(Failure { line, message, bad_case });
    }

    /// Complains about a lie that no system call could tell.
    pub fn claims_too_much(&mut self, overclaim: Overclaim) -> Result<(), EarlyEnd> {
        let Overclaim { origin, claimed, asked } = overclaim;
        let message = format!("`retval={claimed}`, but the call asked for {asked} bytes only");
        self.fail_at(origin, message, true);
        Err(EarlyEnd::BadCase)
    }

    /// The role that a rule in this line is about.
    fn role_in_line(&self, line: u32) -> Option<&str> {
        self.script.steps.iter().filter(|step| step.line == line).find_map(|step| {
            let Verb::Inject { rule: Rule { selector, .. }, .. } = &step.verb else { return None };
            match selector {
                Selector::Calls { role, .. } => role.as_deref(),
                Selector::Site(site) => site.role.as_deref(),
            }
        })
    }

    /// Complains about rules that should have fired, by the lines they stand on.
    pub fn expect_none_unfired(&mut self, lines: &[u32]) -> Result<(), EarlyEnd> {
        if !lines.is_empty() {
            self.unless_never_ready()?;
        }
        for line in lines {
            let text = self.script.source.lines().nth(*line as usize - 1).unwrap_or_default();
            let meant = self.role_in_line(*line).map_or("", meant);
            let text = text.trim();
            let message = format!("`{text}` never fired; say `maybe` if it need not{meant}");
            self.fail_at(*line, message, true);
        }
        self.judgements.never_fired |= !lines.is_empty();
        if lines.is_empty() { Ok(()) } else { Err(EarlyEnd::BadCase) }
    }

    /// Complains about a name that no task had while it was held.
    pub fn never_held(&mut self, task: &str, line: u32) -> Result<(), EarlyEnd> {
        self.unless_never_ready()?;
        let message = format!("no task was called `{task}`; say `hold {task} maybe` if none need");
        self.fail_at(line, message, true);
        Err(EarlyEnd::BadCase)
    }

    /// Writes down why a run ended early, if it did.
    pub fn ended(&mut self, end: Result<(), EarlyEnd>) {
        let (verdict, sentence) = match end {
            Ok(()) => return,
            Err(EarlyEnd::BadCase) => (Verdict::NotMeasured, "the case is wrong".to_string()),
            Err(EarlyEnd::NotApplicable(reason)) => (Verdict::NotApplicable, reason),
            Err(EarlyEnd::Broken(Broken::Hung(reason))) => (Verdict::Hung, reason),
            Err(EarlyEnd::Broken(Broken::NotMeasured(reason))) => (Verdict::NotMeasured, reason),
            Err(EarlyEnd::Broken(Broken::Harness(reason))) => (Verdict::HarnessBroken, reason),
        };
        // The run has ended: what is wrong now has nothing to add.
        let _ = self.observe();
        self.record.close_step();
        if verdict == Verdict::NotApplicable {
            self.judgements.rulings.clear();
            let needs = self.script.steps.iter().find(|step| matches!(step.verb, Verb::Needs(_)));
            self.record.line = self.record.line.max(needs.map_or(0, |step| step.line));
        }
        self.rule_in_words(verdict, sentence);
    }
}
