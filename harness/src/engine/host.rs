//! One job carried out: the world is made, the case runs on it, and whatever goes wrong is an
//! outcome too.
//!
//! Must not know: who asked, and what becomes of the outcome.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::wire::{Batch, Cuts, Job, Measured, Place, Survey};
use super::{reexec, servers};
use crate::contract::{Reason, Verdict};
use crate::profile::{OwnServer, Profile};
use crate::runner::{
    CutPoint, Loads, Outcome, Remembered, Ruling, RunSummary, Standing, Surveyed, WorldOracle,
};
use crate::world::remembered::{Memory, Remembering, Starts};
use crate::world::sim::{Sim, Stacks};
use crate::world::supervised::{Installed, Machine, Others, Supervised};
use crate::world::{Broken, World};
use crate::{case, runner};

/// What lasts from job to job in one thread or worker: its machine, and what is known of each
/// server.
pub struct Host {
    machine: Option<Rc<Machine>>,
    stacks: Stacks,
    servers: BTreeMap<Place, Server>,
    parser: case::Parser,
}

/// A server that jobs have run on. The oracle remembers what it has found out.
struct Server {
    kind: Rc<Kind>,
    oracle: WorldOracle<'static>,
    /// What images of disks load to.
    loads: Loads,
    /// What starts after faults have come to.
    memory: Rc<RefCell<Memory>>,
}

/// How to make worlds of one kind.
enum Kind {
    Sim { profile: Rc<Profile>, stacks: Stacks },
    Supervised { machine: Rc<Machine>, profile: Box<Profile>, binary: PathBuf, others: Others },
}

impl Host {
    /// For jobs of the world `sim` only.
    pub fn without_machine() -> Host {
        let (stacks, servers) = (Stacks::default(), BTreeMap::new());
        Host { machine: None, stacks, servers, parser: case::Parser::default() }
    }

    /// Makes this process, which must have one thread, a machine for supervised servers.
    pub fn with_machine() -> Result<Host, Broken> {
        let machine = Some(Rc::new(Machine::prepare()?));
        Ok(Host { machine, ..Host::without_machine() })
    }

    /// Runs one job. A panic is a bug of the harness and ends as `harness-broken`.
    pub fn run_guarded(&mut self, job: &Job) -> Outcome {
        self.run_counted(job).0
    }

    /// The outcome, and how many calls were trapped.
    fn run_counted(&mut self, job: &Job) -> (Outcome, u64) {
        let run = AssertUnwindSafe(|| self.run(job));
        match catch_unwind(run) {
            Ok(Ok(counted)) => counted,
            Ok(Err(failure)) => (broken(job, failure), 0),
            Err(panic) => (broken(job, self.panicked(&*panic)), 0),
        }
    }

    fn run(&mut self, job: &Job) -> Result<(Outcome, u64), Broken> {
        let script = case::parse(&job.source, &job.text)
            .map_err(|bad| Broken::Harness(format!("a bad case got as far as a world: {bad}")))?;
        let Server { kind, oracle, .. } = self.server(&job.place)?;
        let (mut outcome, trapped) = match &**kind {
            Kind::Sim { profile, stacks } => {
                let mut world = Sim::new(Rc::clone(profile), stacks.clone());
                (runner::run(&script, &mut world, profile, oracle), 0)
            }
            Kind::Supervised { profile, .. } => {
                let mut world = kind.supervised()?;
                let outcome = runner::run(&script, &mut world, profile, oracle);
                (outcome, world.trapped())
            }
        };
        outcome.case.clone_from(&job.case);
        outcome.world_label.clone_from(&job.world);
        outcome.count_lines_behind(job.head);
        Ok((outcome, trapped))
    }

    /// Runs a batch, script by script, as long as nobody wants to stop.
    pub fn summaries(&mut self, batch: &Batch, stopped: &dyn Fn() -> bool) -> Vec<RunSummary> {
        let mut summaries = Vec::with_capacity(batch.scripts.len());
        for text in &batch.scripts {
            if stopped() {
                break;
            }
            let run = AssertUnwindSafe(|| self.summary(batch, text));
            summaries.push(match catch_unwind(run) {
                Ok(Ok(summary)) => summary,
                Ok(Err(failure)) => broken_summary(failure),
                Err(panic) => broken_summary(self.panicked(&*panic)),
            });
        }
        summaries
    }

