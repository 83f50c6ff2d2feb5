//! `sabot bench`: runs per second on one core, and what one trapped system call costs. Prints,
//! asserts nothing.
//!
//! Must not know: how it is measured.

use std::path::Path;
use std::time::Duration;

use super::args::BenchArgs;
use super::error::CommandError;
use super::screen;
use crate::bench::runs::Bench;
use crate::bench::sweeps::{SweepBench, lengths};
use crate::bench::workers::Recorded;
use crate::engine::pool::cores;
use crate::engine::worlds::Choice;
use crate::exit::Exit;
use crate::report::bench as words;

/// The mode.
pub fn main(args: &BenchArgs) -> Result<Exit, CommandError> {
    if let Some(file) = &args.workers {
        return workers(file);
    }
    let choice = Choice::of(&args.worlds)?;
    let mut exit = Exit::Expected;
    for absent in &choice.absent {
        screen::error(&format!("{}: not measured: {}", absent.label, absent.reason));
        if absent.wanted {
            exit = Exit::NotMeasured;
        }
    }
    let cpu = cores()[0];
    screen::line(&format!("one core (number {cpu}), {} s per measurement", args.seconds));
    let mut rates = Vec::new();
    for world in &choice.worlds {
        let bench = Bench { world, cpu, time: Duration::from_secs(args.seconds) };
        match runs(&bench) {
            Ok(rate) => {
                rates.push((world.label.as_str(), rate));
                if let Err(why) = sweeps(&bench) {
                    screen::line(&format!("{:8}  sweeps not measured: {why}", world.label));
                    exit = Exit::NotMeasured;
                }
            }
            Err(why) => {
                screen::line(&format!("{:8}  not measured: {why}", world.label));
                exit = Exit::NotMeasured;
            }
        }
    }
    for (label, rate) in rates.iter().skip(1) {
        let (first, fastest) = rates[0];
        screen::line(&format!("{first} is {:.0} times as fast as {label}", fastest / rate));
    }
    Ok(exit)
}

/// Prints what a command would take with more workers.
fn workers(file: &Path) -> Result<Exit, CommandError> {
    let times = Recorded::read(file).map_err(CommandError::usage)?;
    screen::line(&words::recorded(&times));
    times.scaled().iter().for_each(|scaled| screen::line(&words::scaled(scaled)));
    Ok(Exit::Expected)
}

/// Prints the lines about single runs; returns runs per second.
fn runs(bench: &Bench<'_>) -> Result<f64, String> {
    let label = &bench.world.label;
    let run = bench.runs()?;
    screen::line(&words::runs(label, &run));
    match bench.world.place.is_supervised() {
        false => screen::line(&words::start(label, bench.start()?)),
        true => {
            screen::line(&words::trapped(label, &bench.waits()?));
            screen::line(&words::floor(label, bench.floor()?));
        }
    }
    Ok(run.rate())
}

/// Prints the lines about sweeps.
fn sweeps(bench: &Bench<'_>) -> Result<(), String> {
    let label = &bench.world.label;
    let mut sweep = SweepBench::new(bench)?;
    screen::line(&words::sweep_runs(label, &sweep.rewrite()?));
    screen::line(&words::states(label, &sweep.states()?));
    if !bench.world.place.is_supervised() {
        for (write, length) in lengths() {
            screen::line(&words::growth(label, &sweep.growth(write, length)?));
        }
    }
    Ok(())
}
