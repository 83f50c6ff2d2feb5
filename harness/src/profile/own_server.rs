//! Our own server: which Redis it is like.
//!
//! Must not know: how it is run.

use serde::{Deserialize, Serialize};

use super::Profile;

/// One generation of our own server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OwnServer {
    #[default]
    Redis60,
    Redis70,
}

/// All of them, with what their worlds end in and the name of the profile.
const ALL: [(OwnServer, &str, &str); 2] =
    [(OwnServer::Redis60, "6.0", "sabot"), (OwnServer::Redis70, "7.0", "sabot-7.0")];

impl OwnServer {
    /// The one with this version, as in `sim-7.0`.
    pub fn of_version(version: &str) -> Option<OwnServer> {
        ALL.into_iter().find(|(_, of, _)| *of == version).map(|(server, ..)| server)
    }

    /// What else they are called.
    pub const NAMES: &str = "it is like redis-6.0 and redis-7.0";

    /// The one that is, or is like, the server with this name: `sim-7.0`, `redis-7.0.15`.
    pub fn called(name: &str) -> Option<OwnServer> {
        let (kind, version) = name.split_once('-').unwrap_or((name, "6.0"));
        let own = matches!(kind, "sim" | "server" | "sabot") || name.starts_with("redis-");
        let series: Vec<&str> = version.split('.').take(2).collect();
        OwnServer::of_version(&series.join(".")).filter(|_| own)
    }

    /// The versions, in order.
    pub fn versions() -> impl Iterator<Item = &'static str> {
        ALL.into_iter().map(|(_, version, _)| version)
    }

    /// The profile that it has.
    pub fn profile(self) -> Profile {
        let name = ALL.into_iter().find(|(server, ..)| *server == self).map(|(.., name)| name);
        name.and_then(Profile::named).expect("it is part of this program")
    }
}

#[cfg(test)]
mod tests {
    use super::OwnServer;

    #[test]
    fn each_one_has_its_profile() {
        for (version, follows) in [("6.0", "6.0.16"), ("7.0", "7.0.15")] {
            let server = OwnServer::of_version(version).expect("there is one");
            let profile = server.profile();
            assert_eq!(profile.follows.map(|it| it.to_string()).as_deref(), Some(follows));
        }
        assert_eq!(OwnServer::of_version("6.2"), None);
        for (name, own) in [
            ("sim-7.0", Some(OwnServer::Redis70)),
            ("redis-7.0.15", Some(OwnServer::Redis70)),
            ("redis-6.0.16", Some(OwnServer::Redis60)),
            ("server", Some(OwnServer::Redis60)),
            ("redis-7.4.1", None),
            ("valkey-7.0.1", None),
            ("redis", None),
        ] {
            assert_eq!(OwnServer::called(name), own, "{name}");
        }
    }
}
