//! Whether a server starts under a configuration, and which line is at fault where it does not.
//!
//! Must not know: what is run under it afterwards.

use super::super::library::{CaseFile, job};
use super::{BadConf, Conf, Given};
use crate::engine::pool::{Interrupted, Pool};
use crate::engine::worlds::World;
use crate::runner::Outcome;

/// Why nothing runs under a configuration.
#[derive(Debug, thiserror::Error)]
pub enum NotUnder {
    #[error("interrupted")]
    Interrupted(#[from] Interrupted),
    /// The server does not start with it.
    #[error("{0}")]
    BadConf(#[from] BadConf),
}

/// Starts the world's server under the configuration.
///
/// # Errors
/// When it does not start, with the line that it refuses.
pub fn starts_under(pool: &Pool, world: &World, conf: &Conf) -> Result<(), NotUnder> {
    if refusal(pool, world, &conf.lines())?.is_none() {
        return Ok(());
    }
    for Given { place, text } in &conf.kept {
        if let Some(why) = refusal(pool, world, &format!("config {text}\n"))? {
            return Err(BadConf::new(&**place, format!("`{text}`: {why}")).into());
        }
    }
    let words = format!(
        "the server does not start with it in {}, though it does with each line alone",
        world.label
    );
    Err(BadConf::new(&*conf.path, words).into())
}

/// Why the server does not start under these lines; None: it does.
fn refusal(pool: &Pool, world: &World, lines: &str) -> Result<Option<String>, Interrupted> {
    let text = format!("{lines}> PING\nexpect +PONG\nshow log\n");
    let source = "a start under the configuration".to_string();
    let file = CaseFile { name: "start".to_string(), source, text, ..CaseFile::own() };
    let outcome = pool.run(job(&file, world))?;
    let started = !outcome.verdict.is_no_measurement() && outcome.failures.is_empty();
    Ok((!started)
        .then(|| format!("the server does not start in {}: {}", world.label, reasons(&outcome))))
}

/// What a start that failed said of itself.
fn reasons(outcome: &Outcome) -> String {
    let said = outcome.rulings.iter().map(|ruling| ruling.sentence.as_str());
    // Quoted for a person; nothing is decided by it.
    let log = outcome.transcript.lines().filter_map(|line| line.trim().strip_prefix("log  "));
    let reasons: Vec<&str> = said.chain(log.take(4)).collect();
    reasons.join("; ")
}
