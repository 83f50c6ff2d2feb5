//! A transcript taken apart again: what stands under each step, and what each line tells of.
//!
//! Must not know: how a line came to be.

use super::Kind;

/// One line without its indent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub kind: Kind,
    pub text: String,
}

/// Why the case did not apply; None: it did.
pub fn inapplicable(transcript: &str) -> Option<&str> {
    if !transcript.ends_with("verdict: not-applicable") {
        return None;
    }
    let why = transcript.lines().find_map(|line| line.split_once("contract: not-applicable — "));
    Some(why.map_or("not applicable", |(_, why)| why))
}

/// The lines under each line of the case; the last step is what stands below the case.
pub fn steps(source: &str, transcript: &str) -> Vec<Vec<Line>> {
    let script: Vec<&str> = source.trim_end().lines().map(str::trim_end).collect();
    let mut steps: Vec<Vec<Line>> = vec![Vec::new(); script.len() + 1];
    let mut at = 0;
    for line in transcript.lines() {
        if script.get(at).is_some_and(|expected| *expected == line) {
            at += 1;
        } else if !line.is_empty() {
            let step = at.checked_sub(1).map_or("", |at| script[at]);
            steps[at].extend(classified(step, line));
        }
    }
    steps
}

/// One line; several where a line stands for successive calls.
fn classified(step: &str, line: &str) -> Vec<Line> {
    let one = |kind, text: &str| vec![Line { kind, text: single_spaced(text) }];
    let machine = line.strip_prefix("    ").filter(|text| !text.starts_with(' '));
    match (machine, machine.and_then(|text| text.strip_prefix("log  "))) {
        (_, Some(logged)) => return vec![Line { kind: Kind::Log, text: logged.to_string() }],
        (Some(call), None) => return calls(call),
        _ => {}
    }
    let text = line.trim_start();
    if text.starts_with("contract: ") || text.starts_with("verdict: ") {
        one(Kind::Verdict, text)
    } else if step.starts_with("show file") {
        one(Kind::File, text)
    } else {
        one(Kind::Reply, text)
    }
}

/// `2:parent.aof.write#2..3  27 bytes → 5` as two lines without numbers.
fn calls(text: &str) -> Vec<Line> {
    let (site, rest) = text.split_once(' ').unwrap_or((text, ""));
    let Some((name, numbers)) = site.rsplit_once('#') else {
        return vec![Line { kind: Kind::Call, text: single_spaced(text) }];
    };
    let name = match name.split_once(':') {
        Some((start, name)) if start.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    };
    let (first, last) = numbers.split_once("..").unwrap_or((numbers, numbers));
    let count = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => (last + 1).saturating_sub(first),
        _ => 1,
    };
    let text = single_spaced(&format!("{name} {rest}"));
    vec![Line { kind: Kind::Call, text }; count]
}

fn single_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
