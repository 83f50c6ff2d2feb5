//! Cases put under a configuration: its lines stand before theirs.
//!
//! Must not know: how a case runs.

use super::super::library::{CaseFile, LibraryError, ParsedCase, parse_all};
use super::{Conf, NotUnder, Policy, starts_under};
use crate::engine::pool::Pool;
use crate::engine::worlds::World;

/// A configuration and which cases it is for.
#[derive(Clone, Debug, Default)]
pub struct Under {
    /// None: every case runs as it stands.
    pub conf: Option<Conf>,
    /// Cases that have another policy than the configuration are left out.
    pub only_its_policy: bool,
}

impl Under {
    /// The policy of the configuration.
    pub fn policy(&self) -> Option<Policy> {
        self.conf.as_ref().map(Policy::of)
    }

    /// What stands before each case; empty without a configuration.
    pub fn opening(&self) -> String {
        self.conf.as_ref().map(Conf::lines).unwrap_or_default()
    }

    /// Starts each of these servers under the configuration.
    ///
    /// # Errors
    /// When one of them does not start, with the line that it refuses.
    pub fn is_taken_by(&self, pool: &Pool, worlds: &[World]) -> Result<(), NotUnder> {
        let Some(conf) = &self.conf else { return Ok(()) };
        worlds.iter().try_for_each(|world| starts_under(pool, world, conf))
    }

    /// Parses cases, puts them under the configuration and leaves those out that it is not for.
    ///
    /// # Errors
    /// When one of them is wrong, or none is left.
    pub fn cases(&self, files: Vec<CaseFile>) -> Result<Vec<ParsedCase>, LibraryError> {
        let cases = parse_all(files)?;
        let Some(conf) = &self.conf else { return Ok(cases) };
        let policy = Policy::of(conf);
        let fits =
            |case: &ParsedCase| !self.only_its_policy || !policy.is_overridden_by(&case.script);
        let (opening, head) = (conf.lines(), u32::try_from(conf.kept.len()).unwrap_or(u32::MAX));
        let put = |case: ParsedCase| {
            let text = format!("{opening}{}", case.file.text);
            CaseFile { text, head, ..case.file }
        };
        let kept: Vec<CaseFile> = cases.into_iter().filter(fits).map(put).collect();
        match kept.is_empty() {
            true => Err(LibraryError::NoneUnder { policy: policy.to_string() }),
            false => parse_all(kept),
        }
    }
}
