//! Judging: asking the server for its dataset, the oracle for what it could be, the contract for a
//! verdict.
//!
//! The question is always the same and comes at the same point, as soon as the server says it is
//! ready, so that it disturbs every world alike. Must not know: what is promised.

use super::oracle::Point;
use super::oracle::question::{is_temporary, questions};
use super::resp::Reply;
use super::state::{Due, Stop};
use super::steps::Runner;
use crate::contract::{Entry, Going, Moment, Unit, Verdict, judge};
use crate::observation::Remark;

impl Runner<'_> {
    /// Judges the running server with the next step's end.
    pub fn judge_the_living(&mut self) {
        self.due = Some(Due::new(self.line, Moment::Living));
    }

    /// Judges if something is due and the server has answered.
    pub fn judge_what_is_due(&mut self) -> Result<(), Stop> {
        let Some(mut due) = self.due.take() else { return Ok(()) };
        if !self.running {
            return Ok(());
        }
        let entries = self.lineage.entries(&self.seen.history);
        if due.probes.is_none() && self.seen.starts.last().is_some_and(|start| start.ready) {
            let questions = questions(entries.iter().map(|entry| &entry.unit));
            due.probes = Some(self.send_probes(&questions)?);
            self.settle()?;
        }
        let digest = due.probes.as_ref().and_then(|probes| probes.last());
        match digest.and_then(|number| self.probes.remove(number)) {
            Some(Some(reply)) => self.judge(&due, entries, &reply),
            // The server went away instead of answering: that is judged where it is seen.
            Some(None) => Ok(()),
            None => {
                self.due = Some(due);
                Ok(())
            }
        }
    }

    fn judge(&mut self, due: &Due, entries: Vec<Entry>, reply: &Reply) -> Result<(), Stop> {
        self.found = Some(reply.lines());
        let line = std::mem::replace(&mut self.line, due.line);
        let judged = self.judge_digest(due.moment, entries, reply);
        self.line = line;
        judged
    }

    fn judge_digest(
        &mut self,
        moment: Moment,
        entries: Vec<Entry>,
        reply: &Reply,
    ) -> Result<(), Stop> {
        let Some(found) = reply.text() else {
            let answer = reply.lines().join(" ");
            let reason = format!("the server does not answer DEBUG DIGEST: {answer}");
            self.rule_in_words(Verdict::NotMeasured, reason);
            return Ok(());
        };
        if self.lineage.broken {
            let text = "contract: not judged — what was found before was no prefix".to_string();
            self.state.remarks.push(Remark { line: self.state.line, text });
            return Ok(());
        }
        if self.rehearsal {
            return Ok(());
        }
        self.see_leftovers();
        let units: Vec<&Unit> = entries.iter().map(|entry| &entry.unit).collect();
        let asked_at = self.now();
        let survivors = self.oracle.survivors(&units, asked_at, &self.state.directives, &found)?;
        let mut judgement = judge(&self.seen, &entries, survivors, moment);
        if judgement.unless_announced && self.would_have_been_announced()? {
            judgement = judgement.announced();
        }
        if moment == Moment::Restarted {
            self.state.lineage.survived(entries, judgement.survivors, &self.state.seen.history);
        }
        self.rule(judgement);
        if moment == Moment::Living {
            self.look_at_the_living()?;
        }
        Ok(())
    }

    /// Asks in a second run what INFO shows just before the point at which the server ended.
    fn would_have_been_announced(&mut self) -> Result<bool, Stop> {
        let Some(end) = Going::of(&self.seen).end().copied() else { return Ok(false) };
        let point = Point { line: end.line, at: end.at };
        let own = self.own.map(|own| own.script()).transpose()?;
        let (script, profile) = (own.as_ref().unwrap_or(self.script), self.profile);
        Ok(self.oracle.would_have_shown(script, profile, point)?)
    }

    /// Temporary files, unless somebody lives who may still need them.
    fn see_leftovers(&mut self) {
        let leftovers = {
            let kernel = self.world.kernel();
            let roles = kernel.disk.files().map(|(name, _)| kernel.role_of_name(name));
            let mut left: Vec<String> =
                roles.filter(|role| is_temporary(role)).map(String::from).collect();
            left.sort();
            left
        };
        self.seen.leftovers = if self.children.is_empty() { leftovers } else { Vec::new() };
    }
}
