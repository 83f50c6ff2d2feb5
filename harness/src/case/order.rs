//! Steps that are right by themselves and wrong where they stand.
//!
//! Must not know: how a step is written.

use super::error::{Wrong, nearest};
use super::plan;
use super::script::{Expect, Healed, Step, Verb};

/// What is wrong with a step behind these.
pub(super) fn out_of_place(step: &Step, before: &[Step]) -> Option<Wrong> {
    let wrong = |message: &str, help: &str| Some(Wrong::new(step.span.clone(), message, help));
    let any = |is: fn(&Verb) -> bool| before.iter().any(|step| is(&step.verb));
    match &step.verb {
        Verb::Config(_) if any(Verb::needs_server) => wrong(
            "`config` comes after a step that starts the server",
            "put it before, or use `> CONFIG SET`, or `restart DIRECTIVE VALUE`",
        ),
        Verb::Expect(Expect::Reply(_)) | Verb::Symptom(Expect::Reply(_))
            if !any(|verb| matches!(verb, Verb::Send { .. })) =>
        {
            wrong("no command before it that could have a reply", "send one first: `> PING`")
        }
        Verb::Expect(Expect::Verdict(_)) | Verb::Symptom(Expect::Verdict(_))
            if !any(|verb| matches!(verb, Verb::Restart(_) | Verb::Check | Verb::Shutdown(_))) =>
        {
            wrong("no verdict before it", "verdicts come with `restart`, `check` and `shutdown`")
        }
        Verb::Restore if !any(|verb| matches!(verb, Verb::Backup(_))) => {
            wrong("no backup before it", "make one while the server runs: `backup`")
        }
        Verb::HealOnly(Healed::Rules(name)) => no_such_rule(step, name, before),
        _ => None,
    }
}

/// Nothing of this name was injected before the step.
fn no_such_rule(step: &Step, name: &str, before: &[Step]) -> Option<Wrong> {
    let named = before.iter().filter_map(|step| match &step.verb {
        Verb::Inject { rule, .. } => rule.name.as_deref(),
        _ => None,
    });
    let named: Vec<&str> = named.collect();
    if named.contains(&name) {
        return None;
    }
    let message = format!("no rule before it is called `{name}`");
    let known: Vec<&str> = named.into_iter().chain(plan::HEALED_BY_WORD).collect();
    let help = match nearest(name, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("give it a name: `inject write error=ENOSPC as={name}`"),
    };
    let at = step.span.end - name.len()..step.span.end;
    Some(Wrong::new(at, message, help))
}
