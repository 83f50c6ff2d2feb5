//! A program that is asked for its version: behind the walls of a run, but without a supervisor.
//!
//! Must not know: what it answers.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::rc::Rc;

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::Machine;
use super::start::namespace::Namespace;
use super::start::spawn::{self, Alone};
use super::start::view::Room;
use crate::world::Broken;

/// Runs `PROGRAM --version` with the standard output of this process, which must have one thread
/// and be of no use for anything else.
pub fn tell(program: &Path) -> Result<(), Broken> {
    let machine = Machine::prepare()?;
    // It dies with whoever asks, and not before it has entered a user namespace, which clears this.
    prctl::set_pdeathsig(Some(Signal::SIGKILL))
        .map_err(|errno| Broken::NotMeasured(format!("cannot set PDEATHSIG: {errno}")))?;
    let view = machine.view(program, Vec::new())?;
    let directory = machine.directory(program)?;
    let log = directory.with_extension("log");
    File::create(&log).map_err(|error| Broken::Harness(format!("create a log: {error}")))?;
    let room = Rc::new(Room::new(view, &directory, &log)?);
    let unable = |why: String| Broken::NotMeasured(format!("make a PID namespace: {why}"));
    let namespace = Namespace::new(&[], Some(room)).map_err(unable)?;
    let output = std::io::stdout();
    let args = ["--version".to_string()];
    let alone = Alone {
        program,
        args: &args,
        environment: &[],
        directory: &directory,
        input: None,
        output: output.as_fd(),
    };
    let host = spawn::launch_alone(&namespace, alone).map_err(Broken::NotMeasured)?;
    let _ = waitpid(Pid::from_raw(host), None);
    Ok(())
}
