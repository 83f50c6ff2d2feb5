//! Which machines at rest count as one, and which do not.
//!
//! Must not know: who remembers what.

use std::time::Duration;

use nix::errno::Errno;
use proptest::prelude::*;

use super::Resting;
use crate::kernel::disk::page_cache::SyncErrors;
use crate::kernel::disk::{ROOT, SyncKind};
use crate::kernel::plan::Halt;
use crate::kernel::{
    CallName, Cut, Decision, Effect, Ending, Kernel, Program, Roles, Rule, Selector, Site, Survey,
    Time, Victim, Window,
};

/// A machine whose server has written two files and was killed.
fn machine(content: &[u8]) -> Kernel {
    let mut kernel = Kernel::new(Roles::default(), 3);
    for name in ["a", "b"] {
        let ino = kernel.disk.create(name, false).expect("it is not there yet");
        kernel.disk.write(ino, 0, content);
    }
    kernel.boot(2, Program::Server);
    kernel.ended(2, Ending::Signaled(9));
    kernel
}

fn resting(kernel: &Kernel) -> Resting {
    kernel.resting().expect("nobody lives and nothing is planned")
}

fn rule(site: &str) -> Rule {
    Rule {
        selector: Selector::Site(site.parse().expect(site)),
        window: Window::from_on(1).expect("calls are counted from 1"),
        effect: Effect::Error(Errno::EIO),
        maybe: false,
        origin: 1,
        name: None,
    }
}

fn decision(site: &str) -> Decision {
    let site: Site = site.parse().expect(site);
    Decision { site, task: "child".to_string(), maybe: false, origin: 1 }
}

