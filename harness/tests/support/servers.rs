//! Servers in `target/servers`, for tests that take longer with each of them.
//!
//! All of them together take minutes, so a test has one where `SABOT_REQUIRE` names it, as in CI.

#![allow(dead_code, reason = "each test uses its part")]

use sabot::engine::servers;
use sabot::engine::worlds::{REQUIRE, World, named};

use super::skip::skip;

/// Whether a world belongs to the tests.
pub fn is_tested(label: &str) -> bool {
    let required = std::env::var(REQUIRE).unwrap_or_default();
    let mut required = required.split(',').map(str::trim);
    servers::find(label).is_none() || required.any(|one| one == label)
}

/// The world called `label`, if the tests have it; else it is said why not.
pub fn tested(label: &str) -> Option<World> {
    match named(label) {
        Ok(world) if is_tested(label) => return Some(world),
        Ok(_) => skip(label, &format!("{label}: {REQUIRE} does not name it")),
        Err(why) => skip(label, &format!("{label}: {why}")),
    }
    None
}