    fn summary(&mut self, batch: &Batch, text: &str) -> Result<RunSummary, Broken> {
        let script = (self.parser.parse("script", text))
            .map_err(|bad| Broken::Harness(format!("a bad script got as far as a world: {bad}")))?;
        let Server { kind, oracle, memory, .. } = self.server(&batch.place)?;
        let mut world = kind.make_with(batch.computes, memory)?;
        Ok(runner::run_for_summary(&script, &mut *world, kind.profile(), oracle, batch.collect))
    }

    /// Cuts the power at each of these calls, in every state that this may leave, as long as nobody
    /// wants to stop.
    pub fn surveys(&mut self, cuts: &Cuts, stopped: &dyn Fn() -> bool) -> Vec<Survey> {
        let mut surveys = Vec::with_capacity(cuts.points.len());
        for point in &cuts.points {
            if stopped() {
                break;
            }
            let run = AssertUnwindSafe(|| self.survey(cuts, point, stopped));
            surveys.push(match catch_unwind(run) {
                Ok(Ok(survey)) => Ok(survey),
                Ok(Err(failure)) => Err(broken_summary(failure)),
                Err(panic) => Err(broken_summary(self.panicked(&*panic))),
            });
        }
        surveys
    }

    fn survey(
        &mut self,
        cuts: &Cuts,
        point: &CutPoint,
        stopped: &dyn Fn() -> bool,
    ) -> Result<Option<Surveyed>, Broken> {
        let Server { kind, oracle, loads, memory } = self.server(&cuts.place)?;
        // One call may have thousands of states.
        let go_on = || match stopped() {
            true => Err(Broken::NotMeasured("interrupted".to_string())),
            false => Ok(()),
        };
        let (make, profile) = (|| kind.make_with(cuts.computes, memory), kind.profile());
        runner::survey(point, &make, &go_on, profile, oracle, loads, cuts.budget)
    }

    /// What a panic has gone through may be half changed.
    fn panicked(&mut self, panic: &(dyn Any + Send)) -> Broken {
        self.servers.clear();
        self.stacks = Stacks::default();
        Broken::Harness(format!("the harness panicked: {}", words_of(panic)))
    }

    /// Runs the job until `time` of real time is over, and counts. A first run is not counted: the
    /// oracle learns in it.
    pub fn measure(&mut self, job: &Job, time: Duration) -> Measured {
        let mut measured = Measured::default();
        let first = self.run_guarded(job);
        let began = Instant::now();
        while began.elapsed() < time || measured.runs == 0 {
            let (outcome, trapped) = self.run_counted(job);
            let sound = !outcome.verdict.is_no_measurement() && outcome.failures.is_empty();
            if !sound || outcome.trace != first.trace {
                measured.problem = Some(problem(&outcome));
                break;
            }
            measured.runs += 1;
            measured.calls += outcome.calls;
            measured.trapped += trapped;
        }
        measured.nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        measured
    }

    /// How often the oracles of all servers were asked, and how often they remembered.
    pub fn remembered(&self) -> Remembered {
        let mut all = Remembered::default();
        for server in self.servers.values() {
            all.asked += server.oracle.remembered.asked;
            all.known += server.oracle.remembered.known;
        }
        all
    }

    /// How many starts were remembered, of all servers.
    pub fn starts(&self) -> Starts {
        let each = self.servers.values().map(|server| server.memory.borrow().starts);
        each.fold(Starts::default(), Starts::and)
    }

    fn server(&mut self, place: &Place) -> Result<&mut Server, Broken> {
        if !self.servers.contains_key(place) {
            let kind = Rc::new(Kind::of(place, self.machine.as_ref(), &self.stacks)?);
            let maker = Rc::clone(&kind);
            let oracle = WorldOracle::new(Box::new(move || maker.make()));
            let (loads, memory) = Default::default();
            self.servers.insert(place.clone(), Server { kind, oracle, loads, memory });
        }
        Ok(self.servers.get_mut(place).expect("it was just put there"))
    }
}

impl Kind {
    fn of(place: &Place, machine: Option<&Rc<Machine>>, stacks: &Stacks) -> Result<Kind, Broken> {
        let (profile, binary) = match place {
            Place::Sim(own) => {
                let profile = Rc::new(own.profile());
                return Ok(Kind::Sim { profile, stacks: stacks.clone() });
            }
            Place::Server(own) => (reexec_profile(*own), own_binary()?),
            Place::Binary(path) => {
                Profile::of(path).map_err(|why| Broken::NotMeasured(why.to_string()))?
            }
        };
        let machine = machine.cloned().ok_or_else(|| {
            Broken::Harness("a supervised job came to a thread without a machine".into())
        })?;
        let others = others(place, &machine);
        Ok(Kind::Supervised { machine, profile: Box::new(profile), binary, others })
    }

