//! Judging: asking the server for its dataset, the oracle for what it could be, the contract for a
//! verdict.
//!
//! The question is always the same and comes at the same point, as soon as the server says it is
//! ready, so that it disturbs every world alike. Must not know: what is promised.

use super::dataset::{DatasetQuestion, digest};
use super::judgements::{Asked, Due};
use super::oracle::Point;
use super::resp::Reply;
use super::state::{EarlyEnd, Runner};
use crate::contract::{Entry, Going, Moment, Unit, Verdict, judge};
use crate::world::Directive;

impl Runner<'_> {
    /// Judges if something is due and the server has answered.
    pub fn judge_what_is_due(&mut self) -> Result<(), EarlyEnd> {
        let Some(mut due) = self.judgements.due.take() else { return Ok(()) };
        if !self.session.has_server() {
            return Ok(());
        }
        let entries = self.judgements.lineage.entries(&self.record.seen);
        if due.asked == Asked::NotYet && self.record.is_ready() {
            let question = DatasetQuestion::after(entries.iter().map(|entry| &entry.unit));
            let numbers = self.session.send_questions(question.commands())?;
            due.asked = numbers.last().map_or(Asked::InVain, |last| Asked::AsNumber(*last));
            self.settle()?;
        }
        let answer = match due.asked {
            Asked::AsNumber(number) => self.session.take_answer(number),
            Asked::NotYet | Asked::InVain => None,
        };
        match answer {
            Some(Some(reply)) => self.judge(&due, entries, &reply),
            // The server went away instead of answering: that is judged where it is observed.
            Some(None) => Ok(()),
            None => {
                self.judgements.due = Some(due);
                Ok(())
            }
        }
    }

    fn judge(&mut self, due: &Due, entries: Vec<Entry>, reply: &Reply) -> Result<(), EarlyEnd> {
        self.judgements.dataset = Some(reply.lines());
        let line = std::mem::replace(&mut self.record.line, due.line);
        let judged = self.judge_dataset(due.moment, entries, reply);
        self.record.line = line;
        // What the runner itself has sent meanwhile is part of that.
        self.judgements.judged(&self.record.seen);
        judged
    }

    fn judge_dataset(
        &mut self,
        moment: Moment,
        entries: Vec<Entry>,
        reply: &Reply,
    ) -> Result<(), EarlyEnd> {
        let found = match digest(reply) {
            Ok(found) => found,
            Err(answer) => {
                let reason = format!("the server does not answer DEBUG DIGEST: {answer}");
                self.rule_in_words(Verdict::NotMeasured, reason);
                return Ok(());
            }
        };
        if self.judgements.lineage.broken {
            let text = "contract: not judged — what was found before was no prefix";
            self.record.remark(text.to_string());
            return Ok(());
        }
        self.observe_leftovers();
        let units: Vec<&Unit> = entries.iter().map(|entry| &entry.unit).collect();
        let asked_at = self.session.now();
        let Some(oracle) = &mut self.oracle else { return Ok(()) };
        // They decide where data goes, not what it is.
        let about_persistence =
            |directive: &Directive| self.profile.persistence.is_configured_by(&directive.name);
        let mut directives = self.session.directives().to_vec();
        directives.retain(|directive| !about_persistence(directive));
        let survivors = oracle.survivors(&units, asked_at, &directives, &found)?;
        let mut judgement = judge(&self.record.seen, &entries, survivors, moment);
        if judgement.unless_announced && self.would_have_been_announced()? {
            judgement = judgement.announced();
        }
        if moment == Moment::Restarted {
            let history = &self.record.seen.history;
            self.judgements.lineage.survived(entries, judgement.survivors, history);
        }
        self.rule(judgement);
        if moment == Moment::Living {
            self.live_checks()?;
        }
        Ok(())
    }

    /// Asks in a second run what INFO shows just before the point at which the server ended.
    fn would_have_been_announced(&mut self) -> Result<bool, EarlyEnd> {
        let Some(end) = Going::of(&self.record.seen).end().copied() else { return Ok(false) };
        let Some(oracle) = &mut self.oracle else { return Ok(false) };
        let point = Point { line: end.line, at: end.at };
        let represented = self.represented.map(|run| run.script()).transpose()?;
        let script = represented.as_ref().unwrap_or(self.script);
        Ok(oracle.would_have_shown(script, self.profile, point)?)
    }

    /// Temporary files, unless a child lives that may still need them.
    fn observe_leftovers(&mut self) {
        let leftovers = {
            let kernel = self.session.world.kernel();
            let roles = kernel.disk.files().map(|(name, _)| kernel.role_of_name(name));
            let mut left: Vec<String> =
                roles.filter(|role| self.profile.is_temporary(role)).map(String::from).collect();
            left.sort();
            left
        };
        self.record.seen.leftovers =
            if self.record.has_children() { Vec::new() } else { leftovers };
    }
}
