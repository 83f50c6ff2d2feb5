//! Scripts of file operations: as text, and at random.
//!
//! A script is steps with `;` between them. Descriptors are numbered by the script; all are opened
//! for reading and writing. What step `n` writes are letters of its own. Must not know: how a step
//! is carried out.

use std::fmt;
use std::str::FromStr;

use nix::fcntl::OFlag;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// How many descriptors there may be.
pub const SLOTS: usize = 4;

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Open {
        slot: usize,
        name: String,
        flags: Vec<Flag>,
    },
    Close(usize),
    Write {
        slot: usize,
        offset: u64,
        length: usize,
    },
    Append {
        slot: usize,
        length: usize,
    },
    Truncate {
        slot: usize,
        length: u64,
    },
    Rename {
        from: String,
        to: String,
    },
    Unlink(String),
    Mkdir(String),
    Fsync(usize),
    Fdatasync(usize),
    /// Begins to write a file back; waits for that or not.
    SyncFileRange {
        slot: usize,
        wait: bool,
    },
    /// fsync of a directory; `.` is the run directory.
    FsyncDir(String),
    FdatasyncDir(String),
    /// Everything is written back and committed.
    Syncfs,
    /// The device takes no new blocks.
    Full,
    /// It does again.
    Free,
}

/// A flag of open(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    Creat,
    Trunc,
    Append,
    Dsync,
    Sync,
}

const FLAGS: [(&str, Flag, OFlag); 5] = [
    ("creat", Flag::Creat, OFlag::O_CREAT),
    ("trunc", Flag::Trunc, OFlag::O_TRUNC),
    ("append", Flag::Append, OFlag::O_APPEND),
    ("dsync", Flag::Dsync, OFlag::O_DSYNC),
    ("sync", Flag::Sync, OFlag::O_SYNC),
];

/// The flags of an open.
pub fn open_flags(flags: &[Flag]) -> OFlag {
    let its = FLAGS.iter().filter(|(_, flag, _)| flags.contains(flag));
    its.fold(OFlag::O_RDWR, |all, (.., flag)| all | *flag)
}

/// What step `n` writes.
pub fn data(n: usize, length: usize) -> Vec<u8> {
    const LETTERS: &[u8; 52] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    vec![LETTERS[n % LETTERS.len()]; length]
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Open { slot, name, flags } => {
                write!(f, "open {slot} {name}")?;
                let words = FLAGS.iter().filter(|(_, flag, _)| flags.contains(flag));
                words.into_iter().try_for_each(|(word, ..)| write!(f, " {word}"))
            }
            Step::Close(slot) => write!(f, "close {slot}"),
            Step::Write { slot, offset, length } => write!(f, "write {slot} {offset} {length}"),
            Step::Append { slot, length } => write!(f, "append {slot} {length}"),
            Step::Truncate { slot, length } => write!(f, "truncate {slot} {length}"),
            Step::Rename { from, to } => write!(f, "rename {from} {to}"),
            Step::Unlink(name) => write!(f, "unlink {name}"),
            Step::Mkdir(name) => write!(f, "mkdir {name}"),
            Step::Fsync(slot) => write!(f, "fsync {slot}"),
            Step::Fdatasync(slot) => write!(f, "fdatasync {slot}"),
            Step::SyncFileRange { slot, wait: true } => write!(f, "sync_file_range {slot} wait"),
            Step::SyncFileRange { slot, wait: false } => write!(f, "sync_file_range {slot}"),
            Step::FsyncDir(name) => write!(f, "fsyncdir {name}"),
            Step::FdatasyncDir(name) => write!(f, "fdatasyncdir {name}"),
            Step::Syncfs => f.write_str("syncfs"),
            Step::Full => f.write_str("full"),
            Step::Free => f.write_str("free"),
        }
    }
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Step, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let number = |n: usize| -> Result<usize, String> {
            let word = words.get(n).ok_or_else(|| format!("`{text}` lacks a number"))?;
            word.parse().map_err(|_| format!("`{word}` is not a number"))
        };
        let name = |n: usize| -> Result<String, String> {
            words
                .get(n)
                .map(|word| word.to_string())
                .ok_or_else(|| format!("`{text}` lacks a name"))
        };
        let flag = |word: &&str| {
            let flag = FLAGS.iter().find(|(known, ..)| known == word);
            flag.map(|(_, flag, _)| *flag).ok_or_else(|| format!("`{word}` is not a flag"))
        };
        Ok(match words.first().copied().unwrap_or("") {
            "open" => {
                let flags = words.iter().skip(3).map(flag).collect::<Result<_, _>>()?;
                Step::Open { slot: number(1)?, name: name(2)?, flags }
            }
            "close" => Step::Close(number(1)?),
            "write" => {
                Step::Write { slot: number(1)?, offset: number(2)? as u64, length: number(3)? }
            }
            "append" => Step::Append { slot: number(1)?, length: number(2)? },
            "truncate" => Step::Truncate { slot: number(1)?, length: number(2)? as u64 },
            "rename" => Step::Rename { from: name(1)?, to: name(2)? },
            "unlink" => Step::Unlink(name(1)?),
            "mkdir" => Step::Mkdir(name(1)?),
            "fsync" => Step::Fsync(number(1)?),
            "fdatasync" => Step::Fdatasync(number(1)?),
            "sync_file_range" => {
                Step::SyncFileRange { slot: number(1)?, wait: words.get(2) == Some(&"wait") }
            }
            "fsyncdir" => Step::FsyncDir(name(1)?),
            "fdatasyncdir" => Step::FdatasyncDir(name(1)?),
            "syncfs" => Step::Syncfs,
            "full" => Step::Full,
            "free" => Step::Free,
            _ => return Err(format!("`{text}` is not a step")),
        })
    }
}

