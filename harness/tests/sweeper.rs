//! Sweeps driven in this process, without reports: where the second rule of a pair stands, and what
//! an interrupt leaves.

use std::cell::Cell;
use std::path::PathBuf;
use std::time::Duration;

use sabot::case::parse;
use sabot::engine::host::Host;
use sabot::engine::pool::{Interrupted, Pool, Settings};
use sabot::engine::wire::{Batch, Place};
use sabot::engine::worlds;
use sabot::report::sweep_text;
use sabot::runner::Collect;
use sabot::sweep::driver::{RunCount, Sweeper};
use sabot::sweep::enumerate::Scope;
use sabot::sweep::{Kind, Record, Sweep, Workload};

/// A workload whose second start does what its first does not.
const RESTARTED: &str = "config appendonly no
> INCR n
> SAVE
kill all
\
                         restart appendonly yes
> INCR n
";

/// A sweep of a workload in `sim` by one manager.
struct SmallSweep {
    pool: Pool,
    workload: Workload,
}

impl SmallSweep {
    fn new(text: &str) -> SmallSweep {
        let exe = PathBuf::from(env!("CARGO_BIN_EXE_sabot"));
        let settings = Settings { exe, deadline: Duration::from_secs(20), jobs: 1, times: None };
        let script = parse("workload", text).expect("a case");
        let pool = Pool::new(&settings).expect("threads");
        SmallSweep { pool, workload: Workload::of("workload", &script) }
    }

    fn sweep(
        &self,
        kinds: &[Kind],
        pairs: bool,
        progress: &dyn Fn(RunCount),
    ) -> (Sweep, Result<(), Interrupted>) {
        let sim = worlds::named("sim").expect("it is always there");
        let scope = Scope { kinds, ..Scope::WHOLE };
        let sweeper = Sweeper { pool: &self.pool, scope, pairs, progress };
        sweeper.sweep(&self.workload, &sim)
    }
}

/// The sites of a record of a pair.
fn both(record: &Record) -> Option<(String, String)> {
    let second = record.site.second.as_ref()?;
    Some((record.site.first.to_string(), second.to_string()))
}

#[test]
fn the_second_fault_of_a_pair_stands_before_the_start_that_it_is_for() {
    let small = SmallSweep::new(RESTARTED);
    let kinds = [Kind::Error, Kind::Short];
    let (sweep, swept) = small.sweep(&kinds, true, &|_| {});
    assert_eq!(swept, Ok(()));
    let pairs: Vec<_> = sweep.records.iter().filter_map(|r| Some((both(r)?, r))).collect();
    let is_among = |first: &str, second: &str| {
        pairs.iter().any(|((a, b), _)| a.starts_with(first) && b.starts_with(second))
    };
    // Either start of the workload is refused and tried again, which is all new.
    assert!(is_among("parent.rdb.open#1", "2:parent.rdb.open#1"));
    assert!(is_among("2:parent.aof.open#1", "3:parent.aof.open#1"));
    // What the second start does has been tried, whatever number the first has left for it; unless
    // the first fault has lasted, so that it finds other files.
    let lasts =
        |record: &Record| record.fault.first.of_the_call().is_some_and(|fault| fault.lasts());
    let mut tried_again = pairs.iter().filter(|((a, b), record)| {
        a == "parent.rdb.open#1" && b.starts_with("3:") && !lasts(record)
    });
    assert_eq!(tried_again.next().map(|(both, _)| both), None);
    let silent: Vec<_> = pairs
        .iter()
        .filter(|(_, record)| record.verdict().is_none())
        .map(|(_, record)| format!("{}: {}", record.site, record.fault))
        .collect();
    assert!(silent.is_empty(), "{} never fired: {:?}", silent.len(), &silent[..3]);
}

#[test]
fn an_interrupted_sweep_keeps_the_runs_that_were_made() {
    /// Batches that are handed over before the interrupt: that of the dry runs is the first.
    const BATCHES: usize = 3;
    let kinds = [Kind::Error, Kind::Short, Kind::Kill];
    let (whole, swept) = SmallSweep::new(RESTARTED).sweep(&kinds, false, &|_| {});
    assert_eq!(swept, Ok(()));

    let small = SmallSweep::new(RESTARTED);
    let stop = Cell::new(Some(small.pool.stopper()));
    let handed_over = Cell::new(0);
    let count = |step| {
        if let RunCount::Done(_) = step {
            handed_over.set(handed_over.get() + 1);
        }
        if handed_over.get() == BATCHES {
            stop.take().into_iter().for_each(|stop| stop());
        }
    };
    let (part, swept) = small.sweep(&kinds, false, &count);
    assert_eq!((swept, part.interrupted, part.is_partial()), (Err(Interrupted), true, true));
    let made = part.records.len();
    assert!(0 < made && made < part.planned, "{made} of {}", part.planned);
    assert_eq!(part.planned, whole.planned);
    let bare = |record: &Record| Record { token: String::new(), ..record.clone() };
    assert!(part.records.iter().map(bare).eq(whole.records[..made].iter().map(bare)));
    let undone = part.planned - made;
    let said = format!("partial: {undone} of {} runs were not made", part.planned);
    assert!(sweep_text::matrix(&part).contains(&said), "{}", sweep_text::matrix(&part));
    assert!(
        sweep_text::matrix(&part).contains("parent.rdb.open#1"),
        "{}",
        sweep_text::matrix(&part)
    );
}

#[test]
fn a_batch_ends_between_two_scripts() {
    let small = SmallSweep::new(RESTARTED);
    let scripts = vec![small.workload.dry(); 5];
    let (place, collect) = (Place::Sim(Default::default()), Collect::Verdicts);
    let batch = Batch { place, scripts, collect, computes: false };
    let asked = Cell::new(0);
    let stopped = || asked.replace(asked.get() + 1) == 2;
    assert_eq!(Host::without_machine().summaries(&batch, &stopped).len(), 2);
}
