//! Sites: a stable name for one call, `[INCARNATION:]TASK[.ROLE].CALL#N`.
//!
//! `parent.aof.write#2` is the second write to the AOF by the first server's main thread,
//! `2:parent.aof.read#1` the first read of it after a restart. Counting starts at 1 for each
//! combination of incarnation, task, role and call. Calls that are not about a file or pipe have no
//! role (`parent.fork#1`). Must not know: why a call is made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::call::CallName;
use super::name::Name;
use super::process::LAUNCHER;

/// The name of one call in one run; in JSON, the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Site {
    /// Which start of the server, from 1.
    pub incarnation: u32,
    /// `parent`, `child`, `child2`, `bio-fsync` …
    pub task: Name,
    /// The role of the file or pipe that the call is about.
    pub role: Option<Name>,
    pub call: CallName,
    /// Which call of this kind, from 1.
    pub number: u32,
}

impl Site {
    /// Whether the call was made before the server was executed.
    pub fn is_launchers(&self) -> bool {
        self.task.starts_with(LAUNCHER)
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.incarnation != 1 {
            write!(f, "{}:", self.incarnation)?;
        }
        f.write_str(&self.task)?;
        if let Some(role) = &self.role {
            write!(f, ".{role}")?;
        }
        write!(f, ".{}#{}", self.call, self.number)
    }
}

/// A text does not read as a site.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a site looks like [INCARNATION:]TASK[.ROLE].CALL#N, for example parent.aof.write#2")]
pub struct NotASite;

impl FromStr for Site {
    type Err = NotASite;

    fn from_str(text: &str) -> Result<Site, NotASite> {
        let (path, number) = text.rsplit_once('#').ok_or(NotASite)?;
        let number = number.parse().ok().filter(|n| *n > 0).ok_or(NotASite)?;
        // A role may contain a colon (`pipe:diff`); an incarnation has digits only.
        let (incarnation, path) = match path.split_once(':') {
            Some((digits, rest)) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                (digits.parse().ok().filter(|n| *n > 0).ok_or(NotASite)?, rest)
            }
            _ => (1, path),
        };
        let parts: Vec<&str> = path.split('.').collect();
        let (task, role, call) = match parts[..] {
            [task, call] => (task, None, call),
            [task, role, call] => (task, Some(Name::from(role)), call),
            _ => return Err(NotASite),
        };
        let call = match CallName::select(call).as_deref() {
            Some([one]) => *one,
            _ => return Err(NotASite),
        };
        if task.is_empty() || role.as_deref() == Some("") {
            return Err(NotASite);
        }
        Ok(Site { incarnation, task: task.into(), role, call, number })
    }
}

impl From<Site> for String {
    fn from(site: Site) -> String {
        site.to_string()
    }
}

impl TryFrom<String> for Site {
    type Error = NotASite;

    fn try_from(text: String) -> Result<Site, NotASite> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_read_back_as_they_are_written() {
        for text in [
            "parent.aof.write#2",
            "2:parent.aof.read#1",
            "child2.rewrite-temp.rename#1",
            "parent.fork#1",
            "parent.pipe:ack-to-child.write#1",
            "3:child.pipe:diff.read#12",
            "bio-fsync.aof.fdatasync#1",
        ] {
            assert_eq!(text.parse::<Site>().map(|site| site.to_string()), Ok(text.to_string()));
        }
    }

    #[test]
    fn every_malformed_spelling_is_refused() {
        for text in [
            "",
            "parent",
            "parent.write",
            "write#1",
            "parent.aof.write#",
            "parent.aof.write#0",
            "parent.aof.write#x",
            "0:parent.aof.write#1",
            "parent.aof.jump#1",
            "parent.aof.sync#1",
            ".aof.write#1",
            "parent..write#1",
            "a.b.c.write#1",
        ] {
            assert_eq!(text.parse::<Site>(), Err(NotASite), "{text:?}");
        }
    }
}
