//! Starting the server as a supervisor would, and looking a second time after the script.
//!
//! A start that is refused is tried once more. After the script the server gets one more write, is
//! killed and started again, because some damage shows only then; that is shown only when it is
//! worse than all that was found before. Must not know: what is promised.

use std::sync::Arc;

use nix::errno::Errno;

use super::clients::Purpose;
use super::content::ask::Access;
use super::session::Refusal;
use super::state::{EarlyEnd, Runner};
use crate::case::script::Verb;
use crate::contract::reason::Attempts;
use crate::contract::{Judgement, Moment, Verdict, refusals, refused};
use crate::kernel::{Effect, Halt};
use crate::observation::{Argv, CallRecord, How, Image, Returned, Start};
use crate::world::{Broken, Victim};

/// Whether a step cuts the power, at once or at some call.
fn cuts_power(verb: &Verb) -> bool {
    match verb {
        Verb::PowerCut(_) => true,
        Verb::Inject { rule, .. } => matches!(rule.effect, Effect::Halt(_, Halt::Power(_))),
        Verb::Maybe(verb) => cuts_power(verb),
        _ => false,
    }
}

/// How often a server that refuses is started.
pub const ATTEMPTS: usize = 2;
/// Who sends the write of the second look.
const SECOND_LOOK: &str = "second-look";

