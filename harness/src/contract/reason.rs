//! Why a verdict was given, as data: what two runs of one cause have in common.
//!
//! A reason leaves out what differs between such runs: how much is left, which line, what time,
//! which exit code. A verdict's sentence has all of that. Must not know: how it is worded.

use serde::{Deserialize, Serialize};

use super::regime::Regime;
use crate::observation::{Descriptor, LAST_CALL};

/// Why a verdict was given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Every acknowledged write is there.
    Complete,
    /// `damage` set a new baseline.
    Damaged,
    /// The operating system claimed what it had not done.
    Lied,
    /// Something is missing in a server that was not even killed.
    NotKilled,
    /// The policy allows the loss.
    Allowed(Regime),
    /// A promise was broken.
    Broken {
        promise: Promise,
        told: Told,
    },
    /// The dataset is the state after no prefix of the history.
    NoPrefix,
    /// The server did not start on what was on the disk.
    Refused {
        attempts: Attempts,
        /// The line with which it said why, without its numbers; None: it said nothing.
        says: Option<String>,
    },
    /// The server ended without being asked to, or not as it was asked to.
    Ended(UnaskedEnd),
    /// Writes stay refused: the beginning of the reply, and the command that clears it.
    WritesRefused {
        reply: String,
        cure: Option<String>,
    },
    /// A settled server holds on to something.
    Leaked {
        zombies: bool,
        unknown_children: bool,
        descriptors: Vec<Descriptor>,
    },
    /// INFO says what is not so: the field with its value.
    Misreported {
        field: String,
        value: String,
    },
    Surprise(Surprise),
    /// What the machine, the world or the case says, without its numbers.
    Other(String),
}

/// What no promise covers, and nobody expects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Surprise {
    /// INFO says by this field that what is in place has failed.
    PublishedAsFailed(String),
    /// Files that no manifest names any more, by role, and that nobody will delete.
    Forgotten(Vec<String>),
    /// A start that failed, with exit status 0.
    FailedWithStatusZero,
    /// A start that had read everything failed because nothing could be written.
    NoSpaceToStart,
}

/// What promised that a write would still be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Promise {
    /// A SHUTDOWN that exited with 0.
    Shutdown,
    /// A SAVE or BGSAVE that reported success.
    Save,
    /// A FLUSHALL that reported success while there are save points: it saves.
    Flushall,
    /// A WAITAOF that counted this server.
    Waitaof,
    /// A sync that succeeded after the write.
    Sync,
    /// The policy under which it was acknowledged.
    Policy(Regime),
    /// The second within which that policy syncs.
    Second(Regime),
}

/// Who could know of a loss before the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    Nobody,
    /// A client got an error, or saw it in INFO.
    Client,
    /// INFO would have shown it to a client that asked.
    Info,
}

/// How often the server was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attempts {
    /// Once: it had not said that it was ready yet when it ended.
    Once,
    /// It came up when it was started once more.
    CameUp,
    /// It was refused both times.
    Twice,
}

/// How a server ended when it was not asked to end like that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnaskedEnd {
    /// Asked to shut down, it exited with another code than 0.
    Shutdown,
    /// By itself.
    Code,
    Signal,
}

impl Reason {
    /// Why writes are refused: a reply without the part that differs from time to time.
    pub fn writes_refused(reply: &str, cure: Option<&str>) -> Reason {
        let opening = reply.split([':', ',']).next().unwrap_or_default();
        Reason::WritesRefused { reply: opening.to_string(), cure: cure.map(str::to_string) }
    }

    /// Why a start is refused, with the server's own line.
    pub fn refused(attempts: Attempts, line: Option<&str>) -> Reason {
        Reason::Refused { attempts, says: line.map(without_numbers) }
    }

    /// The same without what the server itself says, which is worded otherwise by another one.
    pub fn in_any_words(self) -> Reason {
        match self {
            Reason::Refused { attempts, .. } => Reason::Refused { attempts, says: None },
            other => other,
        }
    }

    /// A reason that is not the contract's, from its sentence. Which call a loop has made last, and
    /// with what, is by chance.
    pub fn other(sentence: &str) -> Reason {
        let what = sentence.split(LAST_CALL).next().unwrap_or_default();
        Reason::Other(without_numbers(what))
    }
}

/// A text with `N` for each number.
pub fn without_numbers(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' if out.ends_with('N') => {}
            '0'..='9' => out.push('N'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_do_not_make_a_reason_another() {
        assert_eq!(Reason::other("line 12: 3.5 s"), Reason::other("line 4: 12.25 s"));
        let full = "-MISCONF Errors writing to the AOF file: No space left on device";
        let other = "-MISCONF Errors writing to the AOF file: Input/output error";
        let of = |reply| Reason::writes_refused(reply, Some("BGSAVE"));
        assert_eq!(of(full), of(other));
        assert_ne!(of(full), Reason::writes_refused(full, None));
    }
}
