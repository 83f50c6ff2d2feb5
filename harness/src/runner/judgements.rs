//! The judgements of a run: verdicts that were given, expectations that were not met, and what the
//! next verdict builds on.
//!
//! Must not know: how a server is asked, and what is promised.

use super::lineage::Lineage;
use super::outcome::{Failure, Ruling, Standing, SymptomCheck};
use crate::contract::{Moment, Reason, Verdict};
use crate::observation::Observations;

/// A judgement that waits for the server.
#[derive(Clone, Debug)]
pub struct Due {
    pub line: u32,
    pub moment: Moment,
}

/// All that was judged so far, as plain data.
#[derive(Clone, Debug, Default)]
pub struct Judgements {
    pub rulings: Vec<Ruling>,
    pub failures: Vec<Failure>,
    /// Symptoms of a known bug that were looked for.
    pub symptoms: Vec<SymptomCheck>,
    /// Some rule that should have fired has not.
    pub never_fired: bool,
    pub lineage: Lineage,
    pub due: Option<Due>,
    /// Nothing comes after the next judgement, so that questions cannot disturb.
    pub ends_here: bool,
    /// How many rulings there were before the last start.
    before_start: usize,
    /// What had happened when the dataset, or a start that was refused, was judged last.
    judged: Option<Happened>,
}

/// How many commands were sent, and how many servers have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Happened {
    commands: usize,
    ends: usize,
}

impl Happened {
    fn by_now(seen: &Observations) -> Happened {
        Happened { commands: seen.history.len(), ends: seen.ends.len() }
    }
}

impl Judgements {
    /// A judgement of the running server is to be made as soon as it answers.
    pub fn is_due(&mut self, line: u32, moment: Moment) {
        self.due = Some(Due { line, moment });
    }

    /// The state that is there now has been judged.
    pub fn judged(&mut self, seen: &Observations) {
        self.judged = Some(Happened::by_now(seen));
    }

    /// Whether nobody has judged what came of the last commands and ends.
    pub fn are_behind(&self, seen: &Observations) -> bool {
        self.judged != Some(Happened::by_now(seen))
    }

    pub fn worst(&self) -> Option<Verdict> {
        self.rulings.iter().map(|ruling| ruling.verdict).min()
    }

    /// Whether some verdict says something about the server.
    pub fn measured(&self) -> bool {
        self.rulings.iter().any(|ruling| ruling.verdict != Verdict::NotMeasured)
    }

    /// The server is started: what is ruled from now on may be about that.
    pub fn start_begins(&mut self) {
        self.before_start = self.rulings.len();
    }

    /// The ruling that the last start was refused, if one was given, whoever is to blame for that.
    pub fn refusal(&mut self) -> Option<&mut Ruling> {
        let mut given = self.rulings[self.before_start..].iter_mut();
        given.rfind(|ruling| matches!(ruling.reason, Reason::Refused { .. }))
    }

    /// Marks the rulings that break a promise and that nothing in the case expects. A case about a
    /// known bug goes by its symptoms; there only a hang counts.
    pub fn mark_unexpected(&mut self, of_known_bug: bool) {
        for ruling in &mut self.rulings {
            let expected = ruling.standing == Standing::Expected;
            let counts = !of_known_bug || ruling.verdict == Verdict::Hung;
            if ruling.verdict.is_broken_promise() && !expected && counts {
                ruling.standing = Standing::Unexpected;
            }
        }
    }
}
