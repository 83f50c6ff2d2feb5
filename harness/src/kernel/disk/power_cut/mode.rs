//! Which image is meant: modes and file system models, as written in a case.
//!
//! `MODE[@MODEL]`, where MODE is `none`, `all`, `log`, `data`, `inplace`, `small`, `prefix:N`,
//! `torn:N` or `seed:N`. Without a model it is ext4. Must not know: what an image is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a file system may leave after a power cut. The strongest model comes first: each allows all
/// that those before it allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FsModel {
    #[default]
    Ext4,
    Xfs,
    Posix,
}

impl FsModel {
    pub const ALL: [FsModel; 3] = [FsModel::Ext4, FsModel::Xfs, FsModel::Posix];

    pub fn as_str(self) -> &'static str {
        match self {
            FsModel::Ext4 => "ext4",
            FsModel::Xfs => "xfs",
            FsModel::Posix => "posix",
        }
    }
}

impl fmt::Display for FsModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How much of what was not synced survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// As little as the model allows.
    #[default]
    None,
    /// Everything that Linux would still write.
    All,
    /// The whole log of names and sizes, and no data: sizes show zeros.
    Log,
    /// No more of the log than is certain, and the data of what is in it.
    Data,
    /// As [`Mode::Data`]; and what the log does not have was written in place, as far as its blocks
    /// were there before.
    InPlace,
    /// As [`Mode::None`] on ext4 with blocks of 1 KiB instead of 4 KiB.
    Small,
    /// The first N unsynced changes and nothing after them; all, if there are fewer.
    Prefix(u64),
    /// Everything, but of the last unsynced write only what the N-th way to tear it leaves, counted
    /// from 1.
    Torn(u64),
    /// Some image, always the same for a given number.
    Seed(u64),
}

/// A power cut: how much survives, under which model; in JSON, its text.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(into = "String", try_from = "String")]
pub struct Cut {
    pub mode: Mode,
    pub fs: FsModel,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::None => f.write_str("none"),
            Mode::All => f.write_str("all"),
            Mode::Log => f.write_str("log"),
            Mode::Data => f.write_str("data"),
            Mode::InPlace => f.write_str("inplace"),
            Mode::Small => f.write_str("small"),
            Mode::Prefix(n) => write!(f, "prefix:{n}"),
            Mode::Torn(n) => write!(f, "torn:{n}"),
            Mode::Seed(n) => write!(f, "seed:{n}"),
        }
    }
}

/// As it is parsed; `@ext4` is left out.
impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fs {
            FsModel::Ext4 => write!(f, "{}", self.mode),
            fs => write!(f, "{}@{fs}", self.mode),
        }
    }
}

/// Why a text does not read as a power cut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACut {
    #[error(
        "expected none, all, log, data, inplace, small, prefix:N, torn:N or seed:N, and @PROFILE \
         if need be"
    )]
    Form,
    #[error("expected {0}:N")]
    NoNumber(String),
    #[error("expected a number after the colon")]
    Number,
    #[error("places are counted from 1")]
    Zero,
    #[error("`{0}` is not a file system model; expected ext4, xfs or posix")]
    FsModel(String),
}

impl FromStr for FsModel {
    type Err = NotACut;

    fn from_str(text: &str) -> Result<FsModel, NotACut> {
        let known = FsModel::ALL.into_iter().find(|fs| fs.as_str() == text);
        known.ok_or_else(|| NotACut::FsModel(text.to_string()))
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
        let (mode, fs) = match text.split_once('@') {
            Some((mode, fs)) => (mode, fs.parse()?),
            None => (text, FsModel::default()),
        };
        let mode = match mode.split_once(':') {
            None if mode == "none" => Mode::None,
            None if mode == "all" => Mode::All,
            None if mode == "log" => Mode::Log,
            None if mode == "data" => Mode::Data,
            None if mode == "inplace" => Mode::InPlace,
            None if mode == "small" => Mode::Small,
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
        Ok(Cut { mode, fs })
    }
}

fn number(text: &str) -> Result<u64, NotACut> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let value = if digits { text.parse().ok() } else { None };
    value.ok_or(NotACut::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cut_reads_back_as_it_is_written() {
        let modes =
            ["none", "all", "log", "data", "inplace", "small", "prefix:0", "torn:1", "seed:77"];
        for mode in modes {
            for (at, fs) in
                [("", FsModel::Ext4), ("@xfs", FsModel::Xfs), ("@posix", FsModel::Posix)]
            {
                let text = format!("{mode}{at}");
                let cut: Cut = text.parse().expect(&text);
                assert_eq!((cut.fs, String::from(cut)), (fs, text.clone()));
                let json = serde_json::to_string(&cut).expect("a cut is text");
                assert_eq!(json, format!("\"{text}\""));
                assert_eq!(serde_json::from_str::<Cut>(&json).expect("the same text"), cut);
            }
        }
        let of = |text: &str| text.parse::<Cut>().map(|cut| cut.mode);
        assert_eq!(of("prefix:3"), Ok(Mode::Prefix(3)));
        assert_eq!(of("torn:3"), Ok(Mode::Torn(3)));
        assert_eq!(of("seed:3"), Ok(Mode::Seed(3)));
        assert_eq!(of("all@ext4"), Ok(Mode::All));
    }

    #[test]
    fn every_malformed_spelling_is_refused() {
        let error = |text: &str| text.parse::<Cut>().expect_err(text);
        for text in ["", "None", "some", "none:1", "log:", "@xfs", "prefix 3", "seeds:3"] {
            assert_eq!(error(text), NotACut::Form, "{text}");
        }
        for mode in ["prefix", "torn", "seed"] {
            assert_eq!(error(mode), NotACut::NoNumber(mode.to_string()));
            for number in ["", "x", "-1", "+1", "1x", "99999999999999999999"] {
                assert_eq!(error(&format!("{mode}:{number}")), NotACut::Number, "{number}");
            }
        }
        assert_eq!(error("torn:0"), NotACut::Zero);
        for fs in ["", "Xfs", "btrfs"] {
            assert_eq!(error(&format!("all@{fs}")), NotACut::FsModel(fs.to_string()));
        }
    }
}
