//! Profiles: what the harness must know of a server, as data.
//!
//! A profile says which servers it is for, how they are started and when they are ready, what their
//! threads are called, which of their files and pipes have which role, what their commands do, and
//! by what they announce trouble. Profiles are TOML files: those in `profiles/` are part of the
//! program, and a user adds others. Must not know: how a server is run under a world.

mod facts;
mod own;
mod own_server;
mod source;
mod version;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use crate::kernel::name::Name;
use crate::kernel::role::{Pattern, Roles};
pub use facts::{Announces, Commands, Cure, Persistence};
pub use own_server::OwnServer;
use source::Source;
pub use version::{Server, UNABLE, Version, ask_by};

/// Every profile of the program, by file.
const PROFILES: &[(&str, &str)] = &[
    ("sabot.toml", include_str!("../../profiles/sabot.toml")),
    ("sabot-7.0.toml", include_str!("../../profiles/sabot-7.0.toml")),
    ("redis-6.toml", include_str!("../../profiles/redis-6.toml")),
    ("redis-7.toml", include_str!("../../profiles/redis-7.toml")),
    ("redis-8.toml", include_str!("../../profiles/redis-8.toml")),
    ("valkey-8.toml", include_str!("../../profiles/valkey-8.toml")),
];

/// What the harness knows of one family of servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    pub name: String,
    /// How the answer to `--version` begins, up to ` v=`.
    pub servers: Vec<String>,
    /// The first version it is for. There is no last one: the next profile begins somewhere.
    pub from: Version,
    /// The families that it was tried with; any other is taken for the nearest older one of these.
    pub tried: Vec<String>,
    /// Arguments that each start begins with; directives of a case come behind and win.
    pub args: Vec<String>,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
    /// The unix socket for clients, in the run directory.
    pub socket: String,
    /// Any of these stands in the log once the server accepts connections. A server that logs none
    /// of them is asked.
    pub ready: Vec<String>,
    /// Name of a thread as the server sets it → name of the task.
    pub threads: BTreeMap<String, Name>,
    /// Roles of files; the first pattern that fits decides.
    pub files: Vec<FileRole>,
    /// Directives that name files → the names in `files` that stand for their values.
    pub names: BTreeMap<String, String>,
    /// Roles of the pipes opened between two forks, by how many they are.
    pub pipes: Vec<Vec<Name>>,
    pub announces: Arc<Announces>,
    pub commands: Arc<Commands>,
    pub persistence: Persistence,
    /// The Redis that it is held to, and counts as wherever versions count.
    pub follows: Option<Version>,
    /// What transcripts are shared with, where a user's file says it.
    pub family: Option<String>,
    /// The server that it was picked for.
    pub server: Option<Server>,
    /// The family that it is taken for, because nobody has tried its own.
    pub taken_for: Option<String>,
}

/// One line of the table of file roles, see [`Pattern`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileRole {
    pub name: String,
    pub role: Name,
    pub older: Option<Name>,
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
    #[error("{path}: no answer to --version within {} s", version::PATIENCE.as_secs())]
    Silent { path: String },
    #[error("{path}: not a server: it answers --version with {answer:?}")]
    NotAServer { path: String, answer: String },
    #[error(
        "{path}: {name} {version} has no profile; there are those for {known}. A profile of your \
         own says which of them it is like: a .toml with `path = …` and `like = …`, \
         see docs/own-server.md"
    )]
    Unknown { path: String, name: String, version: Version, known: String },
    #[error("{place}: {why}")]
    BadProfile { place: String, why: String },
}

impl Profile {
    /// The profile of the program that is called `name`.
    pub fn named(name: &str) -> Option<Profile> {
        builtin().into_iter().find(|profile| profile.name == name)
    }

    /// Asks the program at `path` for its version and picks the profile for it.
    pub fn for_server(path: &Path) -> Result<Profile, NoServer> {
        pick(&Server::ask(path)?, path)
    }

