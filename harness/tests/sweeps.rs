//! Every workload swept: in `sim` whole, against the reviewed matrix; in `server` a sample of each
//! kind of site and fault, which must come to the same as in `sim`.
//!
//! Tokens of what was found replay to the same verdict with the same bytes. Review with `cargo
//! insta`.

mod whole;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};
use sabot::engine::pool::Pool;
use sabot::engine::reap;
use sabot::engine::worlds::{Choice, World};
use sabot::kernel::disk::power_cut::FsModel;
use sabot::report::sweep_text;
use sabot::runner::Outcome;
use sabot::suite::library::{CaseFile, job};
use sabot::sweep::driver::Sweeper;
use sabot::sweep::enumerate::Scope;
use sabot::sweep::{Record, Sweep, Token, Workload, finding, pairs};

/// Runs of each workload in `server`.
const SAMPLE: usize = 25;

/// The workload that is swept with pairs, a small one.
const PAIRED: &str = "sweep/appends_always";

/// States of each profile at each cut of the power, beside those that are always taken.
const IMAGES: u64 = 64;
/// The same where both doors are compared.
const FEW_IMAGES: u64 = 3;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let suite = Arc::new(Suite::new());
    let mut trials = trials(&suite);
    for absent in suite.choice.absent.iter().filter(|absent| absent.wanted) {
        let reason = format!("required, but missing: {}", absent.reason);
        trials.push(Trial::test(format!("world {}", absent.label), || Err(reason.into())));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // A list is read by others than people.
    if !arguments.list {
        suite.choice.absent.iter().for_each(|absent| println!("skipped: world {}", absent.label));
    }
    drop(suite);
    reap::end_descendants();
    conclusion.exit_code()
}

struct Suite {
    workloads: Vec<(CaseFile, Workload)>,
    choice: Choice,
    pool: Pool,
    /// By workload: its whole sweep in `sim`.
    whole: Vec<OnceLock<Sweep>>,
}

impl Suite {
    fn new() -> Suite {
        let library = whole::library();
        let workload =
            |file: &CaseFile| (file.clone(), Workload::of(&file.name, &whole::parse(file)));
        let workloads: Vec<_> =
            library.cases.iter().filter(|case| case.is_workload()).map(workload).collect();
        assert!(!workloads.is_empty(), "cases/sweep/ is empty");
        Suite {
            whole: workloads.iter().map(|_| OnceLock::new()).collect(),
            workloads,
            choice: Choice::of(&[]).unwrap_or_else(|why| panic!("{why}")),
            pool: whole::pool(),
        }
    }

    fn world(&self, label: &str) -> Option<&World> {
        self.choice.worlds.iter().find(|world| world.label == label)
    }

    fn sweep(&self, workload: usize, world: &World, scope: Scope<'_>) -> Sweep {
        let sweeper = Sweeper { pool: &self.pool, scope, pairs: false, progress: &|_| {} };
        let (sweep, swept) = sweeper.sweep(&self.workloads[workload].1, world);
        swept.expect("nothing interrupts a test");
        sweep
    }

    fn whole(&self, workload: usize) -> &Sweep {
        self.whole[workload].get_or_init(|| {
            let sim = self.world("sim").expect("every machine has it");
            self.sweep(workload, sim, Scope { images: Some(IMAGES), ..Scope::WHOLE })
        })
    }
}

fn trials(suite: &Arc<Suite>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (n, (file, _)) in suite.workloads.iter().enumerate() {
        let its = Arc::clone(suite);
        let name = format!("{} in sim", file.name);
        trials.push(Trial::test(name, move || as_reviewed(&its, n)));
        if file.name == PAIRED {
            let its = Arc::clone(suite);
            trials.push(Trial::test(format!("{PAIRED} in pairs"), move || pairs_hold(&its, n)));
        }
        let its = Arc::clone(suite);
        let name = format!("{} tokens", file.name);
        trials.push(Trial::test(name, move || tokens_replay(&its, n)));
        if suite.world("server").is_some() {
            let its = Arc::clone(suite);
            let name = format!("{} server equals sim", file.name);
            trials.push(Trial::test(name, move || doors_agree(&its, n)));
        }
        for world in ["sim", "redis"] {
            if n % SPREAD == 0 && suite.world(world).is_some() {
                let its = Arc::clone(suite);
                let name = format!("{} in {world} remembered equals computed", file.name);
                trials.push(Trial::test(name, move || remembered_is_computed(&its, n, world)));
            }
        }
    }
    trials
}

fn as_reviewed(suite: &Suite, workload: usize) -> Result<(), Failed> {
    let sweep = suite.whole(workload);
    if sweep.is_partial() || sweep.missed() > 0 || sweep.refused.is_some() {
        return Err(sweep_text::matrix(sweep).into());
    }
    let file = &suite.workloads[workload].0;
    let description = format!("the matrix of {} on sabot", file.name);
    let text = format!("{}\n{}", sweep_text::matrix(sweep), sweep_text::told(sweep, false, true));
    let (settings, name) = whole::reviewed(file, "sabot", description);
    settings.bind(|| insta::assert_snapshot!(name, text));
    Ok(())
}

