//! `sabot doctor`: what this machine can do and, for what it cannot, what to change.
//!
//! Must not know: how a check is made.

use super::error::CommandError;
use super::screen;
use crate::engine::servers;
use crate::engine::worlds::{Choice, World};
use crate::exit::Exit;
use crate::world::supervised::{doctor, starts};

/// Prints every check and every world; not measured when supervision is impossible here.
pub fn main() -> Result<Exit, CommandError> {
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
    let choice = Choice::everywhere()?;
    for world in &choice.worlds {
        screen::line(&format!("ok       world {}{}", about(world), starts(world)));
    }
    for absent in &choice.absent {
        screen::line(&format!("missing  world {}: {}", absent.label, absent.reason));
    }
    screen::line("");
    screen::line(&match servers::folder() {
        Some(folder) => format!("servers with a name lie in {}", folder.display()),
        None => "no target/servers here: run `ci/servers` to install servers".to_string(),
    });
    let all = checks.iter().all(|check| check.ok);
    Ok(if all { Exit::Expected } else { Exit::NotMeasured })
}

/// How its server starts under supervision; nothing where there is none.
fn starts(world: &World) -> String {
    let Some((profile, binary)) = world.supervised() else { return String::new() };
    let (Ok(how) | Err(how)) = starts::compare_starts(&profile, &binary);
    format!("; {how}")
}

/// A world with its server's version and profile, and the family that its transcripts belong to.
fn about(world: &World) -> String {
    let (label, family) = (&world.label, &world.family);
    let Some(profile) = world.profile() else { return label.clone() };
    let server = profile.server.as_ref();
    let version = server.map(|server| format!("{} {}, ", server.name, server.version));
    let version = version.unwrap_or_default();
    format!("{label} ({version}profile {}, transcripts {family})", profile.name)
}