    /// What transcripts of this server are shared with: `redis-7.0`; the profile's own name where
    /// it is for one version only, as for our own core.
    pub fn family(&self) -> String {
        if let Some(family) = &self.family {
            return family.clone();
        }
        match &self.server {
            Some(server) if self.follows.is_none() => {
                let own = self.tried.iter().filter(|tried| has_tried(tried, server));
                let own = own.max_by_key(|tried| named(tried));
                own.cloned().unwrap_or_else(|| server.family())
            }
            _ => self.name.clone(),
        }
    }

    /// Whether other profiles can be like it.
    pub fn is_builtin(&self) -> bool {
        builtin().iter().any(|profile| profile.name == self.name)
    }

    /// What every report says of a server whose version nobody has tried.
    pub fn remark(&self) -> Option<String> {
        let server = self.server.as_ref()?;
        let Server { name, version, .. } = server;
        let taken_for = self.taken_for.as_ref()?;
        Some(format!("{name} {version} has no profile of its own: it is taken for {taken_for}"))
    }

    /// The server as which it counts wherever versions do; None where no program was asked.
    pub fn counts_as(&self) -> Option<Server> {
        let followed = |version| {
            let name = "Redis server".to_string();
            Server { line: format!("{name} v={version}"), name, version }
        };
        self.follows.map(followed).or_else(|| self.server.clone())
    }

    fn is_for(&self, server: &Server) -> bool {
        self.servers.contains(&server.name) && self.from <= server.version
    }

    /// The family that a server of this profile is taken for; None: it was tried itself.
    fn nearest_tried(&self, server: &Server) -> Option<String> {
        if self.follows.is_some() || self.tried.iter().any(|tried| has_tried(tried, server)) {
            return None;
        }
        let kind = server.kind();
        let older = |tried: &&String| {
            named(tried).is_some_and(|(other, version)| other == kind && version <= server.version)
        };
        let nearest = self.tried.iter().filter(older).max_by_key(|tried| named(tried));
        nearest.or(self.tried.first()).cloned()
    }

    fn range(&self) -> String {
        format!("{} from {} on", self.servers.join(" or "), self.from)
    }

    /// The table that the kernel binds roles by, without a configuration.
    pub fn roles(&self) -> Roles {
        self.roles_under(|_| None)
    }

    /// The same where files have the names that the configuration gives them: `value_of` says what
    /// a directive is set to.
    pub fn roles_under<'a>(&self, value_of: impl Fn(&str) -> Option<&'a str>) -> Roles {
        let name = |pattern: &str| {
            let mut pieces = vec![(pattern, false)];
            for (directive, usual) in &self.names {
                let Some(value) = value_of(directive) else { continue };
                pieces = pieces.into_iter().flat_map(|it| replaced(it, usual, value)).collect();
            }
            pieces.into_iter().map(|(text, _)| text).collect()
        };
        let pattern = |file: &FileRole| Pattern {
            name: name(&file.name),
            role: file.role.clone(),
            older: file.older.clone(),
        };
        Roles { files: self.files.iter().map(pattern).collect(), pipes: self.pipes.clone() }
    }

    /// Whether files with this role only lead to others: what is left of them after a kill is
    /// litter.
    pub fn is_temporary(&self, role: &str) -> bool {
        role.ends_with("-temp") || role == "rewrite-bg"
    }

    /// Paths that its arguments and its environment name, so that the server may read there.
    pub fn readable(&self) -> Vec<PathBuf> {
        let environment = self.environment.values().flat_map(|value| value.split(':'));
        let words = self.args.iter().map(String::as_str).chain(environment);
        words.filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
    }

    /// The name of the task that a thread called `comm` is; an unknown one keeps its own.
    pub fn thread(&self, comm: &str) -> Name {
        self.threads.get(comm).cloned().unwrap_or_else(|| comm.into())
    }
}

/// Kind and version of a family: `redis-8.0.6`.
fn named(family: &str) -> Option<(String, Version)> {
    let (kind, version) = family.split_once('-')?;
    Some((kind.to_string(), version.parse().ok()?))
}

/// Whether a server is of a family that was tried. A patch that has changed what is seen begins a
/// family of its own.
fn has_tried(family: &str, server: &Server) -> bool {
    let Server { version, .. } = server;
    named(family).is_some_and(|(kind, from)| {
        kind == server.kind() && (from.0, from.1) == (version.0, version.1) && from <= *version
    })
}

