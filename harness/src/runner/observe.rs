//! Looking: what has happened since the last look, from trace, log, connections and status.
//!
//! Must not know: what the step was, and what is promised.

use nix::sys::signal::Signal;

use super::clients::{Arrived, Purpose};
use super::log;
use super::state::Stop;
use super::steps::Runner;
use crate::case::lex;
use crate::kernel::trace::Record;
use crate::observation::{
    Answer, Call, CallRecord, Child, Event, MachineEvent, Returned, Sent, Time,
};

/// Every site of a part of a trace, each once.
pub fn sites(trace: &[Record]) -> Vec<String> {
    let mut known = std::collections::BTreeSet::new();
    let calls = trace.iter().filter_map(|record| match &record.event {
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
        for arrived in self.state.clients.receive(self.world)? {
            self.see_reply(arrived);
        }
        self.see_status();
        Ok(())
    }

    fn see_trace(&mut self) {
        while let Some(record) = self.next_record() {
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
                    self.halted |= !self.asked.kill && signal == Signal::SIGKILL;
                    self.state.seen.signals.push((self.state.seen.incarnation(), signal as i32));
                }
                MachineEvent::Ended { incarnation, task, .. } => {
                    self.child_ended(incarnation, &task, record.at);
                    self.children.remove(&(incarnation, task));
                }
                MachineEvent::PowerCut(cut) => self.see_power_cut(cut, record.at),
                _ => {}
            }
        }
    }

    fn next_record(&mut self) -> Option<Record> {
        let record = self.world.kernel().trace.records().get(self.traced).cloned();
        self.traced += usize::from(record.is_some());
        record
    }

    fn see_call(&mut self, at: Time, call: CallRecord) {
        if let Some(Returned::Child(name)) = &call.returned {
            let incarnation = call.site.incarnation;
            self.children.insert((incarnation, name.clone()));
            let (name, born) = (name.clone(), at);
            self.seen.children.push(Child { incarnation, name, born, ended: None });
        }
        if call.injected.is_some() && call.site.incarnation == self.seen.incarnation() {
            self.healed_at = None;
            self.faulted = self.seen.incarnation();
        }
        if call.began.is_some() && call.site.task == "parent" {
            self.taken_up(at, &call);
        }
        self.seen.calls.push(Call { at, record: call });
    }

    /// A call that took time has returned: what was sent meanwhile is taken up only now, so that a
    /// time to live among it counts from here.
    fn taken_up(&mut self, at: Time, call: &CallRecord) {
        let made = |other: &Call| other.record.site == call.site && other.record.returned.is_none();
        let Some(made) = self.seen.calls.iter().rposition(made) else { return };
        let waits = |sent: &&mut Sent| {
            sent.calls > made && sent.reply.is_none() && sent.incarnation == call.site.incarnation
        };
        let waiting = self.seen.history.iter_mut().filter(waits);
        waiting.for_each(|sent| sent.taken_at = at);
    }

    fn see_log(&mut self) {
        let raw = self.world.log();
        self.raw_log.extend_from_slice(&raw);
        if self.quiet && !self.script.reads_log {
            return self.see_whether_it_is_ready();
        }
        for line in log::take_lines(&mut self.raw_log) {
            if let Some(start) = self.state.seen.starts.last_mut().filter(|start| !start.ready) {
                start.ready = self.profile.ready.iter().any(|ready| line.message.contains(ready));
            }
            if log::opens_a_memory_dump(&line) {
                self.dump_of = Some(self.seen.incarnation());
            }
            if self.dump_of == Some(self.seen.incarnation()) {
                continue;
            }
            if !self.quiet && log::matters(&line) {
                self.events.push(Event::Log(line.clone()));
            }
            self.log.push(line);
        }
    }

    /// As much as must be known of a log that nobody reads.
    fn see_whether_it_is_ready(&mut self) {
        let lines = log::take_whole(&mut self.raw_log);
        if let Some(start) = self.state.seen.starts.last_mut().filter(|start| !start.ready) {
            let lines = String::from_utf8_lossy(&lines);
            start.ready = self.profile.ready.iter().any(|ready| lines.contains(ready));
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
        let (now, so_far) = (self.now(), self.seen.history.len());
        let sent = &mut self.state.seen.history[index];
        if arrived.reply.is_some() {
            sent.reply = Some(text.clone());
            sent.acked_at = Some(now);
            sent.answered_after = so_far;
        }
        let late = sent.line != self.state.line;
        let client = if sent.client == crate::case::DEFAULT_CLIENT { "" } else { &*sent.client };
        let to = late.then(|| format!("{client}> {}", lex::quote(&sent.argv)));
        if self.last_sent == Some(index) {
            self.last_reply.clone_from(&text);
        }
        self.events.push(Event::Reply(Answer { text, to }));
    }
}
