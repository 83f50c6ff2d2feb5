//! `sabot show` and `sabot sites`: one case in one world, looked at.
//!
//! Must not know: how a case runs.

use super::args::OneArgs;
use super::error::CommandError;
use super::screen;
use super::session::Session;
use crate::engine::worlds;
use crate::exit::{Exit, overall};
use crate::runner::Outcome;
use crate::suite::check::judge;
use crate::suite::library::{Library, ParsedCase, job, parse_all};
use crate::suite::snapshots::Reviewed;

/// Prints the script with everything that was observed.
pub fn transcript(args: &OneArgs) -> Result<Exit, CommandError> {
    look(args, |outcome| screen::line(&outcome.transcript))
}

/// Prints the sites of the run, one per line, each once and in the order of the calls.
pub fn sites(args: &OneArgs) -> Result<Exit, CommandError> {
    look(args, |outcome| {
        if !outcome.sites.is_empty() {
            screen::line(&outcome.sites.join("\n"));
        }
    })
}

/// Runs the case and shows what there is to see; what went wrong goes to standard error.
fn look(args: &OneArgs, show: impl FnOnce(&Outcome)) -> Result<Exit, CommandError> {
    let session = Session::begin(&args.limits)?;
    let library = Library::open()?;
    let mut cases = parse_all(library.select(std::slice::from_ref(&args.case))?)?;
    if cases.len() > 1 {
        let names: Vec<String> = cases.iter().map(|case| format!("  {}", case.file.name)).collect();
        let message = format!("{} is more than one case:\n{}", args.case, names.join("\n"));
        return Err(CommandError::usage(message));
    }
    let ParsedCase { file, script } = cases.remove(0);
    let world = worlds::named(&args.world)?;
    let outcome = session.with_pool(|pool| pool.run(job(&file, &world)))?;
    let Ok(outcome) = outcome else { return Ok(Exit::Interrupted) };
    show(&outcome);
    let assessment = judge(&script, &[outcome], &Reviewed::Never);
    for note in &assessment.notes {
        screen::error(note);
    }
    Ok(overall([assessment.status]))
}
