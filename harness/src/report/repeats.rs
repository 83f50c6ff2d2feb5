//! How often something was seen, in words for a report.
//!
//! Must not know: what was run, and what is looked for.

use std::collections::BTreeSet;

use crate::runner::Outcome;

/// `20 of 20 runs, one trace`
pub fn seen(outcomes: &[Outcome], shows: impl Fn(&Outcome) -> bool) -> String {
    let count = outcomes.iter().filter(|outcome| shows(outcome)).count();
    let traces: BTreeSet<&str> = outcomes.iter().map(|outcome| outcome.trace.as_str()).collect();
    let traces = match traces.len() {
        1 => "one trace".to_string(),
        other => format!("{other} traces"),
    };
    format!("{count} of {} runs, {traces}", outcomes.len())
}
