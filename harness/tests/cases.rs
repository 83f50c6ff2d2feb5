//! Every case in every world of this machine, against the reviewed transcripts.
//!
//! For each case and world one trial: two runs with byte-identical traces, every `expect` met, no
//! promise broken that the case does not expect, and the transcript that was reviewed. For each
//! case one more: the two doors to our own server give the same transcript. What is skipped or
//! unreviewed is said at the end; `SABOT_REQUIRE=sim,server,redis` turns skips into failures. Of
//! the servers in `target/servers` those that it names are worlds, too. Review with `cargo insta`.

mod support {
    pub mod servers;
    pub mod skip;
}
mod whole;

use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};
use sabot::case::Script;
use sabot::engine::pool::Pool;
use sabot::engine::reap;
use sabot::engine::servers;
use sabot::engine::worlds::{Choice, World};
use sabot::exit::{Exit, overall};
use sabot::runner::Outcome;
use sabot::runner::difference::Difference;
use sabot::suite::check::judge;
use sabot::suite::library::{CaseFile, job};
use sabot::suite::snapshots::{Reviewed, Snapshots, before, same};
use support::servers::is_tested;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let suite = Arc::new(Suite::new());
    let conclusion = libtest_mimic::run(&arguments, trials(&suite));
    // A list is read by others than people.
    if !arguments.list {
        suite.report();
    }
    drop(suite);
    reap::end_descendants();
    conclusion.exit_code()
}

/// All cases and worlds, and the runs that were made so far.
struct Suite {
    cases: Vec<(CaseFile, Script)>,
    choice: Choice,
    snapshots: Snapshots,
    pool: Pool,
    /// By case and world: two runs.
    runs: Vec<Vec<OnceLock<[Outcome; 2]>>>,
    unreviewed: AtomicUsize,
    inapplicable: AtomicUsize,
}

impl Suite {
    fn new() -> Suite {
        let library = whole::library();
        let mut choice = Choice::everywhere().unwrap_or_else(|why| panic!("{why}"));
        choice.worlds.retain(|world| is_tested(&world.label));
        let stories = library.cases.iter().filter(|case| !case.is_workload());
        let cases: Vec<_> = stories.map(|file| (file.clone(), whole::parse(file))).collect();
        let runs = cases.iter().map(|_| choice.worlds.iter().map(|_| OnceLock::new()).collect());
        Suite {
            runs: runs.collect(),
            cases,
            choice,
            snapshots: Snapshots::of(&library),
            pool: whole::pool(),
            unreviewed: AtomicUsize::new(0),
            inapplicable: AtomicUsize::new(0),
        }
    }

    fn runs(&self, case: usize, world: usize) -> &[Outcome; 2] {
        self.runs[case][world].get_or_init(|| {
            let run = || {
                let job = job(&self.cases[case].0, &self.choice.worlds[world]);
                self.pool.run(job).expect("nothing interrupts a test")
            };
            [run(), run()]
        })
    }

    /// The world called `label`, by its number.
    fn world(&self, label: &str) -> Option<usize> {
        self.choice.worlds.iter().position(|world| world.label == label)
    }

    /// The last lines: what was not tested here, and why.
    fn report(&self) {
        for absent in &self.choice.absent {
            let n = self.cases.len();
            println!("skipped: {n} cases in world {}: {}", absent.label, absent.reason);
        }
        let others = servers::list().into_iter().filter(|(name, _)| !is_tested(name));
        let others = others.map(|(name, _)| name).collect::<Vec<_>>().join(", ");
        if !others.is_empty() {
            println!(
                "not here but in `cargo sabot run`, unless SABOT_REQUIRE names them: {others}"
            );
        }
        println!(
            "{} cases in {} worlds: {} worlds skipped, {} runs unreviewed, {} not applicable",
            self.cases.len(),
            self.choice.worlds.len(),
            self.choice.absent.len(),
            self.unreviewed.load(Ordering::Relaxed),
            self.inapplicable.load(Ordering::Relaxed),
        );
    }
}

