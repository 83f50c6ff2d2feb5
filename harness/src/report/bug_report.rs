//! A known bug as a report to paste, in the order of the bug templates of Redis and Valkey: title,
//! where it shows, how to reproduce it (with plain tools where these suffice), what is expected and
//! what happens, what the documentation promises, the calls, the source, and the case.
//!
//! Must not know: how a case runs, and by what a bug shows.

use super::export::{shell, strace};
use super::promises;
use crate::case::script::{Script, Verb};
use crate::runner::Outcome;
use crate::suite::known_bugs::{BugOnServer, Seen, Server};
use crate::suite::library::ParsedCase;

/// How many calls are shown around what was injected.
const CALLS: usize = 12;

/// The report; `found` and `outcomes` are by server, and `tried` says in how many runs it was seen.
pub fn report(
    bug: &ParsedCase,
    servers: &[Server],
    found: &[BugOnServer],
    outcomes: &[Outcome],
    tried: &[String],
) -> String {
    let (title, mechanism) = head(bug.file.own_text());
    let (upstream, title) = title.split_once(": ").unwrap_or(("", &title));
    let at = |seen| found.iter().position(|found| found.seen == seen);
    let (shows, absent) = (at(Seen::Shows), at(Seen::Absent));
    let ran = shows.or(absent);
    let mut text = format!("[BUG] {title}\n\n{}", affects(servers, found));
    for runs in tried {
        text.push_str(&format!("Shown in {runs}\n"));
    }
    if !upstream.is_empty() {
        text.push_str(&format!("See also {upstream}\n"));
    }
    text.push_str(&format!("\n**Describe the bug**\n\n{mechanism}\n"));
    let functions = functions(&mechanism);
    if !functions.is_empty() {
        text.push_str(&format!("\nSource: {}\n", functions.join(", ")));
    }
    let family = ran.map_or("", |place| servers[place].world.family.as_str());
    text.push_str(&format!("\n**To reproduce**\n\n{}", reproduce(bug, family)));
    let expected = absent.map(|place| (name(&servers[place]), &outcomes[place]));
    text.push_str("\n**Expected behavior**\n\n");
    text.push_str(&expectations(&bug.script, expected));
    for quote in promises::quotes(&bug.script) {
        text.push_str(&format!("\n> {quote}\n"));
    }
    if let Some(place) = ran {
        let (name, outcome) = (name(&servers[place]), &outcomes[place]);
        text.push_str(&format!("\n**Additional information**\n\nCalls on {name}:\n\n"));
        text.push_str(&fenced("", &calls(&outcome.trace)));
        text.push_str(&format!("\nThe whole run on {name}, with what was observed:\n\n"));
        text.push_str(&fenced("", &outcome.transcript));
    }
    text.push_str(&format!("\nThe case, for sabot {}:\n\n", env!("CARGO_PKG_VERSION")));
    text.push_str(&fenced("", bug.file.own_text()));
    text
}

/// `Affects redis-7.0.15, redis-8.0.2; not redis-6.0.16`
fn affects(servers: &[Server], found: &[BugOnServer]) -> String {
    let with = |seen: Seen| {
        let its = servers.iter().zip(found).filter(|(_, found)| found.seen == seen);
        its.map(|(server, _)| name(server)).collect::<Vec<_>>().join(", ")
    };
    let mut text = match with(Seen::Shows) {
        none if none.is_empty() => "Affects none of the servers tried".to_string(),
        these => format!("Affects {these}"),
    };
    for (seen, words) in [
        (Seen::Absent, "not"),
        (Seen::NotApplicable, "does not apply to"),
        (Seen::Unmeasured, "not measured on"),
    ] {
        let these = with(seen);
        if !these.is_empty() {
            text.push_str(&format!("; {words} {these}"));
        }
    }
    text.push('\n');
    text
}

/// The steps in one line, and what does them: a shell script, strace, or sabot.
fn reproduce(bug: &ParsedCase, family: &str) -> String {
    let mut text = format!("{}\n", in_one_line(&bug.script));
    if let Some(script) = shell::script(&bug.script) {
        text.push_str("\nWith plain tools:\n\n");
        text.push_str(&fenced("sh", &script));
    }
    if let Some(command) = strace::command(&bug.script, "redis-server", family) {
        text.push_str("\nThe fault by strace:\n\n");
        text.push_str(&fenced("sh", &command));
    }
    text.push_str(&format!(
        "\nWith sabot: `sabot show {} --world path/to/redis-server`\n",
        bug.file.name
    ));
    text
}