/// A script as text.
pub fn text(steps: &[Step]) -> String {
    steps.iter().map(Step::to_string).collect::<Vec<_>>().join("; ")
}

pub fn parse(text: &str) -> Result<Vec<Step>, String> {
    text.split(';').map(|step| step.trim().parse()).collect()
}

fn slot() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..2usize, 1 => 0..SLOTS]
}

fn name() -> impl Strategy<Value = String> {
    select(vec!["a", "a", "a", "b", "b", "c", "d/a", "d/b"]).prop_map(String::from)
}

fn directory() -> impl Strategy<Value = String> {
    select(vec![".", ".", "d"]).prop_map(String::from)
}

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![
        6 => 1..60usize,
        2 => 1000..1100usize,
        2 => 4090..4102usize,
        3 => 1..9000usize,
        1 => 10_000..100_000usize,
    ]
}

fn offset() -> impl Strategy<Value = u64> {
    prop_oneof![3 => Just(0), 4 => 0..100u64, 2 => 1000..1100u64, 2 => 0..9000u64]
}

fn flags() -> impl Strategy<Value = Vec<Flag>> {
    let rest = vec![Flag::Trunc, Flag::Append, Flag::Dsync, Flag::Sync];
    let rest = prop_oneof![5 => Just(Vec::new()), 2 => subsequence(rest, 1)];
    rest.prop_map(|rest| [Flag::Creat].into_iter().chain(rest).collect())
}

fn open() -> impl Strategy<Value = Step> {
    (slot(), name(), flags()).prop_map(|(slot, name, flags)| Step::Open { slot, name, flags })
}

fn changing() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => open(),
        1 => slot().prop_map(Step::Close),
        4 => (slot(), offset(), length())
            .prop_map(|(slot, offset, length)| Step::Write { slot, offset, length }),
        6 => (slot(), length()).prop_map(|(slot, length)| Step::Append { slot, length }),
        2 => (slot(), offset()).prop_map(|(slot, length)| Step::Truncate { slot, length }),
        2 => (name(), name()).prop_map(|(from, to)| Step::Rename { from, to }),
        1 => name().prop_map(Step::Unlink),
        1 => Just(Step::Mkdir("d".to_string())),
    ]
}

fn syncing() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => slot().prop_map(Step::Fsync),
        3 => slot().prop_map(Step::Fdatasync),
        2 => (slot(), any::<bool>()).prop_map(|(slot, wait)| Step::SyncFileRange { slot, wait }),
        1 => directory().prop_map(Step::FsyncDir),
        1 => directory().prop_map(Step::FdatasyncDir),
    ]
}

/// Steps after a beginning that opens files.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let any = || prop_oneof![3 => changing(), 2 => syncing()];
    let begin = |name: &str, slot| {
        let (name, flags) = (name.to_string(), vec![Flag::Creat]);
        Just(Step::Open { slot, name, flags })
    };
    let whole = vec(any(), 1..14);
    // Not truncations: XFS writes before it truncates, and where that fails, the file has the new
    // size in memory alone (`xfs_setattr_size`).
    let writing = || {
        let append = (slot(), length()).prop_map(|(slot, length)| Step::Append { slot, length });
        let rename = (name(), name()).prop_map(|(from, to)| Step::Rename { from, to });
        prop_oneof![4 => append, 4 => syncing(), 1 => open(), 1 => rename]
    };
    let failing = (vec(changing(), 0..4), vec(writing(), 2..7), vec(any(), 0..6)).prop_map(
        |(before, during, after)| {
            let all = before.into_iter().chain([Step::Full]).chain(during).chain([Step::Free]);
            all.chain(after).collect::<Vec<_>>()
        },
    );
    let settled = vec(changing(), 0..4)
        .prop_map(|steps| steps.into_iter().chain([Step::Syncfs]).collect::<Vec<_>>());
    let settled = prop_oneof![1 => Just(Vec::new()), 1 => settled];
    let rest = prop_oneof![3 => whole, 1 => failing];
    (begin("a", 0), begin("b", 1), settled, rest)
        .prop_map(|(a, b, settled, rest)| [a, b].into_iter().chain(settled).chain(rest).collect())
}
