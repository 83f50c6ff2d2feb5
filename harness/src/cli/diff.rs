//! `sabot diff`: is this upgrade safe? Two reports of `sweep` or of `audit`, compared.
//!
//! Must not know: how a report was made, and what is worse.

use std::path::Path;

use super::args::DiffArgs;
use super::error::CommandError;
use super::screen;
use crate::audit::diff::{Change, Changed, Report, compare};
use crate::error::cannot;
use crate::exit::Exit;
use crate::report::diff;

/// The mode.
pub fn main(args: &DiffArgs) -> Result<Exit, CommandError> {
    let (old, new) = (read(&args.old)?, read(&args.new)?);
    let changed = compare(&old, &new).map_err(|why| {
        CommandError::usage(format!("{}, {}: {why}", args.old.display(), args.new.display()))
    })?;
    if let (Report::Audit(old), Report::Audit(new)) = (&old, &new) {
        screen::line(&format!("{} → {}", old.server, new.server));
    }
    for (path, report) in [(&args.old, &old), (&args.new, &new)] {
        if report.is_part() {
            screen::line(&format!("{} holds only a part of the runs", path.display()));
        }
    }
    screen::line(&diff::text(&changed));
    Ok(exit(&changed, &new))
}

fn read(path: &Path) -> Result<Report, CommandError> {
    let text = std::fs::read_to_string(path)
        .map_err(|why| CommandError::usage(cannot("read", path, &why)))?;
    Report::read(&text).map_err(|why| CommandError::usage(format!("{}: {why}", path.display())))
}

fn exit(changed: &[Changed], new: &Report) -> Exit {
    let some = |change| changed.iter().any(|changed| changed.change == change);
    match () {
        () if some(Change::Worse) => Exit::BrokenPromise,
        () if some(Change::Unmeasured) || new.is_cut_short() => Exit::NotMeasured,
        () if changed.is_empty() => Exit::Expected,
        () => Exit::Differs,
    }
}
