//! A second run up to a point: what would INFO have shown there?
//!
//! A question gives the server a turn of its event loop, and so changes what it does; therefore it
//! is asked on a machine of its own. The point is the last moment before the server's end at which
//! it could be asked: before the step that ended it, or, if that step lets time pass, just before
//! the end. The client that asks has been connected since the server came up, as a monitor would
//! be: accepting a connection takes a turn, too, in which the server retries a failed write, and
//! the trouble would be over before it reads the question. Must not know: what is promised.

use super::oracle::Point;
use super::record::Keep;
use super::state::{EarlyEnd, Runner};
use crate::case::script::{Script, Step, Verb};
use crate::kernel::Time;
use crate::profile::Profile;
use crate::world::{Broken, World};

/// Whether INFO reports trouble at the point.
///
/// # Errors
/// When the run breaks. A server that ends before the point is not an error.
pub fn would_show(
    script: &Script,
    world: &mut dyn World,
    profile: &Profile,
    point: Point,
) -> Result<bool, Broken> {
    let mut runner = Runner::new(script, world, profile, None, Keep::Facts);
    let shown = match runner.up_to(point) {
        Ok(()) if runner.session.is_running() => runner.shows_trouble(),
        other => other.map(|()| false),
    };
    match shown {
        Ok(shown) => Ok(shown),
        Err(EarlyEnd::Broken(broken)) => Err(broken),
        Err(EarlyEnd::BadCase | EarlyEnd::NotApplicable(_)) => Ok(false),
    }
}

impl Runner<'_> {
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
        }
        Ok(())
    }

    /// Connects the client that will ask. After a restart the judgement's own question does that.
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

    fn shows_trouble(&mut self) -> Result<bool, EarlyEnd> {
        self.info()?;
        let now = self.session.now();
        Ok(self.record.seen.trouble_reported.contains(&now))
    }
}
