//! Power cuts judged both ways: going on from a copy of the machine gives the same records, byte
//! for byte, as loading each image by itself and as an ordinary run of the whole script.
//!
//! Each workload is sampled: some of its cuts, with few images each. Cases that look at the disk
//! while no server runs, or whose faults outlive the cut, take the ordinary way by themselves.

mod support {
    pub mod delegate;
}

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

use sabot::case;
use sabot::kernel::plan::When;
use sabot::profile::Profile;
use sabot::runner::{self, Collect, CutPoint, Judged, Loads, Surveyed, WorldOracle};
use sabot::sweep::enumerate::Scope;
use sabot::sweep::{Kind, RunPlan, Workload, cuts};
use sabot::world::sim::{Sim, Stacks};
use sabot::world::{Broken, World};
use support::delegate::Delegate;

/// One cut in this many is taken.
const STEP: usize = 5;
/// Images of each file system model, besides those that are always taken.
const IMAGES: u64 = 5;

/// Makes worlds of one kind, and remembers what was found out on them.
struct Bench {
    profile: Rc<Profile>,
    stacks: Stacks,
    suspends: bool,
    oracle: WorldOracle<'static>,
    loads: Loads,
    /// How many worlds the last survey made, besides the oracle's.
    made: u32,
}

impl Bench {
    fn new(suspends: bool) -> Bench {
        let profile = Rc::new(Profile::named("sabot").expect("it is part of the program"));
        let stacks = Stacks::default();
        let (its, pool) = (Rc::clone(&profile), stacks.clone());
        let oracle = WorldOracle::new(Box::new(move || {
            Ok(Box::new(Sim::new(Rc::clone(&its), pool.clone())) as Box<dyn World>)
        }));
        Bench { profile, stacks, suspends, oracle, loads: Loads::default(), made: 0 }
    }

    fn survey(&mut self, point: &CutPoint) -> Option<Surveyed> {
        self.survey_up_to(point, usize::MAX).expect("the simulation holds")
    }

    /// A survey that is interrupted after `most` images.
    fn survey_up_to(&mut self, point: &CutPoint, most: usize) -> Result<Option<Surveyed>, Broken> {
        let (profile, stacks, suspends) = (&self.profile, &self.stacks, self.suspends);
        let made = Cell::new(0);
        let make = || -> Result<Box<dyn World>, Broken> {
            made.set(made.get() + 1);
            let sim = Sim::new(Rc::clone(profile), stacks.clone());
            Ok(if suspends { Box::new(sim) } else { Box::new(Delegate::new(sim, |_| Ok(()))) })
        };
        let (oracle, loads) = (&mut self.oracle, &mut self.loads);
        let begun = Cell::new(0);
        let go_on = || {
            begun.set(begun.get() + 1);
            match begun.get() > most {
                true => Err(Broken::NotMeasured("interrupted".into())),
                false => Ok(()),
            }
        };
        let surveyed = runner::survey(point, &make, &go_on, profile, oracle, loads, IMAGES);
        self.made = made.get();
        surveyed
    }

    fn brief(&mut self, text: &str, collect: Collect) -> runner::RunSummary {
        let script = case::parse("script", text).expect("an ordinary script");
        let mut world = Sim::new(Rc::clone(&self.profile), self.stacks.clone());
        runner::run_for_summary(&script, &mut world, &self.profile, &mut self.oracle, collect)
    }
}

/// The line that cuts the power after a call, and leaves nothing.
fn rule(site: &str) -> String {
    format!("inject at {site} power=after:none")
}

/// The cut in a script that has that line.
fn point(script: &str, site: &str) -> CutPoint {
    let line = rule(site) + "\n";
    let (before, after) = script.split_once(&line).expect("it is there");
    let (before, after) = (before.to_string(), after.to_string());
    let point = CutPoint { before, site: site.parse().expect(site), when: When::After, after };
    assert_eq!(point.script(), script);
    point
}

/// What both ways come to: going on from copies, and loading each image by itself.
struct Both {
    resumed: Option<Surveyed>,
    ordinary: Option<Surveyed>,
}

/// Makes the survey both ways. Going on from copies takes refused starts together that loading
/// tells apart by what is on the disk; nothing else may differ.
fn compare(point: &CutPoint, copies: &mut Bench, whole: &mut Bench) -> Both {
    let script = point.script();
    let both = Both { resumed: copies.survey(point), ordinary: whole.survey(point) };
    let [resumed, ordinary] =
        [&both.resumed, &both.ordinary].map(|it| it.clone().unwrap_or_default());
    assert_eq!(both.resumed.is_some(), both.ordinary.is_some(), "{script}");
    let counts = |it: &Surveyed| (it.images.clone(), it.complete);
    assert_eq!(counts(&resumed), counts(&ordinary), "{script}");
    for class in &ordinary.judged {
        let its = |other: &&Judged| other.brief == class.brief && other.lacks == class.lacks;
        assert!(resumed.judged.iter().any(|other| its(&other)), "{script}: {class:?}");
    }
    for class in &resumed.judged {
        let text = point.leaving(class.cut);
        assert_eq!(class.brief, whole.brief(&text, Collect::Verdicts), "{text}");
    }
    both
}

