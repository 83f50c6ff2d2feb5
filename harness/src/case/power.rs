//! What happens beside a call, in the language: `power=before:MODE`, `kill=after:WHO`,
//! `sync=after:ROLE`, and the modes of power cuts.
//!
//! Must not know: what survives a power cut.

use super::error::one_of;
use crate::kernel::disk::power_cut::{Cut, FsModel, NotACut};
use crate::kernel::plan::{Effect, Halt, Victim, When};

const VICTIMS: [Victim; 3] = [Victim::Parent, Victim::Child, Victim::All];

/// `none`, `all`, `prefix:N`, `torn:N`, `seed:N`, each with `@PROFILE` where the default is not
/// meant.
pub fn mode(text: &str) -> Result<Cut, String> {
    text.parse().map_err(|not| match not {
        NotACut::FsModel(name) => {
            let known = FsModel::ALL.iter().map(|profile| profile.as_str());
            format!("`{name}` is not a file system model; {}", one_of(&name, known))
        }
        not => not.to_string(),
    })
}

fn side(text: &str) -> Option<(When, &str)> {
    match text.split_once(':') {
        Some(("before", rest)) => Some((When::Before, rest)),
        Some(("after", rest)) => Some((When::After, rest)),
        _ => None,
    }
}

/// What stands behind `power=`.
pub fn power(text: &str) -> Result<Effect, String> {
    let Some((when, rest)) = side(text) else {
        return Err("expected power=before:MODE or power=after:MODE".to_string());
    };
    Ok(Effect::Halt(when, Halt::Power(mode(rest)?)))
}

/// What stands behind `kill=`.
pub fn kill(text: &str) -> Result<Effect, String> {
    let usage = "expected kill=before:WHO or kill=after:WHO, WHO being parent, child or all";
    let Some((when, who)) = side(text) else { return Err(usage.to_string()) };
    match VICTIMS.into_iter().find(|victim| victim.as_str() == who) {
        Some(victim) => Ok(Effect::Halt(when, Halt::Kill(victim))),
        None => Err(usage.to_string()),
    }
}

/// What stands behind `sync=`.
pub fn sync(text: &str) -> Result<Effect, String> {
    match side(text).filter(|(_, role)| !role.is_empty()) {
        Some((when, role)) => Ok(Effect::Sync(when, role.to_string())),
        None => {
            Err("expected sync=before:ROLE or sync=after:ROLE, ROLE being dir, say".to_string())
        }
    }
}

/// As it is read back.
pub fn show(when: When, halt: Halt) -> String {
    let side = when.as_str();
    match halt {
        Halt::Power(cut) => format!("power={side}:{cut}"),
        Halt::Kill(victim) => format!("kill={side}:{}", victim.as_str()),
    }
}
