//! An explanation in words: the story in a few lines, then what would have helped.
//!
//! Must not know: how anything was found out.

use crate::case;
use crate::case::script::{PageFate, Verb};
use crate::contract::Verdict;
use crate::explain::change::process_of;
use crate::explain::repair::Content;
use crate::explain::{Change, Explanation, Help, Means, Repair, Trial};
use crate::kernel::plan::{Effect, Halt, Rule, Selector, Victim};

/// How many commands are shown.
const SHOWN: usize = 3;

/// So many characters of each.
const LONGEST: usize = 60;

pub fn text(explanation: &Explanation) -> String {
    let mut lines = story(explanation);
    lines.push(String::new());
    lines.extend(control(explanation));
    lines.extend(helped(explanation));
    lines.extend(explanation.repairs.iter().map(repair));
    lines.join("\n")
}

/// What was acknowledged, what happened, what the server says, what it came to, what is missing.
fn story(explanation: &Explanation) -> Vec<String> {
    let Explanation { verdict, sentence, missing, log, .. } = explanation;
    let line = |head: &str, text: &str| format!("{head:13} {text}");
    let mut lines = vec![line("acknowledged", &acknowledged(explanation))];
    let faults: Vec<String> = explanation.faults.iter().map(|line| happened(line)).collect();
    lines.push(line("went wrong", &faults.join("; ")));
    let silent = "nothing that would tell anybody".to_string();
    lines.push(line("its log", log.as_ref().unwrap_or(&silent)));
    lines.push(line("came to", &format!("{verdict}: {sentence}")));
    lines.extend(missing.iter().map(|missing| line("missing", missing)));
    lines
}

fn acknowledged(explanation: &Explanation) -> String {
    let all = &explanation.acknowledged;
    let first = all.len().saturating_sub(SHOWN);
    let shown = all[first..].iter();
    let shown = shown.map(|its| format!("{} → {}", cut(&its.command), cut(&its.reply)));
    let shown = shown.collect::<Vec<_>>().join("; ");
    match first {
        _ if all.is_empty() => "nothing".to_string(),
        0 => shown,
        1 => format!("{shown}; and 1 command before"),
        more => format!("{shown}; and {more} commands before"),
    }
}

/// The beginning of a text that may be long.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

/// A line of a script that goes against the server, in words; others as they are.
fn happened(line: &str) -> String {
    let script = case::parse("line", &format!("{line}\n> PING\n"));
    let step = script.ok().and_then(|script| script.steps.into_iter().next());
    match step.map(|step| step.verb) {
        Some(Verb::Inject { rule, .. }) => by_rule(&rule),
        Some(Verb::Preempt { decision, .. }) => {
            format!("{} runs before {}", decision.task, decision.site)
        }
        Some(Verb::PowerCut(cut)) => format!("the power is cut, leaving {cut}"),
        Some(Verb::SyncErrors(PageFate::Dirty)) => "failed syncs leave pages dirty".to_string(),
        Some(Verb::ReadOnly) => "the file system is read-only".to_string(),
        Some(Verb::Space(Some(bytes))) => format!("{bytes} bytes are free on the disk"),
        _ => line.to_string(),
    }
}

fn by_rule(rule: &Rule) -> String {
    let call = match &rule.selector {
        Selector::Site(site) => site.to_string(),
        Selector::Calls { calls, role, task } => {
            let names: Vec<&str> = calls.iter().map(|call| call.as_str()).collect();
            let of = role.iter().map(|role| format!(" of {role}"));
            let by = task.iter().map(|task| format!(" by {task}"));
            let narrowed: String = of.chain(by).collect();
            let window = rule.window.to_string();
            let number = match window.strip_suffix('+') {
                Some(first) => format!("from number {first} on"),
                None => format!("number {window}"),
            };
            format!("{}{narrowed}, {number},", names.join(" or "))
        }
    };
    match &rule.effect {
        Effect::Error(errno) => format!("{call} fails with {errno:?}"),
        Effect::Short(1) => format!("{call} moves 1 byte only"),
        Effect::Short(bytes) => format!("{call} moves {bytes} bytes only"),
        Effect::Retval(_) => format!("{call} claims what it has not done"),
        Effect::Delay(time) => format!("{call} takes {time:?}"),
        Effect::Hold => format!("{call} does not return"),
        Effect::Signal(signal) => format!("{signal} comes with {call}"),
        Effect::Halt(when, Halt::Kill(who)) => {
            format!("{} is killed {} {call}", who.as_str(), when.as_str())
        }
        Effect::Halt(when, Halt::Power(cut)) => {
            format!("the power is cut {} {call}, leaving {cut}", when.as_str())
        }
        Effect::ReadOnly => format!("the file system turns read-only before {call}"),
        Effect::Sync(when, role) => format!("{role} is synced {} {call}", when.as_str()),
    }
}

fn control(explanation: &Explanation) -> Option<String> {
    let trial = explanation.control.as_ref()?;
    let (came_to, helps) = (came_to(trial, explanation), trial.helps(explanation.verdict));
    Some(match (helps, trial.states) {
        (true, 0) => format!("without that: {came_to}"),
        (true, _) => format!("with the power cut alone: {came_to}"),
        (false, 0) => format!("it does not depend on that: without it, {came_to}"),
        (false, _) => format!("it takes no more than the power cut: {came_to}"),
    })
}

fn helped(explanation: &Explanation) -> Vec<String> {
    let tried = explanation.tried;
    let left_out = match explanation.left_out {
        0 => String::new(),
        more => format!(" ({more} farther from the fault were not)"),
    };
    if explanation.helped.is_empty() {
        return vec![format!("none of {} helped{left_out}", variants(tried))];
    }
    let mut lines = vec![format!("of {} tried{left_out}, what helped:", variants(tried))];
    for help in &explanation.helped {
        lines.push(format!("- {}{}", remedy(help, explanation), like_it(help)));
        lines.push(format!("  {}", help.token));
    }
    lines
}

