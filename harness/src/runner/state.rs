//! What a runner knows at one moment of a run, as plain data.
//!
//! Must not know: how any of it came to be known.

use std::collections::{BTreeMap, BTreeSet};

use super::clients::Clients;
use super::outcome::{Failure, Ruling, Sight};
use super::resp::Reply;
use crate::contract::{Lineage, Moment};
use crate::kernel::{Name, Time};
use crate::observation::{Event, LogLine, Observations, Remark};
use crate::world::{Broken, Directive};

/// Why a run ends before its script does.
#[derive(Debug)]
pub enum Stop {
    Broken(Broken),
    /// The reason stands in `failures`.
    BadCase,
    NotApplicable(String),
}

impl From<Broken> for Stop {
    fn from(broken: Broken) -> Stop {
        Stop::Broken(broken)
    }
}

/// Who asked the running server to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub kill: bool,
    pub shutdown: bool,
    /// The number of a signal that the case sent.
    pub signal: Option<i32>,
}

/// A judgement that waits for the server.
#[derive(Clone, Debug)]
pub struct Due {
    pub line: u32,
    pub moment: Moment,
    /// Questions under way; the last one's answer is the digest.
    pub probes: Option<Vec<u32>>,
}

impl Due {
    pub fn new(line: u32, moment: Moment) -> Due {
        Due { line, moment, probes: None }
    }
}

/// All that a runner knows, as plain data: with what it runs on, it can go on from here.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub seen: Observations,
    pub rulings: Vec<Ruling>,
    pub failures: Vec<Failure>,
    /// Symptoms that were looked for.
    pub sights: Vec<Sight>,
    pub remarks: Vec<Remark>,
    pub clients: Clients,
    /// The case's configuration so far.
    pub directives: Vec<Directive>,
    /// Whether a server was started that has not been seen to end.
    pub running: bool,
    pub asked: Asked,
    /// The line of the step under way.
    pub line: u32,
    pub events: Vec<Event>,
    /// How much of the trace has been seen.
    pub traced: usize,
    /// Children that were born and have not ended, by incarnation and name.
    pub children: BTreeSet<(u32, Name)>,
    pub raw_log: Vec<u8>,
    /// The start of the server that went on to log its own memory.
    pub dump_of: Option<u32>,
    /// Everything that was logged since the last start.
    pub log: Vec<LogLine>,
    /// How much of it `await log` has gone through.
    pub awaited: usize,
    /// Names that are being held and must have held someone by the end, with their lines.
    pub holds: Vec<(String, u32)>,
    pub probes: BTreeMap<u32, Option<Reply>>,
    pub next_probe: u32,
    /// What `expect` compares: the last command's place in the history.
    pub last_sent: Option<usize>,
    /// What it was answered, or what stood for an answer.
    pub last_reply: String,
    pub lineage: Lineage,
    pub due: Option<Due>,
    /// What the last question for the dataset was answered with.
    pub found: Option<Vec<String>>,
    /// The plan has killed the running server, or cut its power.
    pub halted: bool,
    /// Since when no fault is in force; None while one is, or when there was none.
    pub healed_at: Option<Time>,
    /// The last start that met a fault, from 1; 0: none has.
    pub faulted: u32,
    /// A start is under way: one that is refused is tried again.
    pub starting: bool,
    /// Starts that were refused in a row, with how they ended.
    pub refusals: Vec<String>,
    /// How many rulings there were before the last start.
    pub rulings_before: usize,
    /// Nothing is judged: the run is about what INFO shows at some point.
    pub rehearsal: bool,
    /// How long the trace was when the script was through.
    pub through: Option<usize>,
    /// Nobody will read a transcript: what only it would show is not kept.
    pub quiet: bool,
    /// Some rule that should have fired has not.
    pub never_fired: bool,
}
