//! Starting the server as a supervisor would, and looking a second time after the script.
//!
//! A start that is refused is tried once more. After the script the server gets one more write, is
//! killed and started again, because some damage shows only then; that is shown only when it is
//! worse than all that was found before. Must not know: what is promised.

use super::clients::Purpose;
use super::outcome::Ruling;
use super::state::{Asked, Due, Stop};
use super::steps::Runner;
use crate::contract::reason::Attempts;
use crate::contract::{Judgement, Moment, Verdict, refused};
use crate::observation::{Argv, How, Sent, Start};
use crate::world::Victim;

/// Who sends the write of the second look.
const SECOND_LOOK: &str = "second-look";

impl Runner<'_> {
    /// Starts the server on what is on the disk; once more if it refuses.
    pub fn start(&mut self) -> Result<(), Stop> {
        self.refusals.clear();
        self.rulings_before = self.rulings.len();
        self.start_once(false)?;
        if self.refusals.len() == 1 {
            self.note("started once more");
            self.start_once(true)?;
        }
        if let Some(first) = self.refusals.first() {
            let (attempts, tried) = match self.refusals.len() {
                1 => (Attempts::CameUp, format!("it {first}; started once more, it came up")),
                _ => {
                    let tried = format!("it {first}, and again when it was started once more");
                    (Attempts::Twice, tried)
                }
            };
            let Judgement { verdict, reason, sentence, .. } = refused(&self.seen, attempts, tried);
            let own_fault = self.last_start_met_a_fault();
            let line = self.line;
            self.give(Ruling { own_fault, ..Ruling::new(line, verdict, reason, sentence) });
        }
        Ok(())
    }

    /// Whether the plan has failed a call of the start that was refused last.
    fn last_start_met_a_fault(&self) -> bool {
        let refused = self.seen.ends.iter().rev().find(|end| matches!(end.how, How::Exited(_)));
        let Some(refused) = refused.map(|end| end.incarnation) else { return false };
        let calls = self.seen.calls.iter().rev().map(|call| &call.record);
        let its = calls.take_while(|call| call.site.incarnation >= refused);
        its.into_iter().any(|call| call.injected.is_some() && call.site.incarnation == refused)
    }

    fn start_once(&mut self, again: bool) -> Result<(), Stop> {
        let at = self.now();
        let directives = self.directives.clone();
        self.seen.starts.push(Start { at, directives, ready: false, again });
        self.running = true;
        self.halted = false;
        self.asked = Asked::default();
        self.log.clear();
        self.awaited = 0;
        self.starting = true;
        let started = self.world.start(&self.state.directives).map_err(Stop::from);
        let started = started.and_then(|()| self.see());
        self.starting = false;
        started
    }

    /// After the script: a write, a kill, a start, and another judgement.
    pub fn second_look(&mut self) -> Result<(), Stop> {
        let restarted = self.seen.starts.len() > 1 && self.running && !self.rehearsal;
        let judged = self.rulings.iter().any(|ruling| ruling.verdict != Verdict::NotMeasured);
        if !restarted || !judged || self.lineage.broken || self.due.is_some() {
            return Ok(());
        }
        self.state.through = Some(self.world.kernel().trace.len());
        let (rulings, remarks) = (self.rulings.len(), self.remarks.len());
        let (seen, worst) =
            (self.seen.steps.len(), self.rulings.iter().map(|ruling| ruling.verdict).min());
        self.world.kernel().release_all();
        self.world.kernel().heal();
        self.settle()?;
        self.write_for(SECOND_LOOK)?;
        if self.is_running() {
            self.asked.kill = true;
            self.world.kill(Victim::All)?;
            self.settle()?;
        }
        self.start()?;
        if self.running {
            self.due = Some(Due::new(self.line, Moment::Restarted));
            self.judge_what_is_due()?;
        }
        self.due = None;
        self.close_step()?;
        let found = self.rulings[rulings..].iter().map(|ruling| ruling.verdict).min();
        // What the second look saw is no part of the script's transcript.
        self.seen.steps.truncate(seen);
        if found.is_some_and(|found| found < Verdict::Litter) && found < worst {
            for remark in &mut self.remarks[remarks..] {
                remark.text = format!("after another write, kill and start, {}", remark.text);
            }
        } else {
            self.remarks.truncate(remarks);
            self.rulings.truncate(rulings);
        }
        Ok(())
    }

    /// Sends a write of the runner's own, which counts like any other. Returns its reply.
    pub fn write_for(&mut self, client: &str) -> Result<Option<String>, Stop> {
        let index = self.seen.history.len();
        let words = ["SET", &format!("sabot:{client}"), &index.to_string()];
        let argv: Argv = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        if !self.state.clients.send(self.world, client, &argv, Purpose::Case(index))? {
            return Ok(None);
        }
        self.state.seen.history.push(Sent {
            line: self.state.line,
            incarnation: self.state.seen.incarnation(),
            client: client.into(),
            argv,
            taken_at: self.now(),
            calls: self.state.seen.calls.len(),
            reply: None,
            acked_at: None,
            answered_after: 0,
        });
        let shown = self.events.len();
        self.settle()?;
        self.events.retain({
            let mut place = 0;
            move |event| {
                place += 1;
                place <= shown || !matches!(event, crate::observation::Event::Reply(_))
            }
        });
        Ok(self.seen.history[index].reply.clone())
    }
}
