//! The kernel model compared with the kernel that runs this test: random sequences of calls on
//! files, descriptors and pipes, by several processes, and the result of each.
//!
//! Sequence `n` is drawn from `n` alone. One that shows a difference is made smaller and printed.
//! `PROPTEST_CASES=10000` runs as many; `SABOT_LIVE=4711` begins with that one. Where the temporary
//! directory is neither ext4 nor tmpfs, holes are not compared, because every file system has its
//! own idea of them; that is said.

mod calls;
mod linux;
mod model;
mod run;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use calls::{Step, steps};
use run::Comparison;

/// In `cargo test`.
const SEQUENCES: u64 = 300;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// Draws sequence `n`.
fn draw(n: u64) -> impl ValueTree<Value = Vec<Step>> {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&n.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    steps().new_tree(&mut runner).expect("nothing is filtered")
}

/// The difference of the smallest sequence that has one.
fn smallest(
    tree: &mut impl ValueTree<Value = Vec<Step>>,
    first: String,
    compare: &mut Comparison,
) -> String {
    let mut found = first;
    for _ in 0..2000 {
        if !tree.simplify() {
            break;
        }
        while let Ok(()) = compare.run(&tree.current()).map_err(|difference| found = difference) {
            if !tree.complicate() {
                return found;
            }
        }
    }
    found
}

#[test]
fn a_sequence_of_calls_does_what_linux_does() {
    let mut compare = Comparison::new();
    let first = number("SABOT_LIVE").unwrap_or(0);
    let count = number("PROPTEST_CASES").unwrap_or(SEQUENCES);
    for n in first..first + count {
        let mut tree = draw(n);
        if let Err(difference) = compare.run(&tree.current()) {
            panic!("sequence {n}:\n{}", smallest(&mut tree, difference, &mut compare));
        }
    }
    eprintln!("{}", compare.summary());
    compare.assert_reached();
}
