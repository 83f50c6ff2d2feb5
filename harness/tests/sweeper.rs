//! Sweeps driven in this process, without reports: where the second rule of a pair stands, and what
//! an interrupt leaves.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use sabot::case::parse;
use sabot::engine::host::Host;
use sabot::engine::pool::{Fleet, Settings};
use sabot::engine::session::Event;
use sabot::engine::wire::{Batch, Place};
use sabot::engine::worlds::Choice;
use sabot::report::sweep_text;
use sabot::runner::Collect;
use sabot::sweep::driver::{Interrupted, RunCount, Sweeper};
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
struct Desk {
    fleet: Fleet,
    workload: Workload,
}

impl Desk {
    fn new(text: &str) -> Desk {
        let exe = PathBuf::from(env!("CARGO_BIN_EXE_sabot"));
        let settings = Settings { exe, deadline: Duration::from_secs(20), jobs: 1 };
        let script = parse("workload", text).expect("a case");
        let fleet = Fleet::new(&settings).expect("threads");
        Desk { fleet, workload: Workload::of("workload", &script) }
    }

    fn sweep(
        &self,
        (events, sender): (&Receiver<Event>, &Sender<Event>),
        kinds: &[Kind],
        pairs: bool,
    ) -> (Sweep, Result<(), Interrupted>) {
        let sim =
            Choice::of(&["sim".to_string()]).unwrap_or_else(|stop| panic!("{}", stop.message));
        let scope = Scope { kinds, ..Scope::WHOLE };
        let (fleet, progress): (_, &dyn Fn(RunCount)) = (&self.fleet, &|_| {});
        let sweeper = Sweeper { fleet, events, sender, scope, pairs, progress };
        sweeper.sweep(&self.workload, &sim.worlds[0])
    }
}

/// The sites of a record of a pair.
fn both(record: &Record) -> Option<(String, String)> {
    let second = record.site.second.as_ref()?;
    Some((record.site.first.to_string(), second.to_string()))
}

#[test]
fn the_second_fault_of_a_pair_stands_before_the_start_that_it_is_for() {
    let desk = Desk::new(RESTARTED);
    let (sender, events) = channel();
    let kinds = [Kind::Error, Kind::Short];
    let (sweep, swept) = desk.sweep((&events, &sender), &kinds, true);
    assert_eq!(swept, Ok(()));
    let pairs: Vec<_> = sweep.records.iter().filter_map(|r| Some((both(r)?, r))).collect();
    let is_among = |first: &str, second: &str| {
        pairs.iter().any(|((a, b), _)| a.starts_with(first) && b.starts_with(second))
    };
    // Either start of the workload is refused and tried again, which is all new.
    assert!(is_among("parent.rdb.open#1", "2:parent.rdb.open#1"));
    assert!(is_among("2:parent.aof.open#1", "3:parent.aof.open#1"));
    // What the second start does has been tried, whatever number the first has left for it.
    assert!(!is_among("parent.rdb.open#1", "3:"));
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
    let desk = Desk::new(RESTARTED);
    let kinds = [Kind::Error, Kind::Short, Kind::Kill];
    let (sender, events) = channel();
    let (whole, swept) = desk.sweep((&events, &sender), &kinds, false);
    assert_eq!(swept, Ok(()));

    let (sender, from_fleet) = channel();
    let (to_sweeper, events) = channel();
    let between = std::thread::spawn(move || {
        let handed_over = from_fleet.iter().take(BATCHES).chain([Event::Interrupted]);
        handed_over.for_each(|event| to_sweeper.send(event).expect("the sweeper waits"));
    });
    let (part, swept) = desk.sweep((&events, &sender), &kinds, false);
    between.join().expect("it only hands over");
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
    let desk = Desk::new(RESTARTED);
    let scripts = vec![desk.workload.dry(); 5];
    let batch = Batch { place: Place::Sim, scripts, collect: Collect::Verdicts };
    let asked = Cell::new(0);
    let stopped = || asked.replace(asked.get() + 1) == 2;
    assert_eq!(Host::without_machine().briefs(&batch, &stopped).len(), 2);
}
