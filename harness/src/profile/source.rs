//! A profile as it is written: TOML, in which what is left out comes from the profile it is like.
//!
//! Must not know: which server is asked for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::facts::{PartOfAnnounces, PartOfCommands, PartOfPersistence};
use super::version::Version;
use super::{FileRole, Profile};
use crate::kernel::Name;

/// One file. Lists replace those of the other profile; of tables, each entry does.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub name: Option<String>,
    /// The profile that says the rest.
    pub like: Option<Spanned<String>>,
    /// The program, relative to the file. Only in a file of the user's.
    pub path: Option<Spanned<PathBuf>>,
    /// Its version, where `PATH --version` does not say it. Only in a file of the user's.
    pub version: Option<Version>,
    /// What the profile is for. Only in those that are part of the program.
    pub servers: Option<Spanned<Vec<String>>>,
    pub from: Option<Spanned<Version>>,
    pub tried: Option<Spanned<Vec<String>>>,
    /// The Redis that it is held to. Only in those that are part of the program.
    pub follows: Option<Spanned<Version>>,
    pub args: Option<Vec<String>>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    pub socket: Option<String>,
    pub ready: Option<Vec<String>>,
    #[serde(default)]
    pub threads: BTreeMap<String, Name>,
    pub files: Option<Vec<FileRole>>,
    #[serde(default)]
    pub names: BTreeMap<String, String>,
    pub pipes: Option<Vec<Vec<Name>>>,
    #[serde(default)]
    pub announces: PartOfAnnounces,
    #[serde(default)]
    pub commands: PartOfCommands,
    #[serde(default)]
    pub persistence: PartOfPersistence,
}

impl Source {
    /// The profile that this file makes of `base`.
    pub fn over(self, base: Profile) -> Profile {
        Profile {
            name: self.name.unwrap_or(base.name),
            servers: self.servers.map_or(base.servers, Spanned::into_inner),
            from: self.from.map_or(base.from, Spanned::into_inner),
            tried: self.tried.map_or(base.tried, Spanned::into_inner),
            args: self.args.unwrap_or(base.args),
            environment: joined(base.environment, self.environment),
            socket: self.socket.unwrap_or(base.socket),
            ready: self.ready.unwrap_or(base.ready),
            threads: joined(base.threads, self.threads),
            files: self.files.unwrap_or(base.files),
            names: joined(base.names, self.names),
            pipes: self.pipes.unwrap_or(base.pipes),
            announces: self.announces.over(&base.announces),
            commands: self.commands.over(&base.commands),
            persistence: self.persistence.over(base.persistence),
            follows: self.follows.map(Spanned::into_inner).or(base.follows),
            family: base.family,
            server: base.server,
            taken_for: base.taken_for,
        }
    }

    /// What only profiles of the program say: its name in the file, and where it stands there.
    pub fn not_for_users(&self) -> Option<(&'static str, usize)> {
        let servers = self.servers.as_ref().map(|it| ("servers", it.span().start));
        let from = self.from.as_ref().map(|it| ("from", it.span().start));
        let tried = self.tried.as_ref().map(|it| ("tried", it.span().start));
        let follows = self.follows.as_ref().map(|it| ("follows", it.span().start));
        servers.or(from).or(tried).or(follows)
    }
}

fn joined<T>(mut base: BTreeMap<String, T>, over: BTreeMap<String, T>) -> BTreeMap<String, T> {
    base.extend(over);
    base
}
