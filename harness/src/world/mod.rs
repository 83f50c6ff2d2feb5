//! Worlds: machines on which a server runs against the kernel. Two doors, one trait.
//!
//! A world carries out system calls as the kernel decides, and lets tasks run one at a time, each
//! until it blocks. It never moves the clock by itself. Must not know: case syntax and the
//! contract.

use std::cell::RefMut;

use nix::sys::signal::Signal;

pub use crate::kernel::Victim;
use crate::kernel::disk::power_cut::Impossible;
use crate::kernel::{Cut, Image, Kernel, Time};
use crate::profile::Profile;
use directive::roles;
pub use directive::{Directive, Unsayable, arguments};

mod directive;
mod pids;
pub mod quoting;
pub mod remembered;
pub mod sim;
pub mod supervised;

/// Why a world cannot go on. None of these is a verdict on the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The harness itself has failed, or met a call that it does not model.
    #[error("harness broken: {0}")]
    Harness(String),
    /// This machine or world cannot do what was asked; the text says what, and how to get it.
    #[error("not measured: {0}")]
    NotMeasured(String),
    /// The server has used up its budget of calls or of real time.
    #[error("hung: {0}")]
    Hung(String),
}

impl From<Unsayable> for Broken {
    fn from(why: Unsayable) -> Broken {
        Broken::NotMeasured(format!("a directive cannot be given to a server: {why}"))
    }
}

/// The state of the server that was started last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// None was started yet, or none since the last power cut.
    Off,
    Running,
    /// It exited with this code.
    Exited(i32),
    /// It was killed by this signal number.
    Signaled(i32),
}

/// What a client has received since it was last asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    pub bytes: Vec<u8>,
    /// The server has closed the connection, or is gone.
    pub closed: bool,
}

/// What stands for a call where a task waits for another one without making any.
pub const LOOP: &str = "a loop without a call";
/// What stands in a sentence about an endless loop before its last call.
pub const LAST_CALL: &str = ", the last one by ";

/// What a task of the server waits in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub task: String,
    /// The name of the call.
    pub call: String,
    /// The clock, a client or the case can end it.
    pub can_end: bool,
}

/// The plan asked for an image that does not exist.
fn no_such_image(impossible: Impossible) -> Broken {
    Broken::NotMeasured(format!("no such power cut: {impossible}"))
}

/// A machine whose power is off, as plain data.
#[derive(Debug)]
pub struct PoweredOff(pub Kernel);

/// A machine with a server on it.
pub trait World {
    /// Clock, disk, plan and trace of this machine. Not to be held across other calls of the trait.
    fn kernel(&self) -> RefMut<'_, Kernel>;

    /// Starts the server on what is on the disk, and lets tasks run until none can before the clock
    /// moves. Only a server that sleeps before it first waits for a client moves it. The server may
    /// have ended by then: see [`World::status`]. Pids begin anew, and so do
    /// the random numbers that it gets: earlier starts reach it by the disk, and by processes that
    /// have outlived them, and by nothing else.
    fn start(&mut self, directives: &[Directive]) -> Result<(), Broken>;

    /// Writes `bytes` to the connection called `client`, which is opened if need be. Nothing runs
    /// until [`World::settle`]. False: no server is running.
    fn send(&mut self, client: &str, bytes: &[u8]) -> Result<bool, Broken>;

    /// What the server has written to `client` since the last call.
    fn receive(&mut self, client: &str) -> Received;

    /// Lets tasks run until none can before the clock moves. A kill or power cut that the plan puts
    /// at a call is carried out there; then whoever is left runs on.
    fn settle(&mut self) -> Result<(), Broken>;

    /// The next moment at which some task can run; None: only something from outside can wake one.
    fn next_deadline(&mut self) -> Option<Time>;

    /// What the server and its children have logged since the last call, raw.
    fn log(&mut self) -> Vec<u8>;

    /// Kills by SIGKILL: the page cache stays. Does nothing if there is no such process.
    fn kill(&mut self, victim: Victim) -> Result<(), Broken>;

    /// Cuts the power: every process is gone at once, and the disk holds one of the images that the
    /// file system model allows.
    fn cut_power(&mut self, cut: Cut) -> Result<(), Broken>;

    /// Replaces everything on the disk by an image, durably. No process may live.
    fn put_image(&mut self, image: &Image) -> Result<(), Broken>;

    /// Takes the machine out of this world, so that many runs can go on from there, see
    /// [`World::resume_with`]. No process may live. None: it cannot be taken out.
    fn suspend(&mut self) -> Option<PoweredOff> {
        None
    }

    /// Goes on from a machine whose power was cut, as if the cut had left this image.
    ///
    /// # Errors
    /// When its files cannot be put there.
    fn resume_with(&mut self, machine: &PoweredOff, image: &Image) -> Result<(), Broken> {
        let _ = (machine, image);
        unreachable!("a world that cannot be suspended is not resumed");
    }

    /// From the next start on the power stays on: it does not matter any more what is durable.
    fn power_stays_on(&mut self) {}

    /// The kernel of this machine, on which no process lives, was changed from outside: whatever
    /// else there is of a machine follows it.
    fn follow_kernel(&mut self) -> Result<(), Broken>;

    /// Sends a signal to the server process.
    fn signal(&mut self, signal: Signal) -> Result<(), Broken>;

    /// Sends a signal to the living task with this name: to a process, or to one thread, which
    /// alone is interrupted by it. False: there is none.
    fn signal_task(&mut self, task: &str, signal: Signal) -> Result<bool, Broken>;

    /// From the next start on the server with this name runs. Returns what is known of it.
    fn use_server(&mut self, name: &str) -> Result<Profile, Broken> {
        Err(Broken::NotMeasured(format!("no other server can run here, so not {name} either")))
    }

    fn status(&self) -> Status;

    /// What the server's threads, and then its children, wait in.
    fn waiting(&mut self) -> Vec<Waiting>;

    /// How many children the living server has not waited for yet.
    fn children(&self) -> usize;

    /// Sets the content of a file from outside, making the file if need be; None removes it.
    fn set_file(&mut self, name: &str, content: Option<Vec<u8>>) -> Result<(), Broken>;

    /// Has the server's own check tool mend this file, or what it names, on a copy; what is changed
    /// there is durable then. No process may live. False: there is no such tool.
    fn repair(&mut self, file: &str) -> Result<bool, Broken> {
        let _ = file;
        Ok(false)
    }

    /// Ends every process, and checks that the disk model equals the real files.
    fn finish(&mut self) -> Result<(), Broken>;

    /// Moves the clock to `to`, and stops at each deadline on the way, so that tasks waiting for it
    /// run.
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
