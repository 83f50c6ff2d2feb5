//! A simulated machine that hands every call on, so that a test can change one thing about it.

use std::cell::RefMut;

use nix::sys::signal::Signal;
use sabot::kernel::{Cut, Image, Kernel, Time};
use sabot::world::sim::Sim;
use sabot::world::{Broken, Directive, Received, Status, Victim, Waiting, World};

/// What a test does to the machine once its power was cut.
pub type AfterCut = fn(&mut Sim) -> Result<(), Broken>;

/// The simulation, which cannot be suspended.
pub struct Delegate {
    sim: Sim,
    after_cut: AfterCut,
}

impl Delegate {
    pub fn new(sim: Sim, after_cut: AfterCut) -> Delegate {
        Delegate { sim, after_cut }
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
        self.sim.send(client, bytes)
    }
    fn receive(&mut self, client: &str) -> Received {
        self.sim.receive(client)
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
    fn signal(&mut self, signal: Signal) -> Result<(), Broken> {
        self.sim.signal(signal)
    }
    fn status(&self) -> Status {
        self.sim.status()
    }
    fn waiting(&self) -> Vec<Waiting> {
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