#[test]
fn cuts_of_all_workloads_come_to_the_same_both_ways() {
    let (mut copies, mut whole) = (Bench::new(true), Bench::new(false));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases/sweep");
    let entries = folder.read_dir().expect("the workloads are there");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    let (mut classes, mut apart) = (0, 0);
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a workload is text");
        let workload = Workload::of("test", &case::parse("test", &text).expect("a case"));
        let dry = whole.brief(&workload.dry(), Collect::Sites);
        let plan = RunPlan::of(&workload, &dry.reached, Scope::WHOLE);
        let cut = plan.runs.iter().filter(|run| run.kind() == Kind::Power);
        for run in cut.step_by(STEP) {
            let point = cuts::point(&workload, run).expect("it cuts the power");
            let Both { resumed, ordinary } = compare(&point, &mut copies, &mut whole);
            let judged = |it: &Option<Surveyed>| it.as_ref().map_or(0, |it| it.judged.len());
            classes += judged(&resumed);
            apart += judged(&ordinary);
            let (resumed, ordinary) = (Ok(resumed), Ok(ordinary));
            assert_eq!(cuts::records(run, &resumed), cuts::records(run, &ordinary));
            assert_eq!(cuts::other_states(run, &resumed), cuts::other_states(run, &ordinary));
        }
    }
    assert!(classes > 500, "{classes}");
    assert!(apart > classes + 100, "{apart}, {classes}");
}

#[test]
fn a_run_goes_on_from_a_copy_only_where_the_image_alone_makes_a_difference() {
    let head = "config appendonly yes\nconfig appendfsync no\nconfig aof-use-rdb-preamble no\n";
    let (first, second) = ("parent.aof.write#2", "2:parent.aof.write#1");
    let cut = format!("{head}{}\n> SET a 1\n> SET b 2\n", rule(first));
    let again = format!("{head}> SET a 1\nkill all\nrestart\n{}\n", rule(second));
    let stories = [
        // Something looks at the disk, or changes it, while no server runs.
        (format!("{cut}damage aof append 78\nheal\nrestart\n"), first, false),
        (format!("{cut}expect file aof 52\nheal\nrestart\n"), first, false),
        (format!("{cut}power-cut none\nheal\nrestart\n"), first, false),
        (format!("{cut}heal\nspace 8192\nrestart\n> SET c 3\n"), first, false),
        // A fault or a hold is in force when the server starts.
        (format!("{cut}restart\n"), first, false),
        (format!("{cut}heal\ninject read on=aof error=EIO\nrestart\n"), first, false),
        (format!("{cut}heal\nhold child maybe\nrestart\n"), first, false),
        // The case is not for this server.
        (format!("{cut}heal\nneeds role manifest\nrestart\n"), first, false),
        // There was an earlier server, or there is a later one.
        (format!("{again}> SET b 2\nheal\nrestart\n> SET d 4\ncheck\n"), second, true),
        (format!("{cut}heal\nrestart\n> SET c 3\nkill all\nrestart\n"), first, true),
        (format!("{cut}> GET a\nadvance 2s\nkill all maybe\nheal\nrestart\n"), first, true),
    ];
    let (mut copies, mut whole) = (Bench::new(true), Bench::new(false));
    for (script, site, copied) in stories {
        let point = point(&script, site);
        let Both { resumed, .. } = compare(&point, &mut copies, &mut whole);
        assert!(resumed.is_some_and(|it| it.judged.len() > 1), "{script}");
        assert_eq!(copies.made == 1, copied, "{script}");
    }
}

#[test]
fn who_wants_to_stop_waits_for_no_other_image_of_the_cut() {
    let site = "parent.aof.write#2";
    let head = "config appendonly yes\nconfig appendfsync no\n";
    let script = format!("{head}{}\n> SET a 1\n> SET b 2\nheal\nrestart\n", rule(site));
    let point = point(&script, site);
    for suspends in [true, false] {
        let mut bench = Bench::new(suspends);
        let stopped = bench.survey_up_to(&point, 2);
        assert_eq!(stopped.err(), Some(Broken::NotMeasured("interrupted".into())));
        assert_eq!(bench.loads.asked, 2);
        assert!(bench.survey(&point).is_some_and(|surveyed| surveyed.judged.len() > 1));
    }
}