/// `appendonly yes; SET a 1; inject write on=aof error=ENOSPC; INCR n; …`
fn in_one_line(script: &Script) -> String {
    let step = |span: std::ops::Range<usize>| script.source[span].to_string();
    let told = script.steps.iter().filter_map(|it| match &it.verb {
        Verb::Known(_) | Verb::Needs(_) | Verb::Show(_) | Verb::Expect(_) | Verb::Symptom(_) => {
            None
        }
        Verb::Config(directive) => Some(format!("{} {}", directive.name, directive.value)),
        Verb::Send { .. } => Some(step(it.span.clone()).trim_start_matches(['>', ' ']).to_string()),
        _ => Some(step(it.span.clone())),
    });
    told.collect::<Vec<_>>().join("; ")
}

/// What a server does that has the bug, and what one does that has it not.
fn expectations(script: &Script, without: Option<(String, &Outcome)>) -> String {
    let mut text = String::new();
    for (number, step) in script.steps.iter().filter(|it| is_symptom(&it.verb)).enumerate() {
        let shown = script.source[step.span.clone()].to_string();
        let shown = shown.trim_start_matches("symptom").trim();
        text.push_str(&format!("- got: {shown}\n"));
        let instead = without.as_ref().and_then(|(name, outcome)| {
            let instead = outcome.symptoms.get(number)?.instead.as_ref()?;
            Some(format!("- expected, as on {name}: {instead}\n"))
        });
        text.push_str(&instead.unwrap_or_default());
    }
    text
}

fn is_symptom(verb: &Verb) -> bool {
    matches!(verb, Verb::Symptom(_))
}

/// The calls at which something was injected, with those right behind them.
fn calls(trace: &str) -> String {
    let lines: Vec<&str> = trace.lines().collect();
    let injected = |n: usize| lines[n].contains("(injected)");
    let near =
        |n: &usize| injected(*n) || *n > 0 && injected(*n - 1) || lines[*n].contains(".fork#");
    let shown: Vec<&str> = (0..lines.len()).filter(near).map(|n| lines[n]).take(CALLS).collect();
    match shown.is_empty() {
        true => lines.iter().rev().take(CALLS).rev().copied().collect::<Vec<_>>().join("\n"),
        false => shown.join("\n"),
    }
}

/// Functions of the server that a text names: words with a capital in them that begin with a small
/// letter, and words with two underscores or more.
fn functions(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        let small = word.starts_with(|c: char| c.is_ascii_lowercase());
        let mixed = word.chars().skip(1).filter(char::is_ascii_uppercase).count() > 0;
        if small && mixed && word.len() > 6 && !found.iter().any(|known| known == word) {
            found.push(word.to_string());
        }
    }
    found
}

/// The first line of the comment at the head of a case, and the rest of it as one paragraph.
fn head(text: &str) -> (String, String) {
    let mut lines = text
        .lines()
        .take_while(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim().to_string());
    let title = lines.next().unwrap_or_default();
    (title, lines.collect::<Vec<_>>().join("\n"))
}

/// What a reader elsewhere knows the server by.
fn name(server: &Server) -> String {
    match server.world.label.as_str() {
        label @ ("sim" | "server") => format!("sabot-server (world {label})"),
        label if label == server.column => label.to_string(),
        label => format!("{} ({label})", server.column),
    }
}

fn fenced(language: &str, text: &str) -> String {
    format!("```{language}\n{}\n```\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_what_is_written_as_the_source_writes_them() {
        let text = "rewriteAppendOnlyFileBackground does not look; BGREWRITEAOF, Redis, appendonly";
        assert_eq!(functions(text), ["rewriteAppendOnlyFileBackground"]);
    }

    #[test]
    fn the_calls_are_those_around_a_fault() {
        let trace = "0.000s  start 1\n0.000s  a.write#1  → 5\n\
                     0.000s  a.write#2  → EIO  (injected)\n0.000s  a.write#3  → 5\n\
                     0.000s  a.fsync#1  → 0\n";
        let shown = calls(trace);
        assert!(shown.contains("write#2") && shown.contains("write#3"), "{shown}");
        assert!(!shown.contains("write#1") && !shown.contains("fsync"), "{shown}");
    }
}
