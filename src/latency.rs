//! The latency monitor: events of at least `latency-monitor-threshold` milliseconds, by name
//! (Redis: latency.c).
//!
//! Keeps the last 160 samples of each event, at most one per second: the worst. With a threshold of
//! 0 nothing is measured and the clock is not read.
//! Must not know: what the events are.

pub mod doctor;

use std::collections::{BTreeMap, VecDeque};

use crate::clock::{mstime, time};
use crate::os::Os;

/// Samples kept per event (Redis: `LATENCY_TS_LEN`).
const TS_LEN: usize = 160;

/// The worst latency of an event within one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Seconds since the epoch.
    pub time: i64,
    /// Milliseconds.
    pub latency: i64,
}

/// The samples of one event (Redis: `latencyTimeSeries`).
#[derive(Clone, Debug, Default)]
pub struct TimeSeries {
    /// The oldest first.
    pub samples: VecDeque<Sample>,
    /// The worst ever, in milliseconds.
    pub max: i64,
}

impl TimeSeries {
    /// Redis: `latencyAddSample`.
    fn add(&mut self, sample: Sample) {
        self.max = self.max.max(sample.latency);
        match self.samples.back_mut() {
            Some(last) if last.time == sample.time => {
                last.latency = last.latency.max(sample.latency);
            }
            _ => {
                if self.samples.len() == TS_LEN {
                    self.samples.pop_front();
                }
                self.samples.push_back(sample);
            }
        }
    }
}

/// The monitor: all events.
#[derive(Clone, Debug, Default)]
pub struct Latency {
    events: BTreeMap<&'static str, TimeSeries>,
    /// Milliseconds; 0 for off.
    pub threshold: i64,
}

/// When an operation started; None while the monitor is off.
#[derive(Clone, Copy, Debug)]
pub struct Started(Option<i64>);

impl Latency {
    /// A monitor without events.
    pub fn new(threshold: i64) -> Latency {
        Latency { events: BTreeMap::new(), threshold }
    }

    /// Redis: `latencyStartMonitor`.
    pub fn start(&self, os: &mut dyn Os) -> Started {
        Started((self.threshold != 0).then(|| mstime(os)))
    }

    /// Elapsed milliseconds; 0 if not measured (Redis: `latencyEndMonitor`).
    pub fn end(&self, os: &mut dyn Os, started: Started) -> i64 {
        started.0.map_or(0, |start| mstime(os) - start)
    }

    /// Records an event that reached the threshold (Redis: `latencyAddSampleIfNeeded`).
    pub fn add_sample_if_needed(&mut self, os: &mut dyn Os, event: &'static str, latency: i64) {
        if self.threshold != 0 && latency >= self.threshold {
            let time = time(os);
            self.events.entry(event).or_default().add(Sample { time, latency });
        }
    }

    /// All recorded events, by name.
    pub fn events(&self) -> &BTreeMap<&'static str, TimeSeries> {
        &self.events
    }

    /// Removes one event, or all. Returns how many.
    pub fn reset(&mut self, event: Option<&str>) -> usize {
        let before = self.events.len();
        self.events.retain(|&name, _| event.is_some_and(|event| !event.eq_ignore_ascii_case(name)));
        before - self.events.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_keeps_its_worst_sample_and_an_event_its_last_160() {
        let mut series = TimeSeries::default();
        for (time, latency) in [(1, 5), (1, 9), (1, 7), (2, 1)] {
            series.add(Sample { time, latency });
        }
        let sample = |time, latency| Sample { time, latency };
        assert_eq!(series.samples, [sample(1, 9), sample(2, 1)]);
        assert_eq!(series.max, 9);
        (3..=200).for_each(|time| series.add(sample(time, 1)));
        assert_eq!((series.samples.len(), series.samples[0].time), (TS_LEN, 41));
    }

    #[test]
    fn events_are_forgotten_by_name_or_all_at_once() {
        let mut latency = Latency::default();
        for event in ["fork", "aof-write", "command"] {
            latency.events.insert(event, TimeSeries::default());
        }
        assert_eq!(latency.reset(Some("fork")), 1);
        assert_eq!(latency.reset(Some("fork")), 0);
        assert_eq!(latency.reset(None), 2);
    }
}
