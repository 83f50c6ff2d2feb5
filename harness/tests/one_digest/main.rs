//! Any sequence of commands gives one digest: of the living server, and of one that was killed and
//! came back from its AOF, from a rewritten one, from a preamble, or from a snapshot.
//!
//! A failing sequence is shrunk and printed as a client would have typed it.

mod commands;
mod machine;

use commands::{Step, far_steps, near_steps};
use machine::Machine;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

/// Longer than any expiry of [`near_steps`], and long enough for whatever has expired to be
/// removed, in milliseconds.
const ALL_GONE: u64 = 8000;

/// Carries out `steps`, then goes through every form that the dataset has on disk.
fn one_digest(steps: &[Step]) -> Result<(), TestCaseError> {
    let mut machine = Machine::start("yes");
    for step in steps {
        step.take(&mut machine)?;
    }
    machine.advance(ALL_GONE);
    let digest = machine.digest();
    let compare = |machine: &mut Machine, form: &str| {
        machine.advance(ALL_GONE);
        let found = machine.digest();
        prop_assert!(found == digest, "{form}: {found} instead of {digest}\n{}", machine.log());
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

/// Few, because each goes through five starts; `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let default = ProptestConfig::default();
    if asked { default } else { ProptestConfig { cases: 100, ..default } }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn nothing_is_lost_or_changed(steps in far_steps()) {
        one_digest(&steps)?;
    }

    #[test]
    fn what_expired_stays_gone(steps in near_steps()) {
        one_digest(&steps)?;
    }
}
