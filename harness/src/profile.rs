//! Profiles: what the harness must know of a server, as data.
//!
//! A profile says which servers it is for, how they are started and when they are ready, what their
//! threads are called, and which of their files and pipes have which role. Profiles are TOML files
//! in `profiles/`, part of the program. Must not know: how a server is run under a world.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde::Deserialize;

use crate::kernel::role::{Pattern, Roles};

/// Every profile, by file.
const PROFILES: &[(&str, &str)] = &[
    ("sabot.toml", include_str!("../profiles/sabot.toml")),
    ("redis-6.toml", include_str!("../profiles/redis-6.toml")),
    ("redis-7.toml", include_str!("../profiles/redis-7.toml")),
];

/// How long a server may take to say its version.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the harness knows of one family of servers.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    pub name: String,
    /// How the answer to `--version` begins, up to ` v=`.
    pub servers: Vec<String>,
    /// The first version it is for, and the first it is not for any more.
    pub from: Version,
    pub below: Version,
    /// Arguments that each start begins with; directives of a case come behind and win.
    pub args: Vec<String>,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
    /// The unix socket for clients, in the run directory.
    pub socket: String,
    /// What stands in the log once the server accepts connections.
    pub ready: String,
    /// How many pipes the server opens before it is ready. They are no fault sites: they connect
    /// the server with itself.
    #[serde(default)]
    pub boot_pipes: u32,
    /// Name of a thread as the server sets it → name of the task.
    #[serde(default)]
    pub threads: BTreeMap<String, String>,
    /// Roles of files; the first pattern that fits decides.
    pub files: Vec<FileRole>,
    /// Roles of the pipes opened between two forks, by how many they are.
    #[serde(default)]
    pub pipes: Vec<Vec<String>>,
    /// The server that it was picked for.
    #[serde(skip)]
    pub server: Option<Server>,
}

/// One line of the table of file roles, see [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRole {
    pub name: String,
    pub role: String,
    pub older: Option<String>,
}

/// `MAJOR.MINOR.PATCH`; what is missing counts as 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Version(pub u32, pub u32, pub u32);

impl TryFrom<String> for Version {
    type Error = String;

    fn try_from(text: String) -> Result<Version, String> {
        let mut numbers = [0; 3];
        for (index, part) in text.split('.').enumerate() {
            let slot =
                numbers.get_mut(index).ok_or_else(|| format!("{text} has too many parts"))?;
            *slot = part.parse().map_err(|_| format!("{text} is not MAJOR.MINOR.PATCH"))?;
        }
        Ok(Version(numbers[0], numbers[1], numbers[2]))
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// Which server a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// `Redis server`, `Valkey server`, …
    pub name: String,
    pub version: Version,
}

/// Why a path leads to no server that can be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoServer {
    #[error("{path}: there is no such file")]
    Missing { path: String },
    #[error("{path}: not executable")]
    NotExecutable { path: String },
    #[error("{path}: cannot be run: {why}")]
    CannotRun { path: String, why: String },
    #[error("{path}: no answer to --version within {} s", PATIENCE.as_secs())]
    Silent { path: String },
    #[error("{path}: not a server: it answers --version with {answer:?}")]
    NotAServer { path: String, answer: String },
    #[error("{path}: {name} {version} has no profile; there are {known}")]
    Unknown { path: String, name: String, version: Version, known: String },
}

impl Profile {
    /// The profile called `name`.
    pub fn named(name: &str) -> Option<Profile> {
        all().into_iter().find(|profile| profile.name == name)
    }

    /// Asks the program at `path` for its version and picks the profile for it.
    pub fn for_server(path: &Path) -> Result<Profile, NoServer> {
        let answer = ask_version(path)?;
        let shown = path.display().to_string();
        let Some(server) = parse_version(&answer) else {
            let answer = answer.lines().next().unwrap_or_default().to_string();
            return Err(NoServer::NotAServer { path: shown, answer });
        };
        match all().into_iter().find(|profile| profile.is_for(&server)) {
            Some(profile) => Ok(Profile { server: Some(server), ..profile }),
            None => Err(NoServer::Unknown {
                path: shown,
                name: server.name,
                version: server.version,
                known: all().iter().map(Profile::range).collect::<Vec<_>>().join(", "),
            }),
        }
    }

    /// What transcripts of this server are shared with: `redis-7.0`; the profile's own name where
    /// it is for one version only, as for our own core.
    pub fn family(&self) -> String {
        match &self.server {
            Some(Server { name, version }) if self.name != "sabot" => {
                let name = name.split(' ').next().unwrap_or_default().to_lowercase();
                format!("{name}-{}.{}", version.0, version.1)
            }
            _ => self.name.clone(),
        }
    }

