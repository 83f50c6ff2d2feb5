//! No false alarm: scripts without faults come to `kept`, or are not measured for a reason that is
//! counted.
//!
//! Must not know: how the counts are printed.

use std::collections::BTreeMap;

use proptest::strategy::ValueTree;
use serde::Serialize;

use super::catalogue::{BugTogether, Catalogue};
use super::listing::Listing;
use super::stories::{Material, draw};
use crate::contract::Verdict;
use crate::engine::pool::{Interrupted, Pool};
use crate::engine::wire::Batch;
use crate::engine::worlds::World;
use crate::runner::{Collect, RunSummary};

/// Scripts of the world `sim` in one request.
const BATCH: usize = 32;
/// Runs that are drawn together.
const ROUND: u64 = 256;
/// How many smaller scripts are tried for one alarm.
const TRIES: usize = 150;

/// What many scripts came to on one server.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
    pub world: String,
    pub seed: u64,
    pub runs: u64,
    pub verdicts: BTreeMap<Verdict, u64>,
    /// By reason.
    pub not_measured: BTreeMap<String, Example>,
    /// By kind.
    pub alarms: BTreeMap<String, Example>,
    /// What a server is known to lose by itself.
    pub bugs: BTreeMap<String, u64>,
    /// Commands that the server lists and no script can be drawn with.
    pub missing: Vec<String>,
}

/// Runs of one kind, and the smallest script of one of them.
#[derive(Clone, Debug, Serialize)]
pub struct Example {
    pub runs: u64,
    pub first: u64,
    pub sentence: String,
    pub script: String,
}

/// The most that may not be measured, of all and for one reason, in percent.
pub const MOST_UNMEASURED: [u64; 2] = [5, 2];

impl Counts {
    /// Whether nothing was blamed, and enough was measured.
    pub fn hold(&self) -> bool {
        let [all, each] = MOST_UNMEASURED;
        let within = |count: u64, percent: u64| count * 100 <= self.runs * percent;
        let counts = || self.not_measured.values().map(|example| example.runs);
        self.alarms.is_empty()
            && self.missing.is_empty()
            && within(counts().sum(), all)
            && counts().all(|count| within(count, each))
    }
}

/// Draws scripts and runs them; `done` hears of each batch.
///
/// # Errors
/// When the pool was stopped first.
pub fn search(
    pool: &Pool,
    catalogue: &Catalogue,
    world: &World,
    seed: u64,
    runs: u64,
    mut done: impl FnMut(usize),
) -> Result<Counts, Interrupted> {
    let listing = Listing::of(pool, world, catalogue)?;
    let material = Material::of(catalogue, &listing, &world.family);
    let missing = material.missing(catalogue, &listing);
    let label = world.label.clone();
    let mut counts = Counts { world: label, seed, missing, ..Counts::default() };
    if material.is_empty() {
        counts.missing.push("anything: its COMMAND is not answered with a list".to_string());
        return Ok(counts);
    }
    let search = Search { pool, world, material };
    for first in (0..runs).step_by(ROUND as usize) {
        let numbers: Vec<u64> = (first..runs.min(first + ROUND)).collect();
        let scripts: Vec<String> =
            numbers.iter().map(|n| draw(seed, *n).current().script(&search.material)).collect();
        let summaries = search.run(&scripts, &mut done)?;
        for ((n, script), summary) in numbers.iter().zip(&scripts).zip(&summaries) {
            let bug = |sentence: &str| {
                let verdict = summary.verdict;
                catalogue.bug_together(&world.family, script, verdict, sentence)
            };
            counts.take(*n, script, summary, bug);
        }
    }
    for alarm in counts.alarms.values_mut() {
        alarm.script = search.smallest(seed, alarm)?;
    }
    for example in counts.not_measured.values_mut().filter(|it| it.runs * 100 > runs) {
        example.script = search.smallest(seed, example)?;
    }
    Ok(counts)
}

struct Search<'a> {
    pool: &'a Pool,
    world: &'a World,
    material: Material,
}

