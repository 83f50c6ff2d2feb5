//! Canaries: operating systems that lie on purpose. Each lie must be caught, and without it the
//! same story must end well; otherwise the harness sees nothing.
//!
//! The lies are rules of the plan (`retval`), so the system is blamed for what they cause, not the
//! server (`lost-by-lie`). The last canary lies without the plan knowing: what it does must look
//! like the server's fault, because nobody else is known.

mod support {
    pub mod delegate;
}

use std::rc::Rc;

use proptest::strategy::ValueTree;
use sabot::case::parse;
use sabot::contract::Verdict;
use sabot::kernel::Image;
use sabot::profile::Profile;
use sabot::runner::{Outcome, WorldOracle, run, run_for_summary};
use sabot::sweep::explore::{Explored, Setting, draw, explore};
use sabot::world::World;
use sabot::world::sim::{Sim, Stacks};
use support::delegate::Delegate;

fn outcome(source: &str) -> Outcome {
    on(source, |sim| Box::new(sim))
}

/// Runs a case on machines made from honest ones; so is what should be there found out.
fn everywhere_on(source: &str, machine: fn(Sim) -> Box<dyn World>) -> Outcome {
    let profile = Profile::named("sabot").expect("it is part of the program");
    let (shared, stacks) = (Rc::new(profile.clone()), Stacks::default());
    let make = move || machine(Sim::new(Rc::clone(&shared), stacks.clone()));
    let mut world = make();
    let mut oracle = WorldOracle::new(Box::new(move || Ok(make())));
    let script = parse("canary.case", source).unwrap_or_else(|bad| panic!("{bad}"));
    run(&script, &mut *world, &profile, &mut oracle)
}

/// Runs a case on a machine made from an honest one.
fn on(source: &str, machine: fn(Sim) -> Box<dyn World>) -> Outcome {
    let profile = Profile::named("sabot").expect("it is part of the program");
    let (shared, stacks) = (Rc::new(profile.clone()), Stacks::default());
    let mut world = machine(Sim::new(Rc::clone(&shared), stacks.clone()));
    let mut oracle = WorldOracle::new(Box::new(move || {
        Ok(Box::new(Sim::new(Rc::clone(&shared), stacks.clone())) as Box<dyn World>)
    }));
    let script = parse("canary.case", source).unwrap_or_else(|bad| panic!("{bad}"));
    run(&script, &mut *world, &profile, &mut oracle)
}

/// Runs a story with the lie (the lines that say `retval`) and without it.
fn caught(story: &str) {
    let lying = outcome(story);
    assert_eq!(lying.failures, Vec::new(), "{}", lying.transcript);
    let verdict = lying.verdict;
    assert_eq!(verdict, Verdict::LostByLie, "the lie was not caught:\n{}", lying.transcript);
    let honest: Vec<&str> = story.lines().filter(|line| !line.contains("retval=")).collect();
    let honest = outcome(&honest.join("\n"));
    let well = [Verdict::Kept, Verdict::Litter].contains(&honest.verdict);
    assert!(well && honest.failures.is_empty(), "without the lie:\n{}", honest.transcript);
}

#[test]
fn every_sync_is_dropped() {
    for (policy, wait) in [("always", "1ms"), ("everysec", "3s")] {
        caught(&format!(
            "config appendonly yes\nconfig appendfsync {policy}\ninject sync retval=0\n\
             > SET a 1\n> SET b 2\nadvance {wait}\npower-cut\nrestart\n"
        ));
    }
}

#[test]
fn a_rename_comes_before_the_data() {
    // The second child's sync commits the rename; what the first one wrote was never synced.
    caught(
        "config appendonly yes\nconfig appendfsync always\nconfig aof-use-rdb-preamble no\n\
         > SET a 1\n> SET b 2\n\
         inject sync on=rewrite-temp retval=0 when=1..2\n\
         inject sync on=aof in=parent retval=0\n\
         > BGREWRITEAOF\nawait child\n\
         inject rename on=rewrite-temp in=child2 power=before:none@xfs\n\
         > BGREWRITEAOF\nawait child\nrestart\n",
    );
}

