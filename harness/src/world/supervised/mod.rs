//! The supervised door: a real server process whose system calls the kernel model decides about.
//!
//! A server runs under seccomp user notification, each start in a PID namespace of its own. Calls
//! about persistence files, pipes, processes, time or waiting are trapped. The kernel model says
//! what becomes of each, and the same is then done to a real directory, so that calls that are not
//! trapped (stat, mmap, sockets) agree with the model. At the end the two must be equal.
//!
//! Everything of one run happens on one thread, because ptrace and parent-death signals are tied to
//! threads. Must not know: case syntax, the contract, and what a server's files mean.

mod apart;
mod busy;
mod calls;
mod check_tool;
mod clients;
mod cpu_time;
mod directory;
pub mod doctor;
pub mod floor;
mod launch;
mod logfile;
mod memory;
mod names;
mod notify;
mod program;
mod schedule;
mod spin;
mod stand_in;
mod start;
pub mod starts;
mod swapped;
mod tasks;
mod traced;
pub mod version;
mod waiting_loop;
mod without_tsc;

use std::cell::{RefCell, RefMut};
use std::os::fd::AsFd;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, waitid};

pub use program::{Installed, Others};
pub use start::machine::Machine;

use super::{
    Broken, Directive, PoweredOff, Received, Status, Victim, Waiting, World, arguments, roles,
};
use crate::kernel::{Class, Cut, Image, Kernel, Pid, Program, TaskId, Time};
use crate::profile::Profile;
use clients::Clients;
use directory::Directory;
use logfile::LogFile;
use start::filter::FIRST_FD;
use start::namespace::Namespace;
use start::template::is_script;
use start::template_cache::TemplateCache;
use start::time_page::TimePage;
use start::view::Room;
use tasks::{Process, Task, TaskTable, Wait};

/// How long a server may sleep before it first waits for a client, in its own time; a longer one is
/// waited for like any that is not ready.
const LONGEST_BOOT: Duration = Duration::from_secs(60);

/// A machine with a server under supervision.
#[derive(Debug)]
pub struct Supervised {
    kernel: RefCell<Kernel>,
    program: Installed,
    /// Other servers by their names.
    others: Option<Others>,
    environment: Vec<(String, String)>,
    templates: Rc<TemplateCache>,
    time: Rc<TimePage>,
    table: TaskTable,
    clients: Clients,
    log: LogFile,
    /// The pid of the server that was started last.
    server: Option<Pid>,
    status: Status,
    trapped: u64,
    /// How many more calls may be trapped before the server counts as hung.
    budget: u64,
    /// How often a thread was found to wait without a call, since the clock moved.
    looks: u32,
    /// That of the last start, and before it those of starts of which a process may live.
    namespaces: Vec<Namespace>,
    /// What the server sees.
    room: Rc<Room>,
    directory: Directory,
}

impl Supervised {
    /// A machine with an empty disk for the server `binary`.
    pub fn new(machine: &Machine, profile: Profile, binary: &Path) -> Result<Supervised, Broken> {
        let program = Installed::of(machine, profile, binary)?;
        let directory = Directory::new(machine.directory(binary)?)?;
        let log = LogFile::new(directory.path().with_extension("log"))?;
        let room = Rc::new(Room::new(Rc::clone(&program.view), directory.path(), log.path())?);
        Ok(Supervised {
            kernel: RefCell::new(Kernel::new(program.profile.roles(), FIRST_FD)),
            others: None,
            templates: machine.templates(),
            time: machine.time(),
            environment: program.environment(),
            table: TaskTable::default(),
            clients: Clients::new(directory.path().join(&program.profile.socket)),
            program,
            log,
            server: None,
            status: Status::Off,
            trapped: 0,
            budget: 0,
            looks: 0,
            namespaces: Vec::new(),
            room,
            directory,
        })
    }

    /// How many calls were trapped so far.
    pub fn trapped(&self) -> u64 {
        self.trapped
    }

    /// Where the server's files really are.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Process 1 of the newest start.
    fn first_process(&self) -> i32 {
        self.namespaces.last().map_or(0, Namespace::host)
    }

    /// The server's process, while it lives.
    fn living(&self) -> Option<&Process> {
        self.server.and_then(|pid| self.table.process(pid))
    }

    /// Ends every process on the machine, and waits for that. Process 1 ends last, and only once
    /// the server, our own child, has been collected.
    fn switch_off(&mut self) {
        let pids: Vec<Pid> = self.table.processes.iter().map(|process| process.pid).collect();
        // A thread that cannot be let go is dead already.
        pids.into_iter().for_each(|pid| drop(self.let_all_go(pid)));
        self.namespaces.iter().for_each(Namespace::kill);
        if let Some(process) = self.living() {
            let _ = waitid(Id::PIDFd(process.pidfd.as_fd()), WaitPidFlag::WEXITED);
        }
        self.table = TaskTable::default();
        self.namespaces.clear();
    }

    /// Gives a server that sleeps before it first waits for a client the time for that.
    fn sleep_through_boot(&mut self, tid: i32) -> Result<(), Broken> {
        let end = self.kernel.borrow().now() + LONGEST_BOOT;
        while self.living().is_some_and(|process| process.boots) && self.sleeps(tid) {
            let Some(next) = self.earliest_deadline().filter(|next| *next <= end) else { break };
            let now = self.kernel.borrow().now();
            self.kernel.borrow_mut().advance_to(next.max(now));
            self.settle()?;
        }
        Ok(())
    }

    fn sleeps(&self, tid: i32) -> bool {
        let held = self.table.task(tid).and_then(|task| task.held.as_ref());
        held.is_some_and(|held| matches!(held.wait, Wait::Sleep { .. }))
    }

