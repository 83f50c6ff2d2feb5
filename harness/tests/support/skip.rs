//! Skipping with a notice.

use std::io::Write;

use sabot::engine::worlds::REQUIRE;

/// Says that a test, or a part of one, is skipped, and why. Fails where `SABOT_REQUIRE` names what
/// it needs.
pub fn skip(needed: &str, why: &str) {
    let required = std::env::var(REQUIRE).unwrap_or_default();
    let required = required.split(',').any(|word| word.trim() == needed);
    assert!(!required, "{REQUIRE} names {needed}, but {why}");
    // Not eprintln!, which libtest shows of failed tests only.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}