    fn profile(&self) -> &Profile {
        match self {
            Kind::Sim { profile, .. } => profile,
            Kind::Supervised { profile, .. } => profile,
        }
    }

    /// The same, which remembers recoveries unless all of them are to be computed.
    fn make_with(
        &self,
        computes: bool,
        memory: &Rc<RefCell<Memory>>,
    ) -> Result<Box<dyn World>, Broken> {
        let world = self.make()?;
        Ok(match computes {
            true => world,
            false => Box::new(Remembering::new(world, Rc::clone(memory))),
        })
    }

    /// A fresh world with nothing on its disk.
    fn make(&self) -> Result<Box<dyn World>, Broken> {
        Ok(match self {
            Kind::Sim { profile, stacks } => Box::new(Sim::new(Rc::clone(profile), stacks.clone())),
            Kind::Supervised { .. } => Box::new(self.supervised()?),
        })
    }

    fn supervised(&self) -> Result<Supervised, Broken> {
        let Kind::Supervised { machine, profile, binary, others } = self else {
            return Err(Broken::Harness("nothing is supervised in this world".to_string()));
        };
        let world = Supervised::new(machine, (**profile).clone(), binary)?;
        Ok(world.beside(others.clone()))
    }
}

/// The profile of our own server as a process.
fn reexec_profile(own: OwnServer) -> Profile {
    let mut profile = own.profile();
    let lead = [reexec::WORD, reexec::SERVER_CORE].map(String::from);
    profile.args.splice(0..0, lead);
    profile
}

/// How a server that runs behind this door finds another by its name: our own core is what it is
/// like, others are programs.
fn others(place: &Place, machine: &Rc<Machine>) -> Others {
    let (machine, is_core) = (Rc::clone(machine), matches!(place, Place::Server(_)));
    Others(Rc::new(move |name| {
        let missing = |why: String| Broken::NotMeasured(why);
        let (profile, binary) = match is_core {
            true => {
                let own = OwnServer::called(name).ok_or_else(|| {
                    missing(format!("our own core is not like {name}: {}", OwnServer::NAMES))
                })?;
                (reexec_profile(own), own_binary()?)
            }
            false => {
                let path = servers::find(name).ok_or_else(|| {
                    missing(format!(
                        "no server {name} in target/servers; run `ci/servers` to install servers"
                    ))
                })?;
                Profile::of(&path).map_err(|why| missing(why.to_string()))?
            }
        };
        Installed::of(&machine, profile, &binary)
    }))
}

/// The binary that is also our own server.
fn own_binary() -> Result<PathBuf, Broken> {
    std::env::current_exe()
        .map_err(|e| Broken::Harness(format!("cannot tell where this binary is: {e}")))
}

/// The outcome of a job that never got as far as an observation.
pub fn broken(job: &Job, failure: Broken) -> Outcome {
    let mut ruling = ruling(failure);
    let verdict = ruling.verdict;
    if verdict.is_broken_promise() {
        ruling.standing = Standing::Unexpected;
    }
    Outcome {
        case: job.case.clone(),
        world_label: job.world.clone(),
        transcript: String::new(),
        replies: Vec::new(),
        verdict,
        rulings: vec![ruling],
        failures: Vec::new(),
        symptoms: Vec::new(),
        trace: String::new(),
        sites: Vec::new(),
        files: Vec::new(),
        calls: 0,
        virtual_time_ns: 0,
    }
}

/// The same for a script of a batch.
pub fn broken_summary(failure: Broken) -> RunSummary {
    let ruling = ruling(failure);
    let verdict = ruling.verdict;
    RunSummary {
        verdict,
        rulings: vec![ruling],
        failures: Vec::new(),
        unfired: false,
        reached: Vec::new(),
        trace: String::new(),
        course: Box::default(),
    }
}

fn ruling(failure: Broken) -> Ruling {
    let (verdict, why) = match failure {
        Broken::Harness(why) => (Verdict::HarnessBroken, why),
        Broken::NotMeasured(why) => (Verdict::NotMeasured, why),
        Broken::Hung(why) => (Verdict::Hung, why),
    };
    Ruling::new(0, verdict, Reason::other(&why), why)
}

/// Why a run is no good for a measurement.
fn problem(outcome: &Outcome) -> String {
    match (outcome.rulings.last(), outcome.failures.first()) {
        (_, Some(failure)) => failure.message.clone(),
        (Some(Ruling { verdict, sentence, .. }), _) => format!("{verdict}: {sentence}"),
        _ => "its trace is another one each time".into(),
    }
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into())
}
