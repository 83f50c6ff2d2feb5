//! Observing: what has happened since the last look, from trace, log, connections and status.
//!
//! Must not know: what the step was, and what is promised.

use nix::sys::signal::Signal;

use super::clients::{Arrived, Purpose};
use super::session::Refusal;
use super::state::{EarlyEnd, Runner};
use crate::case::{DEFAULT_CLIENT, lex};
use crate::contract::reason::Attempts;
use crate::contract::{death, refused};
use crate::kernel::trace::Record;
use crate::observation::{Answer, Cut, End, Event, How, MachineEvent, Time};
use crate::world::Status;

impl Runner<'_> {
    /// Takes in everything that is new.
    pub fn observe(&mut self) -> Result<(), EarlyEnd> {
        self.observe_trace();
        let overclaim = self.session.world.kernel().plan.take_overclaim();
        if let Some(overclaim) = overclaim {
            return self.claims_too_much(overclaim);
        }
        let written = self.session.world.log();
        if !written.is_empty() {
            let ready = &self.current.as_ref().unwrap_or(self.profile).ready;
            self.record.logged(&written, ready);
        }
        for arrived in self.session.receive()? {
            self.observe_reply(arrived);
        }
        self.observe_status()
    }

    fn observe_trace(&mut self) {
        while let Some(Record { at, event }) = self.next_of_trace() {
            self.record.machine_event(at, &event);
            match event {
                MachineEvent::Call(call) => self.record.call(at, call),
                MachineEvent::Signal { task, signal } if !task.starts_with("child") => {
                    if signal == Signal::SIGKILL {
                        self.session.machine_ended_server();
                    }
                    self.record.signalled(signal as i32);
                }
                MachineEvent::Ended { incarnation, task, .. } => {
                    self.record.task_ended(incarnation, task, at);
                }
                MachineEvent::PowerCut(cut) => self.observe_power_cut(cut, at),
                _ => {}
            }
        }
    }

    fn next_of_trace(&mut self) -> Option<Record> {
        self.record.next_of(self.session.world.kernel().trace.records())
    }

    fn observe_power_cut(&mut self, cut: Cut, at: Time) {
        self.session.machine_ended_server();
        self.record.power_cut(cut, at);
        if self.session.has_server() {
            self.server_ended(How::PowerCut);
        }
    }

    fn server_ended(&mut self, how: How) -> End {
        self.session.server_ended();
        self.record.ended(how, self.session.now())
    }

    fn observe_reply(&mut self, arrived: Arrived) {
        let text = match &arrived.reply {
            Some(reply) => reply.lines().join("\n"),
            None => "(connection closed)".to_string(),
        };
        let to = match arrived.purpose {
            Purpose::Question(number) => return self.session.answered(number, arrived.reply),
            Purpose::Unasked => Some(format!("{}> unasked", arrived.client)),
            Purpose::Case(place) => {
                let acked_at = arrived.reply.as_ref().map(|_| self.session.now());
                if let (Some(reply), true) = (arrived.reply, self.record.keeps_transcript()) {
                    self.record.replies.insert(place, reply);
                }
                self.record.replied(place, &text, acked_at);
                let sent = &self.record.seen.history[place];
                let client = if sent.client == DEFAULT_CLIENT { "" } else { &*sent.client };
                let late = sent.line != self.record.line;
                late.then(|| format!("{client}> {}", lex::quote(&sent.argv)))
            }
        };
        self.record.event(Event::Reply(Answer { text, to }));
    }

    fn observe_status(&mut self) -> Result<(), EarlyEnd> {
        if !self.session.has_server() {
            return Ok(());
        }
        let how = match self.session.world.status() {
            Status::Running | Status::Off => return Ok(()),
            Status::Exited(code) if self.session.asked().shutdown => How::Shutdown(code),
            Status::Exited(code) => How::Exited(code),
            Status::Signaled(number) if self.sent_signal(number) => How::Killed,
            Status::Signaled(number) => How::Signaled(number),
        };
        let end = self.server_ended(how);
        match how {
            How::Exited(code) if !self.record.is_ready() => {
                self.judgements.due = None;
                let line = self.record.log.fatal_line();
                let refusal = Refusal { how: format!("exited with {code}"), line };
                if let Err(Refusal { how, line }) = self.session.note_refusal(refusal) {
                    let (seen, tried) = (&self.record.seen, format!("it {how}"));
                    let refused = refused(seen, Attempts::Once, line.as_deref(), tried);
                    self.rule_refused_start(refused)?;
                }
            }
            _ => {
                if how == How::Exited(1) {
                    self.learn_current_policies()?;
                }
                if let Some(judgement) = death(&self.record.seen, &end) {
                    self.rule(judgement);
                }
            }
        }
        Ok(())
    }

    /// Whether the case or its plan sent this signal.
    fn sent_signal(&self, number: i32) -> bool {
        let asked = self.session.asked();
        let incarnation = self.record.seen.incarnation();
        asked.kill
            || asked.signal == Some(number)
            || self.record.seen.signals.contains(&(incarnation, number))
    }
}
