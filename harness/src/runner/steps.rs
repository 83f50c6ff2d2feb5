//! The runner's state, and the life of one step: do it, let everything settle, see what came of it.
//!
//! Must not know: what single verbs do, and what is promised.

use std::ops::{Deref, DerefMut};

use super::Failure;
use super::clients::Purpose;
use super::oracle::Oracle;
use super::outcome::Ruling;
use super::power_cuts::point::Own;
use super::resp::Reply;
use super::state::{State, Stop};
use crate::case::script::{Needs, Script, Step, Verb};
use crate::contract::{Judgement, Reason, Verdict};
use crate::kernel::Time;
use crate::observation::{Answer, Event, Observations, ObservedStep, Remark};
use crate::profile::Profile;
use crate::world::{Broken, Status, World};

pub struct Runner<'a> {
    pub script: &'a Script,
    pub world: &'a mut dyn World,
    pub profile: &'a Profile,
    pub oracle: &'a mut dyn Oracle,
    /// The run that this one stands for, where its cut of the power is another than the script's.
    pub own: Option<Own<'a>>,
    pub state: State,
}

/// A runner is where it is in its run: what only looks at that need not say so.
impl Deref for Runner<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Runner<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl<'a> Runner<'a> {
    pub fn new(
        script: &'a Script,
        world: &'a mut dyn World,
        profile: &'a Profile,
        oracle: &'a mut dyn Oracle,
    ) -> Self {
        let announces = profile.announces.clone();
        let seen = Observations { announces, ..Observations::default() };
        let state = State { seen, ..State::default() };
        Runner { script, world, profile, oracle, own: None, state }
    }

    /// Carries out the whole script.
    pub fn steps(&mut self) -> Result<(), Stop> {
        self.steps_from(0)
    }

    /// Carries out the script from the step with this index on.
    pub fn steps_from(&mut self, first: usize) -> Result<(), Stop> {
        for step in &self.script.steps[first..] {
            self.start_for(step)?;
            self.step(step)?;
        }
        self.ended()
    }

    /// Starts the server if this is the first step that needs one.
    pub fn start_for(&mut self, step: &Step) -> Result<(), Stop> {
        let starts = step.verb.needs_server() && !matches!(step.verb, Verb::Restart(_));
        if starts && self.seen.starts.is_empty() {
            // What the start brings stands under the line before.
            self.start()?;
            self.close_step()?;
        }
        self.line = step.line;
        Ok(())
    }

    pub fn step(&mut self, step: &Step) -> Result<(), Stop> {
        self.perform(&step.verb)?;
        self.settle()?;
        if let (Verb::Send { .. }, Some(sent)) = (&step.verb, self.last_sent)
            && self.clients.awaits(Purpose::Case(sent))
        {
            self.reply("(no reply yet)");
        }
        self.judge_what_is_due()?;
        self.close_step()
    }

    pub fn close_step(&mut self) -> Result<(), Stop> {
        let events = std::mem::take(&mut self.events);
        if self.quiet {
            return Ok(());
        }
        self.state.seen.steps.push(ObservedStep { line: self.state.line, events });
        Ok(())
    }

    /// The script is through: what should have happened and has not?
    fn ended(&mut self) -> Result<(), Stop> {
        let mut unfired = self.world.kernel().plan.unfired();
        unfired.extend(self.world.kernel().schedule.unfired());
        unfired.sort_unstable();
        self.unfired(&unfired)?;
        for (task, line) in std::mem::take(&mut self.holds) {
            let met = self.world.kernel().has_held(&task);
            if met == Some(false) {
                self.never_held(&task, line)?;
            }
        }
        if self.rulings.is_empty() && self.due.is_none() {
            if !self.running {
                return self.bad_case("nothing was judged: end the case with `restart`");
            }
            self.judge_the_living();
            self.judge_what_is_due()?;
            self.close_step()?;
        }
        if self.due.is_some() {
            let reason = "the server has not answered DEBUG DIGEST".to_string();
            self.rule_in_words(Verdict::NotMeasured, reason);
        }
        if self.script.is_known() {
            self.compare_with_record();
            return Ok(());
        }
        self.second_look()
    }

    pub fn now(&self) -> Time {
        self.world.kernel().now()
    }

    /// Lets everything run that can, and looks at it.
    pub fn settle(&mut self) -> Result<(), Stop> {
        self.world.settle()?;
        self.see()
    }