/// Changes of what a start begins with: each by its name, so that a failure says which.
type Change = (&'static str, fn(&mut Kernel, &[u8]));

const CHANGES: &[Change] = &[
    ("content", |kernel, content| {
        let ino = kernel.disk.find("a").expect("it is there");
        kernel.disk.write(ino, content.len() as u64 - 1, &[content[content.len() - 1] ^ 1]);
    }),
    ("length", |kernel, content| {
        let ino = kernel.disk.find("b").expect("it is there");
        kernel.disk.resize(ino, content.len() as u64 - 1).expect("there is room");
    }),
    ("another file", |kernel, _| assert!(kernel.disk.create("c", false).is_ok())),
    ("a directory", |kernel, _| assert!(kernel.disk.create("d", true).is_ok())),
    ("a name", |kernel, _| kernel.disk.rename("a", "z").expect("it is there")),
    ("a file less", |kernel, _| kernel.disk.unlink("b").expect("it is there")),
    ("room", |kernel, _| kernel.disk.set_space(Some(8192))),
    ("failing syncs", |kernel, _| kernel.disk.sync_errors = SyncErrors::Dirty),
    ("an error of a file that nobody was told of", |kernel, _| {
        let ino = kernel.disk.find("a").expect("it is there");
        let mark = kernel.disk.mark(ino);
        kernel.disk.sync_failed(ino, mark, Errno::EIO);
    }),
    ("an error of the directory that nobody was told of", |kernel, _| {
        let mark = kernel.disk.mark(ROOT);
        kernel.disk.sync_failed(ROOT, mark, Errno::EIO);
    }),
    ("the time", |kernel, _| kernel.advance_to(Time(1))),
    ("the wall clock", |kernel, _| kernel.clock.set_back(Duration::from_secs(1))),
    ("a disk that can only be read", |kernel, _| kernel.disk.read_only = true),
    ("who starts servers ignores SIGCHLD", |kernel, _| kernel.set_ignores_sigchld(true)),
    ("an orphan that has taken a pid", |kernel, _| {
        kernel.boot(2, Program::Server);
        assert!(kernel.adopt(0));
        kernel.ended(2, Ending::Exited(0));
    }),
    ("looks at the disk", |kernel, _| kernel.look_at_the_disk()),
    ("the number of starts", |kernel, _| {
        kernel.boot(2, Program::Server);
        kernel.ended(2, Ending::Exited(0));
    }),
    ("who was written last", |kernel, _| kernel.last_written = vec!["a".to_string()].into()),
    ("the first descriptor", |kernel, _| kernel.first_fd = 512),
    ("a process that lives", |kernel, _| {
        kernel.boot(2, Program::Server);
    }),
    ("a rule for a start to come", |kernel, _| kernel.plan.inject(rule("2:parent.aof.read#1"))),
    ("a rule for calls", |kernel, _| {
        let selector = Selector::Calls { calls: vec![CallName::Write], role: None, task: None };
        kernel.plan.inject(Rule { selector, ..rule("parent.aof.read#1") });
    }),
    ("a decision for a start to come", |kernel, _| {
        kernel.schedule.decide(decision("2:parent.fork#1"));
    }),
    ("a survey of orders", |kernel, _| kernel.schedule.survey()),
    ("a task that is held", |kernel, _| kernel.hold_task("parent")),
    ("a kill that is due", |kernel, _| kernel.halt_caller_survives(Halt::Kill(Victim::Child))),
    ("a survey of power cuts", |kernel, _| {
        let weakest = crate::kernel::disk::power_cut::FsModel::Posix;
        kernel.survey = Some(Survey::new(weakest, 1));
    }),
];

proptest! {
    #[test]
    fn every_input_of_a_start_tells_two_machines_apart(
        content in prop::collection::vec(any::<u8>(), 2..300),
        at in 0..1_000_000_000_u64,
    ) {
        for (name, change) in CHANGES {
            let (mut one, mut other) = (machine(&content), machine(&content));
            prop_assert_eq!(one.resting(), other.resting());
            change(&mut other, &content);
            prop_assert!(other.resting() != one.resting(), "{}", name);
            if *name != "the time" {
                one.advance_to(Time(at));
                other.advance_to(Time(at));
                prop_assert!(other.resting() != Some(resting(&one)), "{}, later", name);
            }
        }
    }

    #[test]
    fn what_is_durable_tells_them_apart_only_at_a_power_cut(
        content in prop::collection::vec(any::<u8>(), 1..300),
    ) {
        let (one, mut other) = (machine(&content), machine(&content));
        let ino = other.disk.find("a").expect("it is there");
        let mark = other.disk.mark(ino);
        other.disk.synced(ino, mark, SyncKind::Fsync);
        prop_assert_eq!(resting(&one), resting(&other));
        let cut = |mut kernel: Kernel| kernel.cut_power(Cut::default()).expect("it is possible");
        prop_assert!(cut(one) != cut(other));
    }
}

#[test]
fn a_hole_is_not_a_page_of_zeros() {
    let (mut one, mut other) = (machine(b"x"), machine(b"x"));
    let ino = one.disk.find("a").expect("it is there");
    one.disk.write(ino, 1, &[0; 8191]);
    other.disk.resize(ino, 8192).expect("there is room");
    assert_eq!(one.disk.read_file("a"), other.disk.read_file("a"));
    assert_ne!(resting(&one), resting(&other));
}

#[test]
fn what_can_never_happen_again_does_not_count() {
    let (one, mut other) = (machine(b"x"), machine(b"x"));
    other.plan.inject(rule("parent.aof.write#1"));
    other.schedule.decide(decision("parent.fork#1"));
    other.heal();
    other.plan.inject(rule("1:parent.aof.write#7"));
    assert_eq!(resting(&one), resting(&other));
}

#[test]
fn a_machine_goes_on_from_a_snapshot_as_from_the_state_itself() {
    let mut kernel = machine(b"content");
    let machine = resting(&kernel);
    kernel.rest(&machine);
    let calls = kernel.calls();
    kernel.boot(2, Program::Server);
    let ino = kernel.disk.find("a").expect("it is there");
    kernel.disk.write(ino, 0, b"C");
    let snapshot = kernel.snapshot(calls);
    assert!(kernel.is_exactly(&snapshot) && snapshot.has_life());
    let mut other = Kernel::new(Roles::default(), 3);
    other.rest(&machine);
    other.go_on_from(&snapshot, 0);
    assert_eq!((other.disk.read_file("a"), other.incarnation()), (Some(&b"Content"[..]), 2));
    kernel.advance_to(Time(5));
    assert!(kernel.is_still(&snapshot) && !kernel.is_exactly(&snapshot));
    kernel.disk.write(ino, 0, b"c");
    assert!(!kernel.is_still(&snapshot));
    assert_eq!(other.disk.read_file("a"), Some(&b"Content"[..]), "it was copied");
}
