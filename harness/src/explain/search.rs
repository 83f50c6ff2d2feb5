//! The search: the run itself, the control, every change alone, then pairs of syncs.
//!
//! Must not know: how a variant is judged, and how anything is told.

use super::candidates::{self, Most, is_no_help};
use super::change::{Change, Kind};
use super::record::{Acknowledged, Explanation, Help, Trial};
use super::repair::repairs;
use super::subject::{Cutting, Subject, Variant};
use super::trial::{Bench, starts};
use crate::case;
use crate::contract::Verdict;
use crate::engine::pool::{Interrupted, Pool};
use crate::engine::worlds::World;
use crate::runner::resp::Reply;
use crate::runner::{Collect, Outcome, Ruling, decisive, own_line};
use crate::suite::library::{CaseFile, ParsedCase, job};
use crate::sweep::Token;
use crate::sweep::signature::is_finding;

/// What is tried at most of each kind.
const MOST: Most = Most { syncs: 300, orders: 150 };
/// The same where a run takes a process.
const MOST_SUPERVISED: Most = Most { syncs: 60, orders: 30 };

/// So many of the nearest syncs are tried in pairs.
const PAIRED: usize = 12;

/// What is to be explained.
pub struct Question<'a> {
    pub pool: &'a Pool,
    pub world: &'a World,
    pub case: &'a ParsedCase,
}

/// Why there is nothing to explain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// The run comes to this, which nobody need hear of.
    Fine(Verdict),
    /// Why nothing was found out.
    NotMeasured(String),
}

/// Runs the script and its variants; `planned` hears how many are tried.
pub fn explain(
    question: &Question<'_>,
    planned: impl Fn(usize),
) -> Result<Result<Explanation, Nothing>, Interrupted> {
    let Question { pool, world, case } = question;
    let outcome = pool.run(job(&case.file, world))?;
    let Some(ruling) = decisive(&outcome.rulings).filter(|_| !outcome.is_bad_case()) else {
        let why = outcome.failures.first().map(|failure| failure.message.clone());
        return Ok(Err(Nothing::NotMeasured(why.unwrap_or_else(|| "no verdict".to_string()))));
    };
    match ruling.verdict {
        verdict if verdict.is_no_measurement() => {
            return Ok(Err(Nothing::NotMeasured(ruling.sentence.clone())));
        }
        verdict if !is_finding(verdict) => return Ok(Err(Nothing::Fine(verdict))),
        _ => {}
    }
    Search::begin(question, ruling)?.explanation(&outcome, ruling, planned).map(Ok)
}

struct Search<'a> {
    question: &'a Question<'a>,
    subject: Subject,
    bench: Bench<'a>,
    candidates: candidates::Candidates,
    finding: Verdict,
}

