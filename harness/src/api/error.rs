//! Why there is no outcome. Nothing here says anything about a server.

use std::fmt;
use std::path::PathBuf;

use crate::case::BadCase;
use crate::contract::Verdict;
use crate::engine::worlds::NoWorld;

/// Why there is no outcome.
///
/// A server that breaks a promise is none of these: that is an outcome. So a test may use `?`, and
/// a run that did not happen never counts as a pass.
///
/// `Debug` prints the message like `Display` does, because that is what a test shows that returns
/// an error.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No world has this name; says which there are.
    #[error("{0}")]
    NoSuchWorld(String),
    /// A profile of the user's makes no sense; says what in it, and where.
    #[error("{0}")]
    BadProfile(String),
    /// The world is known, but this machine cannot have it: no such program, no namespaces. A test
    /// may skip then; whether it should is up to the project.
    #[error("this machine cannot have the world {world}: {reason}")]
    Missing {
        /// The name that was asked for.
        world: String,
        /// What is missing, and where to read on.
        reason: String,
    },
    /// A file could not be read.
    #[error("cannot read {}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// In the system's words.
        reason: String,
    },
    /// No case of this name is built in, or a text is not a token.
    #[error("{0}")]
    NoSuchCase(String),
    /// A case or a plan that could not be parsed: one line per mistake, with file, line, column and
    /// what was expected.
    #[error("{0}")]
    BadCase(String),
    /// A redis.conf that cannot be used, with its file and line.
    #[error("{0}")]
    BadConfig(String),
    /// A list of accepted findings that cannot be used, with its file and line.
    #[error("{0}")]
    BadList(String),
    /// The case ran, and it is the case that is wrong: a rule never fired, say, so that nothing was
    /// tested.
    #[error("the case {case} is wrong:\n{}", mistakes.join("\n"))]
    WrongCase {
        /// Its name.
        case: String,
        /// One for each mistake, with its line.
        mistakes: Vec<String>,
    },
    /// The world could not do what the case asks for, or a workload cannot be swept.
    #[error("not measured: {0}")]
    NotMeasured(String),
    /// The harness itself went wrong. Please report it.
    #[error("harness broken: {0}")]
    HarnessBroken(String),
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error {
    /// A run without a verdict on the server.
    pub(super) fn no_measurement(verdict: Verdict, why: String) -> Error {
        match verdict {
            Verdict::HarnessBroken => Error::HarnessBroken(why),
            _ => Error::NotMeasured(why),
        }
    }
}

impl From<BadCase> for Error {
    fn from(bad: BadCase) -> Error {
        Error::BadCase(bad.to_string())
    }
}

impl From<NoWorld> for Error {
    fn from(why: NoWorld) -> Error {
        match why {
            NoWorld::Missing { name, reason } => Error::Missing { world: name, reason },
            NoWorld::BadProfile(why) => Error::BadProfile(why.to_string()),
            NoWorld::NoSuchWorld { .. } | NoWorld::Folder(_) | NoWorld::Required(_) => {
                Error::NoSuchWorld(why.to_string())
            }
        }
    }
}
