//! Accepted findings: a TOML file that says which ones are known, and why.
//!
//! ```toml
//! [[accept]]
//! workload = "sweep/rewrite*"
//! site = "parent.aof.write"
//! fault = "ENOSPC"
//! verdict = "lost"
//! reason = "fixed in 7.2; until then the disk is watched"
//! ```
//!
//! Everything an entry says must match; what it leaves out may be anything. A `*` stands for any
//! text; `site` is a kind of call or one call. An accepted finding does not count for the exit code
//! and is shown as accepted. An entry that matches nothing is an error, like a fault that never
//! fires: it would hide the next finding of its kind. Only a run that did not look everywhere
//! cannot tell. Must not know: how findings come to be.

use std::cell::RefCell;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::axis::Axis;
use super::fault::Fault;
use super::pair::OneOrPair;
use super::{File, Record};
use crate::contract::Verdict;
use crate::error::cannot;
use crate::kernel::Site;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    workload: Option<String>,
    site: Option<String>,
    fault: Option<String>,
    verdict: Option<Verdict>,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(default)]
    accept: Vec<Spanned<Entry>>,
}

/// Where the fault of a run was, and which.
type Run<'a> = (&'a OneOrPair<Site>, &'a OneOrPair<Fault>);

/// The file, and which of its entries have fitted something.
#[derive(Debug, Default)]
pub struct Accepted {
    path: String,
    entries: Vec<(usize, Entry)>,
    used: RefCell<Vec<bool>>,
}

impl Accepted {
    /// Reads the file, if there is one.
    ///
    /// # Errors
    /// Says what is wrong with it, and where.
    pub fn open(path: Option<&Path>) -> Result<Accepted, String> {
        let Some(path) = path else { return Ok(Accepted::default()) };
        let text = std::fs::read_to_string(path).map_err(|e| cannot("read", path, &e))?;
        Accepted::read(&path.display().to_string(), &text)
    }

    /// Parses the text of such a file.
    ///
    /// # Errors
    /// As [`Accepted::open`].
    pub fn read(path: &str, text: &str) -> Result<Accepted, String> {
        let line = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
        let read: Text = toml::from_str(text).map_err(|why| {
            let at = why.span().map_or(0, |span| span.start);
            format!("{path}:{}: {}", line(at), why.message())
        })?;
        let mut entries = Vec::new();
        for entry in read.accept {
            let line = line(entry.span().start);
            let entry = entry.into_inner();
            if entry.reason.trim().is_empty() {
                return Err(format!("{path}:{line}: accepted without a reason"));
            }
            if !entry.says_something() {
                let words = "say at least one of workload, site, fault and verdict";
                return Err(format!("{path}:{line}: this would accept everything: {words}"));
            }
            entries.push((line, entry));
        }
        let used = RefCell::new(vec![false; entries.len()]);
        Ok(Accepted { path: path.to_string(), entries, used })
    }

    /// Why this finding of a workload is accepted.
    pub fn run(&self, workload: &str, record: &Record) -> Option<String> {
        let verdict = record.verdict()?;
        self.find(workload, Some((&record.site, &record.fault)), verdict)
    }

    /// Why this verdict on a case is accepted.
    pub fn case(&self, name: &str, verdict: Verdict) -> Option<String> {
        self.find(name, None, verdict)
    }

    /// All entries that fit are used, and the first one's reason counts.
    fn find(&self, workload: &str, run: Option<Run<'_>>, verdict: Verdict) -> Option<String> {
        let mut reason = None;
        for (n, (_, entry)) in self.entries.iter().enumerate() {
            if entry.fits(workload, run, verdict) {
                self.used.borrow_mut()[n] = true;
                reason.get_or_insert_with(|| entry.reason.clone());
            }
        }
        reason
    }

    /// How many findings each reason accepts.
    pub fn reasons(&self, file: &File) -> Vec<(String, usize)> {
        let mut reasons: Vec<(String, usize)> = Vec::new();
        for sweep in &file.sweeps {
            for record in sweep.records.iter().filter(|record| record.is_finding()) {
                let Some(reason) = self.run(&sweep.workload, record) else { continue };
                match reasons.iter_mut().find(|(known, _)| *known == reason) {
                    Some((_, count)) => *count += 1,
                    None => reasons.push((reason, 1)),
                }
            }
        }
        reasons
    }

