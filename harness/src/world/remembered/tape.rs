//! Tapes: what was done to a machine from a start on, what each of that came to, and in which state
//! it left the machine. Where two runs did different things, a tape branches.
//!
//! Must not know: when a tape is played, and what is done where it ends.

use std::borrow::Cow;
use std::rc::Rc;

use nix::sys::signal::Signal;

use crate::kernel::Time;
use crate::kernel::resting::Snapshot;
use crate::kernel::trace::Record;
use crate::world::{Received, Status, Victim, Waiting};

/// What is done to a machine with a server on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed<'a> {
    /// The server was started; this is where every tape begins.
    Start,
    Send {
        client: Cow<'a, str>,
        bytes: Cow<'a, [u8]>,
    },
    Receive(Cow<'a, str>),
    Settle,
    NextDeadline,
    Waiting,
    Kill(Victim),
    Signal(Signal),
}

impl Deed<'_> {
    fn into_owned(self) -> Deed<'static> {
        match self {
            Deed::Send { client, bytes } => Deed::Send {
                client: Cow::Owned(client.into_owned()),
                bytes: Cow::Owned(bytes.into_owned()),
            },
            Deed::Receive(client) => Deed::Receive(Cow::Owned(client.into_owned())),
            Deed::Start => Deed::Start,
            Deed::Settle => Deed::Settle,
            Deed::NextDeadline => Deed::NextDeadline,
            Deed::Waiting => Deed::Waiting,
            Deed::Kill(victim) => Deed::Kill(victim),
            Deed::Signal(signal) => Deed::Signal(signal),
        }
    }

    fn weight(&self) -> usize {
        match self {
            Deed::Send { client, bytes } => client.len() + bytes.len(),
            Deed::Receive(client) => client.len(),
            _ => 0,
        }
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub enum Answer {
    Done,
    Sent(bool),
    Received(Received),
    Deadline(Option<Time>),
    Waiting(Vec<Waiting>),
}

/// What somebody sees of a machine after something was done to it.
#[derive(Debug)]
pub struct Seen {
    pub answer: Answer,
    pub state: Rc<Snapshot>,
    /// What the trace has got by it.
    pub trace: Box<[Record]>,
    /// What the server has logged.
    pub log: Vec<u8>,
    pub status: Status,
    pub children: usize,
}

/// Something that was done, at a moment.
#[derive(Debug)]
pub struct Step {
    pub at: Time,
    pub deed: Deed<'static>,
    pub seen: Seen,
    before: Option<Place>,
    next: Vec<Place>,
}

/// A step by its number on the tape.
pub type Place = usize;

/// Everything that was ever done after one start.
#[derive(Debug)]
pub struct Tape {
    steps: Vec<Step>,
    /// About how many bytes it takes.
    weight: usize,
}

/// The first step of every tape.
pub const START: Place = 0;

impl Tape {
    pub fn new(at: Time, seen: Seen) -> Tape {
        let start = Step { at, deed: Deed::Start, seen, before: None, next: Vec::new() };
        let mut tape = Tape { steps: vec![start], weight: 0 };
        tape.weight = tape.weight_of(START);
        tape
    }

    pub fn step(&self, place: Place) -> &Step {
        &self.steps[place]
    }

    /// The step after this one in which the same was done at the same time.
    pub fn next(&self, place: Place, at: Time, deed: &Deed<'_>) -> Option<Place> {
        let known = |next: &&Place| {
            let step = &self.steps[**next];
            step.at == at && step.deed == *deed
        };
        self.steps[place].next.iter().find(known).copied()
    }

    /// Adds a step after this one.
    pub fn add(&mut self, place: Place, at: Time, deed: Deed<'_>, seen: Seen) -> Place {
        let new = self.steps.len();
        let deed = deed.into_owned();
        self.steps.push(Step { at, deed, seen, before: Some(place), next: Vec::new() });
        self.steps[place].next.push(new);
        self.weight += self.weight_of(new);
        new
    }

    /// Whether the server may have run in this step.
    pub fn ran(&self, place: Place) -> bool {
        let before = self.steps[place].before.map(|before| self.steps[before].seen.status);
        before.is_none_or(|before| before == Status::Running)
    }

    /// The steps up to this one, without the start.
    pub fn path(&self, place: Place) -> Vec<Place> {
        let before = |place: &Place| self.steps[*place].before;
        let mut path: Vec<Place> = std::iter::successors(Some(place), before).collect();
        path.pop();
        path.reverse();
        path
    }

    /// About how many bytes it takes.
    pub fn weight(&self) -> usize {
        self.weight
    }

    fn weight_of(&self, place: Place) -> usize {
        let Step { deed, seen, before, .. } = &self.steps[place];
        let state = match before.map(|before| &self.steps[before].seen.state) {
            Some(before) if Rc::ptr_eq(before, &seen.state) => 0,
            Some(before) => seen.state.weight_beside(before),
            None => seen.state.weight(),
        };
        let answer = match &seen.answer {
            Answer::Received(received) => received.bytes.len(),
            _ => 0,
        };
        let trace = seen.trace.len() * size_of::<Record>();
        size_of::<Step>() + deed.weight() + answer + seen.log.len() + trace + state
    }
}
