//! A world that remembers recoveries: what came of a start on a machine at rest, and of everything
//! that was done after it, is the same the next time, so it need not be done again.
//!
//! From such a start on a *tape* is recorded: each deed, what it came to, and in which state it
//! left the kernel. Where a start has the same [`Key`] as one before, nothing is started: the tape
//! is played as long as the same is done, and the kernel gets the states on it. At the first deed
//! that is not on the tape the start is made after all, with everything that was done since; the
//! tape goes on from there as another branch. So whoever uses the world sees, byte for byte, what a
//! world without memory would have shown.
//!
//! The clock may be moved between two deeds; whatever else is changed about the kernel, or planned,
//! ends the tape. Must not know: what is done to a machine, and why.

mod door;
mod memory;
mod tape;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use super::{Broken, Directive, Received, Status, World};
use crate::kernel::resting::Snapshot;
use memory::SharedTape;
pub use memory::{Key, Memory, Starts};
use tape::{Answer, Deed, Place, START, Seen, Tape};

/// A machine with a memory.
pub struct Remembering {
    machine: Box<dyn World>,
    memory: Rc<RefCell<Memory>>,
    mode: Mode,
    /// No power cut follows the next start.
    power_stays_on: bool,
    /// Another server than the one that the memory is of.
    is_another: bool,
    /// What servers have logged and nobody has asked for.
    log: Vec<u8>,
    /// Why there is no machine any more.
    broken: Option<Broken>,
}

enum Mode {
    /// Nothing is remembered.
    Alone,
    /// Nothing either, and nobody lives: how the server has ended, and who was connected to it.
    Dead(Status, BTreeSet<String>),
    /// What is done is done to the machine, and recorded.
    Recording(Position),
    /// It is only looked up: the machine has the right kernel, and nothing else.
    Playing(Position),
}

/// Where on a tape a machine is.
struct Position {
    key: Rc<Key>,
    tape: SharedTape,
    place: Place,
    /// What the machine had counted before the tape began.
    calls: u64,
    /// How long the trace was then.
    trace: usize,
    /// Who has sent anything since. Nobody else can receive anything.
    clients: BTreeSet<String>,
    /// How many deeds led here.
    deeds: usize,
}

impl Position {
    fn at_the_start(key: Rc<Key>, tape: SharedTape, calls: u64, trace: usize) -> Position {
        Position { key, tape, place: START, calls, trace, clients: BTreeSet::new(), deeds: 0 }
    }

    /// Whether no process lives.
    fn is_dead(&self) -> bool {
        let tape = self.tape.borrow();
        let seen = &tape.step(self.place).seen;
        seen.status != Status::Running && !seen.state.has_life()
    }

    /// Whether, besides, everybody has received all that the server has written.
    fn is_dead_and_heard(&self) -> bool {
        let tape = self.tape.borrow();
        let mut missing: BTreeSet<&str> = self.clients.iter().map(String::as_str).collect();
        for place in tape.path(self.place).into_iter().rev() {
            match &tape.step(place).deed {
                Deed::Receive(client) => drop(missing.remove(&**client)),
                Deed::Settle if tape.ran(place) => break,
                _ => {}
            }
        }
        missing.is_empty() && self.is_dead()
    }
}

/// A start after which the power was to stay on.
const CUT: &str = "the power was cut, and was to stay on";

impl Remembering {
    pub fn new(machine: Box<dyn World>, memory: Rc<RefCell<Memory>>) -> Remembering {
        let (mode, log, broken) = (Mode::Alone, Vec::new(), None);
        let (power_stays_on, is_another) = (false, false);
        Remembering { machine, memory, mode, power_stays_on, is_another, log, broken }
    }

    fn do_start(&mut self, directives: &[Directive]) -> Result<(), Broken> {
        let stays_on = std::mem::take(&mut self.power_stays_on);
        let can_be_known = stays_on && !self.is_another;
        let resting = if can_be_known { self.kernel().resting() } else { None };
        let Some(machine) = resting else {
            self.be_alone()?;
            self.mode = Mode::Alone;
            return self.machine.start(directives);
        };
        let key = Key { directives: directives.to_vec(), machine };
        let known = self.memory.borrow_mut().tape(&key);
        match known {
            Some((key, tape)) => self.begin_to_play(key, tape),
            None => self.begin_to_record(Rc::new(key)),
        }
    }

