//! The record of a run: what was observed, and the remarks under each line.
//!
//! Must not know: how a world is asked, and what was promised.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::resp::Reply;
use super::server_log::ServerLog;
use crate::kernel::trace;
use crate::kernel::{Cut, Name, Time};
use crate::observation::{
    Answer, Argv, Call, CallRecord, Child, End, Event, How, MachineEvent, Observations,
    ObservedStep, PowerCut, Remark, Returned, Sent, Start,
};
use crate::profile::Profile;

/// How much is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Also what only a transcript shows.
    #[default]
    Transcript,
    /// What is judged by, and the log, which the case reads.
    Log,
    /// What is judged by.
    Facts,
}

/// When faults were in force.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Since when none is; None while one is, or when there was none.
    pub healed_at: Option<Time>,
    /// The last start that met one, from 1; 0: none has.
    met_by: u32,
}

impl Faults {
    pub fn met(&mut self, incarnation: u32) {
        self.healed_at = None;
        self.met_by = incarnation;
    }

    pub fn were_met_by(&self, incarnation: u32) -> bool {
        self.met_by == incarnation
    }
}

/// The last command of the case, as `expect` compares it.
#[derive(Clone, Debug, Default)]
pub struct LastCommand {
    /// Its place in the history; None: there was no server to send it to.
    pub place: Option<usize>,
    /// What it was answered, or what stood for an answer.
    pub reply: String,
}

/// A copy of the data directory.
#[derive(Clone, Debug)]
pub struct Backup {
    pub files: BTreeMap<String, Vec<u8>>,
    /// How many commands had been sent when it was begun.
    pub commands: usize,
    /// That moment, as if the server had been killed then.
    pub began: End,
}

/// All that a run has shown so far, as plain data.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub seen: Observations,
    pub log: ServerLog,
    pub faults: Faults,
    pub last: LastCommand,
    /// The replies to commands of the case, by their places in the history.
    pub replies: BTreeMap<usize, Reply>,
    /// Which commands of the history are the runner's own.
    pub runners: BTreeSet<usize>,
    /// The line of the step under way.
    pub line: u32,
    pub remarks: Vec<Remark>,
    /// How long the trace was when the script was through.
    pub script_ended_at: Option<usize>,
    /// What somebody has copied of the data directory.
    pub backup: Option<Backup>,
    keep: Keep,
    /// What the step under way has brought.
    events: Vec<Event>,
    /// How much of the trace has been seen.
    traced: usize,
    /// Children that were born and have not ended, by incarnation and name.
    children: BTreeSet<(u32, Name)>,
}

/// What is written under the line of a step.
impl Record {
    pub fn new(profile: &Profile, keep: Keep) -> Record {
        let (announces, commands) = (profile.announces.clone(), profile.commands.clone());
        let seen = Observations { announces, commands, ..Observations::default() };
        Record { seen, keep, ..Record::default() }
    }

    pub fn keeps_transcript(&self) -> bool {
        self.keep == Keep::Transcript
    }

    pub fn event(&mut self, event: Event) {
        if self.keeps_transcript() {
            self.events.push(event);
        }
    }

    pub fn note(&mut self, text: impl Into<String>) {
        self.event(Event::Note(text.into()));
    }

    /// A reply, or what stands for one, to the step's own command.
    pub fn reply(&mut self, text: &str) {
        self.last.reply = text.to_string();
        self.event(Event::Reply(Answer { text: text.to_string(), to: None }));
    }

    /// Takes the replies out that came since there were `events`.
    pub fn hide_replies_since(&mut self, events: usize) {
        let since = self.events.split_off(events);
        self.events.extend(since.into_iter().filter(|event| !matches!(event, Event::Reply(_))));
    }

    pub fn events(&self) -> usize {
        self.events.len()
    }

    pub fn remark(&mut self, text: String) {
        self.remark_at(self.line, text);
    }

    pub fn remark_at(&mut self, line: u32, text: String) {
        self.remarks.push(Remark { line, text });
    }

    pub fn close_step(&mut self) {
        if self.keeps_transcript() {
            let events = std::mem::take(&mut self.events);
            self.seen.steps.push(ObservedStep { line: self.line, events });
        }
    }
}

/// What was seen of the server.
impl Record {
    /// A command was sent. Returns its place in the history.
    pub fn sent(&mut self, client: &str, argv: Argv, at: Time, behind: Duration) -> usize {
        self.seen.history.push(Sent {
            line: self.line,
            incarnation: self.seen.incarnation(),
            client: client.into(),
            argv,
            taken_at: at,
            behind,
            waited: false,
            calls: self.seen.calls.len(),
            reply: None,
            acked_at: None,
            answered_after: 0,
        });
        self.seen.history.len() - 1
    }