impl<'a> Search<'a> {
    fn begin(question: &'a Question<'a>, ruling: &Ruling) -> Result<Search<'a>, Interrupted> {
        let Question { pool, world, case } = *question;
        let asked = Bench::new(pool, world, Cutting::Never);
        let runs = asked.run(vec![case.file.text.clone()], Collect::Sites)?;
        let run = runs.first().ok_or(Interrupted)?;
        let subject = Subject::of(&case.script, starts(run));
        let most = if world.place.is_supervised() { MOST_SUPERVISED } else { MOST };
        let mut candidates = candidates::fitting(&subject, run, most);
        candidates.changes.retain(|change| !is_no_help(change, ruling.verdict));
        let bench = Bench::new(pool, world, subject.cutting());
        Ok(Search { question, subject, bench, candidates, finding: ruling.verdict })
    }

    fn explanation(
        mut self,
        outcome: &Outcome,
        ruling: &Ruling,
        planned: impl Fn(usize),
    ) -> Result<Explanation, Interrupted> {
        let control = self.control()?;
        let alone: Vec<Vec<Change>> =
            self.candidates.changes.iter().map(|change| vec![change.clone()]).collect();
        let pairs = self.pairs();
        let mut tried = 0;
        let mut helped = Vec::new();
        for sets in [alone.clone(), pairs] {
            if helped.is_empty() && !sets.is_empty() {
                planned(sets.len());
                tried += sets.len();
                helped = self.helpful(&self.bench, sets)?;
            }
        }
        if helped.is_empty() && self.bench.cuts.len() > 1 {
            helped = self.helpful(&self.bench.as_it_was_cut(), alone)?;
        }
        let case = &self.question.case.file.name;
        Ok(Explanation {
            case: case.clone(),
            world: self.question.world.label.clone(),
            verdict: ruling.verdict,
            sentence: ruling.sentence.clone(),
            missing: ruling.difference.clone(),
            acknowledged: acknowledged(outcome, ruling),
            faults: self.subject.faults().iter().map(|(line, _)| line.to_string()).collect(),
            log: own_line::of(ruling.verdict, &outcome.transcript).map(String::from),
            control,
            cuts: self.bench.cuts.iter().map(ToString::to_string).collect(),
            tried,
            left_out: self.candidates.left_out,
            helped: self.best_of_each_kind(helped)?,
            repairs: repairs(self.question.pool, self.question.world, self.question.case, ruling)?,
        })
    }

    fn control(&mut self) -> Result<Option<Trial>, Interrupted> {
        let Some(control) = self.subject.control() else { return Ok(None) };
        let only = std::slice::from_ref(&control);
        let trial = self.bench.all(only)?.pop();
        if !trial.as_ref().is_some_and(Trial::holds) {
            return Ok(trial);
        }
        self.bench.widen(&control)?;
        Ok(self.bench.all(only)?.pop())
    }

    fn pairs(&self) -> Vec<Vec<Change>> {
        let syncs = self.candidates.changes.iter().filter(|change| change.kind() == Kind::Sync);
        let syncs: Vec<&Change> = syncs.take(PAIRED).collect();
        let pair = |n: usize, m: usize| vec![syncs[n].clone(), syncs[m].clone()];
        (1..syncs.len())
            .flat_map(|m| (0..m).map(move |n| (n, m)))
            .map(|(n, m)| pair(n, m))
            .collect()
    }

    /// Those of the changes that help, in their order.
    fn helpful(
        &self,
        bench: &Bench<'_>,
        sets: Vec<Vec<Change>>,
    ) -> Result<Vec<(Vec<Change>, Trial)>, Interrupted> {
        let fits = |changes: Vec<Change>| {
            let variant = self.subject.with(&changes)?;
            Some((changes, variant))
        };
        let (sets, variants): (Vec<_>, Vec<Variant>) = sets.into_iter().filter_map(fits).unzip();
        let trials = bench.all(&variants)?;
        let both = sets.into_iter().zip(trials);
        Ok(both.filter(|(_, trial)| trial.helps(self.finding)).collect())
    }

    fn best_of_each_kind(
        &self,
        helped: Vec<(Vec<Change>, Trial)>,
    ) -> Result<Vec<Help>, Interrupted> {
        let mut best = Vec::new();
        for kind in Kind::ALL {
            let its = helped.iter().filter(|(changes, _)| changes[0].kind() == kind);
            let its: Vec<_> = its.collect();
            // The first of those that keep everything, else the first.
            let first = its.iter().min_by_key(|(_, trial)| !trial.holds());
            if let Some((changes, trial)) = first {
                best.extend(self.replayed(changes, trial, its.len())?);
            }
        }
        Ok(best)
    }

    /// A variant that helps, run once more as its token is.
    fn replayed(
        &self,
        changes: &[Change],
        trial: &Trial,
        like_it: usize,
    ) -> Result<Option<Help>, Interrupted> {
        let Question { pool, world, case } = *self.question;
        let Some(variant) = self.subject.with(changes) else { return Ok(None) };
        let parsed = case::parse("variant", &variant.script);
        let script = match trial.cut.zip(parsed.ok()) {
            Some((cut, script)) => Subject::leaving(&script, cut),
            None => variant.script,
        };
        let file = CaseFile { text: script.clone(), ..case.file.clone() };
        let outcome = pool.run(job(&file, world))?;
        let replayed = decisive(&outcome.rulings).map_or(outcome.verdict, |ruling| ruling.verdict);
        let token = Token {
            case: case.file.name.clone(),
            world: world.label.clone(),
            site: String::new(),
            fault: "its own faults".to_string(),
            verdict: replayed,
            script,
        };
        let (changes, trial) = (changes.to_vec(), trial.clone());
        Ok(Some(Help { changes, trial, like_it, replayed, token: token.encode() }))
    }
}

/// What the server had promised: commands that were answered before the ruling.
fn acknowledged(outcome: &Outcome, ruling: &Ruling) -> Vec<Acknowledged> {
    let before = outcome.replies.iter().filter(|its| its.line < ruling.line);
    let answered = before.filter_map(|its| Some((its, its.reply.as_ref()?)));
    let fine = answered.filter(|(_, reply)| !matches!(reply, Reply::Error(_)));
    fine.map(|(its, reply)| Acknowledged { command: its.text(), reply: reply.lines().join(" ") })
        .collect()
}