    /// The kernel's name for the main thread of a process.
    fn main_task(&mut self, pid: Pid) -> Option<TaskId> {
        self.table.main_of(pid).and_then(|task| task.known)
    }
}

impl World for Supervised {
    fn kernel(&self) -> RefMut<'_, Kernel> {
        self.kernel.borrow_mut()
    }

    fn start(&mut self, directives: &[Directive]) -> Result<(), Broken> {
        if self.living().is_some() {
            return Err(Broken::Harness("a server runs already".to_string()));
        }
        self.clients.disconnect();
        without_tsc::take_back();
        let profile = &self.program.profile;
        let args = arguments(profile, directives)?;
        let incarnation = self.new_namespace()?;
        let pid = incarnation.pids.borrow_mut().give();
        let launched = self.launch(args, pid, &incarnation.drawn)?;
        self.kernel.borrow_mut().set_roles(roles(&self.program.profile, directives));
        let program =
            if is_script(&self.program.binary) { Program::Launcher } else { Program::Server };
        let known = self.kernel.borrow_mut().boot(pid, program);
        self.table.processes.push(Process {
            pid,
            host: launched.host,
            pidfd: launched.pidfd,
            incarnation: Rc::new(incarnation),
            parent: None,
            listener: Rc::new(launched.listener),
            files: Default::default(),
            epolls: Default::default(),
            boots: true,
            loops: Default::default(),
            looks_in_vain: 0,
            ending: None,
        });
        let (tid, class, known) = (launched.host, Class::Main, Some(known));
        let (clear_tid, held, apart) = (0, None, None);
        self.table.tasks.push(Task {
            tid,
            pid,
            class,
            known,
            clear_tid,
            held,
            in_handler: None,
            apart,
            busy: Default::default(),
        });
        self.server = Some(pid);
        self.status = Status::Running;
        self.refill();
        without_tsc::forgo();
        self.go_on(tid)?;
        self.settle()?;
        self.sleep_through_boot(tid)
    }

    fn send(&mut self, client: &str, bytes: &[u8]) -> Result<bool, Broken> {
        if self.living().is_none() {
            return Ok(false);
        }
        self.clients.send(client, bytes)
    }

    fn receive(&mut self, client: &str) -> Received {
        let server_lives = self.living().is_some();
        self.clients.receive(client, server_lives)
    }

    fn settle(&mut self) -> Result<(), Broken> {
        without_tsc::forgo();
        self.refill();
        loop {
            let due = self.kernel.borrow_mut().take_halt();
            due.map_or(Ok(()), |halt| self.carry_out(halt))?;
            let moved = self.clients.pump();
            match self.next_task()? {
                Some(tid) => self.run(tid)?,
                None if moved || self.kernel.borrow().halt_due().is_some() => {}
                None if self.follow_one_apart()? => {}
                None => return Ok(()),
            }
        }
    }

    fn next_deadline(&mut self) -> Option<Time> {
        self.earliest_deadline()
    }

    fn log(&mut self) -> Vec<u8> {
        self.log.read_new()
    }

    fn kill(&mut self, victim: Victim) -> Result<(), Broken> {
        let server = self.living().map(|process| process.pid);
        // Orphans of an earlier server count as children. The server comes first, as in the order
        // of turns.
        let mut pids: Vec<Pid> = self.table.processes.iter().map(|process| process.pid).collect();
        pids.sort_by_key(|pid| Some(*pid) != server);
        pids.retain(|pid| match victim {
            Victim::Parent => Some(*pid) == server,
            Victim::Child => Some(*pid) != server,
            Victim::All => true,
        });
        pids.into_iter().try_for_each(|pid| self.deliver(pid, libc::SIGKILL).map(drop))
    }

    fn cut_power(&mut self, cut: Cut) -> Result<(), Broken> {
        self.power_off()?;
        self.lose_power(cut)
    }

    fn put_image(&mut self, image: &Image) -> Result<(), Broken> {
        self.kernel.borrow_mut().disk.power_cut(image);
        self.directory.replace(image)
    }

    fn suspend(&mut self) -> Option<PoweredOff> {
        self.take_out()
    }

    fn resume_with(&mut self, machine: &PoweredOff, image: &Image) -> Result<(), Broken> {
        self.have(machine.0.with_image(image), image)
    }

    fn follow_kernel(&mut self) -> Result<(), Broken> {
        self.have_files_of_kernel()
    }

    fn signal(&mut self, signal: Signal) -> Result<(), Broken> {
        match self.living().map(|process| process.pid) {
            Some(pid) => self.deliver(pid, signal as i32).map(drop),
            None => Ok(()),
        }
    }

    fn signal_task(&mut self, task: &str, signal: Signal) -> Result<bool, Broken> {
        self.deliver_to_task(task, signal)
    }

    fn use_server(&mut self, name: &str) -> Result<Profile, Broken> {
        self.change_program(name)
    }

    fn status(&self) -> Status {
        self.status
    }

    fn waiting(&mut self) -> Vec<Waiting> {
        if self.living().is_some() { self.waits() } else { Vec::new() }
    }

    fn children(&self) -> usize {
        self.server.map_or(0, |pid| self.kernel.borrow().children(pid))
    }

    fn set_file(&mut self, name: &str, content: Option<Vec<u8>>) -> Result<(), Broken> {
        self.put_file(name, content.as_deref())
    }

    fn repair(&mut self, file: &str) -> Result<bool, Broken> {
        self.run_check_tool(file)
    }

    fn finish(&mut self) -> Result<(), Broken> {
        without_tsc::take_back();
        self.clients.disconnect();
        self.switch_off();
        self.directory.compare(&self.kernel.borrow().disk)
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        without_tsc::take_back();
        self.switch_off();
    }
}
