//! A worker: one process, pinned to one core, that runs supervised jobs one after the other.
//!
//! Both ends of its pipes are here: [`main`] is the worker, [`Worker`] is what its manager holds. A
//! worker reads one request per line and answers one line; it ends with its standard input, and
//! with the thread that started it. Must not know: which cases there are, and what is done with
//! outcomes.

use std::io::{self, BufRead, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::time::Duration;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use super::host::Host;
use super::line::{Lines, NoLine};
use super::wire::{Measured, Reply, Request, Survey};
use super::{interrupt, reexec};
use crate::exit::Exit;
use crate::runner::{Outcome, RunSummary};
use crate::world::Broken;
use crate::world::remembered::Starts;

/// How long a worker may take to set up its machine.
const SETUP: Duration = Duration::from_secs(20);

/// Why a worker gives up.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error("the worker's input: {0}")]
    Input(io::Error),
    #[error("the worker was sent something strange: {0}")]
    Request(serde_json::Error),
    #[error("the worker's output: {0}")]
    Output(io::Error),
}

/// The worker process, on the core `cpu`.
pub fn main(cpu: usize) -> Result<Exit, WorkerError> {
    let mut host = match prepare(cpu) {
        Ok(host) => host,
        Err(why) => {
            say(&Reply::Unable(why))?;
            return Ok(Exit::NotMeasured);
        }
    };
    say(&Reply::Ready)?;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(WorkerError::Input)?;
        let request = serde_json::from_str(&line).map_err(WorkerError::Request)?;
        say(&match request {
            Request::Run(job) => Reply::Ran(Box::new(host.run_guarded(&job))),
            Request::Summarize(batch) => Reply::Summarized(host.summaries(&batch, &|| false)),
            Request::Survey(cuts) => Reply::Surveyed(host.surveys(&cuts, &|| false)),
            Request::Starts => Reply::Starts(host.starts()),
            Request::Measure { job, nanos } => {
                Reply::Measured(host.measure(&job, Duration::from_nanos(nanos)))
            }
        })?;
    }
    Ok(Exit::Expected)
}

fn prepare(cpu: usize) -> Result<Host, String> {
    let manager = nix::unistd::getppid();
    die_with_parent(manager)?;
    interrupt::accept().map_err(|e| format!("cannot unblock signals: {e}"))?;
    let mut cpus = CpuSet::new();
    cpus.set(cpu)
        .and_then(|()| sched_setaffinity(Pid::from_raw(0), &cpus))
        .map_err(|e| format!("cannot stay on core {cpu}: {e}"))?;
    let host = Host::with_machine().map_err(|broken| broken.to_string())?;
    // Entering a user namespace changes credentials, and that clears the parent-death signal.
    die_with_parent(manager)?;
    Ok(host)
}

/// Asks for SIGKILL when `parent` ends. It may have ended before it was asked for, hence the second
/// look.
fn die_with_parent(parent: Pid) -> Result<(), String> {
    prctl::set_pdeathsig(Some(Signal::SIGKILL))
        .map_err(|e| format!("cannot set PDEATHSIG: {e}"))?;
    if nix::unistd::getppid() == parent { Ok(()) } else { Err("the parent is gone".into()) }
}

fn say(reply: &Reply) -> Result<(), WorkerError> {
    let mut line = serde_json::to_vec(reply).expect("replies are plain data");
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line).and_then(|()| out.flush()).map_err(WorkerError::Output)
}

/// A worker process as its manager sees it.
#[derive(Debug)]
pub struct Worker {
    process: Child,
    requests: Option<ChildStdin>,
    replies: Lines<ChildStdout>,
}

