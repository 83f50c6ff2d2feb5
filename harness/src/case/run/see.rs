//! Looking: what has happened since the last look, from trace, log, connections and status.
//!
//! Must not know: what the step was, and what is promised.

use super::clients::{Arrived, Purpose};
use super::runner::{Runner, Stop};
use crate::case::{lex, log};
use crate::contract::{Verdict, death};
use crate::kernel::trace::Trace;
use crate::observation::{Answer, Call, CallRecord, End, Event, How, MachineEvent, Returned, Time};
use crate::world::Status;

/// Every site of a trace, each once.
pub fn sites(trace: &Trace) -> Vec<String> {
    let mut known = std::collections::BTreeSet::new();
    let calls = trace.records().iter().filter_map(|record| match &record.event {
        MachineEvent::Call(call) => Some(call.site.to_string()),
        _ => None,
    });
    calls.filter(|site| known.insert(site.clone())).collect()
}

impl Runner<'_> {
    /// Takes in everything that is new.
    pub fn see(&mut self) -> Result<(), Stop> {
        self.see_trace();
        self.see_log();
        for arrived in self.clients.receive(self.world)? {
            self.see_reply(arrived);
        }
        self.see_status();
        Ok(())
    }

    fn see_trace(&mut self) {
        let records = {
            let kernel = self.world.kernel();
            let new = kernel.trace.records()[self.traced..].to_vec();
            self.traced = kernel.trace.len();
            new
        };
        for record in records {
            // A restart is its own announcement.
            let known =
                matches!(record.event, MachineEvent::Started { incarnation } if incarnation > 1);
            if !known && !self.quiet {
                let event = record.event.clone();
                self.events.push(Event::Machine { at: record.at, event });
            }
            match record.event {
                MachineEvent::Call(call) => self.see_call(record.at, call),
                MachineEvent::Signal { task, signal } if !task.starts_with("child") => {
                    self.seen.signals.push((self.seen.incarnation(), signal as i32));
                }
                MachineEvent::Ended { incarnation, task, .. } => {
                    self.children.remove(&(incarnation, task));
                }
                _ => {}
            }
        }
    }

    fn see_call(&mut self, at: Time, call: CallRecord) {
        if let Some(Returned::Child(name)) = &call.returned {
            self.children.insert((call.site.incarnation, name.clone()));
        }
        let lie = call.injected && call.began.is_none() && self.is_lie(&call);
        self.seen.calls.push(Call { at, record: call, lie });
    }

    /// Whether a rule in force makes such a call claim what it returned.
    fn is_lie(&self, call: &CallRecord) -> bool {
        use crate::kernel::plan::Effect;
        self.lies.iter().any(|rule| {
            let Effect::Retval(claimed) = rule.effect else { return false };
            rule.selector.matches(&call.site) && call.returned == Some(Returned::Value(claimed))
        })
    }

    fn see_log(&mut self) {
        let raw = self.world.log();
        self.raw_log.extend_from_slice(&raw);
        for line in log::take_lines(&mut self.raw_log) {
            if line.message.contains(&self.profile.ready)
                && let Some(start) = self.seen.starts.last_mut()
            {
                start.ready = true;
            }
            if !self.quiet && log::matters(&line) {
                self.events.push(Event::Log(line.clone()));
            }
            self.log.push(line);
        }
    }

    fn see_reply(&mut self, arrived: Arrived) {
        let text = match &arrived.reply {
            Some(reply) => reply.lines().join("\n"),
            None => "(connection closed)".to_string(),
        };
        let index = match arrived.purpose {
            Purpose::Probe(number) => {
                self.probes.insert(number, arrived.reply);
                return;
            }
            Purpose::Unasked => {
                let to = Some(format!("{}> unasked", arrived.client));
                return self.events.push(Event::Reply(Answer { text, to }));
            }
            Purpose::Case(index) => index,
        };
        let now = self.now();
        let sent = &mut self.seen.history[index];
        if arrived.reply.is_some() {
            sent.reply = Some(text.clone());
            sent.acked_at = Some(now);
        }
        let late = sent.line != self.line;
        let client = if sent.client == crate::case::DEFAULT_CLIENT { "" } else { &sent.client };
        let to = late.then(|| format!("{client}> {}", lex::quote(&sent.argv)));
        if self.last_sent == Some(index) {
            self.last_reply.clone_from(&text);
        }
        self.events.push(Event::Reply(Answer { text, to }));
    }

    fn see_status(&mut self) {
        if !self.running {
            return;
        }
        let how = match self.world.status() {
            Status::Running | Status::Off => return,
            Status::Exited(code) if self.asked.shutdown => How::Shutdown(code),
            Status::Exited(code) => How::Exited(code),
            Status::Signaled(number) if self.called_for(number) => How::Killed,
            Status::Signaled(number) => How::Signaled(number),
        };
        self.running = false;
        let end = End { incarnation: self.seen.incarnation(), at: self.now(), how };
        self.seen.ends.push(end);
        let ready = self.seen.starts.last().is_some_and(|start| start.ready);
        match how {
            How::Exited(code) if !ready => {
                self.due = None;
                self.verdict(Verdict::RefusedStart, format!("it exited with {code}"));
            }
            _ => {
                if let Some(judgement) = death(&self.seen, &end) {
                    self.verdict(judgement.verdict, judgement.sentence);
                }
            }
        }
    }

    /// Whether the case or its plan sent this signal.
    fn called_for(&self, number: i32) -> bool {
        let incarnation = self.seen.incarnation();
        self.asked.kill
            || self.asked.signal == Some(number)
            || self.seen.signals.contains(&(incarnation, number))
    }
}
