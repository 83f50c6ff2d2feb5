//! Findings that are known, in a file of their own.
//!
//! Must not know: how findings come to be.

use std::path::Path;

use super::Error;
use crate::sweep::accepted;

/// A list of findings that are known, each with a reason: the TOML that `sabot sweep --accepted`
/// takes, described in `docs/ci.md`.
///
/// ```
/// use sabot::{Accepted, Case, FaultKind, SweepOptions, World, sweep};
///
/// let text = "config appendonly yes\nconfig appendfsync everysec\n> INCR n\n";
/// let case = Case::parse("one", text)?;
/// let only = SweepOptions::new().only(&[FaultKind::Error]);
/// let report = sweep(&case, &World::sim()?, &only)?;
/// let list = "[[accept]]\nverdict = \"lost\"\nreason = \"until the upgrade\"\n\n\
///             [[accept]]\nsite = \"no.such.call\"\nreason = \"gone\"\n";
/// let known = Accepted::parse("known.toml", list)?;
/// for finding in report.broken_promises_besides(&known) {
///     panic!("new: {}", finding.example.sentence);
/// }
/// assert!(known.unused().last().unwrap().starts_with("known.toml:5: "));
/// # Ok::<(), sabot::Error>(())
/// ```
#[derive(Debug)]
pub struct Accepted {
    pub(super) inner: accepted::Accepted,
}

impl Accepted {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::BadList`], with file and line.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Accepted, Error> {
        let inner = accepted::Accepted::open(Some(path.as_ref())).map_err(Error::BadList)?;
        Ok(Accepted { inner })
    }

    /// Parses `text`; `name` is what messages call it.
    ///
    /// # Errors
    /// As [`Accepted::from_file`].
    pub fn parse(name: &str, text: &str) -> Result<Accepted, Error> {
        let inner = accepted::Accepted::read(name, text).map_err(Error::BadList)?;
        Ok(Accepted { inner })
    }

    /// Entries that have met nothing in the reports that were asked so far, each in a line: after a
    /// whole sweep they are out of date.
    pub fn unused(&self) -> Vec<String> {
        self.inner.stale()
    }
}
