//! The sim world: the server core on the kernel, in this process, without real time or real files.
//!
//! Parent, background threads and children are coroutines; a fork copies what the child says it
//! will read. Machines share nothing, so many can run side by side. Must not know: case syntax and
//! the contract.

mod net;
mod os;
pub mod pipes;
mod scheduler;
mod shared;
mod task;

use std::cell::{Cell, RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;

use nix::sys::signal::Signal;

use net::{Net, SocketId};
use pipes::Pipes;
use scheduler::Scheduler;
use shared::Shared;
pub use shared::Stacks;

use super::pids::Pids;
use super::{
    Broken, Directive, PoweredOff, Received, Status, Victim, Waiting, World, arguments,
    no_such_image, roles,
};
use crate::kernel::trace::Event;
use crate::kernel::{Cut, Ending, Halt, Image, Kernel, Pid, Program, Roles, Time};
use crate::profile::{OwnServer, Profile};

/// How many calls a server may make before the clock moves.
const BUDGET: u64 = 100_000;

/// Descriptors of the model start after standard input, output and error.
const FIRST_FD: i32 = 3;

/// A simulated machine.
pub struct Sim {
    shared: Rc<Shared>,
    scheduler: Scheduler,
    server: Option<Pid>,
    status: Status,
    clients: BTreeMap<String, SocketId>,
}

impl Sim {
    /// A machine that is switched on, with an empty disk. Machines of one thread may share
    /// `stacks`.
    pub fn new(profile: Rc<Profile>, stacks: Stacks) -> Self {
        let kernel = Kernel::new(profile.roles(), FIRST_FD);
        Sim::on(kernel, profile, stacks)
    }

    /// A machine with this kernel and without processes.
    fn on(kernel: Kernel, profile: Rc<Profile>, stacks: Stacks) -> Self {
        let shared = Rc::new(Shared {
            kernel: RefCell::new(kernel),
            net: RefCell::new(Net::default()),
            pipes: RefCell::new(Pipes::default()),
            log: RefCell::default(),
            births: RefCell::default(),
            wakes: RefCell::default(),
            kills: RefCell::default(),
            pending: RefCell::default(),
            handler_lines: RefCell::default(),
            ending: RefCell::default(),
            traffic: RefCell::default(),
            unshared: RefCell::default(),
            profile: RefCell::new(profile),
            stacks,
            pids: RefCell::new(Pids::beside(Vec::new())),
            budget: Cell::new(BUDGET),
        });
        let scheduler = Scheduler::new(shared.clone());
        let clients = BTreeMap::new();
        Sim { shared, scheduler, server: None, status: Status::Off, clients }
    }

    /// Becomes a machine with this kernel and without processes.
    fn have(&mut self, kernel: Kernel) {
        let (profile, stacks) = (self.shared.profile(), self.shared.stacks.clone());
        *self = Sim::on(kernel, profile, stacks);
    }

    /// Takes the status of a server that has ended from the trace.
    fn note_server_end(&mut self) {
        let Some(pid) = self.server else { return };
        if self.scheduler.is_alive(pid) {
            return;
        }
        self.server = None;
        let kernel = self.shared.kernel.borrow();
        let ended = kernel.trace.records().iter().rev().find_map(|record| match &record.event {
            Event::Ended { task, ending, .. } if task == "parent" => Some(*ending),
            _ => None,
        });
        self.status = match ended {
            Some(Ending::Exited(code)) => Status::Exited(code),
            Some(Ending::Signaled(signal)) => Status::Signaled(signal),
            None => unreachable!("a server that is gone has an ending in the trace"),
        };
    }
}

impl World for Sim {
    fn kernel(&self) -> RefMut<'_, Kernel> {
        self.shared.kernel.borrow_mut()
    }

    fn start(&mut self, directives: &[Directive]) -> Result<(), Broken> {
        self.clients.clear();
        self.shared.pids.replace(Pids::beside(self.scheduler.alive()));
        let pid = self.shared.new_pid();
        let profile = self.shared.profile();
        self.kernel().set_roles(roles(&profile, directives));
        let task = self.shared.kernel.borrow_mut().boot(pid, Program::Server);
        let mut args = vec!["sabot-server".to_string()];
        args.extend(arguments(&profile, directives)?);
        let birth = task::task(&self.shared, task, pid, move |os| {
            Some(sabot_server::event_loop::main(os, args))
        });
        self.server = Some(pid);
        self.status = Status::Running;
        self.scheduler.add(birth);
        self.settle()
    }

    fn send(&mut self, client: &str, bytes: &[u8]) -> Result<bool, Broken> {
        let Some(server) = self.server else { return Ok(false) };
        let mut net = self.shared.net.borrow_mut();
        let id = match self.clients.get(client) {
            Some(id) if !net.is_closed(*id) => *id,
            _ => match net.connect(server) {
                Some(id) => id,
                None => return Ok(false),
            },
        };
        match self.clients.get_mut(client) {
            Some(known) => *known = id,
            None => drop(self.clients.insert(client.to_string(), id)),
        }
        net.refresh(&self.shared.kernel.borrow(), &self.shared.pipes.borrow());
        net.send(id, bytes);
        net.refresh(&self.shared.kernel.borrow(), &self.shared.pipes.borrow());
        Ok(true)
    }

    fn receive(&mut self, client: &str) -> Received {
        let Some(id) = self.clients.get(client) else { return Received::default() };
        let mut net = self.shared.net.borrow_mut();
        // A child may keep the connection open after the server's death; nobody will answer on it.
        let closed = net.is_closed(*id) || self.server.is_none();
        Received { bytes: net.receive(*id), closed }
    }

    fn settle(&mut self) -> Result<(), Broken> {
        self.shared.budget.set(BUDGET);
        loop {
            let settled = self.scheduler.settle();
            self.note_server_end();
            settled?;
            let due = self.shared.kernel.borrow_mut().take_halt();
            match due {
                Some(Halt::Kill(victim)) => self.kill(victim)?,
                Some(Halt::Power(cut)) => self.cut_power(cut)?,
                None => return Ok(()),
            }
        }
    }

    fn next_deadline(&mut self) -> Option<Time> {
        self.scheduler.next_deadline()
    }

    fn log(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.shared.log.borrow_mut())
    }

    fn kill(&mut self, victim: Victim) -> Result<(), Broken> {
        let server = self.server;
        for pid in self.scheduler.alive() {
            let chosen = match victim {
                Victim::Parent => Some(pid) == server,
                Victim::Child => Some(pid) != server,
                Victim::All => true,
            };
            if chosen {
                self.scheduler.signal(pid, Signal::SIGKILL);
            }
        }
        self.note_server_end();
        Ok(())
    }

    fn cut_power(&mut self, cut: Cut) -> Result<(), Broken> {
        self.scheduler.power_off();
        self.server = None;
        self.status = Status::Off;
        let cut = self.shared.kernel.borrow_mut().cut_power(cut);
        cut.map(drop).map_err(no_such_image)
    }

    fn put_image(&mut self, image: &Image) -> Result<(), Broken> {
        self.shared.kernel.borrow_mut().disk.power_cut(image);
        Ok(())
    }

    fn suspend(&mut self) -> Option<PoweredOff> {
        debug_assert!(self.server.is_none(), "the power is off");
        let empty = Kernel::new(Roles::default(), FIRST_FD);
        let kernel = self.shared.kernel.replace(empty);
        Some(PoweredOff(kernel))
    }

    fn resume_with(&mut self, machine: &PoweredOff, image: &Image) -> Result<(), Broken> {
        self.have(machine.0.with_image(image));
        Ok(())
    }

    fn follow_kernel(&mut self) -> Result<(), Broken> {
        let empty = Kernel::new(Roles::default(), FIRST_FD);
        let kernel = self.shared.kernel.replace(empty);
        self.have(kernel);
        Ok(())
    }

    fn signal(&mut self, signal: Signal) -> Result<(), Broken> {
        if let Some(pid) = self.server {
            self.scheduler.signal(pid, signal);
        }
        Ok(())
    }

    fn signal_task(&mut self, task: &str, signal: Signal) -> Result<bool, Broken> {
        let Some(id) = self.kernel().task_named(task) else { return Ok(false) };
        self.scheduler.signal_task(id, signal);
        Ok(true)
    }

    fn use_server(&mut self, name: &str) -> Result<Profile, Broken> {
        let own = OwnServer::called(name).ok_or_else(|| {
            Broken::NotMeasured(format!("our own core is not like {name}: {}", OwnServer::NAMES))
        })?;
        self.shared.profile.replace(Rc::new(own.profile()));
        Ok(own.profile())
    }

    fn status(&self) -> Status {
        self.status
    }

    fn waiting(&mut self) -> Vec<Waiting> {
        if self.server.is_none() { Vec::new() } else { self.scheduler.waiting() }
    }

    fn children(&self) -> usize {
        self.server.map_or(0, |pid| self.shared.kernel.borrow().children(pid))
    }

    fn set_file(&mut self, name: &str, content: Option<Vec<u8>>) -> Result<(), Broken> {
        let mut kernel = self.shared.kernel.borrow_mut();
        let set = kernel.disk.set_file(name, content.as_deref());
        set.map_err(|errno| Broken::Harness(format!("{name} cannot be set: {errno}")))
    }

    fn finish(&mut self) -> Result<(), Broken> {
        self.kill(Victim::All)
    }
}
