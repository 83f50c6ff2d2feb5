//! What a run has shown: facts without judgement, from which transcripts are printed and promises
//! judged.
//!
//! Must not know: which world produced them, what was promised, and how they are printed.

use std::fmt;

use std::sync::Arc;
use std::time::Duration;

pub use crate::kernel::call::CallName;
pub use crate::kernel::process::Ending;
pub use crate::kernel::trace::{
    CallRecord, Detail, Event as MachineEvent, Injected, OpenFlags, Returned,
};
pub use crate::kernel::{Cut, Image, Name, Site, Time};
pub use crate::profile::{Announces, Commands};
pub use crate::world::{Directive, LAST_CALL};

/// Everything that one run of a case has shown so far.
#[derive(Clone, Debug, Default)]
pub struct Observations {
    /// How this server tells a client of trouble.
    pub announces: Arc<Announces>,
    /// What its commands do to the dataset.
    pub commands: Arc<Commands>,
    /// One per step that was carried out, in order.
    pub steps: Vec<ObservedStep>,
    /// Every command the case sent, in order.
    pub history: Vec<Sent>,
    /// Each start of the server.
    pub starts: Vec<Start>,
    /// Each end of a server.
    pub ends: Vec<End>,
    /// Every call, including the lines that say that a delayed one was made.
    pub calls: Vec<Call>,
    /// When files were changed behind the server's back, and before which start (its index).
    pub damages: Vec<Damaged>,
    /// Each time that a backup took the place of the data directory.
    pub restored: Vec<Restored>,
    /// Signals that the plan sent to the server, by number, with the start they met.
    pub signals: Vec<(u32, i32)>,
    /// When INFO was seen to report trouble with writing, and by which field.
    pub trouble_reported: Vec<(Time, String)>,
    /// The policy of each start that the reference has gone through, as the server told it.
    pub policies: Vec<PolicySince>,
    /// Temporary files that no living process will finish, by role, as of the last look.
    pub leftovers: Vec<String>,
    /// Each time the power was cut.
    pub cuts: Vec<PowerCut>,
    /// When the wall clock was set back, and how far it was behind then.
    pub clock_sets: Vec<(Time, Duration)>,
    /// Each child that was born.
    pub children: Vec<Child>,
}

/// What one step brought.
#[derive(Clone, Debug, Default)]
pub struct ObservedStep {
    /// In the case, from 1.
    pub line: u32,
    pub events: Vec<Event>,
}

/// One thing that was seen.
#[derive(Clone, Debug)]
pub enum Event {
    Machine {
        at: Time,
        event: MachineEvent,
    },
    Log(LogLine),
    Reply(Answer),
    /// The clock moved by itself, because the step waited for something.
    Waited {
        from: Time,
        to: Time,
    },
    /// Lines that the step asked for.
    Shown(Vec<String>),
    /// What no reply or log line says: `(the server runs on)`.
    Note(String),
}

/// A line of the server's log without pid and date; what differs between honest runs is masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// `.` debug, `-` verbose, `*` notice, `#` warning; None for a line without the usual head.
    pub level: Option<char>,
    pub message: String,
}

/// A reply, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// As redis-cli prints it, one line or more.
    pub text: String,
    /// The command as it was written, where the answer does not come under its own step.
    pub to: Option<String>,
}

/// A command's words.
pub type Argv = Arc<[Vec<u8>]>;

/// A command that the case sent.
#[derive(Clone, Debug)]
pub struct Sent {
    pub line: u32,
    /// Which start of the server it went to, from 1.
    pub incarnation: u32,
    pub client: Name,
    pub argv: Argv,
    /// When the server could take it up: when it was sent, or, where the server was in a call
    /// then, when that returned.
    pub taken_at: Time,
    /// How far the wall clock was behind when it was sent.
    pub behind: Duration,
    /// The server was in a call when it was sent.
    pub waited: bool,
    /// How many calls had been seen by then.
    pub calls: usize,
    /// As printed; None when none came.
    pub reply: Option<String>,
    pub acked_at: Option<Time>,
    /// How many commands had been sent when the reply came, itself included; 0: none came.
    pub answered_after: usize,
}

/// What a server does with acknowledged writes, by its own account (CONFIG GET).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    pub appendonly: bool,
    pub appendfsync: Fsync,
    /// There are save points.
    pub saves: bool,
    pub no_appendfsync_on_rewrite: bool,
    pub hz: u32,
}

/// The values of `appendfsync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    Always,
    Everysec,
    No,
}