impl Runner<'_> {
    /// Starts the server on what is on the disk; once more if it refuses.
    pub fn start(&mut self) -> Result<(), EarlyEnd> {
        self.judgements.start_begins();
        self.session.begin_attempts();
        let started = self.attempts();
        let refusals = self.session.end_attempts();
        started?;
        match refusals.as_slice() {
            [] => Ok(()),
            [first, _, ..] if self.is_configuration_refused() => self.bad_configuration(&first.how),
            [first, ..] => self.rule_refused(first, refusals.len()),
        }
    }

    /// Whether the server was refused for what the case has configured: nothing else was there yet,
    /// or it has not even looked at the disk since the configuration was changed.
    fn is_configuration_refused(&self) -> bool {
        let seen = &self.record.seen;
        let earlier = &seen.starts[..seen.starts.len().saturating_sub(ATTEMPTS)];
        if earlier.is_empty() && seen.damages.is_empty() {
            let full = Some(Returned::Error(Errno::ENOSPC));
            let failed = |call: &CallRecord| call.injected.is_some() || call.returned == full;
            return !seen.calls.iter().any(|call| failed(&call.record));
        }
        let changed = earlier
            .last()
            .is_some_and(|start| start.ready && *start.directives != *self.session.directives());
        let tried = seen.incarnation().saturating_sub(ATTEMPTS as u32);
        let looked = seen.calls.iter().any(|call| call.record.site.incarnation > tried);
        changed && !looked
    }

    /// The server does not start as the case has configured it.
    fn bad_configuration(&mut self, refusal: &str) -> Result<(), EarlyEnd> {
        let said = self.record.log.last_words();
        let said = said.map_or_else(String::new, |words| format!(": {words}"));
        let directives = self.session.directives();
        if directives.is_empty() {
            let what = format!("the server does not start on an empty disk, it {refusal}{said}");
            return Err(Broken::NotMeasured(what).into());
        }
        // A server says which line it refuses. One that names none may not start at all.
        let words = said.to_lowercase();
        if !directives.iter().any(|directive| words.contains(&directive.name.to_lowercase())) {
            let what = format!("the server does not start, it {refusal}{said}");
            return Err(Broken::NotMeasured(what).into());
        }
        self.wrong_case(format!("the server refuses this configuration, it {refusal}{said}"))
    }

    fn attempts(&mut self) -> Result<(), EarlyEnd> {
        for attempt in 0..ATTEMPTS {
            let again = attempt > 0;
            if again && self.session.refusals() < attempt {
                break;
            }
            if again {
                self.record.note("started once more");
            }
            self.start_once(again)?;
        }
        Ok(())
    }

    fn rule_refused(&mut self, first: &Refusal, times: usize) -> Result<(), EarlyEnd> {
        let Refusal { how, line } = first;
        let (attempts, tried) = match times {
            1 => (Attempts::CameUp, format!("it {how}; started once more, it came up")),
            _ => {
                let tried = format!("it {how}, and again when it was started once more");
                (Attempts::Twice, tried)
            }
        };
        let judgement = refused(&self.record.seen, attempts, line.as_deref(), tried);
        self.rule_refused_start(judgement)?;
        for judgement in refusals(&self.record.seen) {
            self.rule(judgement);
        }
        self.judgements.judged(&self.record.seen);
        Ok(())
    }

    /// Rules that the last start was refused, and notes whether that met a fault of its own.
    pub fn rule_refused_start(&mut self, judgement: Judgement) -> Result<(), EarlyEnd> {
        let given = self.judgements.rulings.len();
        self.rule_with_causes(judgement)?;
        let start_met_fault = self.last_refusal_met_a_fault();
        self.judgements.rulings[given].start_met_fault = start_met_fault;
        Ok(())
    }

    /// Whether the plan has failed a call of the start that was refused last, or the file system
    /// was read-only: nothing else makes an EROFS.
    fn last_refusal_met_a_fault(&self) -> bool {
        let seen = &self.record.seen;
        let refused = seen.ends.iter().rev().find(|end| matches!(end.how, How::Exited(_)));
        let Some(refused) = refused.map(|end| end.incarnation) else { return false };
        let calls = seen.calls.iter().rev().map(|call| &call.record);
        let its = calls.take_while(|call| call.site.incarnation >= refused);
        let failed = |call: &CallRecord| {
            let read_only = call.returned == Some(Returned::Error(Errno::EROFS));
            call.injected.is_some() || read_only
        };
        its.into_iter().any(|call| call.site.incarnation == refused && failed(call))
    }

    fn start_once(&mut self, again: bool) -> Result<(), EarlyEnd> {
        let (image, at_rest) = {
            let kernel = self.session.world.kernel();
            (Arc::new(Image::of(&kernel.disk)), kernel.is_at_rest() && !self.record.has_children())
        };
        if !self.may_cut_power() {
            self.session.world.power_stays_on();
        }
        let directives = self.session.directives().into();
        let (server, behind) = (self.session.server().cloned(), self.session.behind());
        let at = self.session.now();
        let ready = false;
        self.record.started(Start { at, image, at_rest, directives, server, behind, ready, again });
        self.session.server_starts();
        self.session.start()?;
        self.observe()?;
        self.ask_whether_ready()
    }

    /// Whether a step to come may cut the power. Rules that are in force are known to the kernel.
    fn may_cut_power(&self) -> bool {
        let to_come = self.script.steps.iter().filter(|step| step.line > self.record.line);
        to_come.into_iter().any(|step| cuts_power(&step.verb))
    }

    /// After the script: a write, a kill, a start, and another judgement. Where no server is left,
    /// the start is the first to show what the last one has left.
    pub fn second_look(&mut self) -> Result<(), EarlyEnd> {
        let restarted = self.record.seen.starts.len() > 1 && self.session.has_server();
        let behind = self.judgements.are_behind(&self.record.seen);
        let unseen = !self.session.has_server() && behind;
        let unclear = self.judgements.due.is_some();
        if !(restarted || unseen) || !self.judgements.measured() || unclear {
            return Ok(());
        }
        let trace = self.session.world.kernel().trace.len();
        self.record.script_ended_at = Some(trace);
        let (rulings, remarks) = (self.judgements.rulings.len(), self.record.remarks.len());
        let (steps, worst) = (self.record.seen.steps.len(), self.judgements.worst());
        self.write_kill_and_start()?;
        self.judgements.ends_here = false;
        if self.judgements.due.take().is_some() && behind {
            let what = self.not_judged();
            self.rule_in_words(Verdict::NotMeasured, what);
        }
        self.record.close_step();
        let found = self.judgements.rulings[rulings..].iter().map(|ruling| ruling.verdict).min();
        // The transcript is that of the script alone.
        self.record.seen.steps.truncate(steps);
        if found.is_some_and(|found| found < Verdict::Litter) && found < worst {
            for remark in &mut self.record.remarks[remarks..] {
                let after = if unseen { "start" } else { "write, kill and start" };
                remark.text = format!("after another {after}, {}", remark.text);
            }
        } else {
            self.record.remarks.truncate(remarks);
            self.judgements.rulings.truncate(rulings);
        }
        Ok(())
    }

    fn write_kill_and_start(&mut self) -> Result<(), EarlyEnd> {
        self.session.world.kernel().release_all();
        self.session.world.kernel().heal();
        self.settle()?;
        self.write_for(SECOND_LOOK)?;
        if self.session.is_running() {
            self.session.kill(Victim::All)?;
            self.settle()?;
        }
        self.start()?;
        if self.session.has_server() {
            self.await_ready()?;
            self.judgements.ends_here = true;
            self.judgements.is_due(self.record.line, Moment::Restarted);
            self.judge_what_is_due()?;
        }
        Ok(())
    }

    /// Sends a write of the runner's own, which counts like any other. Returns its reply.
    pub fn write_for(&mut self, client: &str) -> Result<Option<String>, EarlyEnd> {
        let events = self.record.events();
        if let Some(auth) = Access::with(self.session.directives()).authentication() {
            self.send_for(client, auth)?;
        }
        let place = self.record.seen.history.len();
        let words = ["SET", &format!("sabot:{client}"), &place.to_string()];
        let sent = self.send_for(client, words.map(|word| word.as_bytes().to_vec()).into())?;
        self.settle()?;
        self.record.hide_replies_since(events);
        Ok(sent.and_then(|place| self.record.seen.history[place].reply.clone()))
    }

    /// Sends a command of the runner's own. Returns its place in the history.
    fn send_for(&mut self, client: &str, argv: Argv) -> Result<Option<usize>, EarlyEnd> {
        let place = self.record.seen.history.len();
        if !self.session.send(client, &argv, Purpose::Case(place))? {
            return Ok(None);
        }
        self.record.sent(client, argv, self.session.now(), self.session.behind());
        self.record.runners.insert(place);
        Ok(Some(place))
    }
}
