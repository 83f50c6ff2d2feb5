//! Why a command ends before it has found anything out, and how a file that cannot be used is told.
//!
//! Must not know: which commands there are.

use std::path::Path;

use crate::exit::Exit;

/// Why a mode ends before it has found out anything: a message for stderr, and the exit.
#[derive(Debug)]
pub struct Stop {
    pub exit: Exit,
    pub message: String,
}

impl Stop {
    /// The user asked for something that does not exist or makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Stop { exit: Exit::BadUsage, message: message.into() }
    }

    /// The machine, or the harness, cannot do what was asked.
    pub fn unable(message: impl Into<String>) -> Self {
        Stop { exit: Exit::NotMeasured, message: message.into() }
    }
}

/// A file could not be used: its path, and what the system says.
pub fn cannot(verb: &str, path: &Path, why: &std::io::Error) -> String {
    format!("cannot {verb} {}: {why}", path.display())
}