/// A policy and since when it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicySince {
    /// Which start of the server, from 1.
    pub incarnation: u32,
    /// The place in the history of the command that set it; None: the start.
    pub order: Option<usize>,
    pub policy: Policy,
}

/// A start of the server.
#[derive(Clone, Debug, Default)]
pub struct Start {
    pub at: Time,
    /// The files as it found them.
    pub image: Arc<Image>,
    /// Nothing but the files could make it another start than one on a machine without faults.
    pub at_rest: bool,
    /// The case's configuration, the last of a name being the one that counts.
    pub directives: Arc<[Directive]>,
    /// Another server than the world's own.
    pub server: Option<Name>,
    /// How far the wall clock was behind.
    pub behind: Duration,
    /// Whether it said that it was ready; false as long as it has not.
    pub ready: bool,
    /// Whether it was made because the one before was refused.
    pub again: bool,
}

/// An end of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Which start it ended, from 1.
    pub incarnation: u32,
    pub at: Time,
    pub how: How,
    /// The step during which it ended.
    pub line: u32,
    /// How many calls had been seen by then.
    pub calls: usize,
}

/// A power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerCut {
    pub at: Time,
    pub cut: Cut,
    /// How many starts there had been.
    pub starts: usize,
    /// How many calls had been seen by then.
    pub calls: usize,
}

/// A child from its birth to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// The start of the server that forked it, from 1.
    pub incarnation: u32,
    pub name: Name,
    pub born: Time,
    pub ended: Option<Time>,
}

/// What the checks of a running server found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveChecks {
    pub leaks: Leaks,
    pub refusal: Option<Refusal>,
    /// Files that no manifest names, by role, where nobody is at work.
    pub forgotten: Vec<String>,
}

/// What a settled server holds on to without a use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaks {
    pub zombies: usize,
    /// Children that live and that the server does not know of.
    pub unknown_children: usize,
    pub descriptors: Vec<Descriptor>,
}

/// An open file, by the role of its name.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Descriptor {
    pub role: String,
    /// Its name is gone.
    pub unlinked: bool,
}

impl Leaks {
    pub fn is_empty(&self) -> bool {
        *self == Leaks::default()
    }
}

/// `1 zombie, a descriptor of aof without a name`
impl fmt::Display for Leaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count| if count == 1 { "" } else { "s" };
        let mut parts = Vec::new();
        if self.zombies > 0 {
            parts.push(format!("{} zombie{}", self.zombies, plural(self.zombies)));
        }
        if self.unknown_children > 0 {
            let (count, s) = (self.unknown_children, plural(self.unknown_children));
            parts.push(format!("{count} unknown child process{s}"));
        }
        for Descriptor { role, unlinked } in &self.descriptors {
            let unlinked = if *unlinked { " without a name" } else { "" };
            parts.push(format!("a descriptor of {role}{unlinked}"));
        }
        f.write_str(&parts.join(", "))
    }
}

/// A write was refused although every fault was over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub reply: String,
    /// For how long every fault had been over.
    pub healed_for: Time,
    /// What made the server take writes again; None: nothing that was tried.
    pub cure: Option<String>,
    /// A save point has its changes, so the server will save by itself.
    pub save_is_due: bool,
    /// The last operation on the append-only file was a sync that failed.
    pub sync_failed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The case killed it.
    Killed,
    /// The power was cut.
    PowerCut,
    /// It ended after the case had asked it to, with this code.
    Shutdown(i32),
    /// It ended by itself.
    Exited(i32),
    /// A signal ended it that no kill of the case sent.
    Signaled(i32),
}

/// A call with its moment.
#[derive(Clone, Debug)]
pub struct Call {
    pub at: Time,
    pub record: CallRecord,
}

impl Call {
    /// Whether the plan made it claim what it did not do.
    pub fn is_lie(&self) -> bool {
        self.record.injected == Some(Injected::Lie)
    }
}

/// A backup has taken the place of the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// How many starts there had been, and how many calls had been seen.
    pub starts: usize,
    pub calls: usize,
    /// How many commands had been sent when the backup was begun.
    pub commands: usize,
    /// That moment, as if the server had been killed then.
    pub began: End,
}

/// A change of a file while the server was down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// How many starts there had been.
    pub starts: usize,
    /// The role of the file.
    pub role: Name,
    /// It was removed or emptied; else a part of its content was changed.
    pub nothing_left: bool,
}

impl Observations {
    /// The start that is judged: the last one, from 1; 0 before the first.
    pub fn incarnation(&self) -> u32 {
        u32::try_from(self.starts.len()).unwrap_or(u32::MAX)
    }
}

/// A remark of the contract or of the case itself under one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    pub line: u32,
    pub text: String,
}