    fn is_for(&self, server: &Server) -> bool {
        self.servers.contains(&server.name)
            && self.from <= server.version
            && server.version < self.below
    }

    fn range(&self) -> String {
        format!("{} {} up to {}", self.servers.join(" or "), self.from, self.below)
    }

    /// The table that the kernel binds roles by.
    pub fn roles(&self) -> Roles {
        let pattern = |file: &FileRole| Pattern {
            name: file.name.clone(),
            role: file.role.clone(),
            older: file.older.clone(),
        };
        Roles { files: self.files.iter().map(pattern).collect(), pipes: self.pipes.clone() }
    }

    /// The name that a file with this role must have; None where the profile allows several.
    pub fn only_name_of(&self, role: &str) -> Option<String> {
        let mut names = self.files.iter().filter(|file| file.role == role).map(|file| &file.name);
        names.next().filter(|name| !name.contains('*') && names.next().is_none()).cloned()
    }

    /// The name of the task that a thread called `comm` is; an unknown one keeps its own.
    pub fn thread<'a>(&'a self, comm: &'a str) -> &'a str {
        self.threads.get(comm).map_or(comm, String::as_str)
    }
}

/// Every profile. They are part of the program, so one that does not parse is our own bug.
fn all() -> Vec<Profile> {
    let parse = |(file, text): &(&str, &str)| match toml::from_str(text) {
        Ok(profile) => profile,
        Err(error) => panic!("profiles/{file}: {error}"),
    };
    PROFILES.iter().map(parse).collect()
}

/// The first line that looks like `Redis server v=6.0.16 sha=…`.
fn parse_version(answer: &str) -> Option<Server> {
    answer.lines().find_map(|line| {
        let (name, rest) = line.split_once(" v=")?;
        let digits = rest.split(|c: char| c != '.' && !c.is_ascii_digit()).next()?;
        let version = Version::try_from(digits.to_string()).ok()?;
        Some(Server { name: name.to_string(), version })
    })
}

/// Standard output of `PATH --version`.
fn ask_version(path: &Path) -> Result<String, NoServer> {
    let shown = path.display().to_string();
    let started = Command::new(path)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = started.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => NoServer::Missing { path: shown.clone() },
        io::ErrorKind::PermissionDenied => NoServer::NotExecutable { path: shown.clone() },
        _ => NoServer::CannotRun { path: shown.clone(), why: error.to_string() },
    })?;
    let mut output = child.stdout.take().expect("stdout was piped");
    let (answered, answer) = mpsc::channel();
    // Read beside the waiting: a program that is silent, or writes without end, must not outlast
    // the patience.
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = output.by_ref().take(64 * 1024).read_to_end(&mut bytes);
        let _ = answered.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    let answer = answer.recv_timeout(PATIENCE);
    // It has said what it had to say, or never will.
    let _ = child.kill();
    let _ = child.wait();
    answer.map_err(|_| NoServer::Silent { path: shown })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(banner: &str) -> Option<String> {
        let server = parse_version(banner)?;
        all().into_iter().find(|profile| profile.is_for(&server)).map(|profile| profile.name)
    }

    #[test]
    fn a_server_gets_the_profile_of_its_version() {
        let cases = [
            ("Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64", Some("redis-6")),
            ("Redis server v=6.2.14 sha=00000000:0", Some("redis-6")),
            ("Redis server v=7.0.15 sha=00000000:0", Some("redis-7")),
            ("Redis server v=8.0.2 sha=00000000:0", Some("redis-7")),
            ("Valkey server v=8.1.1 sha=00000000:0", Some("redis-7")),
            ("Redis server v=4.0.9", None),
            ("ls (GNU coreutils) 9.1", None),
        ];
        for (banner, profile) in cases {
            assert_eq!(picked(banner).as_deref(), profile, "{banner}");
        }
    }

    #[test]
    fn a_path_that_is_no_server_is_named() {
        let missing = Profile::for_server(Path::new("/no/such/server")).unwrap_err();
        assert_eq!(missing.to_string(), "/no/such/server: there is no such file");
        let directory = Profile::for_server(Path::new("/")).unwrap_err();
        assert_eq!(directory.to_string(), "/: not executable");
        let other = Profile::for_server(Path::new("/bin/true")).unwrap_err();
        assert!(other.to_string().starts_with("/bin/true: not a server"), "{other}");
    }

    #[test]
    fn threads_that_a_profile_does_not_know_keep_their_name() {
        let profile = Profile::named("redis-7").unwrap();
        assert_eq!(profile.thread("bio_aof_fsync"), "bio-fsync");
        assert_eq!(profile.thread("io_thd_1"), "io_thd_1");
    }
}
