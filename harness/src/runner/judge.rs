//! Judging: what the server holds, what it should hold, and the contract for a verdict.
//!
//! Nothing is asked in the run itself while that could change what is still to come: a start is
//! repeated on a copy of its files, or the whole run up to here. Must not know: what is promised.

use std::sync::Arc;

use super::content::ask::{Access, Asker, NoContent};
use super::content::{Content, Millis};
use super::judgements::Due;
use super::lineage::Lineage;
use super::oracle::{Oracle, Past};
use super::past::{self, Mismatch, Retold};
use super::state::{EarlyEnd, Runner};
use crate::contract::history::name;
use crate::contract::{Entry, Moment, Verdict, judge};
use crate::kernel::Time;
use crate::observation::{Observations, PolicySince};
use crate::world::Broken;

/// The connection for questions that end a run.
const ASKER: &str = "content";

impl Runner<'_> {
    /// Judges if something is due and the server is ready.
    pub fn judge_what_is_due(&mut self) -> Result<(), EarlyEnd> {
        let Some(due) = self.judgements.due.take() else { return Ok(()) };
        if !self.session.has_server() || self.oracle.is_none() {
            return Ok(());
        }
        if !self.record.is_ready() {
            self.judgements.due = Some(due);
            return Ok(());
        }
        let found = self.found(due.moment);
        let line = std::mem::replace(&mut self.record.line, due.line);
        let judged = self.judge(&due, found);
        self.record.line = line;
        // What the runner itself has sent meanwhile is part of that.
        self.judgements.judged(&self.record.seen);
        judged
    }

    fn judge(&mut self, due: &Due, found: Result<Arc<Content>, EarlyEnd>) -> Result<(), EarlyEnd> {
        let judged = match found {
            Ok(found) => self.judge_content(due.moment, &found),
            Err(early) => Err(early),
        };
        match judged {
            // The rest of the script says nothing less for it.
            Err(EarlyEnd::Broken(Broken::NotMeasured(why))) => {
                self.rule_in_words(Verdict::NotMeasured, why);
                self.judgements.lineage.survived(None, &self.record.seen);
                Ok(())
            }
            judged => judged,
        }
    }

    /// What the server holds now.
    fn found(&mut self, moment: Moment) -> Result<Arc<Content>, EarlyEnd> {
        let incarnation = self.record.seen.incarnation();
        let at_rest = self.record.seen.starts.last().is_some_and(|start| start.at_rest);
        let timed = self.is_timed();
        let start = past::of_start(&self.record.seen, incarnation, timed);
        let settled = self.is_settled();
        let own = !self.record.runners.is_empty();
        let oracle = self.oracle.as_deref_mut().expect("only a run with an oracle judges");
        match moment {
            Moment::Restarted if at_rest => {
                if let Some(known) = oracle.remembered(&start) {
                    return Ok(known);
                }
                if !self.judgements.ends_here {
                    return Ok(oracle.content(&start, 0)?);
                }
                let found = self.asked_here()?;
                let oracle = self.oracle.as_deref_mut().expect("it was there");
                oracle.remember(&start, Arc::clone(&found));
                Ok(found)
            }
            // What the runner has written by itself, a second run would lack.
            _ if own || self.judgements.ends_here || settled => self.asked_here(),
            _ => {
                let line = Some(self.record.line);
                self.again(line, None, |oracle, rerun| oracle.content_in_a_run(rerun))
            }
        }
    }

    /// Whether some reply or effect so far may depend on the time.
    pub fn is_timed(&self) -> bool {
        past::is_timed(&self.record.seen, self.session.wall_clock())
    }

    /// Whether questions change nothing: no fault is in force, and nothing is under way.
    fn is_settled(&self) -> bool {
        self.session.world.kernel().is_at_rest() && !self.record.has_children()
    }

    fn asked_here(&mut self) -> Result<Arc<Content>, EarlyEnd> {
        let access = Access::with(self.session.directives());
        let content = Asker::new(self.session.world, ASKER, &access).content()?;
        self.observe()?;
        if matches!(content, Err(NoContent::Silent)) {
            self.unless_nobody_can_run()?;
        }
        content.map(Arc::new).map_err(|none: NoContent| {
            Broken::NotMeasured(format!("what is there is not known: {}", none.why())).into()
        })
    }

    fn judge_content(&mut self, moment: Moment, found: &Arc<Content>) -> Result<(), EarlyEnd> {
        self.observe_leftovers();
        let mut lineage = self.judgements.lineage.clone();
        if let Some(mismatch) = self.trace_back(&mut lineage, moment)? {
            return Err(Broken::NotMeasured(mismatch.sentence()).into());
        }
        let now = self.session.wall_clock();
        let oracle = self.oracle.as_deref_mut().expect("only a run with an oracle judges");
        let at = lineage.locate(found, now, oracle)?;
        let mut entries = lineage.entries();
        let survivors = at.map(|at| lineage.entries_at(at));
        if let Some(survivors) = survivors {
            let seen = &self.record.seen;
            mark_changes(&mut entries[survivors..], seen, &lineage, now, oracle)?;
        } else if let Some(line) = self.changed_past_the_log(&entries, &lineage, now)? {
            let why = format!("line {line} changes the dataset without a trace in any file");
            return Err(Broken::NotMeasured(why).into());
        }
        let mut judgement = judge(&self.record.seen, &entries, survivors, moment);
        if judgement.verdict < Verdict::Kept && judgement.verdict != Verdict::Litter {
            judgement.difference = self.difference(&lineage, &entries, survivors, found, now)?;
        }
        if !found.not_looked_at.is_empty() {
            let types: Vec<&str> = found.not_looked_at.iter().map(String::as_str).collect();
            judgement.sentence.push_str(&format!("; not looked at: {}", types.join(", ")));
        }
        if moment == Moment::Restarted {
            lineage.survived(at, &self.record.seen);
            self.judgements.lineage = lineage;
        }
        self.rule_with_causes(judgement)?;
        if moment == Moment::Living {
            self.live_checks()?;
        }
        Ok(())
    }

    /// Adds the pasts since the last judgement to the lineage, and learns the policies on the way.
    /// Returns the first reply that is another one without faults.
    fn trace_back(
        &mut self,
        lineage: &mut Lineage,
        moment: Moment,
    ) -> Result<Option<Mismatch>, EarlyEnd> {
        let seen = &self.record.seen;
        let current = seen.incarnation();
        let timed = self.is_timed();
        let mut starts: Vec<u32> =
            seen.history[lineage.consumed..].iter().map(|sent| sent.incarnation).collect();
        if starts.is_empty() && lineage.is_empty() {
            // Nothing was ever written: what a server of this case begins with.
            starts.push(1);
        }
        starts.dedup();
        for incarnation in starts {
            let ended = seen_end(&self.record.seen, incarnation).unwrap_or(self.session.now());
            let until = if incarnation == current { self.session.now() } else { ended };
            match self.redo(incarnation, until, timed)? {
                Ok(retold) => lineage.extend(&self.record.seen, retold),
                Err(mismatch) => return Ok(Some(mismatch)),
            }
        }
        if moment == Moment::Restarted {
            self.learn_policies(&past::of_start(&self.record.seen, current, timed), current, &[])?;
        }
        Ok(None)
    }

    /// Does the past of one start again, in each order that is possible.
    fn redo(
        &mut self,
        incarnation: u32,
        until: Time,
        timed: bool,
    ) -> Result<Result<Retold, Mismatch>, EarlyEnd> {
        let mut first = None;
        for retold in past::of(&self.record.seen, incarnation, until, timed) {
            let oracle = self.oracle.as_deref_mut().expect("only a run with an oracle judges");
            let replies = oracle.replies(&retold.past)?;
            match past::mismatch(&self.record.seen, &retold, &replies) {
                None => {
                    self.learn_policies(&retold.past, incarnation, &retold.places)?;
                    return Ok(Ok(retold));
                }
                Some(mismatch) => drop(first.get_or_insert(mismatch)),
            }
        }
        Ok(Err(first.expect("there is at least one order")))
    }

    fn learn_policies(
        &mut self,
        past: &Past,
        incarnation: u32,
        places: &[usize],
    ) -> Result<(), EarlyEnd> {
        let oracle = self.oracle.as_deref_mut().expect("only a run with an oracle judges");
        let learnt = oracle.policies(past)?;
        let policies = &mut self.record.seen.policies;
        policies.retain(|since| since.incarnation != incarnation);
        policies.extend(learnt.into_iter().map(|(place, policy)| PolicySince {
            incarnation,
            order: place.map(|place| places[place]),
            policy,
        }));
        Ok(())
    }

    /// The policies of the running server, before it is judged by them.
    pub fn learn_current_policies(&mut self) -> Result<(), EarlyEnd> {
        let (incarnation, now) = (self.record.seen.incarnation(), self.session.now());
        if self.oracle.is_none() || incarnation == 0 {
            return Ok(());
        }
        let timed = self.is_timed();
        let retold = past::of(&self.record.seen, incarnation, now, timed).swap_remove(0);
        self.learn_policies(&retold.past, incarnation, &retold.places)
    }

    /// The line of a command that changes the dataset past all files, as DEBUG POPULATE does.
    fn changed_past_the_log(
        &mut self,
        entries: &[Entry],
        lineage: &Lineage,
        now: Millis,
    ) -> Result<Option<u32>, EarlyEnd> {
        let seen = &self.record.seen;
        for entry in entries {
            let sent = seen.history.get(entry.order);
            let debug = sent.is_some_and(|sent| name(&sent.argv) == "DEBUG");
            let oracle = self.oracle.as_deref_mut().expect("only a run with an oracle judges");
            if debug && lineage.changes(entry, now, oracle)? {
                return Ok(Some(entry.line));
            }
        }
        Ok(None)
    }

    /// The first place at which what was found is not what was promised.
    fn difference(
        &mut self,
        lineage: &Lineage,
        entries: &[Entry],
        survivors: Option<usize>,
        found: &Content,
        now: Millis,
    ) -> Result<Option<String>, EarlyEnd> {
        let oracle = self.oracle.as_deref_mut().expect("only a run with an oracle judges");
        let acked = |entry: &Entry| entry.writes && entry.acked_at.is_some();
        let last =
            entries.iter().rposition(acked).filter(|last| survivors.is_none_or(|n| *last >= n));
        let acked = last.map(|last| lineage.content_after(last + 1, oracle)).transpose()?;
        // What was sent before may have waited and come later than the last command.
        let whole = match survivors.is_none() || last.is_none() {
            true => lineage.whole(oracle)?,
            false => None,
        };
        let promised = acked.flatten().into_iter().chain(whole);
        let promised = promised.min_by_key(|promised| promised.differing(found, now));
        let difference = promised.and_then(|promised| promised.difference(found, now));
        Ok(difference.map(|difference| difference.to_string()))
    }

    /// Temporary files, unless a child lives that may still need them, or has ended and the server
    /// has yet to take over what it has made.
    fn observe_leftovers(&mut self) {
        let leftovers = {
            let kernel = self.session.world.kernel();
            let roles = kernel.disk.files().map(|(name, _)| kernel.role_of_name(name));
            let mut left: Vec<String> =
                roles.filter(|role| self.server().is_temporary(role)).map(String::from).collect();
            left.sort();
            left
        };
        let in_use = self.record.has_children() || self.session.world.children() > 0;
        self.record.seen.leftovers = if in_use { Vec::new() } else { leftovers };
    }
}

/// A command that counts as one that only reads, and yet has changed the dataset, is a write;
/// unless it does so for the administrator, past all files.
fn mark_changes(
    entries: &mut [Entry],
    seen: &Observations,
    lineage: &Lineage,
    now: Millis,
    oracle: &mut dyn Oracle,
) -> Result<(), Broken> {
    for entry in entries.iter_mut().filter(|entry| !entry.writes && entry.acked_at.is_some()) {
        let sent = seen.history.get(entry.order);
        if sent.is_some_and(|sent| seen.commands.administers.contains(&*name(&sent.argv))) {
            continue;
        }
        entry.writes = lineage.changes(entry, now, oracle)?;
    }
    Ok(())
}

/// When the server of a start ended.
fn seen_end(seen: &Observations, incarnation: u32) -> Option<Time> {
    let mut ends = seen.ends.iter().rev();
    ends.find(|end| end.incarnation == incarnation).map(|end| end.at)
}
