//! A start from a template does and says what a slow start does: for every server of this machine.

use sabot::engine::worlds::Choice;
use sabot::world::supervised::doctor::{FAST, compare_starts, examine};

#[test]
fn fast_starts_are_like_slow_ones() {
    let supervised = examine().iter().all(|check| check.ok);
    let choice = Choice::everywhere().unwrap_or_else(|why| panic!("{why}"));
    assert!(choice.absent.iter().all(|absent| !absent.wanted), "{:?}", choice.absent);
    for world in &choice.worlds {
        let Some((profile, binary)) = world.supervised() else { continue };
        let how = compare_starts(&profile, &binary);
        println!("{}: {how:?}", world.label);
        assert!(!supervised || how == Ok(FAST.to_string()), "{}: {how:?}", world.label);
    }
}