/// What helped, or that nothing did, a line for each.
pub fn remedies(explanation: &Explanation) -> Vec<String> {
    if explanation.helped.is_empty() {
        return vec![format!("none of {}", variants(explanation.tried))];
    }
    explanation.helped.iter().map(|help| remedy(help, explanation)).collect()
}

/// `1 variant`, `2 variants`.
pub fn variants(count: usize) -> String {
    format!("{count} variant{}", if count == 1 { "" } else { "s" })
}

/// `a sync of dir after parent.rdb-temp.rename#1: kept in all 9 states of that cut`
fn remedy(help: &Help, explanation: &Explanation) -> String {
    let what: Vec<String> = help.changes.iter().map(change).collect();
    format!("{}: {}", what.join(", and "), came_to(&help.trial, explanation))
}

fn like_it(help: &Help) -> String {
    match help.like_it.saturating_sub(1) {
        0 => String::new(),
        more => format!(" (and {more} more of this kind)"),
    }
}

/// `kept in all 12 states that the cut may leave`
fn came_to(trial: &Trial, explanation: &Explanation) -> String {
    let Some(verdict) = trial.verdict else { return "that call is never made".to_string() };
    let at_worst = match (verdict, trial.states) {
        (Verdict::Kept, _) | (_, 0 | 1) => verdict.to_string(),
        _ => format!("{verdict} at worst"),
    };
    let cuts = &explanation.cuts;
    match trial.states {
        0 => at_worst,
        1 if cuts.len() > 1 => format!("{at_worst}, but only if the cut leaves {}", cuts[0]),
        1 if !cuts.is_empty() => at_worst,
        _ if !cuts.is_empty() => {
            format!("{at_worst}, whether the cut leaves {}", cuts.join(", "))
        }
        1 => format!("{at_worst} in the only state that the cut may leave"),
        states if trial.complete => format!("{at_worst} in all {states} states of that cut"),
        states => format!("{at_worst} in {states} states of that cut, which are not all"),
    }
}

/// What an operator can do, and what that comes to.
pub fn repair(repair: &Repair) -> String {
    let means = match repair.means {
        Means::CheckTool => "its check tool with --fix",
        Means::CorruptTail => "aof-load-corrupt-tail-max-size",
    };
    let Some(Content { verdict, sentence }) = &repair.came_to else {
        return format!("{means} does not help: the start is refused still");
    };
    match verdict {
        Verdict::Kept => format!("it starts after {means}, and all that was acknowledged is there"),
        Verdict::LostAllowed | Verdict::Litter => {
            format!("it starts after {means}, and all that was promised is there: {sentence}")
        }
        _ => format!("it starts after {means}, but {verdict}: {sentence}"),
    }
}

/// What a variant does otherwise.
pub fn change(change: &Change) -> String {
    match change {
        Change::Sync { when, role, at } => {
            format!("a sync of {role} {} {at}", when.as_str())
        }
        Change::First { task, at } => format!("{at} made only after {task} has run"),
        Change::Late { at } => format!("{at} made a second later"),
        Change::Once { at } => format!("the error of {at} once, so that a second try succeeds"),
        Change::PagesKept => "pages that stay dirty, so that a second sync writes them".to_string(),
        Change::Ends { at } => {
            let who = match process_of(at) {
                Victim::Child => "child",
                _ => "server",
            };
            format!("a {who} that ends at {at} instead of going on after the error")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_is_told_in_words() {
        for (line, words) in [
            (
                "inject at parent.wait4#1 power=after:none@xfs",
                "the power is cut after parent.wait4#1, leaving none@xfs",
            ),
            (
                "inject write on=aof in=parent error=ENOSPC when=2+ maybe",
                "write of aof by parent, from number 2 on, fails with ENOSPC",
            ),
            ("preempt parent.fork#1 for bio-fsync", "bio-fsync runs before parent.fork#1"),
            ("sync-errors dirty", "failed syncs leave pages dirty"),
            ("damage aof cut 3", "damage aof cut 3"),
        ] {
            assert_eq!(happened(line), words);
        }
    }

    fn blank() -> Explanation {
        Explanation {
            case: String::new(),
            world: String::new(),
            verdict: Verdict::Lost,
            sentence: String::new(),
            missing: None,
            acknowledged: Vec::new(),
            faults: Vec::new(),
            log: None,
            control: None,
            cuts: Vec::new(),
            tried: 0,
            left_out: 0,
            helped: Vec::new(),
            repairs: Vec::new(),
        }
    }

    #[test]
    fn a_verdict_says_of_which_states_it_is_true() {
        let text = |verdict, states, cuts: &[&str]| {
            let trial = Trial { verdict: Some(verdict), states, complete: true, cut: None };
            let cuts = cuts.iter().map(ToString::to_string).collect();
            came_to(&trial, &Explanation { cuts, ..blank() })
        };
        assert_eq!(text(Verdict::Kept, 0, &[]), "kept");
        assert_eq!(text(Verdict::Kept, 9, &[]), "kept in all 9 states of that cut");
        let worst = "lost-allowed at worst in all 9 states of that cut";
        assert_eq!(text(Verdict::LostAllowed, 9, &[]), worst);
        let both = "kept, whether the cut leaves none, log";
        assert_eq!(text(Verdict::Kept, 2, &["none", "log"]), both);
        let one = "kept, but only if the cut leaves none";
        assert_eq!(text(Verdict::Kept, 1, &["none", "log"]), one);
    }
}
