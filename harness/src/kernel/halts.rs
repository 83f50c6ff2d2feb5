//! Halts: kills and power cuts that the plan puts right before or after a call.
//!
//! The kernel decides that one is due and who dies of it. The door stops at once, lets nobody run,
//! takes it ([`Kernel::take_halt`]), carries it out and goes on. Must not know: how a process is
//! ended for real.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::disk::power_cut::{FsModel, Images, Impossible, PowerCut};
use super::fd::{FdTable, Object};
use super::part::Part;
use super::plan::{Halt, Victim};
use super::process::{Life, SERVER};
use super::trace::{Event, Returned};
use super::{Cut, Entered, Image, Kernel, Name, Pid, TaskId, Trace};

/// A descriptor of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The role of its file or pipe.
    pub role: Name,
    /// Whether its file has no name any more.
    pub unlinked: bool,
}

/// A question: what could the next power cut leave, besides what it does leave?
#[derive(Clone, Debug)]
pub struct Survey {
    pub weakest: FsModel,
    /// How many images to take of each model, besides those that have a name.
    pub budget: u64,
    /// The answer, once the power was cut.
    pub images: Option<Images>,
    /// What the files were of which something is missing in one of them, by path.
    pub roles: BTreeMap<String, Name>,
}

impl Survey {
    /// Up to `weakest`, so many images of each model besides those that have a name.
    pub fn new(weakest: FsModel, budget: u64) -> Survey {
        Survey { weakest, budget, images: None, roles: BTreeMap::new() }
    }
}

impl Kernel {
    /// Whether the process of this task dies of this halt.
    pub fn dies_of(&self, task: TaskId, halt: Halt) -> bool {
        let is_server = self.processes.process_of(task).name == SERVER;
        match halt {
            Halt::Power(_) | Halt::Kill(Victim::All) => true,
            Halt::Kill(Victim::Parent) => is_server,
            Halt::Kill(Victim::Child) => !is_server,
        }
    }

    /// A halt is due before this call, and its caller dies of it: the call is never made.
    pub fn halt_before(&mut self, entered: Entered, halt: Halt) {
        self.halt = Some(halt);
        self.finish(entered, Returned::Never, 0);
    }

    /// A halt is due that the caller survives.
    pub fn halt_caller_survives(&mut self, halt: Halt) {
        self.halt = Some(halt);
    }

    /// The halt that comes before anybody runs on.
    pub fn halt_due(&self) -> Option<Halt> {
        self.halt
    }

    /// Takes the halt that is due; whoever takes it carries it out.
    pub fn take_halt(&mut self) -> Option<Halt> {
        self.halt.take()
    }

    /// Cuts the power: every process is gone, and the disk holds one of the images that the file
    /// system model allows.
    ///
    /// # Errors
    /// There is no such image; then nothing has happened.
    pub fn cut_power(&mut self, cut: Cut) -> Result<Image, Impossible> {
        let image = PowerCut::image(&self.disk, cut)?;
        if let Some(asked) = self.survey.take() {
            self.survey = Some(if asked.images.is_none() { self.answer(asked) } else { asked });
        }
        self.record(Event::PowerCut(cut));
        self.drop_processes();
        self.disk.power_cut(&image);
        Ok(image)
    }

    fn answer(&self, asked: Survey) -> Survey {
        let images = PowerCut::images(&self.disk, asked.weakest, asked.budget);
        let missing = images.shown.iter().flat_map(|shown| &shown.missing);
        let names: BTreeSet<&String> = missing.map(|(name, _)| name).collect();
        let roles = names.into_iter().map(|name| (name.clone(), self.role_of_name(name))).collect();
        Survey { images: Some(images), roles, ..asked }
    }

    /// Whether nothing is planned any more and disk space is not limited: what happens next depends
    /// only on the clock and on the content of the disk.
    pub fn is_at_rest(&self) -> bool {
        self.is_healthy()
            && self.schedule.is_idle()
            && self.held_tasks.is_empty()
            && !self.processes.ignores_sigchld
            && self.halt.is_none()
    }

    /// This machine, whose power is off, as it would be had the cut left that image.
    pub fn with_image(&self, image: &Image) -> Kernel {
        debug_assert!(self.server().is_none(), "the power is off");
        Kernel {
            // Copied: what goes on after a power cut.
            clock: self.clock.clone(),
            plan: self.plan.clone(),
            schedule: self.schedule.clone(),
            roles: Arc::clone(&self.roles),
            first_fd: self.first_fd,
            last_written: self.last_written.clone(),
            held_tasks: self.held_tasks.clone(),
            calls: self.calls,
            halt: self.halt,
            // Of the disk its kind and its room, of the processes how many servers there were.
            disk: self.disk.with_image(image).into(),
            processes: self.processes.forgotten().into(),
            // New: nobody lives, so nothing is open; whoever copies has seen the trace
            // and what was surveyed.
            trace: Trace::default(),
            descriptions: Part::default(),
            pipe_roles: Part::default(),
            survey: None,
            looks: None,
            watched: self.watched.clone(),
        }
    }

    /// Every process is gone, and the trace does not say so one by one.
    fn drop_processes(&mut self) {
        for process in 0..self.processes.processes.len() {
            self.remember_written(process);
            let table: FdTable = std::mem::take(&mut self.processes.processes[process].fds);
            for (_, description) in table.iter() {
                self.release(description);
            }
            self.processes.processes[process].life = Life::Gone;
        }
    }

    /// Everything that this kernel models and a living process has open.
    pub fn open_descriptors(&self, pid: Pid) -> Vec<Open> {
        let Some(process) = self.processes.alive(pid) else { return Vec::new() };
        let objects = self.processes.processes[process].fds.iter();
        let objects = objects.map(|(_, description)| self.descriptions.get(description).object);
        objects
            .map(|object| match object {
                Object::File(ino) => {
                    let name = &self.disk.inode(ino).name;
                    let unlinked = self.disk.find(name) != Some(ino);
                    Open { role: self.role_of_name(name), unlinked }
                }
                Object::Pipe(pipe, _) => {
                    let role = self.pipe_roles[pipe].clone();
                    Open { role: role.unwrap_or(Name::known("pipe")), unlinked: false }
                }
            })
            .collect()
    }

    /// How many children of a living process have ended and were not waited for.
    pub fn zombies(&self, pid: Pid) -> usize {
        let Some(process) = self.processes.alive(pid) else { return 0 };
        let ended =
            |child: &usize| matches!(self.processes.processes[*child].life, Life::Zombie(_));
        self.processes.children(process).filter(ended).count()
    }

    /// The living server's pid.
    pub fn server(&self) -> Option<Pid> {
        let alive = self.processes.processes.iter().rev();
        let mut servers = alive.filter(|p| p.name == SERVER && p.life == Life::Alive);
        servers.next().map(|process| process.pid)
    }
}
