//! Why a command ends before it has found anything out.
//!
//! Must not know: which commands there are.

use super::printable::printable;
use crate::case::BadCase;
use crate::engine::worlds::NoWorld;
use crate::exit::Exit;
use crate::suite::known_bugs::NoSuchBug;
use crate::suite::library::LibraryError;
use crate::suite::redis_conf::{BadConf, NotUnder};

/// Why a command ends before it has found anything out: a message for standard error, which has
/// nothing in it that steers a terminal but styles, and the exit.
#[derive(Debug)]
pub struct CommandError {
    pub exit: Exit,
    pub message: String,
}

impl CommandError {
    /// The user asked for something that does not exist or makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        CommandError { exit: Exit::BadUsage, message: printable(&message.into()).into_owned() }
    }

    /// The machine, or the harness, cannot do what was asked.
    pub fn unable(message: impl Into<String>) -> Self {
        CommandError { exit: Exit::NotMeasured, message: printable(&message.into()).into_owned() }
    }

    /// Somebody pressed Ctrl-C.
    pub fn interrupted() -> Self {
        CommandError {
            exit: Exit::Interrupted,
            message: "interrupted, so there is no result".into(),
        }
    }
}

impl From<NoWorld> for CommandError {
    fn from(why: NoWorld) -> CommandError {
        match why {
            NoWorld::Missing { .. } => CommandError::unable(why.to_string()),
            _ => CommandError::usage(why.to_string()),
        }
    }
}

impl From<LibraryError> for CommandError {
    fn from(why: LibraryError) -> CommandError {
        match why {
            LibraryError::BadCases(cases) => {
                CommandError { exit: Exit::BadUsage, message: mistakes(cases) }
            }
            other => CommandError::usage(other.to_string()),
        }
    }
}

impl From<NoSuchBug> for CommandError {
    fn from(why: NoSuchBug) -> CommandError {
        CommandError::usage(why.to_string())
    }
}

impl From<BadConf> for CommandError {
    fn from(why: BadConf) -> CommandError {
        CommandError::usage(why.to_string())
    }
}

impl From<NotUnder> for CommandError {
    fn from(why: NotUnder) -> CommandError {
        match why {
            NotUnder::Interrupted(_) => CommandError::interrupted(),
            NotUnder::BadConf(why) => why.into(),
        }
    }
}

/// All mistakes with the lines that they are in, with styles where they are wanted.
fn mistakes(cases: Vec<BadCase>) -> String {
    let errors = cases.into_iter().flat_map(|case| case.errors);
    let shown = |text: &str| printable(text).into_owned();
    errors.map(|error| format!("{:?}\n", miette::Report::new(error.shown_as(shown)))).collect()
}
