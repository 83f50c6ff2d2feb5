//! How a start of a server is launched: in namespaces of its own, from a template if there is one.
//!
//! Must not know: what becomes of its calls.

use std::cell::{Cell, RefCell};
use std::os::fd::AsFd;
use std::rc::Rc;

use super::Supervised;
use super::busy::BUSY;
use super::start::filter;
use super::start::namespace::Namespace;
use super::start::spawn::{self, Launched};
use super::start::stack;
use super::start::start_key::StartKey;
use super::start::template::Begins;
use super::start::template_cache::Start;
use super::tasks::Incarnation;
use crate::kernel::Pid;
use crate::world::Broken;
use crate::world::pids::Pids;

impl Supervised {
    /// Makes a PID namespace for a start, in which the pids of living processes are taken.
    pub(super) fn new_namespace(&mut self) -> Result<Incarnation, Broken> {
        let taken: Vec<Pid> = self.table.processes.iter().map(|process| process.pid).collect();
        if taken.is_empty() {
            self.namespaces.clear();
        }
        let broken = |why: String| Broken::NotMeasured(format!("make a PID namespace: {why}"));
        let room = Some(Rc::clone(&self.room));
        self.namespaces.push(Namespace::new(&taken, room).map_err(broken)?);
        Ok(Incarnation { pids: RefCell::new(Pids::beside(taken)), drawn: Cell::new(0) })
    }

    /// Starts the server as process `pid` of the newest namespace.
    pub(super) fn launch(
        &mut self,
        args: Vec<String>,
        pid: Pid,
        drawn: &Cell<u64>,
    ) -> Result<Launched, Broken> {
        let key = StartKey {
            program: self.program.binary.clone(),
            environment: self.environment.clone(),
            clock: self.kernel.borrow().clock.clone(),
        };
        let fits = stack::takes(&args);
        let (directory, view) = (self.directory.path(), self.room.view());
        let start = Start { key, begins: Begins { args, pid }, directory, view };
        let template = fits.then(|| self.templates.template(&start, &self.time)).flatten();
        self.time.grant(&start.key.clock, BUSY);
        let namespace = self.namespaces.last().expect("one for this start");
        let args = &start.begins.args;
        let watched = self.kernel.borrow().watched().to_vec();
        let Some(template) = template else {
            let (key, log, time) = (&start.key, self.log.as_fd(), &self.time);
            let filter = filter::program(&watched);
            return spawn::launch(namespace, key, args, directory, log, time, filter)
                .map_err(Broken::Harness);
        };
        drawn.set(template.drawn());
        self.log.append(template.said())?;
        let launched = template.launch(namespace, args, directory, self.log.path(), &watched);
        launched.inspect_err(|_| self.templates.discard(&template)).map_err(Broken::Harness)
    }
}