    fn begin_to_play(&mut self, key: Rc<Key>, tape: SharedTape) -> Result<(), Broken> {
        if !matches!(self.mode, Mode::Playing(_)) {
            self.keep_log();
            // Nobody will compare this machine with its kernel any more.
            self.machine.finish()?;
        }
        let mut kernel = self.machine.kernel();
        let (calls, trace) = (kernel.calls(), kernel.trace.len());
        kernel.rest(&key.machine);
        drop(kernel);
        self.mode = Mode::Playing(Position::at_the_start(key, tape, calls, trace));
        self.put_there(START);
        Ok(())
    }

    fn begin_to_record(&mut self, key: Rc<Key>) -> Result<(), Broken> {
        if !matches!(self.mode, Mode::Playing(_)) {
            self.keep_log();
        }
        self.mode = Mode::Alone;
        let mut kernel = self.machine.kernel();
        let (calls, trace, at) = (kernel.calls(), kernel.trace.len(), kernel.now());
        kernel.rest(&key.machine);
        drop(kernel);
        self.machine.follow_kernel()?;
        self.machine.start(&key.directives)?;
        let seen = self.look(Answer::Done, calls, trace, None);
        let tape = Rc::new(RefCell::new(Tape::new(at, seen)));
        self.memory.borrow_mut().remember(Rc::clone(&key), Rc::clone(&tape));
        self.mode = Mode::Recording(Position::at_the_start(key, tape, calls, trace));
        Ok(())
    }

    /// Does something, or looks up what comes of it.
    fn step(&mut self, deed: Deed<'_>) -> Result<Answer, Broken> {
        if let Mode::Playing(position) = &self.mode {
            let at = self.machine.kernel().now();
            let next = match self.is_on_tape(position) {
                true => position.tape.borrow().next(position.place, at, &deed),
                false => None,
            };
            match next {
                Some(place) => return Ok(self.put_there(place)),
                None if position.is_dead_and_heard() => self.leave_the_dead()?,
                None => self.make_after_all()?,
            }
        }
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let Mode::Recording(position) = &self.mode else { return self.perform(&deed) };
        if position.deeds >= self.memory.borrow().longest || !self.is_on_tape(position) {
            self.mode = Mode::Alone;
            return self.perform(&deed);
        }
        let recorded = self.record(deed);
        if recorded.is_err() {
            self.mode = Mode::Alone;
        }
        recorded
    }

    /// Whether nothing but the clock has been changed since the last step.
    fn is_on_tape(&self, position: &Position) -> bool {
        let kernel = self.machine.kernel();
        let tape = position.tape.borrow();
        kernel.is_unplanned(position.key.machine.starts)
            && kernel.is_still(&tape.step(position.place).seen.state)
    }

    /// Does something to the machine, and adds it to the tape.
    fn record(&mut self, deed: Deed<'_>) -> Result<Answer, Broken> {
        let Mode::Recording(position) = &self.mode else { unreachable!("something is recorded") };
        let before = Rc::clone(&position.tape.borrow().step(position.place).seen.state);
        let calls = position.calls;
        let (at, trace) = {
            let kernel = self.machine.kernel();
            (kernel.now(), kernel.trace.len())
        };
        let answer = self.perform(&deed)?;
        let seen = self.look(answer.clone(), calls, trace, Some(before));
        let Mode::Recording(position) = &mut self.mode else { unreachable!("as above") };
        let mut tape = position.tape.borrow_mut();
        let old = tape.weight();
        position.place = tape.add(position.place, at, deed, seen);
        position.deeds += 1;
        self.memory.borrow_mut().grow(tape.weight() - old);
        Ok(answer)
    }

    /// What is to be seen of the machine; what the server has logged is kept for who asks.
    fn look(
        &mut self,
        answer: Answer,
        calls: u64,
        trace: usize,
        before: Option<Rc<Snapshot>>,
    ) -> Seen {
        let log = self.machine.log();
        self.log.extend_from_slice(&log);
        let (status, children) = (self.machine.status(), self.machine.children());
        let kernel = self.machine.kernel();
        let state = before.filter(|before| kernel.is_exactly(before));
        let state = state.unwrap_or_else(|| Rc::new(kernel.snapshot(calls)));
        let trace = kernel.trace.records()[trace..].into();
        Seen { answer, state, trace, log, status, children }
    }

    /// Puts the machine into the state after a step.
    fn put_there(&mut self, place: Place) -> Answer {
        let Mode::Playing(position) = &mut self.mode else { unreachable!("a tape is played") };
        let tape = position.tape.borrow();
        let step = tape.step(place);
        let mut kernel = self.machine.kernel();
        let before = &tape.step(position.place).seen.state;
        if place == START || !Rc::ptr_eq(before, &step.seen.state) {
            kernel.go_on_from(&step.seen.state, position.calls);
        }
        kernel.trace.extend(&step.seen.trace);
        self.log.extend_from_slice(&step.seen.log);
        let answer = step.seen.answer.clone();
        drop((kernel, tape));
        position.place = place;
        if place != START {
            position.deeds += 1;
        }
        answer
    }

