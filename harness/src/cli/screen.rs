//! Standard output and standard error: lines, and a progress bar where a person is looking.
//!
//! Whatever would steer a terminal is shown as an escape, see [`printable`].
//! A reader that goes away (`sabot show … | head`) ends the command quietly.
//! Must not know: what the lines say.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::printable::printable;
use crate::exit::Exit;
use crate::sweep::driver::RunCount;

/// Prints `text` and a newline to standard output.
pub fn line(text: &str) {
    print(&mut io::stdout().lock(), &printable(text));
}

/// The same for what is to be read by a program: only a terminal gets escapes.
pub fn data(text: &str) {
    let out = io::stdout();
    if out.is_terminal() { line(text) } else { print(&mut out.lock(), text) }
}

/// Prints an error to standard error.
pub fn error(text: &str) {
    print(&mut io::stderr().lock(), &printable(text));
}

/// The same for a text with styles, in which everything else is printable already.
pub fn styled_error(text: &str) {
    print(&mut io::stderr().lock(), text);
}

fn print(to: &mut impl Write, text: &str) {
    let done =
        writeln!(to, "{}", text.strip_suffix('\n').unwrap_or(text)).and_then(|()| to.flush());
    if done.is_err() {
        std::process::exit(Exit::NotMeasured.code().into());
    }
}

/// How far a run has come: a bar on a terminal, else a line a minute on standard error.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    began: Instant,
    /// For how many minutes there has been a line.
    told: AtomicU64,
}

impl Progress {
    pub fn new(total: usize) -> Self {
        Progress::with("{bar:30} {pos}/{len} {msg}", total)
    }

    fn with(template: &str, total: usize) -> Self {
        let bar = ProgressBar::new(total as u64);
        bar.set_style(ProgressStyle::with_template(template).expect("the template is one of ours"));
        Progress { bar, began: Instant::now(), told: AtomicU64::new(0) }
    }

    /// For many short runs: with the rate and the time that is left.
    pub fn of_many(total: usize) -> Self {
        Progress::with("{bar:30} {pos}/{len} {per_sec} {eta} left {msg}", total)
    }

    /// There is more to do than was known, or so many more runs of `what` are done.
    pub fn hear(&self, step: RunCount, what: &str) {
        match step {
            RunCount::Planned(runs) => self.bar.inc_length(runs as u64),
            RunCount::Done(runs) => self.done(runs as u64, what),
        }
    }

    /// One more run is done.
    pub fn advance(&self, what: &str) {
        self.done(1, what);
    }

    fn done(&self, runs: u64, what: &str) {
        self.bar.set_message(printable(what).into_owned());
        self.bar.inc(runs);
        let seconds = self.began.elapsed().as_secs();
        let minute = seconds / 60;
        if self.bar.is_hidden() && self.told.fetch_max(minute, Ordering::Relaxed) < minute {
            let (done, planned) = (self.bar.position(), self.bar.length().unwrap_or_default());
            let left = seconds * planned.saturating_sub(done) / done.max(1);
            error(&format!("{done} of {planned} runs, about {left} s left: {what}"));
        }
    }

    /// Prints a line above the bar.
    pub fn line(&self, text: &str) {
        self.bar.suspend(|| line(text));
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