impl Search<'_> {
    fn run(
        &self,
        scripts: &[String],
        done: &mut impl FnMut(usize),
    ) -> Result<Vec<RunSummary>, Interrupted> {
        let size = if self.world.place.is_supervised() { 4 } else { BATCH };
        let batch = |scripts: &[String]| Batch {
            place: self.world.place.clone(),
            scripts: scripts.to_vec(),
            collect: Collect::Verdicts,
            computes: true,
        };
        let batches = self.pool.summarize(scripts.chunks(size).map(batch));
        let summaries = batches.in_order(|_, batch: &Vec<RunSummary>| done(batch.len()))?;
        Ok(summaries.into_iter().flatten().collect())
    }

    /// The smallest script that comes to the same.
    fn smallest(&self, seed: u64, example: &Example) -> Result<String, Interrupted> {
        let mut tree = draw(seed, example.first);
        let mut best = example.script.clone();
        let wanted = kind(&example.sentence);
        let mut moved = tree.simplify();
        for _ in 0..TRIES {
            if !moved {
                break;
            }
            let script = tree.current().script(&self.material);
            let summary = self.run(std::slice::from_ref(&script), &mut |_| {})?.pop();
            let same = summary.is_some_and(|it| kind(&sentence(&it)) == wanted);
            moved = if same {
                best = script;
                tree.simplify()
            } else {
                tree.complicate()
            };
        }
        Ok(best)
    }
}

impl Counts {
    fn take<'a>(
        &mut self,
        n: u64,
        script: &str,
        summary: &RunSummary,
        bug: impl Fn(&str) -> Option<&'a BugTogether>,
    ) {
        self.runs += 1;
        *self.verdicts.entry(summary.verdict).or_default() += 1;
        let sentence = sentence(summary);
        if let Some(bug) = bug(&sentence) {
            *self.bugs.entry(bug.why.clone()).or_default() += 1;
            return;
        }
        let kinds = match summary.verdict {
            _ if summary.wrong().is_some() => &mut self.alarms,
            Verdict::Kept | Verdict::LostAllowed => return,
            Verdict::NotMeasured => &mut self.not_measured,
            _ => &mut self.alarms,
        };
        let example =
            || Example { runs: 0, first: n, sentence: sentence.clone(), script: script.into() };
        kinds.entry(kind(&sentence)).or_insert_with(example).runs += 1;
    }
}

/// What the verdict was given for.
fn sentence(summary: &RunSummary) -> String {
    if let Some(wrong) = summary.wrong() {
        return format!("a bad case: {}", wrong.message);
    }
    let decisive = summary.rulings.iter().find(|ruling| ruling.verdict == summary.verdict);
    decisive.map_or(String::new(), |ruling| {
        let difference = ruling.difference.as_deref().unwrap_or_default();
        format!("{}: {} {difference}", ruling.verdict, ruling.sentence).trim_end().to_string()
    })
}

/// Sentences of one kind differ in numbers, keys and values alone.
fn kind(sentence: &str) -> String {
    const ANSWERED: &str = ", was answered ";
    if let Some((head, _)) = sentence.split_once(ANSWERED) {
        // `… line 7, GET a, was answered …`
        let command = head.rsplit("line ").next().and_then(|it| it.split_once(", "));
        let name = command.and_then(|(_, command)| command.split(' ').next()).unwrap_or_default();
        return format!("{} is answered in another way without faults", name.to_uppercase());
    }
    let mut kind = String::new();
    let (mut quoted, mut escaped) = (false, false);
    for c in sentence.chars() {
        match c {
            '"' if !escaped => {
                quoted = !quoted;
                kind.push('"');
            }
            _ if quoted => {}
            '0'..='9' if kind.ends_with('N') => {}
            '0'..='9' => kind.push('N'),
            other => kind.push(other),
        }
        escaped = c == '\\' && !escaped;
    }
    kind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_of_one_kind_differ_in_numbers_and_values_alone() {
        let one = kind("lost: 3 of 14: \"a\": promised string \"\\\"x\", found nothing");
        assert_eq!(one, "lost: N of N: \"\": promised string \"\", found nothing");
        let answered = "not-measured: what should be there is not known: line 12, XPENDING s g, \
                        was answered :1; a server without faults answers :2";
        assert_eq!(kind(answered), "XPENDING is answered in another way without faults");
    }

    #[test]
    fn what_is_blamed_or_unmeasured_too_often_does_not_hold() {
        let mut counts = Counts { runs: 100, ..Counts::default() };
        let example = |runs| Example { runs, first: 0, sentence: "".into(), script: "".into() };
        counts.not_measured.insert("a".into(), example(2));
        assert!(counts.hold());
        counts.not_measured.insert("b".into(), example(3));
        assert!(!counts.hold());
        counts.not_measured.clear();
        counts.alarms.insert("a".into(), example(1));
        assert!(!counts.hold());
    }
}
