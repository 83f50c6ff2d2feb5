//! What an exploration has found, and one part of it, made on one machine of several, as a file.
//!
//! Run `n` depends on the seed and on `n` alone, so a part is every N-th run. What is found is kept
//! by cause, and of each cause the first run: parts put together are what one machine would have
//! found. Must not know: where files are, and how runs are made smaller.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Explored;
use crate::contract::Verdict;
use crate::sweep::{Shard, Signature, file};

/// What the first field of every such file says.
pub const FORMAT: &str = "sabot explore part";
/// Files of another version are refused.
pub const VERSION: u32 = 1;

/// What was found, in the order of the runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    pub counts: BTreeMap<Verdict, u64>,
    /// Runs whose fault met no call.
    pub nothing: u64,
    pub done: u64,
    pub causes: Vec<FoundCause>,
}

/// Runs that failed alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundCause {
    pub signature: Signature,
    /// Their numbers, in order.
    pub runs: Vec<u64>,
    /// What the first of them came to.
    pub first: Explored,
}

impl Found {
    /// Takes run `n`, which is later than all that were taken.
    pub fn take(&mut self, n: u64, explored: Explored) {
        self.done += 1;
        match explored.verdict() {
            // A disk that cannot be left in such a state, for example.
            Some(Verdict::NotMeasured) | None => self.nothing += 1,
            Some(verdict) => *self.counts.entry(verdict).or_default() += 1,
        }
        let Some(signature) = explored.finding().cloned() else { return };
        match self.causes.iter_mut().find(|known| known.signature == signature) {
            Some(known) => known.runs.push(n),
            None => self.causes.push(FoundCause { signature, runs: vec![n], first: explored }),
        }
    }

    /// Takes all that other runs of the same exploration have found.
    fn join(&mut self, other: Found) {
        for (verdict, count) in other.counts {
            *self.counts.entry(verdict).or_default() += count;
        }
        self.nothing += other.nothing;
        self.done += other.done;
        for cause in other.causes {
            let known = self.causes.iter_mut().find(|it| it.signature == cause.signature);
            let Some(known) = known else {
                self.causes.push(cause);
                continue;
            };
            if cause.runs[0] < known.runs[0] {
                known.first = cause.first;
            }
            known.runs.extend(cause.runs);
            known.runs.sort_unstable();
        }
        self.causes.sort_by_key(|cause| cause.runs[0]);
    }
}

/// What all parts of one exploration have alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The version of sabot.
    pub sabot: String,
    /// Name and version of the server.
    pub server: String,
    pub seed: u64,
    /// Number of runs of all parts.
    pub runs: u64,
    /// Lines before each story.
    pub opening: String,
}

/// A part of an exploration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    format: String,
    version: u32,
    pub subject: Subject,
    /// `K/N`.
    shard: String,
    is_interrupted: bool,
    found: Found,
}

impl Part {
    pub fn new(subject: Subject, shard: Shard, is_interrupted: bool, found: Found) -> Part {
        let (format, shard) = (FORMAT.to_string(), shard.to_string());
        Part { format, version: VERSION, subject, shard, is_interrupted, found }
    }

    /// # Errors
    /// Says why the text is no part of this version.
    pub fn read(text: &str) -> Result<Part, String> {
        let value = file::json(text)?;
        if value.get("format").and_then(|format| format.as_str()) != Some(FORMAT) {
            let what = "it is not a part that `sabot explore --shard K/N --json` writes";
            return Err(what.to_string());
        }
        let part: Part = file::of_version(value, VERSION)?;
        let is_damaged = part.found.causes.iter().any(|cause| cause.runs.is_empty());
        if is_damaged { Err("it is damaged: a cause without a run".to_string()) } else { Ok(part) }
    }

    pub fn write(&self) -> String {
        serde_json::to_string_pretty(self).expect("parts are plain data")
    }
}

/// Joins the parts of one exploration; also returns what is missing, each in a few words.
///
/// # Errors
/// When a part was given twice, or they are of different explorations.
pub fn join(parts: Vec<Part>) -> Result<(Found, Vec<String>), String> {
    let shards: Vec<Shard> =
        parts.iter().map(|part| part.shard.parse()).collect::<Result<_, _>>()?;
    let mut missing: Vec<String> =
        Shard::missing(&shards)?.iter().map(|shard| format!("shard {shard} is missing")).collect();
    let mut found = Found::default();
    for part in parts {
        if part.is_interrupted {
            missing.push(format!("shard {} was interrupted", part.shard));
        }
        found.join(part.found);
    }
    Ok((found, missing))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::contract::Reason;

    /// What run `n` of some exploration comes to: one of few causes, or none.
    fn run(n: u64, drawn: u8) -> Explored {
        let verdict = [Verdict::Lost, Verdict::Stuck, Verdict::Kept][usize::from(drawn % 3)];
        let reason = Some(Reason::other(if drawn < 128 { "one" } else { "other" }));
        let signature = (drawn > 9).then_some(Signature { verdict, reason });
        Explored { signature, sentence: String::new(), script: format!("run {n}") }
    }

    fn subject() -> Subject {
        let (sabot, server) = ("0.1.0".to_string(), "a".to_string());
        Subject { sabot, server, seed: 0, runs: 100, opening: String::new() }
    }

    proptest! {
        #[test]
        fn parts_in_any_order_are_what_one_machine_would_have_found(
            drawn in prop::collection::vec(any::<u8>(), 0..100),
            of in 1_u64..6,
            turned in any::<bool>(),
        ) {
            let all = || (0_u64..).zip(&drawn).map(|(n, drawn)| (n, run(n, *drawn)));
            let mut whole = Found::default();
            all().for_each(|(n, explored)| whole.take(n, explored));
            let mut parts: Vec<Part> = (1..=of).map(|number| {
                let shard: Shard = format!("{number}/{of}").parse().expect("a shard");
                let mut found = Found::default();
                let its = all().filter(|(n, _)| shard.has_run(*n));
                its.for_each(|(n, explored)| found.take(n, explored));
                let part = Part::new(subject(), shard, false, found);
                Part::read(&part.write()).expect("it has just been written")
            }).collect();
            if turned {
                parts.reverse();
            }
            prop_assert_eq!(join(parts), Ok((whole, Vec::new())));
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        let part = |shard: &str, is_interrupted| {
            let shard = shard.parse().expect("a shard");
            Part::new(subject(), shard, is_interrupted, Found::default())
        };
        let (_, missing) = join(vec![part("2/3", true), part("1/3", false)]).expect("two of three");
        assert_eq!(missing, ["shard 3/3 is missing", "shard 2/3 was interrupted"]);
        assert!(join(vec![part("1/2", false), part("1/2", false)]).is_err());
        for (text, why) in [("[", "not JSON"), ("{\"format\":\"x\"}", "not a part")] {
            assert!(Part::read(text).expect_err("no part").contains(why));
        }
    }
}