/// Every `SPREAD`th workload is swept with every recovery computed, too.
const SPREAD: usize = 5;
/// Runs of such a sweep in `sim`.
const MANY: usize = 120;

/// What was remembered is what would have been computed, in every record.
fn remembered_is_computed(suite: &Suite, workload: usize, world: &str) -> Result<(), Failed> {
    let world = suite.world(world).expect("there is a trial only then");
    let runs = if world.place.is_supervised() { SAMPLE } else { MANY };
    let scope = Scope { sample: Some(runs), images: Some(FEW_IMAGES), ..Scope::WHOLE };
    let remembered = suite.sweep(workload, world, scope);
    let computed = suite.sweep(workload, world, Scope { computes: true, ..scope });
    if remembered.refused.is_some() || remembered.records.is_empty() {
        return Err(format!("nothing was swept: {:?}", remembered.refused).into());
    }
    match remembered == computed {
        true => Ok(()),
        false => Err("a sweep that computes every recovery has other records".into()),
    }
}

/// A replay has the verdict that the token says; two of the first token of each cause are equal.
fn tokens_replay(suite: &Suite, workload: usize) -> Result<(), Failed> {
    let sim = suite.world("sim").expect("every machine has it");
    let whole = suite.whole(workload);
    let mut causes = BTreeSet::new();
    for record in whole.records.iter().chain(&whole.other_states) {
        if record.token.is_empty() {
            continue;
        }
        let one = replays(suite, sim, record)?;
        if causes.insert(finding::cause(record)) && one != replays(suite, sim, record)? {
            return Err(format!("two replays differ: {}", record.token).into());
        }
    }
    Ok(())
}

/// The replay of a record, which must come to what that says.
fn replays(suite: &Suite, world: &World, record: &Record) -> Result<Outcome, Failed> {
    let token = Token::decode(&record.token).map_err(|why| why.to_string())?;
    let (source, text) = ("token".to_string(), token.script.clone());
    let file = CaseFile { name: token.case.clone(), source, text, ..CaseFile::own() };
    let one = suite.pool.run(job(&file, world)).expect("nothing interrupts a test");
    let came = sabot::runner::decisive(&one.rulings).map(|ruling| ruling.verdict);
    if came != Some(token.verdict) || record.verdict() != came {
        let (said, came) = (token.verdict, one.verdict);
        return Err(format!("said {said}, came to {came}: {}", record.token).into());
    }
    Ok(one)
}

/// Pairs stay within their budget, and what one came to its token comes to, power cuts among them.
fn pairs_hold(suite: &Suite, workload: usize) -> Result<(), Failed> {
    let sim = suite.world("sim").expect("every machine has it");
    let scope = Scope { images: Some(FEW_IMAGES), ..Scope::WHOLE };
    let sweeper = Sweeper { pool: &suite.pool, scope, pairs: true, progress: &|_| {} };
    let (sweep, swept) = sweeper.sweep(&suite.workloads[workload].1, sim);
    swept.expect("nothing interrupts a test");
    let runs = |pairs: bool| {
        let its = sweep.records.iter().filter(|record| record.site.is_pair() == pairs);
        its.filter(|record| record.fs().is_none_or(|fs| fs == FsModel::Ext4)).collect::<Vec<_>>()
    };
    let (single, pairs) = (runs(false), runs(true));
    if pairs.is_empty() || pairs.len() > pairs::MOST * single.len() || sweep.pairs_left_out == 0 {
        return Err(sweep_text::counts(&sweep).into());
    }
    if pairs.iter().any(|record| record.verdict().is_none()) {
        return Err("a second fault met no call, though the first led there".into());
    }
    let mut told: Vec<_> = pairs.into_iter().filter(|record| !record.token.is_empty()).collect();
    told.sort_by_key(|record| record.kind);
    told.dedup_by_key(|record| (record.kind, record.result));
    if !told.iter().any(|record| record.is_cut()) || told.len() < 3 {
        return Err(format!("only {} sorts of findings", told.len()).into());
    }
    told.into_iter().try_for_each(|record| replays(suite, sim, record).map(drop))
}

/// A sample of the runs comes to the same behind both doors.
fn doors_agree(suite: &Suite, workload: usize) -> Result<(), Failed> {
    let server = suite.world("server").expect("there is a trial only then");
    let scope = Scope { sample: Some(SAMPLE), images: Some(FEW_IMAGES), ..Scope::WHOLE };
    let sample = suite.sweep(workload, server, scope);
    if let Some(why) = &sample.refused {
        return Err(why.into());
    }
    let whole = suite.sweep(workload, suite.world("sim").expect("every machine has it"), scope);
    let mut different = Vec::new();
    for record in &sample.records {
        let same = whole.records.iter().find(|other| {
            (&other.site, &other.fault, other.ending)
                == (&record.site, &record.fault, record.ending)
        });
        let sim = same.map(|other| (other.result, other.sentence.as_str()));
        if sim != Some((record.result, record.sentence.as_str())) {
            let (site, fault) = (&record.site, &record.fault);
            different
                .push(format!("{site} {fault}: {sim:?}, {:?}", (record.result, &record.sentence)));
        }
    }
    if different.is_empty() { Ok(()) } else { Err(different.join("\n").into()) }
}
