//! A simulated machine that hands every call on, so that a test can change one thing about it.

use std::cell::RefMut;
use std::collections::BTreeMap;

use nix::sys::signal::Signal;
use sabot::kernel::{Cut, Image, Kernel, Time};
use sabot::world::sim::Sim;
use sabot::world::{Broken, Directive, Received, Status, Victim, Waiting, World};

/// What a test does to the machine once its power was cut.
pub type AfterCut = fn(&mut Sim) -> Result<(), Broken>;

/// Whether a machine's server keeps the bytes that a client sends; those that it does not keep it
/// answers with OK.
pub type Keeps = fn(&[u8]) -> bool;

/// The simulation, which cannot be suspended.
pub struct Delegate {
    sim: Sim,
    after_cut: AfterCut,
    keeps: Keeps,
    /// How many commands of each client were not kept and not answered.
    claimed: BTreeMap<String, usize>,
}

impl Delegate {
    pub fn new(sim: Sim, after_cut: AfterCut) -> Delegate {
        Delegate { sim, after_cut, keeps: |_| true, claimed: BTreeMap::new() }
    }

    /// With a server that keeps only this.
    #[allow(dead_code, reason = "each test takes what it needs of this module")]
    pub fn keeping(sim: Sim, keeps: Keeps) -> Delegate {
        Delegate { keeps, ..Delegate::new(sim, |_| Ok(())) }
    }
}

impl World for Delegate {
    fn kernel(&self) -> RefMut<'_, Kernel> {
        self.sim.kernel()
    }
    fn start(&mut self, directives: &[Directive]) -> Result<(), Broken> {
        self.sim.start(directives)
    }
    fn send(&mut self, client: &str, bytes: &[u8]) -> Result<bool, Broken> {
        if (self.keeps)(bytes) {
            return self.sim.send(client, bytes);
        }
        let commands = 1 + bytes.windows(3).filter(|three| three == b"\r\n*").count();
        *self.claimed.entry(client.to_string()).or_default() += commands;
        Ok(self.sim.status() == Status::Running)
    }
    fn receive(&mut self, client: &str) -> Received {
        let mut received = self.sim.receive(client);
        let claimed = self.claimed.remove(client).unwrap_or_default();
        received.bytes.extend(b"+OK\r\n".repeat(claimed));
        received
    }
    fn settle(&mut self) -> Result<(), Broken> {
        self.sim.settle()?;
        // The plan may have cut the power meanwhile.
        match self.sim.status() {
            Status::Off => (self.after_cut)(&mut self.sim),
            _ => Ok(()),
        }
    }
    fn next_deadline(&mut self) -> Option<Time> {
        self.sim.next_deadline()
    }
    fn log(&mut self) -> Vec<u8> {
        self.sim.log()
    }
    fn kill(&mut self, victim: Victim) -> Result<(), Broken> {
        self.sim.kill(victim)
    }
    fn cut_power(&mut self, cut: Cut) -> Result<(), Broken> {
        self.sim.cut_power(cut)?;
        (self.after_cut)(&mut self.sim)
    }
    fn put_image(&mut self, image: &Image) -> Result<(), Broken> {
        self.sim.put_image(image)
    }
    fn follow_kernel(&mut self) -> Result<(), Broken> {
        self.sim.follow_kernel()
    }
    fn signal_task(&mut self, task: &str, signal: Signal) -> Result<bool, Broken> {
        self.sim.signal_task(task, signal)
    }

    fn signal(&mut self, signal: Signal) -> Result<(), Broken> {
        self.sim.signal(signal)
    }
    fn status(&self) -> Status {
        self.sim.status()
    }
    fn waiting(&mut self) -> Vec<Waiting> {
        self.sim.waiting()
    }
    fn children(&self) -> usize {
        self.sim.children()
    }
    fn set_file(&mut self, name: &str, content: Option<Vec<u8>>) -> Result<(), Broken> {
        self.sim.set_file(name, content)
    }
    fn finish(&mut self) -> Result<(), Broken> {
        self.sim.finish()
    }
}
