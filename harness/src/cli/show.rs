//! `sabot show` and `sabot sites`: one case in one world, looked at.
//!
//! Must not know: how a case runs.

use super::args::OneArgs;
use super::screen;
use crate::engine::interrupt;
use crate::engine::pool::Settings;
use crate::engine::session::{Event, with_fleet};
use crate::engine::worlds::Choice;
use crate::error::Stop;
use crate::exit::{Exit, overall};
use crate::runner::Outcome;
use crate::suite::check::judge;
use crate::suite::library::{Library, Ready, job, understand};
use crate::suite::snapshots::Reviewed;

/// Prints the script with everything that was observed.
pub fn transcript(args: &OneArgs) -> Result<Exit, Stop> {
    look(args, |outcome| screen::line(&outcome.transcript))
}

/// Prints the sites of the run, one per line, each once and in the order of the calls.
pub fn sites(args: &OneArgs) -> Result<Exit, Stop> {
    look(args, |outcome| {
        if !outcome.sites.is_empty() {
            screen::line(&outcome.sites.join("\n"));
        }
    })
}

/// Runs the case and shows what there is to see; what went wrong goes to standard error.
fn look(args: &OneArgs, show: impl FnOnce(&Outcome)) -> Result<Exit, Stop> {
    interrupt::block()?;
    let library = Library::open()?;
    let mut cases = understand(library.select(std::slice::from_ref(&args.case))?)?;
    if cases.len() > 1 {
        let names: Vec<String> =
            cases.iter().map(|ready| format!("  {}", ready.file.name)).collect();
        let message = format!("{} is more than one case:\n{}", args.case, names.join("\n"));
        return Err(Stop::usage(message));
    }
    let Ready { file, script } = cases.remove(0);
    let choice = Choice::of(std::slice::from_ref(&args.world))?;
    if let Some(absent) = choice.absent.first() {
        return Err(Stop::unable(format!("missing: world {}: {}", absent.label, absent.reason)));
    }
    let settings = Settings::of_this_binary(args.limits.deadline)
        .map_err(|e| Stop::unable(format!("cannot tell where this binary is: {e}")))?;
    let event = with_fleet(&settings, |fleet, events, sender| {
        fleet.submit(job(&file, &choice.worlds[0]), move |outcome| {
            let outcome = Box::new(outcome);
            let _ = sender.send(Event::Done { case: 0, world: 0, outcome });
        });
        events.recv()
    })?;
    let Ok(Event::Done { outcome, .. }) = event else { return Ok(Exit::Interrupted) };
    show(&outcome);
    let cell = judge(&script, &[*outcome], &Reviewed::Never);
    for note in &cell.notes {
        screen::error(note);
    }
    Ok(overall([cell.finding]))
}
