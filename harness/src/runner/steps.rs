//! The life of one step: do it, let everything settle, see what came of it.
//!
//! Must not know: what single verbs do, and what is promised.

use super::clients::Purpose;
use super::state::{EarlyEnd, Runner};
use crate::case::script::{Step, Verb};
use crate::contract::{Moment, Verdict};
use crate::kernel::Time;
use crate::world::Broken;

impl Runner<'_> {
    /// Carries out the whole script.
    pub fn steps(&mut self) -> Result<(), EarlyEnd> {
        self.steps_from(0)
    }

    /// Carries out the script from the step with this index on.
    pub fn steps_from(&mut self, first: usize) -> Result<(), EarlyEnd> {
        for step in &self.script.steps[first..] {
            self.start_for(step)?;
            self.step(step)?;
        }
        self.after_the_script()
    }

    /// Starts the server if this is the first step that needs one.
    pub fn start_for(&mut self, step: &Step) -> Result<(), EarlyEnd> {
        let starts = step.verb.needs_server() && !matches!(step.verb, Verb::Restart(_));
        if starts && self.record.seen.starts.is_empty() {
            // What the start brings stands under the line before.
            self.start()?;
            self.record.close_step();
        }
        self.record.line = step.line;
        Ok(())
    }

    pub fn step(&mut self, step: &Step) -> Result<(), EarlyEnd> {
        self.perform(&step.verb)?;
        self.settle()?;
        if let (Verb::Send { .. }, Some(sent)) = (&step.verb, self.record.last.place)
            && self.session.awaits(Purpose::Case(sent))
        {
            self.record.reply("(no reply yet)");
        }
        self.judge_what_is_due()?;
        self.record.close_step();
        Ok(())
    }

    /// The script is through: what should have happened and has not?
    fn after_the_script(&mut self) -> Result<(), EarlyEnd> {
        if self.judgements.due.is_some() && !self.record.is_ready() {
            self.await_ready()?;
            self.judge_what_is_due()?;
            self.record.close_step();
        }
        self.unless_never_ready()?;
        let mut unfired = self.session.world.kernel().plan.unfired();
        unfired.extend(self.session.world.kernel().schedule.unfired());
        unfired.sort_unstable();
        self.expect_none_unfired(&unfired)?;
        if let Some((task, line)) = self.session.never_held() {
            return self.never_held(&task, line);
        }
        let unjudged = self.judgements.rulings.is_empty();
        if unjudged && self.judgements.due.is_none() && !self.session.has_server() {
            return self.bad_case("nothing was judged: end the case with `restart`");
        }
        // The second look judges what a server has done since it was restarted.
        let restarted = self.record.seen.starts.len() > 1;
        let behind = !restarted && self.judgements.are_behind(&self.record.seen);
        if (unjudged || behind) && self.judgements.due.is_none() && self.session.has_server() {
            self.judgements.is_due(self.record.line, Moment::Living);
            self.judge_what_is_due()?;
            self.record.close_step();
        }
        if self.judgements.due.is_some() {
            self.unless_nobody_can_run()?;
            let what = self.not_judged();
            self.rule_in_words(Verdict::NotMeasured, what);
        }
        if self.script.is_known() {
            self.compare_with_record();
            return Ok(());
        }
        self.second_look()
    }

    /// Lets everything run that can, and observes it.
    pub fn settle(&mut self) -> Result<(), EarlyEnd> {
        self.session.world.settle()?;
        self.observe()?;
        self.ask_whether_ready()
    }

    /// Moves the clock deadline by deadline until `done`, at most to `limit`. Returns whether it
    /// was done; if not, it is `limit` now unless nothing will ever run again by itself.
    pub fn advance_until(
        &mut self,
        limit: Time,
        done: impl Fn(&Self) -> bool,
    ) -> Result<bool, EarlyEnd> {
        let mut idle = 0;
        while !done(self) {
            let now = self.session.now();
            match self.session.world.next_deadline() {
                Some(next) if next <= limit => {
                    idle = if next > now { 0 } else { idle + 1 };
                    if idle > IDLE_ROUNDS {
                        let message = format!("tasks run at {now} without end, but nothing moves");
                        return Err(Broken::Hung(message).into());
                    }
                    self.session.world.kernel().advance_to(next.max(now));
                    self.settle()?;
                }
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Moves the clock to `to`, deadline by deadline.
    pub fn advance_to(&mut self, to: Time) -> Result<(), EarlyEnd> {
        self.advance_until(to, |_| false)?;
        self.session.world.kernel().advance_to(to);
        Ok(())
    }
}

/// How often tasks may run without the clock moving between two deadlines.
const IDLE_ROUNDS: u32 = 10_000;
