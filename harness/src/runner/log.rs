//! The server's log as transcripts show it: level and message, without what differs between honest
//! runs.
//!
//! Masked are pids, copy-on-write sizes, the run directory's name, and what differs between two
//! builds of one version: lines of its source, its memory's size in a file, and that file's
//! checksum. Nothing else. Left out are the lines by which a server introduces itself and its
//! machine at each start, and all that follows when it logs its stack and registers.
//! Must not know: when a line was written.

use crate::observation::LogLine;

/// Lines that say nothing about data: what the server is and what it thinks of the machine.
const INTRODUCTIONS: &[&str] = &[
    "oO0OoO0OoO0Oo ",
    "Redis version=",
    "Valkey version=",
    "sabot-server, after Redis ",
    "Configuration loaded",
    "Warning: no config file specified",
    "monotonic clock:",
    "Running mode=",
    "sabot-server, after Redis ",
    "Server initialized",
    "WARNING overcommit_memory is set to 0",
    "WARNING Memory overcommit must be enabled",
    "WARNING you have Transparent Huge Pages",
    "WARNING Your system is configured to use",
    "WARNING: The TCP backlog setting",
    "WARNING Redis does not require authentication",
    "You requested maxclients of ",
    "Increased maximum number of open files to ",
    "Current maximum open files is ",
    "Server can't set maximum open files to ",
    "Failed to test the kernel for a bug",
    "Redict version=",
    "Static Module 'lua' successfully loaded",
    "WARNING: Redis does not require authentication. ",
    "monotonic: x86 linux, 'constant_tsc' flag not present",
    "Loading RDB produced by version ",
    "Loading RDB produced by Valkey version ",
    "RDB memory usage when created ",
    "Ready to accept connections",
    "The server is now ready to accept connections",
];

/// Takes the lines that are whole; an unfinished last one stays in `raw`.
pub fn take_whole(raw: &mut Vec<u8>) -> Vec<u8> {
    let Some(end) = raw.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
    let rest = raw.split_off(end + 1);
    std::mem::replace(raw, rest)
}

/// Splits raw output into lines; an unfinished last one stays in `raw`.
pub fn take_lines(raw: &mut Vec<u8>) -> Vec<LogLine> {
    let whole = take_whole(raw);
    let text = String::from_utf8_lossy(&whole);
    raw_lines(&text).map(line).collect()
}

/// The lines that are not empty.
pub fn raw_lines(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.lines().filter(|line| !line.trim().is_empty())
}

/// Whether a line belongs into a transcript.
pub fn matters(line: &LogLine) -> bool {
    !INTRODUCTIONS.iter().any(|opening| line.message.starts_with(opening))
}

/// Whether this and all that follows are addresses and registers of a server that a signal ends.
pub fn opens_a_memory_dump(line: &LogLine) -> bool {
    ["by signal: ", "STACK TRACE"].iter().any(|words| line.message.contains(words))
}

/// `PID:ROLE dd Mon yyyy hh:mm:ss.mmm LEVEL message`, or `PID:signal-handler (UNIXTIME) message`.
pub fn line(raw: &str) -> LogLine {
    let (level, message) = parts(raw);
    LogLine { level, message: mask(message) }
}

/// Whether the server warns in this line.
pub fn warns(raw: &str) -> bool {
    parts(raw).0 == Some('#')
}

fn parts(raw: &str) -> (Option<char>, &str) {
    if let Some((level, message)) = headed(raw) {
        return (Some(level), message);
    }
    let of_handler =
        raw.split_once(":signal-handler (").and_then(|(_, rest)| rest.split_once(") "));
    match of_handler {
        Some((_, message)) => (Some('#'), message),
        None => (None, raw),
    }
}

fn headed(raw: &str) -> Option<(char, &str)> {
    let (pid, rest) = raw.split_once(':')?;
    if pid.is_empty() || !pid.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Role, day, month, year, time: five words before the level.
    let mut words = rest.splitn(7, ' ');
    let level = words.nth(5)?;
    let mut characters = level.chars();
    match (characters.next()?, characters.next()) {
        (level @ ('.' | '-' | '*' | '#'), None) => Some((level, words.next().unwrap_or_default())),
        _ => None,
    }
}

/// Words that a pid follows.
const BEFORE_PIDS: [&str; 8] = [
    "pid ",
    "pid: ",
    "pid=",
    "_pid = ",
    "rewrite child: ",
    "temp-rewriteaof-bg-",
    "temp-rewriteaof-",
    "temp-",
];

