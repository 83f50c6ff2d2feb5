//! Machines at rest: no process lives, nothing is planned, and the power stays on. What a start on
//! one comes to is a function of a few values, [`Resting`], which two machines may have in common.
//! What it has come to is a value, too ([`Snapshot`]), and can be put onto the other machine.
//!
//! Must not know: who remembers what.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::clock::Clock;
use super::disk::Disk;
use super::fd::Descriptions;
use super::part::Part;
use super::process::{Life, Processes};
use super::schedule::Schedule;
use super::{Fd, HeldTask, Kernel, Name, Plan, Roles, Survey, Time};

/// All of a machine at rest that can reach a start of the server on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resting {
    /// Servers ask for the time, and write it down.
    pub at: Time,
    /// Sites carry the number of the start.
    pub starts: u32,
    /// Contents, holes, names, room, errors of writeback that nobody was told of, and what a sync
    /// that fails does; see [`Disk::certain`].
    pub disk: Part<Disk>,
    /// Decides which of many files alike has the role of the one that is written.
    pub last_written: Part<Vec<String>>,
    /// Where descriptors are numbered from.
    pub first_fd: Fd,
}

/// What a start, and what was done after it, has made of a machine.
#[derive(Clone, Debug)]
pub struct Snapshot {
    clock: Clock,
    disk: Part<Disk>,
    processes: Part<Processes>,
    descriptions: Part<Descriptions>,
    pipe_roles: Part<Vec<Option<Name>>>,
    last_written: Part<Vec<String>>,
    roles: Arc<Roles>,
    /// Since the machine was at rest.
    calls: u64,
}

/// What is planned for a machine by whoever uses it.
#[derive(Debug, Default)]
pub struct Planned {
    plan: Plan,
    schedule: Schedule,
    held_tasks: Vec<HeldTask>,
    survey: Option<Survey>,
}

impl Snapshot {
    pub fn disk(&self) -> &Part<Disk> {
        &self.disk
    }

    /// Whether some process lives.
    pub fn has_life(&self) -> bool {
        self.processes.processes.iter().any(|process| process.life == Life::Alive)
    }

    /// How many bytes it takes to remember it beside another one.
    pub fn weight_beside(&self, other: &Snapshot) -> usize {
        let disk = if self.disk.is(&other.disk) { 0 } else { self.disk.weight() };
        let tasks = if self.processes.is(&other.processes) { 0 } else { self.processes.weight() };
        size_of::<Snapshot>() + disk + tasks
    }

    pub fn weight(&self) -> usize {
        size_of::<Snapshot>() + self.disk.weight() + self.processes.weight()
    }
}

impl Kernel {
    /// This machine, if it is at rest. The power stays on, says who asks.
    pub fn resting(&self) -> Option<Resting> {
        let Kernel {
            clock,
            disk,
            processes,
            last_written,
            first_fd,
            // Nothing of these may be left: see `is_unplanned`.
            plan: _,
            schedule: _,
            held_tasks: _,
            halt: _,
            survey: _,
            looks: _,
            watched: _,
            // A start sets them.
            roles: _,
            // Nobody lives who has anything open.
            descriptions: _,
            pipe_roles: _,
            // These only count and note what was.
            calls: _,
            trace: _,
        } = self;
        let lives = processes.processes.iter().any(|process| process.life == Life::Alive);
        if lives || !self.is_unplanned(processes.incarnation) {
            return None;
        }
        Some(Resting {
            at: clock.now(),
            starts: processes.incarnation,
            disk: disk.certain().into(),
            last_written: last_written.clone(),
            first_fd: *first_fd,
        })
    }

    /// Whether nothing is planned for servers that are started after this many others, and nothing
    /// about the machine is out of the ordinary.
    pub fn is_unplanned(&self, starts: u32) -> bool {
        self.clock.behind().is_zero()
            && !self.disk.read_only
            && self.processes.are_ordinary()
            && self.plan.is_spent(starts)
            && self.schedule.is_spent(starts)
            && self.held_tasks.is_empty()
            && self.halt.is_none()
            && self.survey.is_none()
            && self.looks.is_none()
            && self.watched.is_empty()
    }

    /// Makes this machine, which is at rest, exactly this one.
    pub fn rest(&mut self, machine: &Resting) {
        let Resting { at, starts, disk, last_written, first_fd } = machine;
        self.clock = Clock::at(*at);
        self.disk = disk.clone();
        self.last_written = last_written.clone();
        self.first_fd = *first_fd;
        self.processes = Processes::after(*starts).into();
        self.descriptions = Part::default();
        self.pipe_roles = Part::default();
    }

    /// The state now, that was at rest after so many calls.
    pub fn snapshot(&self, calls: u64) -> Snapshot {
        Snapshot {
            clock: self.clock.clone(),
            disk: self.disk.clone(),
            processes: self.processes.clone(),
            descriptions: self.descriptions.clone(),
            pipe_roles: self.pipe_roles.clone(),
            last_written: self.last_written.clone(),
            roles: Arc::clone(&self.roles),
            calls: self.calls - calls,
        }
    }

    /// Goes on from a snapshot. What is planned, and the trace, stay as they are.
    pub fn go_on_from(&mut self, snapshot: &Snapshot, calls: u64) {
        self.clock = snapshot.clock.clone();
        self.disk = snapshot.disk.clone();
        self.processes = snapshot.processes.clone();
        self.descriptions = snapshot.descriptions.clone();
        self.pipe_roles = snapshot.pipe_roles.clone();
        self.last_written = snapshot.last_written.clone();
        self.roles = Arc::clone(&snapshot.roles);
        self.calls = calls + snapshot.calls;
    }

    /// Whether nothing but the clock has changed since the snapshot, which was taken of this
    /// machine or put onto it.
    pub fn is_still(&self, snapshot: &Snapshot) -> bool {
        self.disk.is(&snapshot.disk)
            && self.processes.is(&snapshot.processes)
            && self.descriptions.is(&snapshot.descriptions)
            && self.pipe_roles.is(&snapshot.pipe_roles)
            && self.last_written.is(&snapshot.last_written)
            && Arc::ptr_eq(&self.roles, &snapshot.roles)
    }

    /// Whether not even the clock has moved.
    pub fn is_exactly(&self, snapshot: &Snapshot) -> bool {
        self.is_still(snapshot) && self.clock == snapshot.clock
    }

    /// Takes away what is planned.
    pub fn take_planned(&mut self) -> Planned {
        Planned {
            plan: std::mem::take(&mut self.plan),
            schedule: std::mem::take(&mut self.schedule),
            held_tasks: std::mem::take(&mut self.held_tasks),
            survey: self.survey.take(),
        }
    }

    pub fn put_planned(&mut self, planned: Planned) {
        let Planned { plan, schedule, held_tasks, survey } = planned;
        (self.plan, self.schedule) = (plan, schedule);
        (self.held_tasks, self.survey) = (held_tasks, survey);
    }
}
