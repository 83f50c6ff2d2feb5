//! Which worlds a run has: those asked for, or the default ones that this machine can have.
//!
//! Leaving a default world out is said aloud and is no failure; a world that was asked for by name,
//! or that the environment variable `SABOT_REQUIRE` names (a comma list of sim, server, redis),
//! must be there. Tests look for `browser` in the same list. Must not know: what runs in a world.

use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::Stop;
use super::wire::Place;
use crate::profile::Profile;
use crate::world::supervised::doctor;

/// The variable that turns skips into failures.
pub const REQUIRE: &str = "SABOT_REQUIRE";

/// The worlds without a path.
const NAMES: [&str; 3] = ["sim", "server", "redis"];

/// No world, but the tests of the audit's page may require it.
const BROWSER: &str = "browser";

/// A world of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    /// What the user calls it, and the table's heading.
    pub label: String,
    pub place: Place,
    /// What its transcripts are shared with: see [`super::snapshot`].
    pub family: String,
}

/// A world that this machine cannot have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    pub label: String,
    pub reason: String,
    /// Whether it was asked for by name or is required.
    pub wanted: bool,
}

/// What is there and what is not, in the order in which worlds were asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    pub worlds: Vec<World>,
    pub absent: Vec<Absent>,
}

impl Choice {
    /// Decides for the words after `--world`; none means the default worlds.
    pub fn of(words: &[String]) -> Result<Choice, Stop> {
        let required = required(std::env::var(REQUIRE).ok().as_deref())?;
        let asked = !words.is_empty();
        let defaults = NAMES.map(String::from);
        let mut choice = Choice::default();
        let mut supervision = None;
        for word in if asked { words } else { &defaults } {
            let found = find(word, &mut supervision)?;
            match found {
                Ok(world) if choice.worlds.iter().any(|other| other.place == world.place) => {}
                Ok(world) => choice.worlds.push(world),
                Err(reason) => {
                    let wanted = asked || required.contains(word);
                    choice.absent.push(Absent { label: word.clone(), reason, wanted });
                }
            }
        }
        Ok(choice)
    }
}

/// The worlds named by the variable; an unknown name is an error, because it would require nothing.
fn required(variable: Option<&str>) -> Result<Vec<String>, Stop> {
    let words = variable.unwrap_or_default().split(',').map(str::trim);
    let words: Vec<String> = words.filter(|word| !word.is_empty()).map(String::from).collect();
    let known = |word: &String| word == BROWSER || NAMES.contains(&word.as_str());
    match words.iter().find(|word| !known(word)) {
        Some(word) => Err(Stop::usage(format!(
            "{REQUIRE} names the world {word}, but worlds are {}",
            NAMES.join(", ")
        ))),
        None => Ok(words),
    }
}

/// One world, or the reason why this machine cannot have it. `supervision` remembers what was found
/// out.
fn find(
    word: &str,
    supervision: &mut Option<Result<(), String>>,
) -> Result<Result<World, String>, Stop> {
    let world = |label: &str, place, family: &str| World {
        label: label.into(),
        place,
        family: family.into(),
    };
    let found = match word {
        "sim" => return Ok(Ok(world("sim", Place::Sim, "sabot"))),
        "server" => Ok(world("server", Place::Server, "sabot")),
        "redis" => match on_path("redis-server") {
            Some(path) => binary("redis", &path),
            None => Err("no redis-server on PATH".into()),
        },
        path if path.contains('/') => binary(path, Path::new(path)),
        other => {
            return Err(Stop::usage(format!(
                "no world {other}: worlds are {} and paths to a server (with a /)",
                NAMES.join(", ")
            )));
        }
    };
    let possible = supervision.get_or_insert_with(can_supervise).clone();
    Ok(found.and_then(|world| possible.map(|()| world)))
}

fn binary(label: &str, path: &Path) -> Result<World, String> {
    let profile = Profile::for_server(path).map_err(|why| why.to_string())?;
    Ok(World {
        label: label.into(),
        place: Place::Binary(path.to_path_buf()),
        family: profile.family(),
    })
}

/// Whether this machine can supervise at all; if not, what is missing.
fn can_supervise() -> Result<(), String> {
    let missing: Vec<String> = doctor::examine()
        .into_iter()
        .filter(|check| !check.ok)
        .map(|check| format!("{} ({})", check.name, check.detail))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("this machine lacks {}; see `sabot doctor`", missing.join(", ")))
    }
}

/// The first executable file of this name on PATH.
fn on_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file() && access(path, AccessFlags::X_OK).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_worlds_are_a_comma_list_of_known_names() {
        assert_eq!(required(None).expect("nothing"), Vec::<String>::new());
        assert_eq!(required(Some("sim, browser,")).expect("two"), ["sim", "browser"]);
        let stop = required(Some("sim,radis")).expect_err("a misspelling");
        assert!(stop.message.contains("radis"), "{}", stop.message);
    }

    #[test]
    fn a_word_that_is_neither_a_world_nor_a_path_is_bad_usage() {
        let stop = find("simulator", &mut Some(Ok(()))).expect_err("there is none");
        assert_eq!(stop.exit, super::super::exit::Exit::BadUsage);
        let missing = find("/nonexistent/redis-server", &mut Some(Ok(()))).expect("a path");
        assert!(missing.expect_err("no such file").contains("/nonexistent/redis-server"));
    }
}
