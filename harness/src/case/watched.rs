//! Which questions of a server a script is about: only those are sites.
//!
//! Must not know: why others are none.

use std::collections::BTreeSet;

use super::script::{Script, Verb};
use crate::kernel::CallName;
use crate::kernel::plan::Selector;

impl Script {
    /// The questions that some rule or order of tasks names, each once.
    pub fn watched(&self) -> Vec<CallName> {
        let calls: BTreeSet<CallName> =
            self.steps.iter().flat_map(|step| named_by(&step.verb)).collect();
        calls.into_iter().filter(|call| call.is_question()).collect()
    }
}

fn named_by(verb: &Verb) -> Vec<CallName> {
    match verb {
        Verb::Inject { rule, .. } => match &rule.selector {
            Selector::Site(site) => vec![site.call],
            Selector::Calls { calls, .. } => calls.clone(),
        },
        Verb::Preempt { decision, .. } => vec![decision.site.call],
        Verb::Maybe(verb) => named_by(verb),
        _ => Vec::new(),
    }
}
