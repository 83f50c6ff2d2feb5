//! Worlds: where a server runs on the kernel. Two doors, one trait.
//!
//! A world carries out system calls as the kernel decides them and lets tasks run one at a time,
//! each until it blocks. It moves no clock by itself. Must not know: case syntax and the contract.

use std::cell::RefMut;

use nix::sys::signal::Signal;

pub use crate::kernel::Victim;
use crate::kernel::disk::power_cut::Impossible;
use crate::kernel::{Cut, Image, Kernel, Pid, Time};
use crate::profile::Profile;

pub mod sim;
pub mod supervised;

/// A configuration directive and its value, as in redis.conf: the value may hold several words.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Directive {
    pub name: String,
    pub value: String,
}

/// A server's command line without its name: the profile's arguments, then the directives, which
/// win. The words of a value are arguments of their own; an empty value is one empty argument.
pub fn arguments(profile: &Profile, directives: &[Directive]) -> Vec<String> {
    let mut arguments = profile.args.clone();
    for Directive { name, value } in directives {
        arguments.push(format!("--{name}"));
        match value.trim() {
            "" => arguments.push(String::new()),
            words => arguments.extend(words.split_whitespace().map(str::to_string)),
        }
    }
    arguments
}

/// Why a world cannot go on. None of these says anything about the server's promises.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The harness itself went wrong, or met a call that it does not model.
    #[error("harness broken: {0}")]
    Harness(String),
    /// This machine or this world cannot do what was asked; says what and how to get it.
    #[error("not measured: {0}")]
    NotMeasured(String),
    /// The server used up its budget of calls or of real time.
    #[error("hung: {0}")]
    Hung(String),
}

/// What became of the server that was started last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// None was started yet, or none since the power was cut.
    Off,
    Running,
    /// It ended by itself with this code.
    Exited(i32),
    /// This signal number ended it.
    Signaled(i32),
}

/// What arrived at a client since it was last asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    pub bytes: Vec<u8>,
    /// The server has closed the connection, or is gone.
    pub closed: bool,
}

/// The plan asked for an image that there is not.
fn no_such_image(impossible: Impossible) -> Broken {
    Broken::NotMeasured(format!("no such power cut: {impossible}"))
}

/// A machine whose power is off, as plain data.
#[derive(Debug)]
pub struct PoweredOff {
    pub kernel: Kernel,
    /// The next process gets this number.
    pub next_pid: Pid,
}

/// A machine with a server on it.
pub trait World {
    /// Clock, disk, plan and trace of this machine. Not to be held across other calls.
    fn kernel(&self) -> RefMut<'_, Kernel>;

    /// Starts the server on what is on the disk and lets it run until nothing can without the clock
    /// moving. The server may have ended by then: see [`World::status`].
    fn start(&mut self, directives: &[Directive]) -> Result<(), Broken>;

    /// Writes `bytes` on the connection called `client`, which is made if there is none yet.
    /// Nothing runs until [`World::settle`]. False when there is no server that could be connected
    /// to.
    fn send(&mut self, client: &str, bytes: &[u8]) -> Result<bool, Broken>;

    /// What the server has written to `client` since the last call.
    fn receive(&mut self, client: &str) -> Received;

    /// Lets tasks run until none can without the clock moving. A kill or power cut that the plan
    /// puts at a call is carried out there; then whoever is left runs on.
    fn settle(&mut self) -> Result<(), Broken>;

    /// The next moment at which some task would run; None: never by itself.
    fn next_deadline(&mut self) -> Option<Time>;

    /// What the server and its children have logged since the last call, raw.
    fn log(&mut self) -> Vec<u8>;

    /// SIGKILL: the page cache stays. A no-op on what does not live.
    fn kill(&mut self, victim: Victim) -> Result<(), Broken>;

    /// Cuts the power: everybody is gone at once, and one of the images that the profile allows is
    /// on the disk.
    fn cut_power(&mut self, cut: Cut) -> Result<(), Broken>;

    /// Puts an image on the disk, durable, in place of everything. Nobody may live.
    fn put_image(&mut self, image: &Image) -> Result<(), Broken>;

    /// Takes the machine, on which nobody may live, out of this world, so that many can go on from
    /// there, see [`World::resume_with`]. None where it cannot: a namespace of real processes numbers them
    /// from 1 on, and numbers show in the names of temporary files.
    fn suspend(&mut self) -> Option<PoweredOff> {
        None
    }

    /// Makes this world go on from a machine whose power was cut, as if that had left this image.
    fn resume_with(&mut self, machine: &PoweredOff, image: &Image) {
        let _ = (machine, image);
        unreachable!("a world that cannot be suspended is not resumed");
    }

    /// Sends a signal to the server process.
    fn signal(&mut self, signal: Signal) -> Result<(), Broken>;

    fn status(&self) -> Status;

    /// How many children of the living server have not been reaped yet.
    fn children(&self) -> usize;

    /// Sets the content of a file behind everybody's back, also where no file is; None removes it.
    fn set_file(&mut self, name: &str, content: Option<Vec<u8>>) -> Result<(), Broken>;

    /// Ends everything that still runs and checks that the disk model equals what is really there.
    fn finish(&mut self) -> Result<(), Broken>;

    /// Moves the clock to `to`, stopping at each deadline on the way so that whoever waits for it
    /// runs.
    fn advance_to(&mut self, to: Time) -> Result<(), Broken> {
        loop {
            match self.next_deadline() {
                Some(next) if next <= to => {
                    let next = next.max(self.kernel().now());
                    self.kernel().advance_to(next);
                    self.settle()?;
                }
                _ => break,
            }
        }
        self.kernel().advance_to(to);
        self.settle()
    }
}