impl Worker {
    /// Starts one. It is a process group of its own, so that Ctrl-C reaches only the command, which
    /// then ends its workers.
    pub fn start(exe: &Path, cpu: usize) -> Result<Worker, Broken> {
        reexec::possible().map_err(Broken::Harness)?;
        let mut process = reexec::worker(exe, cpu)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|e| Broken::Harness(crate::error::cannot("start a worker from", exe, &e)))?;
        let requests = process.stdin.take();
        let replies = Lines::new(process.stdout.take().expect("it was asked for"));
        Ok(Worker { process, requests, replies })
    }

    /// A positive number, until the worker has been waited for.
    pub fn pid(&self) -> i32 {
        self.process.id().cast_signed()
    }

    /// Waits until the machine is set up.
    pub fn await_ready(&mut self, deadline: Duration) -> Result<(), Broken> {
        match self.reply(deadline.max(SETUP))? {
            Reply::Ready => Ok(()),
            Reply::Unable(why) => Err(Broken::NotMeasured(why)),
            other => Err(Broken::Harness(format!("a worker began with {other:?}"))),
        }
    }

    /// Sends a request and waits for its reply, at most `deadline` of real time.
    pub fn ask(&mut self, request: &Request, deadline: Duration) -> Result<Reply, Broken> {
        let mut line = serde_json::to_vec(request).expect("requests are plain data");
        line.push(b'\n');
        let sent = self.requests.as_mut().map(|to| to.write_all(&line).and_then(|()| to.flush()));
        match sent {
            Some(Ok(())) => self.reply(deadline),
            _ => Err(self.death()),
        }
    }

    fn reply(&mut self, deadline: Duration) -> Result<Reply, Broken> {
        match self.replies.next(deadline) {
            Ok(line) => serde_json::from_slice(&line)
                .map_err(|e| Broken::Harness(format!("a worker said something strange: {e}"))),
            Err(NoLine::Closed) => Err(self.death()),
            Err(NoLine::Silent) => Err(Broken::NotMeasured(format!(
                "no outcome after {} s of real time; the server was killed with its children",
                deadline.as_secs_f64()
            ))),
        }
    }

    /// What became of a worker that talks no more.
    fn death(&mut self) -> Broken {
        let _ = self.process.kill();
        let how = self.process.wait().map_or_else(|e| e.to_string(), describe);
        Broken::Harness(format!("the worker process {how}"))
    }

    /// Lets an idle worker end by itself, which waits for all that it has started.
    pub fn retire(mut self) {
        self.requests = None;
        let _ = self.replies.next(SETUP);
        self.kill();
    }

    /// Kills the worker, and through its death all that it has started.
    pub fn kill(mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The outcome in a reply to [`Request::Run`].
pub fn outcome(reply: Reply) -> Result<Outcome, Broken> {
    match reply {
        Reply::Ran(outcome) => Ok(*outcome),
        other => Err(Broken::Harness(format!("a worker answered a job with {other:?}"))),
    }
}

/// The verdicts in a reply to [`Request::Summarize`].
pub fn summaries(reply: Reply) -> Result<Vec<RunSummary>, Broken> {
    match reply {
        Reply::Summarized(summaries) => Ok(summaries),
        other => Err(Broken::Harness(format!("a worker answered a batch with {other:?}"))),
    }
}

/// The states in a reply to [`Request::Survey`].
pub fn surveys(reply: Reply) -> Result<Vec<Survey>, Broken> {
    match reply {
        Reply::Surveyed(surveys) => Ok(surveys),
        other => Err(Broken::Harness(format!("a worker answered about cuts with {other:?}"))),
    }
}

/// The count in a reply to [`Request::Starts`].
pub fn starts(reply: Reply) -> Result<Starts, Broken> {
    match reply {
        Reply::Starts(starts) => Ok(starts),
        other => Err(Broken::Harness(format!("a worker answered about starts with {other:?}"))),
    }
}

/// The measurement in a reply to [`Request::Measure`].
pub fn measured(reply: Reply) -> Result<Measured, Broken> {
    match reply {
        Reply::Measured(measured) => Ok(measured),
        other => Err(Broken::Harness(format!("a worker answered a measurement with {other:?}"))),
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with {code}"),
        (_, Some(signal)) => format!("was ended by signal {signal}"),
        _ => "ended".into(),
    }
}
