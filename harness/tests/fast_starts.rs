//! A start from a template, at the entry point or after the beginning, does and says the same as a
//! slow start, for every server of this machine.

mod support {
    pub mod skip;
}

use sabot::engine::worlds::Choice;
use sabot::world::supervised::starts::{FAST, compare_starts};
use support::skip::skip;

#[test]
fn fast_starts_are_like_slow_ones() {
    let choice = Choice::everywhere().unwrap_or_else(|why| panic!("{why}"));
    for absent in &choice.absent {
        skip(&absent.label, &format!("{} cannot be started: {}", absent.label, absent.reason));
    }
    for world in &choice.worlds {
        let Some((profile, binary)) = world.supervised() else { continue };
        let how = compare_starts(&profile, &binary);
        println!("{}: {how:?}", world.label);
        assert!(how == Ok(FAST.to_string()), "{}: {how:?}", world.label);
    }
}
