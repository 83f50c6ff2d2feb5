//! The transcript: the case verbatim, and under each step what it brought.
//!
//! ```text
//! > SET b 2
//!     parent.aof.write#2      27 bytes → 5          (injected)
//!     parent.aof.ftruncate#1  50 → 0
//!     log  # Short write while writing to the AOF file: (nwritten=5, expected=27)
//!   +OK
//! ```
//!
//! First what the machine saw, in its order; then the log; then replies and what was asked for;
//! then judgements. Calls that say nothing (successful reads, closes, pipes) are left out, and
//! neighbours that differ in their number alone are folded. Must not know: how anything was
//! observed, and why judged so.

use std::collections::BTreeMap;

use nix::sys::signal::Signal;

use crate::case::attached::without_content;
use crate::contract::Verdict;
use crate::observation::{
    Answer, CallName, CallRecord, Event, LogLine, MachineEvent, Observations, ObservedStep, Remark,
    Returned, Time,
};

/// Writes the transcript of a case.
pub fn write(source: &str, seen: &Observations, remarks: &[Remark], verdict: Verdict) -> String {
    let mut out = String::new();
    let mut steps: BTreeMap<u32, Vec<&ObservedStep>> = BTreeMap::new();
    for step in &seen.steps {
        steps.entry(step.line).or_default().push(step);
    }
    let below = |out: &mut String, line| {
        step(out, steps.get(&line).map_or(&[], Vec::as_slice));
        for remark in remarks.iter().filter(|remark| remark.line == line) {
            push(out, 2, &remark.text);
        }
    };
    for (number, line) in (1..).zip(source.trim_end().lines()) {
        if number == 1 {
            below(&mut out, 0);
        }
        out.push_str(without_content(line.trim_end()));
        out.push('\n');
        below(&mut out, number);
    }
    out.push_str(&format!("\nverdict: {verdict}\n"));
    out
}

fn step(out: &mut String, steps: &[&ObservedStep]) {
    for step in steps {
        machine(out, &step.events);
        for event in &step.events {
            if let Event::Log(line) = event {
                push(out, 4, &log(line));
            }
        }
        step.events.iter().for_each(|event| answers(out, event));
    }
}

fn push(out: &mut String, indent: usize, text: &str) {
    out.push_str(&" ".repeat(indent));
    out.push_str(text.trim_end());
    out.push('\n');
}

fn log(line: &LogLine) -> String {
    format!("log  {} {}", line.level.unwrap_or(' '), line.message)
}

fn answers(out: &mut String, event: &Event) {
    match event {
        Event::Reply(Answer { text, to }) => {
            let mut lines = text.lines();
            let first = lines.next().unwrap_or_default();
            match to {
                Some(command) => push(out, 2, &format!("{command} → {first}")),
                None => push(out, 2, first),
            }
            lines.for_each(|line| push(out, 2, line));
        }
        Event::Shown(lines) => lines.iter().for_each(|line| push(out, 2, line)),
        Event::Note(text) => push(out, 2, &format!("({text})")),
        Event::Machine { .. } | Event::Log(_) | Event::Waited { .. } => {}
    }
}

/// A line about the machine in columns, or one that takes the whole width.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Row {
    Call { site: String, numbers: (u32, u32), what: String, mark: String },
    Whole(String),
}

fn machine(out: &mut String, events: &[Event]) {
    let rows = fold(events.iter().filter_map(row));
    let named: Vec<(String, &Row)> = rows.iter().map(|row| (row.name(), row)).collect();
    let width = named.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let marked = named.iter().filter_map(|(_, row)| row.marked_width()).max().unwrap_or(0).max(20);
    for (name, row) in named {
        match row {
            Row::Whole(text) => push(out, 4, text),
            Row::Call { what, mark, .. } if mark.is_empty() => {
                push(out, 4, &format!("{name:width$}  {what}"));
            }
            Row::Call { what, mark, .. } => {
                push(out, 4, &format!("{name:width$}  {what:marked$}  {mark}"));
            }
        }
    }
}

impl Row {
    /// The first column.
    fn name(&self) -> String {
        match self {
            Row::Call { site, numbers: (first, last), .. } if first == last => {
                format!("{site}#{first}")
            }
            Row::Call { site, numbers: (first, last), .. } => format!("{site}#{first}..{last}"),
            Row::Whole(_) => String::new(),
        }
    }

    fn marked_width(&self) -> Option<usize> {
        match self {
            Row::Call { what, mark, .. } if !mark.is_empty() => Some(what.chars().count()),
            _ => None,
        }
    }
}

/// Folds neighbours that say the same of successive calls.
fn fold(rows: impl Iterator<Item = Row>) -> Vec<Row> {
    let mut folded: Vec<Row> = Vec::new();
    for row in rows {
        if let (
            Some(Row::Call { site, numbers: (_, last), what, mark }),
            Row::Call { site: next_site, numbers: (next, _), what: next_what, mark: next_mark },
        ) = (folded.last_mut(), &row)
        {
            let same = (&*site, &*what, &*mark) == (next_site, next_what, next_mark);
            if same && *last + 1 == *next {
                *last = *next;
                continue;
            }
        }
        folded.push(row);
    }
    folded
}

