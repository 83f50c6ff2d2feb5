//! What runs cost, in words: a line for each measurement.
//!
//! Must not know: how it is measured.

use crate::bench::runs::Measured;
use crate::bench::sweeps::{Growth, States, SweepRuns};
use crate::bench::workers::{Recorded, Scaled};
use crate::world::remembered::Starts;

/// Runs of one case.
pub fn runs(label: &str, run: &Measured) -> String {
    let rate = run.rate();
    format!(
        "{label:8}  {rate:10.1} runs/s  {:8.1} µs per run  {:5.0} calls per run",
        1e6 / rate,
        run.calls as f64 / run.runs as f64,
    )
}

/// Starts in the simulation.
pub fn start(label: &str, micros: f64) -> String {
    format!("{label:8}  {micros:10.1} µs per start on an empty disk")
}

/// Trapped calls, by a short and a long wait.
pub fn trapped(label: &str, [short, long]: &[Measured; 2]) -> String {
    let per_run = |of: &Measured, what: u64| what as f64 / of.runs as f64;
    let micros = (per_run(long, long.nanos) - per_run(short, short.nanos)) / 1000.0;
    let calls = per_run(long, long.trapped) - per_run(short, short.trapped);
    if calls < 1.0 {
        return format!("{label:8}  a trapped call: no more calls in a longer wait");
    }
    format!(
        "{label:8}  {:10.2} µs per trapped call ({calls:.0} more calls took {micros:.0} µs more)",
        micros / calls
    )
}

/// What was recorded of a command.
pub fn recorded(times: &Recorded) -> String {
    format!("{} requests; {:.1} s were spent beside them", times.requests(), times.alone())
}

/// What a command would take with more workers.
pub fn scaled(Scaled { workers, seconds, times }: &Scaled) -> String {
    format!("{workers:3} workers  {seconds:10.1} s  {times:6.1} times as fast as one")
}

/// What a trapped call costs at the least.
pub fn floor(label: &str, micros: f64) -> String {
    format!("{label:8}  {micros:10.2} µs per call that is trapped and answered, and nothing else")
}

/// Runs of a sweep.
pub fn sweep_runs(label: &str, runs: &SweepRuns) -> String {
    let SweepRuns { planned, sites, micros, remembered, starts } = runs;
    let remembered = remembered.map_or(String::new(), |it| {
        let percent = it.known as f64 * 100.0 / it.asked.max(1) as f64;
        format!("; {percent:.1} % of what should be there was remembered")
    });
    let Starts { asked, known, made_again } = starts;
    let starts = format!("; of {asked} recoveries {} remembered", known - made_again);
    format!(
        "{label:8}  {:10.1} sweep runs/s  {micros:8.1} µs per run  (of {planned} runs in {sites} \
         sites{remembered}{starts})",
        1e6 / micros
    )
}

/// States of a power cut.
pub fn states(label: &str, States { images, seconds }: &States) -> String {
    format!(
        "{label:8}  {:10.1} states of a power cut per second  ({images} distinct ones, loaded and \
         judged)",
        *images as f64 / seconds
    )
}

/// Runs of a longer workload.
pub fn growth(label: &str, Growth { write, length, runs }: &Growth) -> String {
    let SweepRuns { planned, sites, micros, .. } = runs;
    let per_call = micros / *sites as f64;
    format!(
        "{label:8}  {length:10} times {write}: {sites} sites, {planned} runs, {micros:8.1} µs per \
         run, {per_call:.2} µs per call of it"
    )
}