    /// Entries that have fitted nothing, each in a line.
    pub fn stale(&self) -> Vec<String> {
        let used = self.used.borrow();
        let stale = self.entries.iter().zip(used.iter()).filter(|(_, used)| !**used);
        stale
            .map(|((line, entry), _)| {
                format!("{}:{line}: nothing like this was found: {}", self.path, entry.words())
            })
            .collect()
    }
}

impl Entry {
    fn says_something(&self) -> bool {
        let texts = [&self.workload, &self.site, &self.fault];
        texts.iter().any(|text| text.is_some()) || self.verdict.is_some()
    }

    fn fits(&self, workload: &str, run: Option<Run<'_>>, verdict: Verdict) -> bool {
        let at = |pattern: &String| {
            run.is_some_and(|(site, _)| {
                like(pattern, &site.to_string())
                    || like(pattern, &Axis::of(&site.first).to_string())
            })
        };
        let of = |pattern: &String| run.is_some_and(|(_, fault)| like(pattern, &fault.to_string()));
        self.workload.as_ref().is_none_or(|pattern| like(pattern, workload))
            && self.site.as_ref().is_none_or(at)
            && self.fault.as_ref().is_none_or(of)
            && self.verdict.is_none_or(|known| known == verdict)
    }

    fn words(&self) -> String {
        let verdict = self.verdict.map(|verdict| verdict.to_string());
        let parts = [&self.workload, &self.site, &self.fault, &verdict];
        parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// Whether a text fits a pattern in which `*` stands for any text.
fn like(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = "[[accept]]\nworkload = \"sweep/a*\"\nsite = \"parent.aof.write\"\n\
                         verdict = \"lost\"\nreason = \"known\"\n";

    #[test]
    fn everything_that_an_entry_says_must_fit() {
        let accepted = Accepted::read("known.toml", ENTRY).expect("a good file");
        let site = "2:parent.aof.write#3";
        let fault = "EIO".parse().expect("a fault");
        let find = |workload, site: &str, verdict| {
            accepted.find(workload, Some((&site.parse().expect(site), &fault)), verdict)
        };
        assert_eq!(accepted.stale().len(), 1);
        assert_eq!(find("sweep/b", site, Verdict::Lost), None);
        assert_eq!(find("sweep/ab", "parent.aof.fsync#1", Verdict::Lost), None);
        assert_eq!(find("sweep/ab", site, Verdict::Died), None);
        assert_eq!(accepted.case("sweep/ab", Verdict::Lost), None);
        assert_eq!(find("sweep/ab", site, Verdict::Lost), Some("known".to_string()));
        assert!(accepted.stale().is_empty());
    }

    #[test]
    fn a_bad_file_is_refused_with_its_line() {
        for (text, reason) in [
            ("[[accept]]\nverdict = \"lost\"\n", "known.toml:1: missing field `reason`"),
            (
                "\n[[accept]]\nverdict = \"lost\"\nreason = \" \"\n",
                "known.toml:2: accepted without",
            ),
            ("[[accept]]\nreason = \"x\"\n", "known.toml:1: this would accept everything"),
            ("[[accept]]\nreason = \"x\"\nsides = 1\n", "known.toml:3: unknown field `sides`"),
            ("[[accept]]\nreason = \"x\"\nverdict = \"loss\"\n", "known.toml:3: unknown variant"),
            ("accept\n", "known.toml:1: "),
        ] {
            let why = Accepted::read("known.toml", text).expect_err(text);
            assert!(why.starts_with(reason), "{text}: {why}");
        }
    }

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text) in [("a", "a"), ("*", ""), ("a*c", "abc"), ("*b*", "abc"), ("a**", "a")]
        {
            assert!(like(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("a*a", "a"), ("*b", "abc"), ("", "a")] {
            assert!(!like(pattern, text), "{pattern} {text}");
        }
    }
}