    /// The server of the tape has ended, and nobody needs it any more.
    fn leave_the_dead(&mut self) -> Result<(), Broken> {
        if let Mode::Playing(position) = std::mem::replace(&mut self.mode, Mode::Alone) {
            let status = position.tape.borrow().step(position.place).seen.status;
            self.mode = Mode::Dead(status, position.clients);
            self.machine.follow_kernel()?;
        }
        Ok(())
    }

    /// Makes the start that was only played, and does all that was done since.
    fn make_after_all(&mut self) -> Result<(), Broken> {
        let Mode::Playing(position) = std::mem::replace(&mut self.mode, Mode::Alone) else {
            return Ok(());
        };
        let made = self.make(&position);
        match &made {
            Ok(()) => self.mode = Mode::Recording(position),
            Err(broken) => self.broken = Some(broken.clone()),
        }
        made
    }

    fn make(&mut self, position: &Position) -> Result<(), Broken> {
        self.memory.borrow_mut().starts.made_again += 1;
        let (planned, clock, disk, played) = {
            let mut kernel = self.machine.kernel();
            let played = kernel.trace.split_off(position.trace);
            (kernel.take_planned(), kernel.clock.clone(), kernel.disk.clone(), played)
        };
        self.machine.kernel().rest(&position.key.machine);
        self.machine.follow_kernel()?;
        self.machine.start(&position.key.directives)?;
        let tape = position.tape.borrow();
        for place in tape.path(position.place) {
            let step = tape.step(place);
            self.machine.kernel().advance_to(step.at);
            self.perform(&step.deed)?;
        }
        self.machine.log();
        let mut kernel = self.machine.kernel();
        if kernel.trace.records()[position.trace..] != played[..] {
            return Err(Broken::Harness("a start came to something else than before".to_string()));
        }
        let state = &tape.step(position.place).seen.state;
        let same_disk = disk.is(state.disk());
        kernel.go_on_from(state, position.calls);
        if !same_disk {
            kernel.disk = disk;
        }
        kernel.clock = clock;
        kernel.put_planned(planned);
        Ok(())
    }

    /// From now on nothing is remembered. A machine on which somebody should live must have been
    /// started for that.
    fn be_alone(&mut self) -> Result<(), Broken> {
        match &self.mode {
            Mode::Playing(position) if position.is_dead() => self.leave_the_dead(),
            Mode::Playing(_) => {
                self.make_after_all()?;
                self.mode = Mode::Alone;
                Ok(())
            }
            Mode::Recording(_) => {
                self.mode = Mode::Alone;
                Ok(())
            }
            Mode::Alone | Mode::Dead(..) => Ok(()),
        }
    }

    fn perform(&mut self, deed: &Deed<'_>) -> Result<Answer, Broken> {
        let machine = &mut self.machine;
        Ok(match deed {
            Deed::Start => unreachable!("a tape has one start"),
            Deed::Send { client, bytes } => Answer::Sent(machine.send(client, bytes)?),
            Deed::Receive(client) => Answer::Received(match &self.mode {
                Mode::Dead(_, clients) => {
                    Received { bytes: Vec::new(), closed: clients.contains(&**client) }
                }
                _ => machine.receive(client),
            }),
            Deed::Settle => machine.settle().map(|()| Answer::Done)?,
            Deed::NextDeadline => Answer::Deadline(machine.next_deadline()),
            Deed::Waiting => Answer::Waiting(machine.waiting()),
            Deed::Kill(victim) => machine.kill(*victim).map(|()| Answer::Done)?,
            Deed::Signal(signal) => machine.signal(*signal).map(|()| Answer::Done)?,
        })
    }

    fn keep_log(&mut self) {
        let log = self.machine.log();
        self.log.extend(log);
    }

    fn position(&self) -> Option<&Position> {
        match &self.mode {
            Mode::Alone | Mode::Dead(..) => None,
            Mode::Recording(position) | Mode::Playing(position) => Some(position),
        }
    }

    /// What is seen after the step under way, where a tape is played.
    fn played<T>(&self, of: impl Fn(&Seen) -> T) -> Option<T> {
        match &self.mode {
            Mode::Playing(position) => Some(of(&position.tape.borrow().step(position.place).seen)),
            _ => None,
        }
    }
}
