//! A second run of a script up to a point: what would INFO have shown there, what does the server
//! hold, what would have come of it without lies?
//!
//! A question gives the server a turn of its event loop, and so changes what it does; therefore it
//! is asked on a machine of its own, in a run that ends there. For INFO the point is the last
//! moment before the server's end at which it could be asked: before the step that ended it, or, if
//! that step lets time pass, just before the end. The client that asks has been connected since the
//! server came up, as a monitor would be: accepting a connection takes a turn, too, in which the
//! server retries a failed write, and the trouble would be over before it reads the question. Must
//! not know: what is promised.

use super::content::Content;
use super::content::ask::{Access, Asker};
use super::oracle::{Oracle, Point, Rerun};
use super::record::Keep;
use super::state::{EarlyEnd, Runner};
use crate::case::script::{Script, Step, Verb};
use crate::case::verbs::OBSERVER;
use crate::contract::Verdict;
use crate::kernel::Time;
use crate::observation::Argv;
use crate::profile::Profile;
use crate::world::{Broken, World};

/// Whether INFO reports trouble at the point, by one of these fields with its value.
///
/// # Errors
/// When the run breaks. A server that ends before the point is not an error.
pub fn would_show(
    script: &Script,
    world: &mut dyn World,
    profile: &Profile,
    point: Point,
    fields: &[(String, String)],
) -> Result<bool, Broken> {
    let mut runner = Runner::new(script, world, profile, None, Keep::Facts);
    let shown = match runner.up_to(point) {
        Ok(()) if runner.session.is_running() => runner.shows_trouble(fields),
        other => other.map(|()| false),
    };
    match shown {
        Ok(shown) => Ok(shown),
        Err(EarlyEnd::Broken(broken)) => Err(broken),
        Err(EarlyEnd::BadCase | EarlyEnd::NotApplicable(_)) => Ok(false),
    }
}

/// What the server holds at the end of this part of a script.
///
/// # Errors
/// When the run breaks, or the server does not answer.
pub fn content(rerun: Rerun<'_>, world: &mut dyn World) -> Result<Content, Broken> {
    let mut runner = begun(rerun, world, None);
    match runner.through(rerun.upto) {
        Ok(()) => {}
        Err(EarlyEnd::Broken(broken)) => return Err(broken),
        Err(EarlyEnd::BadCase | EarlyEnd::NotApplicable(_)) => {
            let message = "a second run of the script came to another end".to_string();
            return Err(Broken::Harness(message));
        }
    }
    let access = Access::with(runner.session.directives());
    let content = Asker::new(runner.session.world, OBSERVER, &access).content()?;
    content
        .map_err(|none| Broken::NotMeasured(format!("what is there is not known: {}", none.why())))
}

/// The verdicts given in the last line of this part of a script, each with how much of the history
/// survived; for the whole one all of them.
///
/// # Errors
/// When the run breaks.
pub fn verdicts(
    rerun: Rerun<'_>,
    world: &mut dyn World,
    oracle: &mut dyn Oracle,
) -> Result<Vec<(Verdict, Option<usize>)>, Broken> {
    let mut runner = begun(rerun, world, Some(oracle));
    match runner.through(rerun.upto) {
        Err(EarlyEnd::Broken(broken)) => Err(broken),
        // Where the run itself is another one, so is what it comes to.
        Err(EarlyEnd::BadCase | EarlyEnd::NotApplicable(_)) => Ok(Vec::new()),
        Ok(()) => {
            let rulings = runner.judgements.rulings.iter();
            let here = rulings.filter(|ruling| rerun.upto.is_none_or(|line| ruling.line == line));
            Ok(here.map(|ruling| (ruling.verdict, ruling.survivors)).collect())
        }
    }
}

fn begun<'a>(
    rerun: Rerun<'a>,
    world: &'a mut dyn World,
    oracle: Option<&'a mut dyn Oracle>,
) -> Runner<'a> {
    if rerun.honest {
        world.kernel().plan.never_lies();
    }
    Runner::new(rerun.script, world, rerun.profile, oracle, Keep::Facts)
}

/// Makes sure that the program answers what it was told: its content changes with a write, and
/// holds what was written.
///
/// # Errors
/// When it does not, or cannot be asked.
pub fn prove(mut world: Box<dyn World>) -> Result<(), Broken> {
    world.start(&[])?;
    let access = Access::default();
    let mut asker = Asker::new(&mut *world, OBSERVER, &access);
    let unknown = |none: super::content::ask::NoContent| {
        Broken::NotMeasured(format!("this server cannot be asked: {}", none.why()))
    };
    let before = asker.content()?.map_err(unknown)?;
    let set: Argv = ["SET", "sabot:probe", "written"].map(|word| word.as_bytes().to_vec()).into();
    asker.ask(&[set])?.map_err(unknown)?;
    let after = asker.content()?.map_err(unknown)?;
    world.finish()?;
    if before.holds("sabot:probe", "written") || !after.holds("sabot:probe", "written") {
        let message = "what this server answers does not follow what it is told: it does not hold \
                       a key that was just set";
        return Err(Broken::NotMeasured(message.to_string()));
    }
    Ok(())
}

impl Runner<'_> {
    /// Goes through the script up to the end of the step in this line; without one, to its end.
    fn through(&mut self, line: Option<u32>) -> Result<(), EarlyEnd> {
        let Some(line) = line else { return self.steps() };
        for step in &self.script.steps {
            if step.line > line {
                break;
            }
            self.start_for(step)?;
            self.step(step)?;
        }
        Ok(())
    }

    fn up_to(&mut self, point: Point) -> Result<(), EarlyEnd> {
        for step in &self.script.steps {
            if step.line > point.line {
                break;
            }
            let starts = self.record.seen.starts.len();
            self.start_for(step)?;
            if self.record.seen.starts.len() > starts {
                self.connect()?;
            }
            if step.line == point.line {
                return self.halfway(step, point.at);
            }
            self.step(step)?;
            if self.record.seen.starts.len() > starts {
                self.connect()?;
            }
        }
        Ok(())
    }

    /// Connects the client that will ask.
    fn connect(&mut self) -> Result<(), EarlyEnd> {
        if self.record.is_ready() {
            self.ask(&[[b"PING".to_vec()].into()])?;
        }
        Ok(())
    }

    /// Lets time pass up to just before the moment, where the step would.
    fn halfway(&mut self, step: &Step, at: Time) -> Result<(), EarlyEnd> {
        let passes = matches!(
            step.verb,
            Verb::Advance(_) | Verb::AwaitChild | Verb::AwaitLog(_) | Verb::Shutdown(_)
        );
        let before = Time(at.as_nanos().saturating_sub(1));
        if passes && before > self.session.now() {
            self.advance_to(before)?;
        }
        Ok(())
    }

    fn shows_trouble(&mut self, fields: &[(String, String)]) -> Result<bool, EarlyEnd> {
        let shown = self.info()?.unwrap_or_default();
        Ok(fields.iter().any(|field| shown.contains(field)))
    }
}
