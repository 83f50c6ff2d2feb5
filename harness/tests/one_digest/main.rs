//! After any sequence of commands the content is the same before and after a restart, whether the
//! server loads its AOF, a rewritten AOF, one with a preamble, or a snapshot.
//!
//! A failing sequence is shrunk, and printed as a client would type it.

mod commands;
mod machine;

use commands::{Step, far_steps, near_steps};
use machine::{Generation, Machine};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

/// Milliseconds after which every key of [`near_steps`] that expires has expired and been removed.
const ALL_GONE: u64 = 8000;

/// Carries out `steps`, then restarts from every form that the dataset can have on disk.
fn one_digest(generation: Generation, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut machine = Machine::start(generation, "yes");
    for step in steps {
        step.take(&mut machine)?;
    }
    machine.advance(ALL_GONE);
    let content = machine.content();
    let compare = |machine: &mut Machine, form: &str| {
        machine.advance(ALL_GONE);
        let found = machine.content();
        prop_assert!(found == content, "{form}: {found} instead of {content}\n{}", machine.log());
        Ok(())
    };

    machine.restart("yes");
    compare(&mut machine, "the AOF as it was fed")?;
    for (preamble, form) in [("no", "an AOF of commands"), ("yes", "an AOF with a preamble")] {
        machine.ask_ok(&["CONFIG", "SET", "aof-use-rdb-preamble", preamble]);
        machine.rewrite();
        machine.restart("yes");
        compare(&mut machine, form)?;
    }
    machine.ask_ok(&["DEBUG", "RELOAD"]);
    compare(&mut machine, "DEBUG RELOAD")?;
    machine.ask_ok(&["SAVE"]);
    machine.restart("no");
    compare(&mut machine, "the snapshot")
}

/// Few cases, because each starts a server five times; `PROPTEST_CASES` overrides that.
fn config() -> ProptestConfig {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let default = ProptestConfig::default();
    if asked { default } else { ProptestConfig { cases: 100, ..default } }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nothing_is_lost_or_changed_in_6_0(steps in far_steps(Generation::Redis60)) {
        one_digest(Generation::Redis60, &steps)?;
    }

    #[test]
    fn nothing_is_lost_or_changed_in_7_0(steps in far_steps(Generation::Redis70)) {
        one_digest(Generation::Redis70, &steps)?;
    }

    #[test]
    fn what_expired_stays_gone_in_6_0(steps in near_steps(Generation::Redis60)) {
        one_digest(Generation::Redis60, &steps)?;
    }

    #[test]
    fn what_expired_stays_gone_in_7_0(steps in near_steps(Generation::Redis70)) {
        one_digest(Generation::Redis70, &steps)?;
    }
}
