//! What more workers would bring: the times of all requests of one command, given out anew to any
//! number of workers.
//!
//! Requests go in order, each to the worker that is free first, as the pool does it. A question
//! waits for those that had been answered when it was asked; questions of several threads that were
//! under way together go together. What the command did while nobody worked stays as it was. So the
//! result is the best that can be had from machines with a core for each worker. Must not know:
//! what a request is about, and how numbers are printed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::ops::Range;
use std::path::Path;

use crate::engine::pool::times::ALL;

/// The times of a command, in microseconds.
#[derive(Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The times of requests that waited for the same.
    together: Vec<Vec<u64>>,
    /// What the command took beside its requests.
    alone: u64,
}

/// What a command would take with so many workers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaled {
    pub workers: usize,
    pub seconds: f64,
    /// How many times as fast as with one worker.
    pub times: f64,
}

/// The numbers of workers that are tried.
const WORKERS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

impl Recorded {
    /// Reads a file of `--times`. Fails with its name, a line, and what is wrong.
    pub fn read(path: &Path) -> Result<Recorded, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string());
        let recorded = text.and_then(|text| Recorded::parse(&text));
        recorded.map_err(|why| format!("{}: {why}", path.display()))
    }

    fn parse(text: &str) -> Result<Recorded, String> {
        let mut questions: BTreeMap<u64, Vec<Range<u64>>> = BTreeMap::new();
        let mut end = None;
        for (n, line) in text.lines().enumerate() {
            let bad = || format!("line {}: not a time: {line}", n + 1);
            let words: Vec<&str> = line.split(' ').collect();
            let number = |word: &str| word.parse::<u64>().map_err(|_| bad());
            match words.as_slice() {
                _ if end.is_some() => return Err(bad()),
                [ALL, workers, whole] => end = Some((number(workers)?, number(whole)?)),
                [question, begun, took] => {
                    let begun = number(begun)?;
                    let time = begun..begun + number(took)?;
                    questions.entry(number(question)?).or_default().push(time);
                }
                _ => return Err(bad()),
            }
        }
        let (workers, whole) = end.ok_or("it has no last line: the command was killed")?;
        let together = together(questions.into_values().collect());
        let worked: u64 = together.iter().map(|times| makespan(times, workers as usize)).sum();
        Ok(Recorded { together, alone: whole.saturating_sub(worked) })
    }

    /// How many requests there were.
    pub fn requests(&self) -> usize {
        self.together.iter().map(Vec::len).sum()
    }

    /// What the command took beside its requests, in seconds.
    pub fn alone(&self) -> f64 {
        self.alone as f64 / 1e6
    }

    /// With one worker, with two, and so on.
    pub fn scaled(&self) -> Vec<Scaled> {
        let with = |workers| {
            let worked: u64 = self.together.iter().map(|times| makespan(times, workers)).sum();
            (worked + self.alone) as f64 / 1e6
        };
        let one = with(1);
        let scaled = WORKERS.map(|workers| {
            let seconds = with(workers);
            Scaled { workers, seconds, times: one / seconds }
        });
        scaled.to_vec()
    }
}

/// Puts questions together that were under way at the same time.
fn together(mut questions: Vec<Vec<Range<u64>>>) -> Vec<Vec<u64>> {
    let begin = |times: &[Range<u64>]| times.iter().map(|time| time.start).min();
    questions.sort_by_key(|times| begin(times));
    let (mut together, mut end): (Vec<Vec<u64>>, u64) = (Vec::new(), 0);
    for times in questions {
        if together.is_empty() || begin(&times) >= Some(end) {
            together.push(Vec::new());
        }
        end = times.iter().map(|time| time.end).fold(end, u64::max);
        let took = times.iter().map(|time| time.end - time.start);
        together.last_mut().into_iter().for_each(|last| last.extend(took.clone()));
    }
    together
}

/// How long so many workers take for these requests, in order.
fn makespan(times: &[u64], workers: usize) -> u64 {
    let mut free: BinaryHeap<Reverse<u64>> = (0..workers.max(1)).map(|_| Reverse(0)).collect();
    let mut last = 0;
    for time in times {
        let Reverse(at) = free.pop().unwrap_or(Reverse(0));
        last = last.max(at + time);
        free.push(Reverse(at + time));
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_goes_to_the_worker_that_is_free_first() {
        assert_eq!(makespan(&[3, 1, 1, 1], 2), 3);
        assert_eq!(makespan(&[1, 1, 1, 3], 2), 4);
        assert_eq!(makespan(&[5, 2], 64), 5);
        assert_eq!(makespan(&[5, 2], 1), 7);
        assert_eq!(makespan(&[], 4), 0);
    }

    #[test]
    fn questions_wait_for_one_another_and_what_was_no_request_stays() {
        let text = "0 0 4000000\n0 0 4000000\n1 4500000 2000000\nall 2 7000000\n";
        let recorded = Recorded::parse(text);
        let recorded = recorded.expect("times");
        assert_eq!((recorded.requests(), recorded.alone()), (3, 1.0));
        let seconds: Vec<f64> = recorded.scaled().iter().map(|scaled| scaled.seconds).collect();
        assert_eq!(seconds, [11.0, 7.0, 7.0, 7.0, 7.0, 7.0, 7.0]);
    }

    #[test]
    fn questions_of_two_threads_go_together() {
        let of = |question: &[(u64, u64)]| question.iter().map(|(a, b)| *a..*b).collect();
        let questions = vec![of(&[(0, 4), (4, 5)]), of(&[(3, 9)]), of(&[(9, 10)])];
        assert_eq!(together(questions), [vec![4, 1, 6], vec![1]]);
    }

    #[test]
    fn a_file_that_is_cut_off_or_is_none_of_times_is_refused() {
        for (text, why) in [
            ("0 0 1\n", "it has no last line: the command was killed"),
            ("0 0 1\n0 0 x\n", "line 2: not a time: 0 0 x"),
            ("all 1 5\n0 0 1\n", "line 2: not a time: 0 0 1"),
        ] {
            assert_eq!(Recorded::parse(text), Err(why.to_string()));
        }
    }
}