    /// Moves the clock deadline by deadline until `done`, at most to `limit`. Returns whether it
    /// was done; if not, it is `limit` now unless nothing will ever run again by itself.
    pub fn advance_until(
        &mut self,
        limit: Time,
        done: impl Fn(&Runner<'a>) -> bool,
    ) -> Result<bool, Stop> {
        let mut idle = 0;
        while !done(self) {
            let now = self.now();
            match self.world.next_deadline() {
                Some(next) if next <= limit => {
                    idle = if next > now { 0 } else { idle + 1 };
                    if idle > IDLE_ROUNDS {
                        let message = format!("tasks run at {now} without end, but nothing moves");
                        return Err(Broken::Hung(message).into());
                    }
                    self.world.kernel().advance_to(next.max(now));
                    self.settle()?;
                }
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// A reply, or what stands for one, to the step's own command.
    pub fn reply(&mut self, text: &str) {
        self.last_reply = text.to_string();
        self.events.push(Event::Reply(Answer { text: text.to_string(), to: None }));
    }

    pub fn note(&mut self, text: impl Into<String>) {
        self.events.push(Event::Note(text.into()));
    }

    /// Something to say under the line of the step.
    pub fn remark(&mut self, text: String) {
        self.state.remarks.push(Remark { line: self.state.line, text });
    }

    /// Gives the verdict of the contract.
    pub fn rule(&mut self, judgement: Judgement) {
        let Judgement { verdict, reason, sentence, .. } = judgement;
        self.give(Ruling::new(self.line, verdict, reason, sentence));
    }

    /// Gives a verdict that is not the contract's, but the run's own.
    pub fn rule_in_words(&mut self, verdict: Verdict, sentence: String) {
        self.give(Ruling::new(self.line, verdict, Reason::other(&sentence), sentence));
    }

    pub fn give(&mut self, ruling: Ruling) {
        if !self.quiet {
            self.remark(format!("contract: {} — {}", ruling.verdict, ruling.sentence));
        }
        self.rulings.push(ruling);
    }

    /// An `expect` that was not met.
    pub fn failed(&mut self, message: String) {
        self.fail_at(self.line, message, false);
    }

    /// The case is wrong: it ends here.
    pub fn bad_case(&mut self, message: impl Into<String>) -> Result<(), Stop> {
        self.fail_at(self.line, message.into(), true);
        Err(Stop::BadCase)
    }

    fn fail_at(&mut self, line: u32, message: String, bad_case: bool) {
        let kind = if bad_case { "wrong case" } else { "not met" };
        self.remarks.push(Remark { line, text: format!("{kind}: {message}") });
        self.failures.push(Failure { line, message, bad_case });
    }

    /// Complains about rules that should have fired, by the lines they stand on.
    pub fn unfired(&mut self, lines: &[u32]) -> Result<(), Stop> {
        for line in lines {
            let text = self.script.source.lines().nth(*line as usize - 1).unwrap_or_default();
            let message = format!("`{}` never fired; say `maybe` if it need not", text.trim());
            self.fail_at(*line, message, true);
        }
        self.never_fired |= !lines.is_empty();
        if lines.is_empty() { Ok(()) } else { Err(Stop::BadCase) }
    }

    /// Complains about a name that no task had while it was held.
    pub fn never_held(&mut self, task: &str, line: u32) -> Result<(), Stop> {
        let message = format!("no task was called `{task}`; say `hold {task} maybe` if none need");
        self.fail_at(line, message, true);
        Err(Stop::BadCase)
    }

    /// Writes down why a run ended early.
    pub fn stopped(&mut self, end: Result<(), Stop>) {
        let (verdict, sentence) = match end {
            Ok(()) => return,
            Err(Stop::BadCase) => (Verdict::NotMeasured, "the case is wrong".to_string()),
            Err(Stop::NotApplicable(reason)) => (Verdict::NotApplicable, reason),
            Err(Stop::Broken(Broken::Hung(reason))) => (Verdict::Hung, reason),
            Err(Stop::Broken(Broken::NotMeasured(reason))) => (Verdict::NotMeasured, reason),
            Err(Stop::Broken(Broken::Harness(reason))) => (Verdict::HarnessBroken, reason),
        };
        let _ = self.see();
        let _ = self.close_step();
        if verdict == Verdict::NotApplicable {
            self.rulings.clear();
            let needs = self.script.steps.iter().find(|step| matches!(step.verb, Verb::Needs(_)));
            self.line = self.line.max(needs.map_or(0, |step| step.line));
        }
        self.rule_in_words(verdict, sentence);
    }

    /// Marks the rulings that break a promise and that nothing in the case expects.
    pub fn mark_unexpected(&mut self) {
        // About a known bug its symptoms speak; only what ended the run is beside the record.
        let known = self.script.is_known();
        for ruling in &mut self.rulings {
            let breaks = ruling.verdict.is_broken_promise() && !ruling.expected;
            ruling.unexpected = breaks && (!known || ruling.verdict == Verdict::Hung);
        }
    }

    pub fn is_running(&self) -> bool {
        matches!(self.world.status(), Status::Running)
    }

    /// Whether the server has a command; asked inside MULTI, where nothing is carried out.
    pub fn need(&mut self, needs: &Needs) -> Result<(), Stop> {
        let Needs::Command(name) = needs else { return Ok(()) };
        let word = |word: &str| [word.as_bytes().to_vec()].into();
        let replies = self.ask(&[word("MULTI"), word(name), word("DISCARD")])?;
        match replies.get(1) {
            Some(Some(Reply::Error(text))) if text.to_lowercase().contains("unknown command") => {
                Err(Stop::NotApplicable(format!("the server has no command {name}")))
            }
            _ => Ok(()),
        }
    }
}

/// How often tasks may run without the clock moving between two deadlines.
const IDLE_ROUNDS: u32 = 10_000;