#[test]
fn a_truncation_is_ignored() {
    caught(
        "config appendonly yes\nconfig appendfsync everysec\n> SET a 1\n\
         inject write on=aof short=5 when=1\ninject write on=aof error=ENOSPC when=2\n\
         inject ftruncate on=aof retval=0\n> SET b 2\nadvance 1s\nkill all\nrestart\n",
    );
}

#[test]
fn a_write_is_acknowledged_and_not_done() {
    caught(
        "config appendonly yes\nconfig appendfsync always\n> SET a 1\n\
         inject write on=aof retval=27 when=1\n> SET b 2\nkill all\nrestart\n",
    );
}

/// A machine whose disk forgets everything when the power is cut, synced or not.
fn forgetful(sim: Sim) -> Box<dyn World> {
    Box::new(Delegate::new(sim, |sim| sim.put_image(&Image::default())))
}

#[test]
fn a_lie_that_nobody_knows_of_looks_like_the_servers_fault() {
    let story = "config appendonly yes\nconfig appendfsync always\n> SET a 1\npower-cut\nrestart\n";
    assert_eq!(outcome(story).verdict, Verdict::Kept);
    let forgotten = on(story, forgetful);
    assert_eq!(forgotten.verdict, Verdict::Lost, "{}", forgotten.transcript);
}

#[test]
fn a_server_that_answers_anything_and_keeps_nothing_is_not_measured() {
    let story = "config appendonly yes\n> SET a 1\nkill all\nrestart\n";
    assert_eq!(everywhere_on(story, |sim| Box::new(sim)).verdict, Verdict::Kept);
    let anything = everywhere_on(story, |sim| Box::new(Delegate::keeping(sim, |_| false)));
    assert_eq!(anything.verdict, Verdict::NotMeasured, "{}", anything.transcript);
}

#[test]
fn a_server_that_always_says_the_same_is_not_measured() {
    let story = "config appendonly yes\n> SET a 1\nkill all\nrestart\n";
    fn reads(bytes: &[u8]) -> bool {
        !bytes.windows(5).any(|five| five == b"\nSET\r")
    }
    let forgets = everywhere_on(story, |sim| Box::new(Delegate::keeping(sim, reads)));
    assert_eq!(forgets.verdict, Verdict::NotMeasured, "{}", forgets.transcript);
}

/// The results of random stories on machines made from honest ones.
fn explored(runs: u64, machine: fn(Sim) -> Box<dyn World>) -> Vec<Explored> {
    let profile = Profile::named("sabot").expect("it is part of the program");
    let (shared, stacks) = (Rc::new(profile.clone()), Stacks::default());
    let (own, again) = ((Rc::clone(&shared), stacks.clone()), (shared, stacks));
    let mut oracle = WorldOracle::new(Box::new(move || {
        Ok(Box::new(Sim::new(Rc::clone(&again.0), again.1.clone())) as Box<dyn World>)
    }));
    let stories: Vec<_> = (0..runs).map(|n| draw(CANARY_SEED, n).current()).collect();
    let explored = explore(&Setting::default(), &stories, &mut |scripts, collect| {
        let briefs = scripts.iter().map(|text| {
            let script = parse("story", text).unwrap_or_else(|bad| panic!("{bad}"));
            let mut world = machine(Sim::new(Rc::clone(&own.0), own.1.clone()));
            run_for_summary(&script, &mut *world, &profile, &mut oracle, collect)
        });
        Some(briefs.collect())
    });
    explored.expect("nothing stops it")
}

/// An arbitrary seed; every other one finds the canary as well.
const CANARY_SEED: u64 = 7;

#[test]
fn exploring_finds_a_disk_that_forgets_within_a_hundred_runs() {
    let lost = |explored: &Explored| explored.verdict() == Some(Verdict::Lost);
    let (honest, lying) = (explored(100, |sim| Box::new(sim)), explored(100, forgetful));
    let caught = lying
        .iter()
        .zip(&honest)
        .any(|(lying, honest)| lying.script == honest.script && lost(lying) && !lost(honest));
    assert!(caught, "no story noticed that everything was forgotten");
}
