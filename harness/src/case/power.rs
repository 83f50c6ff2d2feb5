//! Power cuts in the language: the whole grammar, so that mistakes in it are told apart from the
//! answer that this version gives to every correct one.
//!
//! Must not know: what survives a power cut.

use super::error::one_of;
use super::values::number;

/// Why a correct power cut is refused.
pub const LATER: &str = "power cuts come with the sweep: not available in this version";

const MODES: [&str; 5] = ["none", "all", "prefix", "torn", "seed"];
const PROFILES: [&str; 3] = ["ext4", "xfs", "posix"];

/// `none`, `all`, `prefix:N`, `torn:N`, `seed:N`, each with `@PROFILE` where the default is not
/// meant.
pub fn mode(text: &str) -> Result<(), String> {
    let (mode, profile) = match text.split_once('@') {
        Some((mode, profile)) => (mode, Some(profile)),
        None => (text, None),
    };
    if let Some(profile) = profile.filter(|profile| !PROFILES.contains(profile)) {
        return Err(format!("`{profile}` is no disk profile; {}", one_of(profile, PROFILES)));
    }
    match mode.split_once(':') {
        None if matches!(mode, "none" | "all") => Ok(()),
        Some(("prefix" | "torn" | "seed", n)) if number(n).is_some() => Ok(()),
        None if MODES.contains(&mode) => Err(format!("expected {mode}:N")),
        Some(("prefix" | "torn" | "seed", _)) => Err("expected a number after the colon".into()),
        _ => Err("expected none, all, prefix:N, torn:N or seed:N, and @PROFILE if need be".into()),
    }
}

/// `before:MODE` or `after:MODE`, as in `power=`.
pub fn when_and_mode(text: &str) -> Result<(), String> {
    match text.split_once(':') {
        Some(("before" | "after", rest)) => mode(rest),
        _ => Err("expected power=before:MODE or power=after:MODE".to_string()),
    }
}