fn mask(message: &str) -> String {
    let mut masked = message.to_string();
    // What is masked is a number or stands in brackets.
    if !message.bytes().any(|byte| byte.is_ascii_digit() || byte == b'(') {
        return masked;
    }
    if ["pid", "temp-", "child: "].iter().any(|word| message.contains(word)) {
        for word in BEFORE_PIDS.iter().filter(|word| message.contains(**word)) {
            masked = mask_numbers_after(&masked, word, "PID");
        }
    }
    for (word, mask) in [("rdb.c:", "LINE"), ("AUX FIELD used-mem = '", "N")] {
        if masked.contains(word) {
            masked = mask_numbers_after(&masked, word, mask);
        }
    }
    masked = mask_checksum(masked);
    if masked.contains("copy-on-write") || masked.contains("CoW") {
        masked = mask_megabytes(&masked);
    }
    mask_directory(masked)
}

/// `(in server root dir PATH)`, as lines about files that cannot be opened or renamed have it.
fn mask_directory(text: String) -> String {
    const OPENING: &str = "(in server root dir ";
    match text.split_once(OPENING).and_then(|(head, rest)| Some((head, rest.split_once(')')?))) {
        Some((head, (_, tail))) => format!("{head}{OPENING}DIR){tail}"),
        None => text,
    }
}

/// `Wrong RDB checksum expected: (HEX) but got (HEX)`.
fn mask_checksum(text: String) -> String {
    const OPENING: &str = "Wrong RDB checksum expected: (";
    let masked = text.strip_prefix(OPENING).and_then(|rest| {
        let (_, rest) = rest.split_once(") but got (")?;
        let (_, tail) = rest.split_once(')')?;
        Some(format!("{OPENING}N) but got (N){tail}"))
    });
    masked.unwrap_or(text)
}

fn mask_numbers_after(text: &str, word: &str, mask: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, after) = rest.split_at(at + word.len());
        out.push_str(before);
        let number = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if number > 0 {
            out.push_str(mask);
        }
        rest = &after[number..];
    }
    out + rest
}

fn mask_megabytes(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let masked = words.iter().enumerate().map(|(n, word)| {
        let size = word.bytes().all(|byte| byte.is_ascii_digit());
        let next = words.get(n + 1).is_some_and(|next| next.trim_end_matches(',') == "MB");
        if size && next { "N" } else { word }
    });
    masked.collect::<Vec<_>>().join(" ")
}

/// A value of INFO, masked where honest runs differ.
pub fn mask_info<'a>(field: &str, value: &'a str) -> &'a str {
    match field {
        "process_id" => "PID",
        _ if field.contains("cow_size") || field.contains("cow_peak") => "N",
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(raw: &str) -> (Option<char>, String) {
        let LogLine { level, message } = line(raw);
        (level, message)
    }

    #[test]
    fn the_head_goes_and_pids_are_masked() {
        let raw = "2:M 14 Nov 2023 22:13:20.123 * Background saving started by pid 17";
        let message = "Background saving started by pid PID".to_string();
        assert_eq!(parsed(raw), (Some('*'), message));
        let raw =
            "2:C 14 Nov 2023 22:13:20.123 # Error moving temp file temp-rewriteaof-bg-17.aof: x";
        let message = "Error moving temp file temp-rewriteaof-bg-PID.aof: x".to_string();
        assert_eq!(parsed(raw), (Some('#'), message));
        let raw =
            "2:M 14 Nov 2023 22:13:20.123 # Failed opening it (in server root dir /a/b) for x: y";
        let message = "Failed opening it (in server root dir DIR) for x: y".to_string();
        assert_eq!(parsed(raw), (Some('#'), message));
        let raw = "2:signal-handler (1700000000) Received SIGTERM scheduling shutdown...";
        assert_eq!(parsed(raw).1, "Received SIGTERM scheduling shutdown...");
    }

    #[test]
    fn copy_on_write_sizes_are_masked_and_other_sizes_are_not() {
        let raw = "Fork CoW for AOF rewrite: current 3 MB, peak 14 MB, average 3 MB";
        let masked = "Fork CoW for AOF rewrite: current N MB, peak N MB, average N MB";
        assert_eq!(parsed(raw), (None, masked.to_string()));
        let raw = "Concatenating 0.00 MB of AOF diff received from parent.";
        assert_eq!(parsed(raw), (None, raw.to_string()));
    }

    #[test]
    fn an_unfinished_line_waits_for_its_end() {
        let mut raw = b"one\ntw".to_vec();
        assert_eq!(take_lines(&mut raw).len(), 1);
        raw.extend_from_slice(b"o\n");
        assert_eq!(take_lines(&mut raw)[0].message, "two");
        assert!(raw.is_empty());
    }
}
