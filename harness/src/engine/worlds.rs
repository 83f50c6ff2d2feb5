//! Which worlds a run has: those asked for, or the default ones that this machine can have.
//!
//! Leaving a default world out is said aloud and is no failure; a world that was asked for by name,
//! or that the environment variable `SABOT_REQUIRE` names (a comma list), must be there.
//! Tests look for `browser` in the same list. Must not know: what runs in a world.

use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::servers;
use super::wire::Place;
use crate::error::Stop;
use crate::profile::{NoServer, Profile};
use crate::world::supervised::doctor;

/// The variable that turns skips into failures.
pub const REQUIRE: &str = "SABOT_REQUIRE";

/// The worlds that are there without anybody naming them.
const DEFAULTS: [&str; 3] = ["sim", "server", "redis"];

/// No world, but the tests of the audit's page may require it.
const BROWSER: &str = "browser";

/// A world of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    /// What the user calls it, and the table's heading.
    pub label: String,
    pub place: Place,
    /// Whose transcripts it shares, see [`crate::profile::Profile::family`].
    pub family: String,
}

impl World {
    /// The program that runs under supervision, with its profile; None: in this world none does.
    pub fn supervised(&self) -> Option<(Profile, PathBuf)> {
        match &self.place {
            Place::Sim => None,
            Place::Server => Profile::named("sabot").zip(std::env::current_exe().ok()),
            Place::Binary(path) => Profile::of(path).ok(),
        }
    }
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
    /// Decides for the words after `--world`; none means the default worlds and the required ones.
    pub fn of(words: &[String]) -> Result<Choice, Stop> {
        Choice::among(words, &[])
    }

    /// The default worlds, the required ones, and every server that has a name here.
    pub fn everywhere() -> Result<Choice, Stop> {
        let named: Vec<String> = servers::list().into_iter().map(|(name, _)| name).collect();
        Choice::among(&[], &named)
    }

    fn among(words: &[String], besides: &[String]) -> Result<Choice, Stop> {
        let required = required(std::env::var(REQUIRE).ok().as_deref());
        let asked = !words.is_empty();
        let mut all = words.to_vec();
        if !asked {
            all.extend(DEFAULTS.map(String::from));
            all.extend(required.iter().chain(besides).cloned());
        }
        let mut choice = Choice::default();
        let mut supervision = None;
        for (n, word) in all.iter().enumerate() {
            if all[..n].contains(word) {
                continue;
            }
            let found =
                find(word, &mut supervision).map_err(|stop| match required.contains(word) {
                    true => Stop { message: format!("{REQUIRE}: {}", stop.message), ..stop },
                    false => stop,
                })?;
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

/// The worlds named by the variable.
fn required(variable: Option<&str>) -> Vec<String> {
    let words = variable.unwrap_or_default().split(',').map(str::trim);
    words.filter(|word| !word.is_empty() && *word != BROWSER).map(String::from).collect()
}

/// One world, or the reason why this machine cannot have it.
///
/// # Errors
/// When no world has this name.
pub fn named(word: &str) -> Result<Result<World, String>, Stop> {
    find(word, &mut None)
}

/// The same; `supervision` remembers what was found out.
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
            Some(path) => binary("redis", &path)?,
            None => Err("no redis-server on PATH".into()),
        },
        path if path.contains('/') || path.ends_with(".toml") => binary(path, Path::new(path))?,
        name => match servers::find(name).or_else(|| server_on_path(name)) {
            Some(path) => binary(name, &path)?,
            None => return nobody(name),
        },
    };
    let possible = supervision.get_or_insert_with(can_supervise).clone();
    Ok(found.and_then(|world| possible.map(|()| world)))
}

/// A world by a program or a profile; a profile that makes no sense is bad usage.
fn binary(label: &str, path: &Path) -> Result<Result<World, String>, Stop> {
    match Profile::of(path) {
        Ok((profile, _)) => Ok(Ok(World {
            label: label.into(),
            place: Place::Binary(path.to_path_buf()),
            family: profile.family(),
        })),
        Err(why @ NoServer::BadProfile { .. }) => Err(Stop::usage(why.to_string())),
        Err(why) => Ok(Err(why.to_string())),
    }
}

/// A name that nobody has. With a version in it, it is that of a server which is not here yet;
/// else it is a slip.
fn nobody(name: &str) -> Result<Result<World, String>, Stop> {
    let named: Vec<String> = servers::list().into_iter().map(|(name, _)| name).collect();
    if name.contains('-') && name.ends_with(|c: char| c.is_ascii_digit()) {
        let folder = servers::folder().map(|folder| folder.display().to_string());
        let folder = folder.unwrap_or_else(|| "target/servers".to_string());
        return Ok(Err(format!("no server of this name in {folder}; `ci/servers` brings some")));
    }
    if name.ends_with("-server") {
        return Ok(Err(format!("no {name} on PATH")));
    }
    let known = DEFAULTS.map(String::from).into_iter().chain(named).collect::<Vec<_>>().join(", ");
    let kinds = "paths to a server (with a /) or to a profile (.toml)";
    Err(Stop::usage(format!("no world {name}: worlds are {known}, and {kinds}")))
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

/// A program on PATH that calls itself a server: any other is more likely a slip.
fn server_on_path(name: &str) -> Option<PathBuf> {
    if name.ends_with("-server") { on_path(name) } else { None }
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
    fn required_worlds_are_a_comma_list() {
        assert_eq!(required(None), Vec::<String>::new());
        assert_eq!(required(Some("sim, browser, redis-6.0.16,")), ["sim", "redis-6.0.16"]);
    }

    #[test]
    fn a_server_that_is_not_here_is_missing_and_a_slip_is_bad_usage() {
        let missing = nobody("redis-5.0.14").expect("a name").expect_err("it is not here");
        assert!(missing.contains("ci/servers"), "{missing}");
        assert!(nobody("radis").expect_err("a slip").message.contains("radis"));
    }

    #[test]
    fn a_word_that_is_neither_a_world_nor_a_path_is_bad_usage() {
        let stop = find("simulator", &mut Some(Ok(()))).expect_err("there is none");
        assert_eq!(stop.exit, crate::exit::Exit::BadUsage);
        let missing = find("/nonexistent/redis-server", &mut Some(Ok(()))).expect("a path");
        assert!(missing.expect_err("no such file").contains("/nonexistent/redis-server"));
    }
}