fn row(event: &Event) -> Option<Row> {
    match event {
        Event::Machine { at, event: MachineEvent::Call(call) } => {
            matters(call).then(|| call_row(*at, call))
        }
        Event::Machine { event: MachineEvent::Started { .. }, .. } => {
            Some(Row::Whole("the server starts".to_string()))
        }
        // That a process was killed shows where it ends.
        Event::Machine { event: MachineEvent::Signal { signal: Signal::SIGKILL, .. }, .. } => None,
        Event::Machine { event, .. } => Some(Row::Whole(event.to_string())),
        Event::Waited { from, to } => Some(Row::Whole(format!("({} pass)", span(*from, *to)))),
        _ => None,
    }
}

/// Whether a reader wants to see this call.
fn matters(call: &CallRecord) -> bool {
    let uneventful = match &call.returned {
        Some(Returned::Error(errno)) => {
            use nix::errno::Errno::{EAGAIN, ECHILD, EINTR};
            [EAGAIN, ECHILD, EINTR].contains(errno)
        }
        Some(Returned::Reaped(..)) | None => false,
        _ => true,
    };
    match call.site.call {
        CallName::Read | CallName::Close | CallName::Dup | CallName::Pipe | CallName::Wait4 => {
            call.injected.is_some() || !uneventful
        }
        question if question.is_question() => call.injected.is_some(),
        _ => true,
    }
}

fn call_row(at: Time, call: &CallRecord) -> Row {
    let returned = match &call.returned {
        None => "…".to_string(),
        Some(returned) => returned.to_string(),
    };
    let mark = match (call.began, call.injected.is_some()) {
        (Some(began), _) => format!("(after {})", span(began, at)),
        (None, true) => "(injected)".to_string(),
        (None, false) => String::new(),
    };
    let full = call.site.to_string();
    let site = full.rsplit_once('#').map_or(full.as_str(), |(site, _)| site).to_string();
    let what = format!("{}→ {returned}", call.detail);
    Row::Call { site, numbers: (call.site.number, call.site.number), what, mark }
}

fn span(from: Time, to: Time) -> Time {
    Time(to.as_nanos().saturating_sub(from.as_nanos()))
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;
    use crate::observation::{Detail, Injected, ObservedStep};

    fn call(site: &str, detail: Detail, returned: Returned, injected: bool) -> Event {
        let site = site.parse().unwrap();
        let (returned, injected) = (Some(returned), injected.then_some(Injected::Error));
        let record = CallRecord { site, detail, returned, injected, began: None, checksum: 0 };
        Event::Machine { at: Time::ZERO, event: MachineEvent::Call(record) }
    }

    fn transcript(source: &str, line: u32, events: Vec<Event>) -> String {
        let seen =
            Observations { steps: vec![ObservedStep { line, events }], ..Observations::default() };
        write(source, &seen, &[], Verdict::Kept)
    }

    #[test]
    fn the_example_of_the_design_is_printed_as_it_stands_there() {
        let message =
            "Short write while writing to the AOF file: (nwritten=5, expected=27)".to_string();
        let events = vec![
            call("parent.aof.write#2", Detail::Bytes(27), Returned::Value(5), true),
            Event::Reply(Answer { text: "+OK".to_string(), to: None }),
            call("parent.aof.write#3", Detail::Bytes(22), Returned::Error(Errno::ENOSPC), true),
            Event::Log(LogLine { level: Some('#'), message }),
            call("parent.aof.ftruncate#1", Detail::Length(50), Returned::Value(0), false),
        ];
        let expected = "\
> SET b 2
    parent.aof.write#2      27 bytes → 5          (injected)
    parent.aof.write#3      22 bytes → ENOSPC     (injected)
    parent.aof.ftruncate#1  50 → 0
    log  # Short write while writing to the AOF file: (nwritten=5, expected=27)
  +OK

verdict: kept
";
        assert_eq!(transcript("> SET b 2\n", 1, events), expected);
    }

    #[test]
    fn successive_calls_with_one_outcome_are_folded() {
        let failed = |site| call(site, Detail::Bytes(27), Returned::Error(Errno::ENOSPC), true);
        let events = vec![
            failed("parent.aof.write#3"),
            call("parent.aof.read#1", Detail::Bytes(27), Returned::Value(27), false),
            failed("parent.aof.write#4"),
            failed("parent.aof.write#5"),
            call("parent.aof.write#6", Detail::Bytes(27), Returned::Value(27), false),
        ];
        let expected = "\
advance 3s
    parent.aof.write#3..5  27 bytes → ENOSPC     (injected)
    parent.aof.write#6     27 bytes → 27

verdict: kept
";
        assert_eq!(transcript("advance 3s", 1, events), expected);
    }

    #[test]
    fn late_and_many_lined_replies_name_their_command() {
        let events = vec![
            Event::Reply(Answer { text: "+OK".to_string(), to: Some("> SET a 1".to_string()) }),
            Event::Reply(Answer { text: "1) \"a\"\n2) \"b\"".to_string(), to: None }),
        ];
        let expected = "> KEYS *\n  > SET a 1 → +OK\n  1) \"a\"\n  2) \"b\"\n\nverdict: kept\n";
        assert_eq!(transcript("> KEYS *", 1, events), expected);
    }
}