/// Runners such as cargo-nextest ask for the list and start each test by itself.
fn nothing_but_tests_in_the_list() -> Result<(), Failed> {
    let mut list = Command::new(std::env::current_exe()?);
    let list = list.args(["--list", "--format", "terse"]).output()?.stdout;
    let list = String::from_utf8(list)?;
    match list.lines().find(|line| !line.ends_with(": test")) {
        None => Ok(()),
        Some(line) => Err(format!("the list holds `{line}`").into()),
    }
}

fn trials(suite: &Arc<Suite>) -> Vec<Trial> {
    let list = "nothing but tests in the list";
    let mut trials = vec![Trial::test(list, nothing_but_tests_in_the_list)];
    for (case, (file, _)) in suite.cases.iter().enumerate() {
        for (world, its_world) in suite.choice.worlds.iter().enumerate() {
            let suite = Arc::clone(suite);
            let name = format!("{} in {}", file.name, its_world.label);
            trials.push(Trial::test(name, move || as_expected(&suite, case, world)));
        }
        if let (Some(sim), Some(server)) = (suite.world("sim"), suite.world("server")) {
            let suite = Arc::clone(suite);
            let name = format!("{} sim equals server", file.name);
            trials.push(Trial::test(name, move || same_transcript(&suite, case, [sim, server])));
        }
    }
    for absent in suite.choice.absent.iter().filter(|absent| absent.wanted) {
        let reason = absent.reason.clone();
        let name = format!("world {} is required", absent.label);
        trials.push(Trial::test(name, move || Err(Failed::from(reason))));
    }
    trials
}

fn as_expected(suite: &Suite, case: usize, world: usize) -> Result<(), Failed> {
    let (file, script) = &suite.cases[case];
    let runs = suite.runs(case, world);
    let assessment = judge(script, runs, &Reviewed::Never);
    if overall([assessment.status]) != Exit::Expected {
        return Err(format!("{}\n{}", assessment.word, assessment.notes.join("\n")).into());
    }
    let its_world = &suite.choice.worlds[world];
    if assessment.status == sabot::exit::Status::NotApplicable {
        suite.inapplicable.fetch_add(1, Ordering::Relaxed);
        if before(&its_world.family).is_some() {
            return Ok(());
        }
    }
    if suite.snapshots.know(&its_world.family) || review_wanted() {
        compare(&suite.snapshots, file, its_world, &runs[0].transcript)?;
    } else {
        suite.unreviewed.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Whether the user asks for snapshots by name; then a family that has none gets some.
fn review_wanted() -> bool {
    std::env::var("INSTA_UPDATE").is_ok_and(|how| !matches!(how.as_str(), "no" | "auto"))
}

/// Panics, in insta's words, when the transcript is not the reviewed one. A family has a snapshot
/// of its own only where it differs from the one before.
fn compare(
    snapshots: &Snapshots,
    file: &CaseFile,
    world: &World,
    transcript: &str,
) -> Result<(), Failed> {
    let inherited = snapshots.inherited(&file.name, &world.family);
    if inherited.is_some_and(|text| same(&text, transcript)) {
        return match snapshots.own(&file.name, &world.family) {
            None => Ok(()),
            Some(_) => {
                let before = before(&world.family).unwrap_or_default();
                let name = format!("snapshots/{}@{}.snap", file.name, world.family);
                Err(format!("{name} has become the same as in {before}: delete it").into())
            }
        };
    }
    let description = format!("{} on {}", file.name, world.family);
    let (settings, name) = whole::reviewed(file, &world.family, description);
    settings.bind(|| insta::assert_snapshot!(name, transcript));
    Ok(())
}

fn same_transcript(suite: &Suite, case: usize, [sim, server]: [usize; 2]) -> Result<(), Failed> {
    let [left, right] = [sim, server].map(|world| &suite.runs(case, world)[0].transcript);
    match Difference::between(left, right) {
        None => Ok(()),
        Some(difference) => {
            Err(format!("the doors differ in {}", difference.shown("sim", "server")).into())
        }
    }
}
