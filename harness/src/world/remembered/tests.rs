//! A machine that remembers beside one that does not: nobody can tell them apart.
//!
//! Must not know: what a run of a case does.

use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{Memory, Remembering, Starts};
use crate::kernel::{Cut, Victim};
use crate::profile::Profile;
use crate::world::sim::{Sim, Stacks};
use crate::world::{Broken, Directive, World};

/// What somebody does to a machine.
#[derive(Clone, Copy, Debug)]
enum Act {
    Start {
        appends: bool,
    },
    Send(&'static str, &'static str),
    Settle,
    Receive(&'static str),
    Advance(u64),
    Log,
    Kill,
    Heal,
    /// The disk is changed, so that no tape says what comes then.
    Damage,
    Space(u64),
    Hold(bool),
}

fn act() -> impl Strategy<Value = Act> {
    let client = || prop_oneof![Just("one"), Just("two")];
    let words =
        prop_oneof![3 => Just("INCR n\r\n"), 1 => Just("SET a b\r\n"), 1 => Just("SAVE\r\n")];
    prop_oneof![
        4 => Just(Act::Start { appends: true }),
        1 => Just(Act::Start { appends: false }),
        6 => (client(), words).prop_map(|(client, words)| Act::Send(client, words)),
        6 => Just(Act::Settle),
        4 => client().prop_map(Act::Receive),
        2 => (1..3_u64).prop_map(Act::Advance),
        1 => Just(Act::Log),
        3 => Just(Act::Kill),
        1 => Just(Act::Heal),
        1 => Just(Act::Damage),
        1 => (0..2_u64).prop_map(Act::Space),
        1 => any::<bool>().prop_map(Act::Hold),
    ]
}

/// Does it, and says everything that is to be seen then.
fn perform(world: &mut dyn World, act: Act) -> Result<String, Broken> {
    let answer = match act {
        // A second server is a mistake of the test.
        Act::Start { .. } if world.kernel().server().is_some() => String::new(),
        Act::Start { appends } => {
            let value = if appends { "yes" } else { "no" }.to_string();
            world.power_stays_on();
            format!("{:?}", world.start(&[Directive { name: "appendonly".into(), value }])?)
        }
        Act::Send(client, words) => world.send(client, words.as_bytes())?.to_string(),
        Act::Settle => format!("{:?}", world.settle()?),
        Act::Receive(client) => format!("{:?}", world.receive(client)),
        Act::Advance(seconds) => {
            let to = world.kernel().now() + std::time::Duration::from_secs(seconds);
            format!("{:?}", world.advance_to(to)?)
        }
        Act::Log => String::from_utf8_lossy(&world.log()).into_owned(),
        Act::Kill => format!("{:?}", world.kill(Victim::All)?),
        Act::Heal => format!("{:?}", world.kernel().heal()),
        Act::Damage if world.kernel().server().is_some() => String::new(),
        Act::Damage => format!("{:?}", world.set_file("dump.rdb", None)?),
        Act::Space(pages) => format!("{:?}", world.kernel().disk.set_space(Some(pages * 4096))),
        Act::Hold(true) => format!("{:?}", world.kernel().hold_task("bio_aof_fsync")),
        Act::Hold(false) => format!("{:?}", world.kernel().release_task("bio_aof_fsync")),
    };
    let (status, children, next) = (world.status(), world.children(), world.next_deadline());
    let waiting = world.waiting();
    let kernel = world.kernel();
    let files: Vec<_> = kernel.disk.files().collect();
    let (now, calls, trace) = (kernel.now(), kernel.calls(), &kernel.trace);
    Ok(format!(
        "{answer} {status:?} {children} {next:?} {waiting:?} {files:?} {now} {calls} {trace}"
    ))
}

struct Bench {
    profile: Rc<Profile>,
    stacks: Stacks,
    memory: Rc<RefCell<Memory>>,
}

impl Bench {
    fn new() -> Bench {
        let profile = Rc::new(Profile::named("sabot").expect("it is part of the program"));
        Bench { profile, stacks: Stacks::default(), memory: Rc::default() }
    }

