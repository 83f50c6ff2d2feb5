//! How far a run has come: a bar on a terminal, else a line a minute on standard error.
//!
//! What consists of parts (the workloads of an audit) learns how large a part is when it begins, so
//! the time that is left is guessed from the parts. Must not know: what runs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::printable::printable;
use super::screen;
use crate::sweep::driver::RunCount;

/// How far a run has come.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    began: Instant,
    /// For how many minutes there has been a line.
    told: AtomicU64,
    /// How many parts there are; 0: the length is known from the beginning.
    parts: AtomicU64,
    /// How many parts have begun.
    begun: AtomicU64,
    /// What was done and what was planned when the last part began.
    done_before: AtomicU64,
    planned_before: AtomicU64,
}

impl Progress {
    /// Of so many runs.
    pub fn new(total: usize) -> Self {
        Progress::with("{bar:30} {pos}/{len} {prefix}{msg}", total)
    }

    /// Of many short ones: with the rate.
    pub fn of_many(total: usize) -> Self {
        Progress::with("{bar:30} {pos}/{len} {per_sec} {prefix}{msg}", total)
    }

    fn with(template: &str, total: usize) -> Self {
        let bar = ProgressBar::new(total as u64);
        bar.set_style(ProgressStyle::with_template(template).expect("the template is one of ours"));
        let zero = || AtomicU64::new(0);
        let (told, parts, begun, done_before, planned_before) =
            (zero(), zero(), zero(), zero(), zero());
        let began = Instant::now();
        Progress { bar, began, told, parts, begun, done_before, planned_before }
    }

    /// There is more to do than was known, or so many more runs of `what` are done.
    pub fn hear(&self, step: RunCount, what: &str) {
        match step {
            RunCount::Parts(parts) => {
                self.parts.fetch_add(parts as u64, Ordering::Relaxed);
            }
            RunCount::PartBegins => {
                self.begun.fetch_add(1, Ordering::Relaxed);
                self.done_before.store(self.bar.position(), Ordering::Relaxed);
                self.planned_before.store(self.planned(), Ordering::Relaxed);
            }
            RunCount::Planned(runs) => self.bar.inc_length(runs as u64),
            RunCount::Done(runs) => self.done(runs as u64, what),
        }
    }

    /// One more run is done.
    pub fn advance(&self, what: &str) {
        self.done(1, what);
    }

    fn planned(&self) -> u64 {
        self.bar.length().unwrap_or_default()
    }

    fn done(&self, runs: u64, what: &str) {
        self.bar.inc(runs);
        let took = self.began.elapsed();
        let left = left(took, self.share());
        self.bar.set_prefix(format!("{}{left}  ", self.part()));
        self.bar.set_message(printable(what).into_owned());
        let minute = took.as_secs() / 60;
        if self.bar.is_hidden() && self.told.fetch_max(minute, Ordering::Relaxed) < minute {
            let (done, planned, part) = (self.bar.position(), self.planned(), self.part());
            screen::error(&format!("{done} of {planned} runs, {part}{left}: {what}"));
        }
    }

    /// `part 3 of 28, `; nothing where there are no parts.
    fn part(&self) -> String {
        let (begun, parts) =
            (self.begun.load(Ordering::Relaxed), self.parts.load(Ordering::Relaxed));
        if parts == 0 { String::new() } else { format!("part {begun} of {parts}, ") }
    }

    /// How much of everything is done, from 0 to 1.
    fn share(&self) -> f64 {
        let share = |done: u64, all: u64| done as f64 / all.max(1) as f64;
        let (begun, parts) =
            (self.begun.load(Ordering::Relaxed), self.parts.load(Ordering::Relaxed));
        if parts == 0 {
            return share(self.bar.position(), self.planned());
        }
        let since = |now: u64, then: &AtomicU64| now.saturating_sub(then.load(Ordering::Relaxed));
        let done = since(self.bar.position(), &self.done_before);
        let of_part = share(done, since(self.planned(), &self.planned_before)).min(1.0);
        (begun.saturating_sub(1) as f64 + of_part) / parts as f64
    }

    /// Prints a line above the bar.
    pub fn line(&self, text: &str) {
        self.bar.suspend(|| screen::line(text));
    }

    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// How long the rest will take, if it goes on as it did.
fn left(took: Duration, share: f64) -> String {
    if share < 0.01 {
        return "not known yet how long".to_string();
    }
    let seconds = took.as_secs_f64() * (1.0 - share).max(0.0) / share;
    match (seconds / 60.0).ceil() as u64 {
        0 | 1 => "less than a minute left".to_string(),
        minutes if minutes < 60 => format!("about {minutes} min left"),
        minutes => format!("about {} h {} min left", minutes / 60, minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_guessed_from_the_parts_and_never_is_nothing() {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        assert_eq!(left(minutes(1), 0.0), "not known yet how long");
        assert_eq!(left(minutes(10), 1.0), "less than a minute left");
        assert_eq!(left(minutes(10), 0.5), "about 10 min left");
        assert_eq!(left(minutes(10), 0.1), "about 1 h 30 min left");

        let progress = Progress::of_many(0);
        progress.hear(RunCount::Parts(4), "");
        for _ in 0..2 {
            progress.hear(RunCount::PartBegins, "");
            progress.hear(RunCount::Planned(10), "");
            progress.hear(RunCount::Done(10), "a workload");
        }
        assert_eq!((progress.share(), progress.part().as_str()), (0.5, "part 2 of 4, "));
        let known = Progress::new(4);
        known.advance("a case");
        assert_eq!((known.share(), known.part().as_str()), (0.25, ""));
    }
}
