//! What the server has logged since its last start, as far as it has been read.
//!
//! Must not know: who reads it, and why.

use super::log;
use crate::observation::LogLine;

#[derive(Clone, Debug, Default)]
pub struct ServerLog {
    /// An unfinished line.
    raw: Vec<u8>,
    lines: Vec<LogLine>,
    /// How many of them `await log` has gone through.
    awaited: usize,
    /// The start of the server that went on to log its own memory.
    dump_of: Option<u32>,
    /// The end of all that was written since the start.
    end: Vec<u8>,
}

/// How much of that is kept, in bytes and in lines.
const END: usize = 2048;
const LAST_LINES: usize = 3;

impl ServerLog {
    /// A server starts.
    pub fn begin(&mut self) {
        self.lines.clear();
        self.awaited = 0;
        self.end.clear();
    }

    /// Takes in what the server of this start has written; returns all lines that are complete now.
    pub fn take(&mut self, written: &[u8], incarnation: u32) -> Vec<LogLine> {
        self.remember(written);
        self.raw.extend_from_slice(written);
        let lines = log::take_lines(&mut self.raw);
        for line in &lines {
            if log::opens_a_memory_dump(line) {
                self.dump_of = Some(incarnation);
            }
            if self.dump_of != Some(incarnation) {
                self.lines.push(line.clone());
            }
        }
        lines
    }

    /// Like [`ServerLog::take`], but nothing is kept; returns the complete lines as text.
    pub fn pass_over(&mut self, written: &[u8]) -> Vec<u8> {
        self.remember(written);
        self.raw.extend_from_slice(written);
        log::take_whole(&mut self.raw)
    }

    fn remember(&mut self, written: &[u8]) {
        self.end.extend_from_slice(written);
        self.end.drain(..self.end.len().saturating_sub(END));
    }

    /// The last lines since the start, in one; None: there are none.
    pub fn last_words(&self) -> Option<String> {
        let mut end = self.end.clone();
        end.push(b'\n');
        let lines = log::take_lines(&mut end);
        let lines = &lines[lines.len().saturating_sub(LAST_LINES)..];
        let words: Vec<&str> = lines.iter().map(|line| line.message.trim()).collect();
        (!words.is_empty()).then(|| words.join("; "))
    }

    /// The first warning since the start that says something about data, which is why it failed
    /// where it did; else the last line.
    pub fn fatal_line(&self) -> Option<String> {
        let end = String::from_utf8_lossy(&self.end);
        let mut warnings = log::raw_lines(&end).filter(|raw| log::warns(raw)).map(log::line);
        let line = warnings.find(log::matters);
        let line = line.or_else(|| log::raw_lines(&end).next_back().map(log::line));
        line.map(|line| line.message.trim().to_string())
    }

    pub fn lines(&self) -> &[LogLine] {
        &self.lines
    }

    /// Whether a line that `await log` has not gone through yet contains `text`.
    pub fn says(&self, text: &str) -> bool {
        self.place(text).is_some()
    }

    /// `await log` goes on behind the first such line.
    pub fn go_past(&mut self, text: &str) {
        self.awaited += self.place(text).map_or(0, |place| place + 1);
    }

    fn place(&self, text: &str) -> Option<usize> {
        self.lines.iter().skip(self.awaited).position(|line| line.message.contains(text))
    }
}
