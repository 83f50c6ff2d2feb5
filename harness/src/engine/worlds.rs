//! Which worlds a run has: those asked for, or the default ones that this machine can have.
//!
//! A default world that is left out is announced and is no failure; a world that was asked for by
//! name, or that the environment variable `SABOT_REQUIRE` names (a comma list), must be there.
//! Tests look for `browser` in the same list. Must not know: what runs in a world.

use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::wire::Place;
use super::{open_files, servers};
use crate::profile::{NoServer, OwnServer, Profile};
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
    /// Which servers share its transcripts, for example `redis-7.0`.
    pub family: String,
}

/// Why a word is not a world here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoWorld {
    #[error("no world {name}{}: worlds are {known}, and {KINDS}", slip(near), KINDS = KINDS)]
    NoSuchWorld { name: String, known: String, near: Option<String> },
    #[error("no world {0}: it is a folder, and a server is a program{it}", it = inside(.0))]
    Folder(PathBuf),
    #[error("{0}")]
    BadProfile(NoServer),
    /// A word of [`REQUIRE`] is none.
    #[error("{REQUIRE}: {0}", REQUIRE = REQUIRE)]
    Required(Box<NoWorld>),
    /// The world is known, but this machine cannot have it.
    #[error("missing: world {name}: {reason}")]
    Missing { name: String, reason: String },
}

/// How alike two names are of which one is a slip for the other, from 0 to 1.
const ALIKE: f64 = 0.8;

/// What else may be named as a world.
const KINDS: &str = "paths to a server (with a /) or to a profile (.toml)";

impl World {
    /// The program that runs under supervision, with its profile; None: in this world none does.
    pub fn supervised(&self) -> Option<(Profile, PathBuf)> {
        match &self.place {
            Place::Sim(_) => None,
            Place::Server(own) => Some(own.profile()).zip(std::env::current_exe().ok()),
            Place::Binary(path) => Profile::of(path).ok(),
        }
    }

    /// What sabot knows of its server; None: its program gives no answer any more.
    pub fn profile(&self) -> Option<Profile> {
        match &self.place {
            Place::Sim(own) | Place::Server(own) => Some(own.profile()),
            Place::Binary(path) => Profile::of(path).ok().map(|(profile, _)| profile),
        }
    }

    /// What our own server is like, where that is not the usual one.
    fn as_redis(&self) -> String {
        match (&self.place, self.profile().and_then(|profile| profile.follows)) {
            (Place::Sim(own) | Place::Server(own), Some(version))
                if *own != OwnServer::default() =>
            {
                format!(" as Redis {version}")
            }
            _ => String::new(),
        }
    }

    /// Name and version of its server, for people.
    pub fn server_name(&self) -> String {
        let own = concat!("sabot's own server ", env!("CARGO_PKG_VERSION"));
        match &self.place {
            Place::Sim(_) => format!("{own}{} (simulated)", self.as_redis()),
            Place::Server(_) => format!("{own}{}", self.as_redis()),
            Place::Binary(_) => {
                let Some(profile) = self.profile() else { return self.family.clone() };
                let Some(server) = profile.server else { return self.family.clone() };
                let taken = profile.taken_for.map(|family| format!(", taken for {family}"));
                format!("{} {}{}", server.name, server.version, taken.unwrap_or_default())
            }
        }
    }

    /// Which build its server is, in its own words: `Redis server v=8.1.240 sha=1a2b3c4d:0 …`.
    pub fn build(&self) -> String {
        let server = self.profile().and_then(|profile| profile.server);
        server.map_or_else(|| self.server_name(), |server| server.line)
    }