/// A piece of a pattern with one name in place of another, unless it is such a name itself.
fn replaced<'a>(piece: (&'a str, bool), usual: &str, value: &'a str) -> Vec<(&'a str, bool)> {
    let (text, is_done) = piece;
    if is_done || usual.is_empty() {
        return vec![piece];
    }
    let mut pieces = Vec::new();
    for (n, part) in text.split(usual).enumerate() {
        pieces.extend((n > 0).then_some((value, true)));
        pieces.push((part, false));
    }
    pieces
}

/// The profile of the program for a server, which `path` led to.
fn pick(server: &Server, path: &Path) -> Result<Profile, NoServer> {
    let all = builtin();
    let named = all.iter().filter(|profile| !profile.servers.is_empty());
    let known = named.map(Profile::range).collect::<Vec<_>>().join(", ");
    let its = all.into_iter().filter(|profile| profile.is_for(server));
    let newest = its.max_by_key(|profile| profile.from);
    let profile = newest.ok_or_else(|| NoServer::Unknown {
        path: path.display().to_string(),
        name: server.name.clone(),
        version: server.version,
        known,
    })?;
    let taken_for = profile.nearest_tried(server);
    Ok(Profile { server: Some(server.clone()), taken_for, ..profile })
}

/// Every profile of the program; one that does not parse is our own bug.
fn builtin() -> Vec<Profile> {
    let read = |(file, text): &(&str, &str)| match toml::from_str(text) {
        Ok(source) => source,
        Err(error) => panic!("profiles/{file}: {error}"),
    };
    let sources: Vec<Source> = PROFILES.iter().map(read).collect();
    sources.iter().map(|source| completed(source, &sources)).collect()
}

/// A profile of the program with what it leaves out.
fn completed(source: &Source, all: &[Source]) -> Profile {
    let like = source.like.as_ref().map(|like| like.get_ref());
    let base = like.and_then(|like| all.iter().find(|other| other.name.as_ref() == Some(like)));
    let base = base.map(|base| completed(base, all)).unwrap_or_default();
    source.clone().over(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(banner: &str) -> Option<Profile> {
        pick(&Server::parse(banner)?, Path::new("server")).ok()
    }

    #[test]
    fn a_server_gets_the_profile_of_its_version() {
        let cases = [
            ("Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64", Some("redis-6")),
            ("Redis server v=6.2.14 sha=00000000:0", Some("redis-6")),
            ("Redis server v=7.0.15 sha=00000000:0", Some("redis-7")),
            ("Redis server v=8.0.2 sha=00000000:0", Some("redis-8")),
            ("Valkey server v=8.1.1 sha=00000000:0", Some("valkey-8")),
            ("Redis server v=4.0.9", None),
            ("ls (GNU coreutils) 9.1", None),
        ];
        for (banner, profile) in cases {
            assert_eq!(picked(banner).map(|it| it.name).as_deref(), profile, "{banner}");
        }
    }

    #[test]
    fn a_version_that_nobody_has_tried_is_taken_for_the_nearest_older_one() {
        let cases = [
            ("Redis server v=5.0.14", "redis-6", Some("redis-6.0")),
            ("Redis server v=7.2.4", "redis-7", Some("redis-7.0")),
            ("Redis server v=7.4.1", "redis-7", None),
            ("Valkey server v=7.2.5", "redis-7", Some("redis-7.0")),
            ("Redis server v=8.4.0", "redis-8", Some("redis-8.2")),
            ("Redis server v=255.255.255", "redis-8", Some("redis-8.6")),
            ("Valkey server v=255.255.255", "valkey-8", Some("valkey-9.1")),
            ("sabot-server v=0.1.0", "sabot", None),
        ];
        for (banner, name, taken_for) in cases {
            let profile = picked(banner).expect(banner);
            let found = (profile.name.as_str(), profile.taken_for.as_deref());
            assert_eq!(found, (name, taken_for), "{banner}");
            assert_eq!(profile.remark().is_some(), taken_for.is_some(), "{banner}");
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
