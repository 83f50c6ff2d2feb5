//! What the runs of one case in one world come to: a word for the table, a status for the exit
//! code.
//!
//! In this order: runs that differ from each other, a wrong case, no verdict, a broken promise, an
//! assertion not met, a transcript that is not the reviewed one.
//! Must not know: what a promise is.

use super::snapshots::{self, Reviewed};
use crate::case::Script;
use crate::contract::Verdict;
use crate::exit::Status;
use crate::runner::difference::Difference;
use crate::runner::{Outcome, Ruling};

/// One cell of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    pub word: String,
    pub status: Status,
    /// What to say about it, besides the word.
    pub notes: Vec<String>,
}

impl Assessment {
    fn new(word: impl Into<String>, status: Status, notes: Vec<String>) -> Assessment {
        Assessment { word: word.into(), status, notes }
    }
}

/// Judges the runs of one case in one world; there is at least one.
pub fn judge(script: &Script, runs: &[Outcome], reviewed: &Reviewed) -> Assessment {
    // A run that was ended from outside has no trace to compare.
    let ended = runs.iter().find(|run| run.trace.is_empty());
    let outcome = ended.unwrap_or(&runs[0]);
    if let (None, Some(note)) = (ended, unequal(runs)) {
        return Assessment::new("not deterministic", Status::NotMeasured, vec![note]);
    }
    let failures = |bad_case: bool| -> Vec<String> {
        let these = outcome.failures.iter().filter(|failure| failure.bad_case == bad_case);
        let place = |line| match line {
            0 => script.name.clone(),
            line => format!("{}:{line}", script.name),
        };
        these.map(|failure| format!("{}: {}", place(failure.line), failure.message)).collect()
    };
    let goes_otherwise = *reviewed == Reviewed::UnderAnotherConfiguration;
    if outcome.is_bad_case() {
        return match goes_otherwise {
            true => Assessment::new("n/a", Status::NotApplicable, failures(true)),
            false => Assessment::new("bad case", Status::BadCase, failures(true)),
        };
    }
    let verdict = outcome.verdict;
    match verdict {
        Verdict::NotApplicable => {
            return Assessment::new(verdict.to_string(), Status::NotApplicable, sentences(outcome));
        }
        _ if verdict.is_no_measurement() => {
            return Assessment::new(verdict.to_string(), Status::NotMeasured, sentences(outcome));
        }
        _ => {}
    }
    if outcome.breaks_a_promise() {
        let unmet = failures(false);
        let broken = outcome.rulings.iter().any(Ruling::is_unexpected);
        if goes_otherwise && !broken {
            return Assessment::new(verdict.as_str(), Status::Unreviewed, unmet);
        }
        let word = if broken { verdict.as_str() } else { "unexpected" };
        let notes = unexpected(outcome).into_iter().chain(unmet).collect();
        return Assessment::new(word, Status::BrokenPromise, notes);
    }
    compare(outcome, reviewed)
}

/// The transcript against the reviewed one.
fn compare(outcome: &Outcome, reviewed: &Reviewed) -> Assessment {
    let word = outcome.verdict.to_string();
    match reviewed {
        Reviewed::Never | Reviewed::UnderAnotherConfiguration => {
            Assessment::new(word, Status::Unreviewed, Vec::new())
        }
        Reviewed::ByItsAssertions => Assessment::new(word, Status::AsExpected, Vec::new()),
        Reviewed::Missing(path) => {
            let note = format!("not reviewed yet: there is no {}", path.display());
            Assessment::new("differs", Status::Differs, vec![note])
        }
        Reviewed::As(text) if snapshots::same(text, &outcome.transcript) => {
            Assessment::new(word, Status::AsExpected, Vec::new())
        }
        Reviewed::As(text) => {
            let (text, now) = (snapshots::trimmed(text), snapshots::trimmed(&outcome.transcript));
            let note = Difference::between(text, now).map_or_else(String::new, |difference| {
                format!("the transcript differs in {}", difference.shown("reviewed", "now"))
            });
            Assessment::new("differs", Status::Differs, vec![note])
        }
    }
}

/// Where the trace of some run parts from that of the first, and why, if that one came to something
/// else.
fn unequal(runs: &[Outcome]) -> Option<String> {
    runs[1..].iter().enumerate().find_map(|(n, run)| {
        let difference = Difference::between(&runs[0].trace, &run.trace)?;
        let other = format!("run {}", n + 2);
        let shown = difference.shown("run 1", &other);
        let what = match run.verdict == runs[0].verdict {
            true => String::new(),
            false => format!("\n{other} came to {}: {}", run.verdict, sentences(run).join("; ")),
        };
        Some(format!("the traces of two runs differ in {shown}{what}"))
    })
}

/// Why there is no verdict on the server.
fn sentences(outcome: &Outcome) -> Vec<String> {
    let worst = outcome.rulings.iter().filter(|ruling| ruling.verdict == outcome.verdict);
    worst.map(sentence).collect()
}

/// The promises that were broken without the case expecting it.
pub fn unexpected(outcome: &Outcome) -> Vec<String> {
    outcome.rulings.iter().filter(|ruling| ruling.is_unexpected()).map(sentence).collect()
}

/// Line 0 stands for no line.
fn sentence(Ruling { line, verdict, sentence, .. }: &Ruling) -> String {
    match line {
        0 => format!("{verdict}: {sentence}"),
        line => format!("line {line}: {verdict}: {sentence}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::parse;
    use crate::engine::host::{Host, broken};
    use crate::engine::wire::{Job, Place};
    use crate::world::Broken;

    #[test]
    fn a_run_that_was_ended_from_outside_is_that_and_not_unlike_the_others() {
        let text = "> PING\n".to_string();
        let script = parse("ping", &text).expect("a case");
        let named = |name: &str| name.to_string();
        let (case, source, world) = (named("ping"), named("ping.case"), named("sim"));
        let job = Job { case, source, text, head: 0, world, place: Place::Sim(Default::default()) };
        let whole = Host::without_machine().run_guarded(&job);
        let ended = broken(&job, Broken::Hung("no outcome".to_string()));
        let cell = judge(&script, &[whole.clone(), ended], &Reviewed::Never);
        assert_eq!((cell.word.as_str(), cell.status), ("hung", Status::BrokenPromise));
        let other = Outcome { trace: named("another"), ..whole.clone() };
        let cell = judge(&script, &[whole, other], &Reviewed::Never);
        assert_eq!(cell.word, "not deterministic");
    }
}