    /// What every report says of a server whose version nobody has tried.
    pub fn remark(&self) -> Option<String> {
        self.profile().and_then(|profile| profile.remark())
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
    ///
    /// # Errors
    /// When one of them is no world; a missing one is listed in [`Choice::absent`].
    pub fn of(words: &[String]) -> Result<Choice, NoWorld> {
        Choice::among(words, &[])
    }

    /// The default worlds, the required ones, and every server that has a name here.
    ///
    /// # Errors
    /// As [`Choice::of`].
    pub fn everywhere() -> Result<Choice, NoWorld> {
        let named: Vec<String> = servers::list().into_iter().map(|(name, _)| name).collect();
        Choice::among(&[], &named)
    }

    fn among(words: &[String], besides: &[String]) -> Result<Choice, NoWorld> {
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
            match find(word, &mut supervision) {
                Ok(world) if choice.worlds.iter().any(|other| other.place == world.place) => {}
                Ok(world) => choice.worlds.push(world),
                Err(NoWorld::Missing { reason, .. }) => {
                    let wanted = asked || required.contains(word);
                    choice.absent.push(Absent { label: word.clone(), reason, wanted });
                }
                Err(why) if required.contains(word) => {
                    return Err(NoWorld::Required(Box::new(why)));
                }
                Err(why) => return Err(why),
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

/// Whether the variable names this world, or what it is on PATH.
pub fn is_required(word: &str) -> bool {
    let required = required(std::env::var(REQUIRE).ok().as_deref());
    required.iter().any(|name| name == word || name == "redis" && word == "redis-server")
}

/// Whether a world is named by the path of a program or of a profile.
pub fn is_path(word: &str) -> bool {
    word.contains('/') || word.ends_with(".toml")
}

/// The world of this name.
///
/// # Errors
/// When there is none, or this machine cannot have it.
pub fn named(word: &str) -> Result<World, NoWorld> {
    find(word, &mut None)
}

/// The same; `supervision` remembers what was found out about this machine.
fn find(word: &str, supervision: &mut Option<Result<(), String>>) -> Result<World, NoWorld> {
    let world = |place, family: &str| World { label: word.into(), place, family: family.into() };
    if let Some((door, own)) = own_server(word) {
        let family = own.profile().family();
        match door {
            Door::Sim => return Ok(world(Place::Sim(own), &family)),
            Door::Server => {
                let found = world(Place::Server(own), &family);
                return possible(word, found, supervision);
            }
        }
    }
    let found = match word {
        "redis" => match on_path("redis-server") {
            Some(path) => binary("redis", &path)?,
            None => return missing(word, "no redis-server on PATH"),
        },
        path if is_path(path) => binary(path, Path::new(path))?,
        name => match servers::find(name).or_else(|| server_on_path(name)) {
            Some(path) => binary(name, &path)?,
            None => return Err(nobody(name)),
        },
    };
    possible(word, found, supervision)
}

/// A supervised world, if this machine can have one.
fn possible(
    word: &str,
    found: World,
    supervision: &mut Option<Result<(), String>>,
) -> Result<World, NoWorld> {
    match supervision.get_or_insert_with(can_supervise) {
        Ok(()) => Ok(found),
        Err(reason) => missing(word, reason),
    }
}

/// `, did you mean redis?`
fn slip(near: &Option<String>) -> String {
    near.as_ref().map_or(String::new(), |near| format!(", did you mean {near}?"))
}

/// The server in a folder, as a suggestion.
fn inside(folder: &Path) -> String {
    let programs = ["redis-server", "valkey-server"].map(|name| folder.join(name));
    let there = programs.iter().find(|program| program.is_file());
    there.map_or(String::new(), |program| format!(": did you mean {}?", program.display()))
}

/// How our own server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Sim,
    Server,
}

/// `sim` or `server`, alone or with the version of the Redis that it is like.
fn own_server(word: &str) -> Option<(Door, OwnServer)> {
    let (door, version) = word.split_once('-').map_or((word, None), |(door, of)| (door, Some(of)));
    let door = match door {
        "sim" => Door::Sim,
        "server" => Door::Server,
        _ => return None,
    };
    let own = version.map_or(Some(OwnServer::default()), OwnServer::of_version);
    own.map(|own| (door, own))
}

fn missing(name: &str, reason: &str) -> Result<World, NoWorld> {
    Err(NoWorld::Missing { name: name.to_string(), reason: reason.to_string() })
}

/// A world by a program or a profile.
fn binary(label: &str, path: &Path) -> Result<World, NoWorld> {
    if path.is_dir() {
        return Err(NoWorld::Folder(path.to_path_buf()));
    }
    // Asking it for its version takes a machine, too.
    if let Err(few) = open_files::enough() {
        return missing(label, &few);
    }
    match Profile::of(path) {
        Ok((profile, _)) => Ok(World {
            label: label.into(),
            place: Place::Binary(path.to_path_buf()),
            family: profile.family(),
        }),
        Err(why @ NoServer::BadProfile { .. }) => Err(NoWorld::BadProfile(why)),
        Err(why) => missing(label, &why.to_string()),
    }
}

/// A name that nobody has. With a version in it, it is that of a server which is not here yet;
/// else it is a slip.
fn nobody(name: &str) -> NoWorld {
    let missing = |reason| NoWorld::Missing { name: name.to_string(), reason };
    if name.contains('-') && name.ends_with(|c: char| c.is_ascii_digit()) {
        let folder = servers::folder().map(|folder| folder.display().to_string());
        let folder = folder.unwrap_or_else(|| "target/servers".to_string());
        return missing(format!(
            "no server of this name in {folder}; run `ci/servers` to install servers"
        ));
    }
    if name.ends_with("-server") {
        return missing(format!("no {name} on PATH"));
    }
    let named = servers::list().into_iter().map(|(name, _)| name);
    let known: Vec<String> = DEFAULTS.map(String::from).into_iter().chain(named).collect();
    let likeness = |known: &&String| strsim::jaro_winkler(known, name);
    let near = known.iter().filter(|known| likeness(known) > ALIKE);
    let near = near.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).cloned();
    NoWorld::NoSuchWorld { name: name.to_string(), known: known.join(", "), near }
}

/// Whether this machine can supervise at all; if not, what is missing.
fn can_supervise() -> Result<(), String> {
    open_files::enough()?;
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
    fn a_server_that_is_not_here_is_missing_and_a_slip_is_no_world() {
        let missing = nobody("redis-5.0.14");
        assert!(
            matches!(&missing, NoWorld::Missing { reason, .. } if reason.contains("ci/servers"))
        );
        let slip = nobody("radis");
        assert!(matches!(slip, NoWorld::NoSuchWorld { .. }));
        let words = "no world radis, did you mean redis?: worlds are sim, server, redis";
        assert!(slip.to_string().starts_with(words), "{slip}");
    }

    #[test]
    fn a_word_that_is_neither_a_world_nor_a_path_is_no_world() {
        let find = |word| find(word, &mut Some(Ok(())));
        assert!(matches!(find("simulator"), Err(NoWorld::NoSuchWorld { .. })));
        assert_eq!(own_server("sim"), own_server("sim-6.0"));
        assert_eq!(own_server("server-7.0"), Some((Door::Server, OwnServer::Redis70)));
        assert_eq!(own_server("sim-7.4"), None);
        let missing = find("/nonexistent/redis-server").expect_err("no such file");
        assert!(matches!(missing, NoWorld::Missing { .. }));
        assert!(missing.to_string().contains("/nonexistent/redis-server"), "{missing}");
    }
}
