//! `sabot doctor`: what this machine can do and, for what it cannot, what to change.
//!
//! Must not know: how a check is made.

use super::exit::Exit;
use super::worlds::Choice;
use super::{Stop, screen};
use crate::world::supervised::doctor;

/// Prints every check and every world; not measured when supervision is impossible here.
pub fn main() -> Result<Exit, Stop> {
    let checks = doctor::examine();
    let width = checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    for check in &checks {
        let mark = if check.ok { "ok     " } else { "missing" };
        screen::line(format!("{mark}  {:width$}  {}", check.name, check.detail).trim_end());
        if !check.ok {
            screen::line(&format!("         {:width$}  → {}", "", check.remedy));
        }
    }
    screen::line("");
    let choice = Choice::of(&[])?;
    for world in &choice.worlds {
        screen::line(&format!("ok       world {} (transcripts: {})", world.label, world.family));
    }
    for absent in &choice.absent {
        screen::line(&format!("missing  world {}: {}", absent.label, absent.reason));
    }
    let all = checks.iter().all(|check| check.ok);
    Ok(if all { Exit::Expected } else { Exit::NotMeasured })
}
