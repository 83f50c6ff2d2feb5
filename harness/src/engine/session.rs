//! A fleet for as long as some work takes, and an interrupt that ends it.
//!
//! Must not know: what the work is.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::interrupt;
use super::pool::{Fleet, Settings};
use super::wire::Survey;
use crate::error::Stop;
use crate::runner::{Outcome, RunSummary};

/// Runs `work` with a fleet, an interrupt away from its end; the fleet is gone afterwards. The
/// caller has blocked interrupts.
pub fn with_fleet<T>(
    settings: &Settings,
    work: impl FnOnce(&Fleet, Receiver<Event>, Sender<Event>) -> T,
) -> Result<T, Stop> {
    let unable = |e: std::io::Error| Stop::unable(format!("cannot start the fleet: {e}"));
    let fleet = Fleet::new(settings).map_err(unable)?;
    let (sender, events) = channel();
    let (stop, tell) = (fleet.stopper(), sender.clone());
    interrupt::on_interrupt(move || {
        stop();
        let _ = tell.send(Event::Interrupted);
    })
    .map_err(unable)?;
    let result = work(&fleet, events, sender);
    drop(fleet);
    Ok(result)
}

/// What the fleet and the interrupt tell the main thread.
pub enum Event {
    Done {
        case: usize,
        world: usize,
        outcome: Box<Outcome>,
    },
    /// Verdicts of a batch, which began with the script of this number.
    Briefed {
        first: usize,
        briefs: Vec<RunSummary>,
    },
    /// What cuts of the power came to, beginning with the call of this number.
    Surveyed {
        first: usize,
        surveys: Vec<Survey>,
    },
    Interrupted,
}
