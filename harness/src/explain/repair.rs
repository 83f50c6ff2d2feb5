//! What an operator can do about a start that is refused: the server's own check tool mends a copy
//! of the files, or the server itself is told to put up with a damaged end; then it is started.
//!
//! Each is the same script with that in it, so the contract judges what is there then. What this
//! server does not have is left out. Must not know: how a tool is run, and how anything is told.

use serde::{Deserialize, Serialize};

use crate::case::script::{Script, Verb};
use crate::contract::{Reason, Verdict};
use crate::engine::pool::{Interrupted, Pool};
use crate::engine::worlds::World;
use crate::runner::{Outcome, Ruling};
use crate::suite::library::{CaseFile, ParsedCase, job};

/// What an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// `redis-check-aof --fix`, or what it is called there.
    CheckTool,
    /// The directive by which a server loads a file with a damaged end.
    CorruptTail,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    pub means: Means,
    /// None: the start is refused still.
    pub came_to: Option<Content>,
}

/// What a server holds that has started after all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub verdict: Verdict,
    pub sentence: String,
}

/// More than any file that a run leaves.
const TAIL: &str = "aof-load-corrupt-tail-max-size 1073741824";

impl Means {
    const ALL: [Means; 2] = [Means::CheckTool, Means::CorruptTail];

    /// The script with that done before the start in this line, and which line that is then.
    fn done_in(self, script: &Script, line: u32) -> Option<(String, u32)> {
        let step = script.steps.iter().find(|step| step.line == line)?;
        let Verb::Restart(_) = &step.verb else { return None };
        let mut lines: Vec<String> = script.source.lines().map(String::from).collect();
        let place = line as usize - 1;
        match self {
            Means::CheckTool => {
                lines.insert(place, Verb::Repair.to_string());
                Some((lines.join("\n"), line + 1))
            }
            Means::CorruptTail => {
                lines[place] = format!("{} {TAIL}", lines[place]);
                Some((lines.join("\n"), line))
            }
        }
    }
}

/// What can be done about this ruling, if it is that a start was refused.
///
/// # Errors
/// When the pool was stopped.
pub fn repairs(
    pool: &Pool,
    world: &World,
    case: &ParsedCase,
    ruling: &Ruling,
) -> Result<Vec<Repair>, Interrupted> {
    let mut repairs = Vec::new();
    // Where its own calls fail, the files are not to blame.
    let refused = matches!(ruling.reason, Reason::Refused { .. }) && !ruling.start_met_fault;
    for means in Means::ALL.into_iter().filter(|_| refused) {
        let Some((mut text, line)) = means.done_in(&case.script, ruling.line) else { continue };
        text.push('\n');
        let file = CaseFile { text, ..case.file.clone() };
        if crate::case::parse(&file.source, &file.text).is_ok() {
            let outcome = pool.run(job(&file, world))?;
            repairs.extend(after(&outcome, line).map(|came_to| Repair { means, came_to }));
        }
    }
    Ok(repairs)
}

/// What the start in this line came to; None: it could not be tried.
fn after(outcome: &Outcome, line: u32) -> Option<Option<Content>> {
    if outcome.is_bad_case() {
        return None;
    }
    let here = || outcome.rulings.iter().filter(|ruling| ruling.line == line);
    if here().any(|ruling| matches!(ruling.reason, Reason::Refused { .. })) {
        return Some(None);
    }
    let worst = here().min_by_key(|ruling| ruling.verdict)?;
    let unknown = worst.verdict.is_no_measurement() || worst.verdict == Verdict::NotApplicable;
    let content = Content { verdict: worst.verdict, sentence: worst.sentence.clone() };
    (!unknown).then_some(Some(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_stands_before_the_start_that_was_refused_and_the_script_is_a_case() {
        let text = "config appendonly yes\n> SET a 1\npower-cut log\nrestart\n";
        let script = crate::case::parse("test", text).expect("a case");
        for (means, expected) in [
            (Means::CheckTool, ("power-cut log\nrepair\nrestart", 5)),
            (Means::CorruptTail, (&*format!("power-cut log\nrestart {TAIL}"), 4)),
        ] {
            let (text, line) = means.done_in(&script, 4).expect("a start");
            assert!(text.ends_with(expected.0), "{text}");
            assert_eq!(line, expected.1);
            crate::case::parse("test", &text).expect("a case");
        }
        assert_eq!(Means::CheckTool.done_in(&script, 2), None);
    }
}
