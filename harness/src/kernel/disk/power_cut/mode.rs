//! Which image is meant: profiles and modes, as a case writes them.
//!
//! `MODE[@PROFILE]`, where MODE is `none`, `all`, `prefix:N`, `torn:N` or `seed:N`. Without a
//! profile it is ext4. Must not know: what an image is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A kind of file system, the strongest first: each allows all that the ones before it allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Profile {
    #[default]
    Ext4,
    Xfs,
    Posix,
}

impl Profile {
    pub const ALL: [Profile; 3] = [Profile::Ext4, Profile::Xfs, Profile::Posix];

    pub fn as_str(self) -> &'static str {
        match self {
            Profile::Ext4 => "ext4",
            Profile::Xfs => "xfs",
            Profile::Posix => "posix",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How much of what was not synced survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// As little as the profile allows.
    #[default]
    None,
    /// Everything that the kernel still means to write.
    All,
    /// The first so many unsynced changes and nothing after them; more than there are: all.
    Prefix(u64),
    /// Everything, but the last unsynced write only up to the N-th place at which it can tear, from
    /// 1.
    Torn(u64),
    /// Some image, always the same for one number.
    Seed(u64),
}

/// A mode and its profile; in JSON, the text.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(into = "String", try_from = "String")]
pub struct Cut {
    pub mode: Mode,
    pub profile: Profile,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::None => f.write_str("none"),
            Mode::All => f.write_str("all"),
            Mode::Prefix(n) => write!(f, "prefix:{n}"),
            Mode::Torn(n) => write!(f, "torn:{n}"),
            Mode::Seed(n) => write!(f, "seed:{n}"),
        }
    }
}

/// As it is read back; ext4 goes without saying.
impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.profile {
            Profile::Ext4 => write!(f, "{}", self.mode),
            profile => write!(f, "{}@{profile}", self.mode),
        }
    }
}

/// Why a text is not a power cut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACut {
    #[error("expected none, all, prefix:N, torn:N or seed:N, and @PROFILE if need be")]
    Form,
    #[error("expected {0}:N")]
    NoNumber(String),
    #[error("expected a number after the colon")]
    Number,
    #[error("places are counted from 1")]
    Zero,
    #[error("`{0}` is no disk profile; expected ext4, xfs or posix")]
    Profile(String),
}

impl FromStr for Profile {
    type Err = NotACut;

    fn from_str(text: &str) -> Result<Profile, NotACut> {
        let known = Profile::ALL.into_iter().find(|profile| profile.as_str() == text);
        known.ok_or_else(|| NotACut::Profile(text.to_string()))
    }
}

impl From<Cut> for String {
    fn from(cut: Cut) -> String {
        cut.to_string()
    }
}

impl TryFrom<String> for Cut {
    type Error = NotACut;

    fn try_from(text: String) -> Result<Cut, NotACut> {
        text.parse()
    }
}

impl FromStr for Cut {
    type Err = NotACut;

    fn from_str(text: &str) -> Result<Cut, NotACut> {
        let (mode, profile) = match text.split_once('@') {
            Some((mode, profile)) => (mode, profile.parse()?),
            None => (text, Profile::default()),
        };
        let mode = match mode.split_once(':') {
            None if mode == "none" => Mode::None,
            None if mode == "all" => Mode::All,
            None if ["prefix", "torn", "seed"].contains(&mode) => {
                return Err(NotACut::NoNumber(mode.to_string()));
            }
            Some(("prefix", n)) => Mode::Prefix(number(n)?),
            Some(("seed", n)) => Mode::Seed(number(n)?),
            Some(("torn", n)) => match number(n)? {
                0 => return Err(NotACut::Zero),
                n => Mode::Torn(n),
            },
            _ => return Err(NotACut::Form),
        };
        Ok(Cut { mode, profile })
    }
}

fn number(text: &str) -> Result<u64, NotACut> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let value = if digits { text.parse().ok() } else { None };
    value.ok_or(NotACut::Number)
}