    fn sim(&self) -> Sim {
        Sim::new(Rc::clone(&self.profile), self.stacks.clone())
    }

    fn remembering(&self) -> Remembering {
        Remembering::new(Box::new(self.sim()), Rc::clone(&self.memory))
    }

    /// The same to a machine with a memory and to one without.
    fn compare(&self, acts: &[Act]) -> Result<(), TestCaseError> {
        let (mut with, mut without) = (self.remembering(), self.sim());
        for act in acts {
            let (one, other) = (perform(&mut with, *act), perform(&mut without, *act));
            prop_assert_eq!(&one, &other, "{:?} of {:?}", act, acts);
            if one.is_err() {
                return Ok(());
            }
        }
        let (one, other) = (with.finish(), without.finish());
        prop_assert_eq!(one, other);
        Ok(())
    }
}

const START: Act = Act::Start { appends: true };

#[test]
fn nobody_can_tell_a_machine_that_remembers_from_one_that_does_not() {
    let starts = tried_out(&Bench::new());
    let (known, again) = (starts.known, starts.made_again);
    assert!(known > 400 && 0 < again && again < known, "the memory was of use: {starts:?}");
}

#[test]
fn nor_one_with_short_tapes() {
    let bench = || {
        let bench = Bench::new();
        bench.memory.borrow_mut().longest = 5;
        bench
    };
    assert!(tried_out(&bench()).known > 400);
    let bench = bench();
    let tape = [START, Act::Settle, Act::Settle, Act::Settle, Act::Settle, Act::Settle, Act::Kill];
    for _ in 0..2 {
        bench.compare(&tape).expect("both are alike");
    }
    let again = bench.memory.borrow().starts.made_again;
    assert_eq!(again, 1, "what came after five deeds is not on the tape");
}

/// Compares random deeds.
fn tried_out(bench: &Bench) -> Starts {
    let acts = prop::collection::vec(act(), 4..24);
    // Whatever is done, it is done after a beginning that most cases have in common.
    let mut runner = TestRunner::new(Config { cases: 400, ..Config::default() });
    let run = runner.run(&acts, |acts| {
        let before = [START, Act::Send("one", "INCR n\r\n"), Act::Settle, Act::Receive("one")];
        bench.compare(&[&before[..], &acts].concat())
    });
    run.unwrap_or_else(|why| panic!("{why}"));
    bench.memory.borrow().starts
}

#[test]
fn a_second_run_is_looked_up_as_a_whole() {
    let bench = Bench::new();
    let (send, receive) = (Act::Send("one", "INCR n\r\n"), Act::Receive("one"));
    let acts = [START, send, Act::Settle, receive, Act::Advance(2), Act::Kill, START, send];
    bench.compare(&acts).expect("both are alike");
    assert_eq!(bench.memory.borrow().starts.known, 0);
    bench.compare(&acts).expect("both are alike");
    let starts = bench.memory.borrow().starts;
    assert_eq!((starts.asked, starts.known, starts.made_again), (4, 2, 0));
}

#[test]
fn a_start_before_a_power_cut_is_never_remembered() {
    let bench = Bench::new();
    for _ in 0..2 {
        let mut world = bench.remembering();
        world.start(&[]).expect("it starts");
        world.cut_power(Cut::default()).expect("there is such a cut");
    }
    assert_eq!(bench.memory.borrow().starts.asked, 0);
    let mut world = bench.remembering();
    world.power_stays_on();
    world.start(&[]).expect("it starts");
    let cut = world.cut_power(Cut::default());
    assert!(matches!(cut, Err(Broken::Harness(_))), "{cut:?}");
}

#[test]
fn a_memory_has_no_more_than_its_room() {
    let memory = Rc::new(RefCell::new(Memory::with_room(1 << 20)));
    let bench = Bench { memory: Rc::clone(&memory), ..Bench::new() };
    for seconds in 1..60 {
        let acts = [Act::Advance(seconds), START, Act::Send("one", "SAVE\r\n"), Act::Settle];
        bench.compare(&acts).expect("both are alike");
    }
    let weight = memory.borrow().held();
    assert!(weight < 1 << 20, "{weight}");
    assert!(memory.borrow().starts.asked == 59);
}
