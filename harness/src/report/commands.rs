//! The proofs over all commands in words: a table of writes by server, and what scripts without
//! faults came to.
//!
//! Must not know: how anything is run.

use std::collections::BTreeMap;

use crate::commands::blind_spots::{Found, Proof, tries};
use crate::commands::catalogue::Catalogue;
use crate::commands::false_alarms::{Counts, Example};

/// How much of a command is printed.
const SHOWN: usize = 60;

/// The table, what there is to say about its cells, and a line for each server.
pub fn table(catalogue: &Catalogue, proofs: &[Proof]) -> String {
    let tries = tries(catalogue);
    let names: Vec<String> = tries.iter().map(|it| shown(it.commands)).collect();
    let first = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let mut text = line(first, "write", proofs.iter().map(|proof| proof.world.clone()), proofs);
    let mut notes: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (n, name) in names.iter().enumerate() {
        let words = proofs.iter().map(|proof| word(&proof.found[n]));
        text.push_str(&line(first, name, words, proofs));
        for proof in proofs {
            if let Some(note) = note(&proof.found[n]) {
                notes.entry(format!("{name}: {note}")).or_default().push(&proof.world);
            }
        }
    }
    text.push('\n');
    for (note, worlds) in notes {
        text.push_str(&format!("{note} ({})\n", worlds.join(", ")));
    }
    for proof in proofs {
        for (name, reason) in &proof.missing {
            let reason = reason.as_deref().unwrap_or("NOT TRIED, AND NOBODY SAYS WHY");
            text.push_str(&format!("{name} on {}: {reason}\n", proof.world));
        }
    }
    text.push('\n');
    proofs.iter().for_each(|proof| text.push_str(&counts(proof)));
    text
}

fn line(first: usize, name: &str, words: impl Iterator<Item = String>, proofs: &[Proof]) -> String {
    let mut text = format!("{name:first$}");
    for (word, proof) in words.zip(proofs) {
        let width = proof.world.chars().count().max(7);
        text.push_str(&format!("  {word:width$}"));
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn shown(commands: &[String]) -> String {
    let text = commands.join("; ");
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn word(found: &Found) -> String {
    match found {
        Found::Seen => "seen".to_string(),
        Found::Blind => "BLIND".to_string(),
        Found::Blamed { .. } => "BLAMED".to_string(),
        Found::Bug(_) => "bug".to_string(),
        Found::Other { verdict, .. } => verdict.as_str().to_uppercase(),
        Found::Refused(_) => "refused".to_string(),
        Found::NotListed => "-".to_string(),
    }
}

fn note(found: &Found) -> Option<String> {
    match found {
        Found::Refused(reply) => Some(reply.clone()),
        Found::Bug(why) => Some(format!("a bug of the server: {why}")),
        Found::Blamed { verdict, why } => Some(format!("durable, and {verdict}: {why}")),
        Found::Other { verdict, why } => Some(format!("{verdict}: {why}")),
        Found::Seen | Found::Blind | Found::NotListed => None,
    }
}

/// `redis-7.0.15: 103 writes, 102 seen, 1 not tried; 230 forms: 228 seen, 2 refused`
fn counts(proof: &Proof) -> String {
    let forms = |test: fn(&Found) -> bool| proof.found.iter().filter(|it| test(it)).count();
    let listed = proof.listed;
    let missing = proof.missing.len();
    let mut parts = vec![format!("{} seen", forms(|it| *it == Found::Seen))];
    for (count, words) in [
        (forms(|it| matches!(it, Found::Refused(_))), "refused"),
        (forms(|it| matches!(it, Found::Bug(_))), "lost by the server itself"),
        (forms(|it| *it == Found::Blind), "BLIND"),
        (forms(|it| matches!(it, Found::Blamed { .. })), "BLAMED"),
        (forms(|it| matches!(it, Found::Other { .. })), "OTHERWISE"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {words}"));
        }
    }
    let tried = forms(|it| *it != Found::NotListed);
    format!(
        "{}: {listed} writes, {missing} of them not tried; {tried} forms: {}\n",
        proof.world,
        parts.join(", ")
    )
}

/// What scripts without faults came to.
pub fn alarms(counts: &Counts) -> String {
    let verdicts: Vec<String> =
        counts.verdicts.iter().map(|(verdict, runs)| format!("{runs} {verdict}")).collect();
    let mut text = format!(
        "{}, seed {}: {} scripts without faults: {}\n",
        counts.world,
        counts.seed,
        counts.runs,
        verdicts.join(", ")
    );
    let mut examples = |title: &str, examples: &BTreeMap<String, Example>| {
        let mut all: Vec<_> = examples.iter().collect();
        all.sort_by_key(|(kind, example)| (std::cmp::Reverse(example.runs), (*kind).clone()));
        for (kind, example) in all {
            let tenths = example.runs * 1000 / counts.runs.max(1);
            text.push_str(&format!(
                "{title}  {} ({}.{} %): {kind}\n    run {}: {}\n",
                example.runs,
                tenths / 10,
                tenths % 10,
                example.first,
                example.sentence
            ));
            let script = example.script.lines().map(|line| format!("        {line}\n"));
            text.extend(script);
        }
    };
    examples("FALSE ALARM", &counts.alarms);
    examples("not measured", &counts.not_measured);
    for (why, runs) in &counts.bugs {
        text.push_str(&format!("a bug of the server  {runs}: {why}\n"));
    }
    if !counts.missing.is_empty() {
        text.push_str(&format!("NEVER DRAWN: {}\n", counts.missing.join(", ")));
    }
    text
}
