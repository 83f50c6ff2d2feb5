//! A known bug as a report to paste, in Markdown: what it is, where it shows, how to reproduce it
//! with plain tools where these suffice, the case, and what was observed.
//!
//! Must not know: how a case runs, and by what a bug shows.

use super::export::{shell, strace};
use super::known_bugs;
use crate::runner::Outcome;
use crate::suite::known_bugs::{BugOnServer, Seen, Server};
use crate::suite::library::ParsedCase;

/// The report; `found` and `outcomes` are by server.
pub fn report(
    bug: &ParsedCase,
    servers: &[Server],
    found: &[BugOnServer],
    outcomes: &[Outcome],
) -> String {
    let (title, mechanism) = head(bug.file.own_text());
    let mut text = format!("# {title}\n\n{mechanism}\n");
    text.push_str("\n| server | seen |\n|---|---|\n");
    for (server, found) in servers.iter().zip(found) {
        text.push_str(&format!("| {} | {} |\n", name(server), known_bugs::seen(found.seen)));
    }
    text.push_str(&format!("\nSeen with sabot {}.\n", env!("CARGO_PKG_VERSION")));
    let shows = found.iter().position(|found| found.seen == Seen::Shows);
    let ran = shows.or(found.iter().position(|found| found.seen == Seen::Absent));
    let family = ran.map_or("", |place| servers[place].world.family.as_str());
    if let Some(command) = strace::command(&bug.script, "redis-server", family) {
        text.push_str("\n## The fault by strace\n\n");
        text.push_str(&fenced("sh", &command));
    }
    if let Some(script) = shell::script(&bug.script) {
        text.push_str("\n## With plain tools\n\n");
        text.push_str(&fenced("sh", &script));
    }
    text.push_str("\n## The case\n\n");
    text.push_str(&fenced("", bug.file.own_text()));
    if let Some(place) = ran {
        let name = name(&servers[place]);
        text.push_str(&format!("\n## What was observed on {name}\n\n"));
        text.push_str(&fenced("", &outcomes[place].transcript));
    }
    text
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