    /// From now on another server tells of trouble.
    pub fn is_told_by(&mut self, profile: &Profile) {
        self.seen.announces = profile.announces.clone();
        self.seen.commands = profile.commands.clone();
    }

    pub fn started(&mut self, start: Start) {
        self.seen.starts.push(start);
        self.log.begin();
    }

    pub fn is_ready(&self) -> bool {
        self.seen.starts.last().is_some_and(|start| start.ready)
    }

    pub fn ended(&mut self, how: How, at: Time) -> End {
        let incarnation = self.seen.incarnation();
        let end = End { incarnation, at, how, line: self.line, calls: self.seen.calls.len() };
        self.seen.ends.push(end);
        end
    }

    /// Takes in what the server has written to its log; `ready` is what it says once it accepts
    /// connections.
    pub fn logged(&mut self, written: &[u8], ready: &[String]) {
        if self.keep == Keep::Facts {
            let text = self.log.pass_over(written);
            let text = String::from_utf8_lossy(&text);
            return self.ready_if(|words| text.contains(words), ready);
        }
        let before = self.log.lines().len();
        let lines = self.log.take(written, self.seen.incarnation());
        let says = |words: &str| lines.iter().any(|line| line.message.contains(words));
        self.ready_if(says, ready);
        let kept = self.log.lines()[before..].iter().filter(|line| super::log::matters(line));
        let events: Vec<Event> = kept.cloned().map(Event::Log).collect();
        events.into_iter().for_each(|event| self.event(event));
    }

    /// The server has answered a client, so it is ready whatever it logs.
    pub fn answers_clients(&mut self) {
        if let Some(start) = self.seen.starts.last_mut() {
            start.ready = true;
        }
    }

    fn ready_if(&mut self, says: impl Fn(&str) -> bool, ready: &[String]) {
        if let Some(start) = self.seen.starts.last_mut().filter(|start| !start.ready) {
            start.ready = ready.iter().any(|words| says(words));
        }
    }

    /// The reply to the command at this place has come; None: its connection was closed.
    pub fn replied(&mut self, place: usize, text: &str, acked_at: Option<Time>) {
        let so_far = self.seen.history.len();
        let sent = &mut self.seen.history[place];
        if acked_at.is_some() {
            sent.reply = Some(text.to_string());
            sent.acked_at = acked_at;
            sent.answered_after = so_far;
        }
        if self.last.place == Some(place) {
            self.last.reply = text.to_string();
        }
    }
}

/// What was seen of the machine.
impl Record {
    /// The next event of the trace.
    pub fn next_of(&mut self, trace: &[trace::Record]) -> Option<trace::Record> {
        let next = trace.get(self.traced).cloned();
        self.traced += usize::from(next.is_some());
        next
    }

    /// The trace begins anew: the power was cut like this.
    pub fn resumes_after(&mut self, cut: Cut) {
        self.traced = 0;
        if let Some(last) = self.seen.cuts.last_mut() {
            last.cut = cut;
        }
    }

    /// Whether some child of a server lives.
    pub fn has_children(&self) -> bool {
        !self.children.is_empty()
    }

    pub fn machine_event(&mut self, at: Time, event: &MachineEvent) {
        // A restart is its own announcement.
        let known = matches!(event, MachineEvent::Started { incarnation } if *incarnation > 1);
        if !known && self.keeps_transcript() {
            self.event(Event::Machine { at, event: event.clone() });
        }
    }

    pub fn call(&mut self, at: Time, call: CallRecord) {
        if let Some(Returned::Child(name)) = &call.returned {
            let incarnation = call.site.incarnation;
            self.children.insert((incarnation, name.clone()));
            let (name, born) = (name.clone(), at);
            self.seen.children.push(Child { incarnation, name, born, ended: None });
        }
        if call.injected.is_some() && call.site.incarnation == self.seen.incarnation() {
            self.faults.met(self.seen.incarnation());
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
        waiting.for_each(|sent| {
            sent.taken_at = at;
            sent.waited = true;
        });
    }

    pub fn signalled(&mut self, signal: i32) {
        self.seen.signals.push((self.seen.incarnation(), signal));
    }

    pub fn task_ended(&mut self, incarnation: u32, task: Name, at: Time) {
        let mut children = self.seen.children.iter_mut();
        let its = children.find(|child| child.incarnation == incarnation && child.name == task);
        if let Some(child) = its {
            child.ended = Some(at);
        }
        self.children.remove(&(incarnation, task));
    }

    /// The power was cut: every process is gone.
    pub fn power_cut(&mut self, cut: Cut, at: Time) {
        self.children.clear();
        let gone = self.seen.children.iter_mut().filter(|child| child.ended.is_none());
        gone.for_each(|child| child.ended = Some(at));
        let (starts, calls) = (self.seen.starts.len(), self.seen.calls.len());
        self.seen.cuts.push(PowerCut { at, cut, starts, calls });
    }
}
