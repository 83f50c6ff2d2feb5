//! One part of an audit, made on one machine of several, as a file; and all parts put together.
//!
//! A part holds what was seen: cases, known bugs that show, records of sweeps. Causes go across
//! workloads, so they are found when the parts are together, and that is when scripts are made
//! small. Must not know: where files are, and how anything is printed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::known::Shown;
use super::record::{CaseRecord, Config};
use crate::sweep::{File, Shard, Sweep, file};

/// What the first field of every such file says.
pub const FORMAT: &str = "sabot audit part";
/// Files of another version are refused.
pub const VERSION: u32 = 1;

/// What all parts of one audit have alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The version of sabot.
    pub sabot: String,
    /// Name and version of the server.
    pub server: String,
    pub config: Option<Config>,
    pub posix: bool,
}

/// A part of an audit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Part {
    format: String,
    version: u32,
    subject: Subject,
    cases: Vec<CaseRecord>,
    known: Vec<Shown>,
    /// Its sweeps, which shard it is, and whether it was interrupted.
    file: File,
}

/// The parts of an audit together.
#[derive(Debug)]
pub struct Joined {
    pub cases: Vec<CaseRecord>,
    pub known: Vec<Shown>,
    pub sweeps: Vec<Sweep>,
    /// What is not there, each in a few words: parts to be made again.
    pub missing: Vec<String>,
}

impl Part {
    pub fn new(
        subject: Subject,
        shard: Shard,
        is_interrupted: bool,
        seen: (Vec<CaseRecord>, Vec<Shown>, Vec<Sweep>),
    ) -> Part {
        let (cases, known, sweeps) = seen;
        let file = File::new(shard.to_string(), is_interrupted, sweeps);
        Part { format: FORMAT.to_string(), version: VERSION, subject, cases, known, file }
    }

    /// # Errors
    /// Says why the text is no part of this version.
    pub fn read(text: &str) -> Result<Part, String> {
        let value = file::json(text)?;
        if value.get("format").and_then(|format| format.as_str()) != Some(FORMAT) {
            return Err("it is not a part that `sabot audit --shard K/N --json` writes".to_string());
        }
        file::of_version(value, VERSION)
    }

    pub fn write(&self) -> String {
        serde_json::to_string_pretty(self).expect("parts are plain data")
    }

    /// `K/N`.
    pub fn shard(&self) -> &str {
        &self.file.shard
    }

    /// Whether it was cut off before its end.
    pub fn is_interrupted(&self) -> bool {
        self.file.partial
    }

    /// Why it is no part of an audit of this subject; None: it is one.
    pub fn stranger_to(&self, subject: &Subject) -> Option<String> {
        let is = &self.subject;
        match () {
            () if is.server != subject.server => {
                Some(format!("it is of {}, not of {}", is.server, subject.server))
            }
            () if is.sabot != subject.sabot => {
                Some(format!("it was made by sabot {}, and this is {}", is.sabot, subject.sabot))
            }
            () if is != subject => {
                Some("it was made under another configuration, or without --posix".to_string())
            }
            () => None,
        }
    }
}

/// Joins parts; cases come in the order of `names`.
///
/// # Errors
/// When a part was given twice, or they are not parts of one audit.
pub fn join(parts: Vec<Part>, names: &[&str]) -> Result<Joined, String> {
    let mut missing: Vec<String> = Vec::new();
    let (mut cases, mut known, mut files) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        if part.is_interrupted() {
            missing.push(format!("shard {} was interrupted", part.shard()));
        }
        cases.extend(part.cases);
        known.extend(part.known);
        files.push(part.file);
    }
    let joined = File::merge(files)?;
    missing.extend(joined.missing());
    let place = |name: &str| names.iter().position(|known| *known == name);
    cases.sort_by_key(|case| place(&case.name));
    known.sort_by_key(|shown| place(shown.name()));
    let made: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    let lacking = names.iter().filter(|name| !made.contains(*name)).count();
    if lacking > 0 {
        missing.push(format!("{lacking} of {} cases were not run", names.len()));
    }
    Ok(Joined { cases, known, sweeps: joined.sweeps, missing })
}

#[cfg(test)]
mod tests {
    use super::super::record::CaseResult;
    use super::*;
    use crate::contract::Verdict;

    fn subject(server: &str) -> Subject {
        let sabot = "0.1.0".to_string();
        Subject { sabot, server: server.to_string(), config: None, posix: false }
    }

    fn case(name: &str) -> CaseRecord {
        CaseRecord {
            name: name.to_string(),
            verdict: Verdict::Kept,
            result: CaseResult::AsExpected,
            notes: Vec::new(),
            sentence: String::new(),
            line: 0,
            token: String::new(),
            accepted: None,
        }
    }

    fn part(shard: &str, cases: &[&str], is_interrupted: bool) -> Part {
        let shard = shard.parse().expect("a shard");
        let cases = cases.iter().map(|name| case(name)).collect();
        let part = Part::new(subject("a"), shard, is_interrupted, (cases, vec![], vec![]));
        Part::read(&part.write()).expect("it has just been written")
    }

    #[test]
    fn cases_are_in_the_order_of_the_library_whichever_part_made_them() {
        let parts = vec![part("2/2", &["x", "z"], false), part("1/2", &["y"], false)];
        let joined = join(parts, &["x", "y", "z"]).expect("two of two");
        let names: Vec<&str> = joined.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!((names, joined.missing), (vec!["x", "y", "z"], Vec::new()));
    }

    #[test]
    fn what_is_not_there_is_told_and_nothing_counts_twice() {
        let one = || part("1/3", &["x"], false);
        let joined = join(vec![one(), part("3/3", &[], true)], &["x", "y"]).expect("two of three");
        let told = joined.missing.join("; ");
        for what in ["3/3 was interrupted", "2/3 is missing", "1 of 2 cases were not run"] {
            assert!(told.contains(what), "{told}");
        }
        assert!(join(vec![one(), one()], &["x"]).expect_err("twice").contains("given twice"));
    }

    #[test]
    fn a_part_of_another_audit_is_refused_with_the_reason() {
        let part = part("1/1", &[], false);
        assert_eq!(part.stranger_to(&subject("a")), None);
        let why = part.stranger_to(&subject("b")).expect("another server");
        assert_eq!(why, "it is of a, not of b");
        let under = Subject { posix: true, ..subject("a") };
        assert!(part.stranger_to(&under).is_some());
        for (text, why) in [("{", "not JSON"), ("{\"format\":\"sabot sweep\"}", "not a part")] {
            assert!(Part::read(text).expect_err("no part").contains(why));
        }
    }
}
