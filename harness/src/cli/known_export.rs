//! `sabot export BUG`: a known bug as a report to paste: what it is, where it shows, how to have it
//! with plain tools where these suffice, the case, and what was observed.
//!
//! Must not know: how a case runs, and by what a bug shows.

use super::args::ExportArgs;
use super::known::{self, Server};
use crate::engine::interrupt;
use crate::engine::pool::Settings;
use crate::error::Stop;
use crate::report::export::{shell, strace};
use crate::report::known::{Cell, Seen};
use crate::runner::Outcome;
use crate::suite::library::{self, Library, Ready, understand};

/// The known bug that a word names, if there is exactly one.
pub fn bug(word: &str) -> Result<Option<Ready>, Stop> {
    let Ok(mut bugs) = known::select(&Library::open()?, &[word.to_string()]) else {
        return Ok(None);
    };
    if bugs.len() > 1 {
        let names: Vec<&str> = bugs.iter().map(|bug| bug.name.as_str()).collect();
        return Err(Stop::usage(format!("{word} is more than one bug: {}", names.join(", "))));
    }
    Ok(understand(vec![bugs.remove(0)])?.pop())
}

/// What is said of a word that names nothing that can be exported.
pub fn unknown(word: &str) -> Result<Stop, Stop> {
    let bugs = known::select(&Library::open()?, &[])?;
    let stem = word.strip_prefix(known::FOLDER).map_or(word, |rest| rest.trim_start_matches('/'));
    let near = library::near(stem, &bugs);
    Ok(Stop::usage(format!("{word} is neither a token nor a known bug{near}")))
}

/// The report, in Markdown.
pub fn report(bug: &Ready, args: &ExportArgs) -> Result<String, Stop> {
    interrupt::block()?;
    let choice = known::worlds(&args.worlds)?;
    if let Some(absent) = choice.absent.iter().find(|absent| absent.wanted) {
        return Err(Stop::unable(format!("missing: world {}: {}", absent.label, absent.reason)));
    }
    let servers: Vec<Server> = choice.worlds.into_iter().map(Server::of).collect();
    let settings = Settings::of_this_binary(args.limits.deadline)
        .map_err(|e| Stop::unable(format!("cannot tell where this binary is: {e}")))?;
    let bugs = std::slice::from_ref(bug);
    let outcomes =
        known::outcomes(&settings, bugs, &servers)?.ok_or_else(|| Stop::unable("interrupted"))?;
    let sheet = known::sheet(bugs, &servers, &outcomes);
    Ok(text(bug, &servers, &sheet.rows[0].cells, &outcomes[0]))
}

fn text(bug: &Ready, servers: &[Server], cells: &[Cell], outcomes: &[Outcome]) -> String {
    let (title, mechanism) = head(&bug.file.text);
    let mut text = format!("# {title}\n\n{mechanism}\n");
    text.push_str("\n| server | seen |\n|---|---|\n");
    for (server, cell) in servers.iter().zip(cells) {
        text.push_str(&format!("| {} | {} |\n", name(server), cell.seen.as_str()));
    }
    text.push_str(&format!("\nSeen with sabot {}.\n", env!("CARGO_PKG_VERSION")));
    let shows = cells.iter().position(|cell| cell.seen == Seen::Shows);
    let ran = shows.or(cells.iter().position(|cell| cell.seen == Seen::Absent));
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
    text.push_str(&fenced("", &bug.file.text));
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
