//! A second run up to a point: what would INFO have shown there?
//!
//! Questions give the server a turn of its loop, and so disturb; therefore they are asked on a
//! machine of their own. The point is the last moment before the server's end at which it could be
//! asked: before the step that ended it, or, where that step lets time pass, just before the moment
//! of the end. Who asks has been connected since the server came up, as one who watches it is: to
//! be accepted takes a turn of its own, in which a write that failed once is tried again, and the
//! trouble is over before the question is read. Must not know: what is promised.

use std::time::Duration;

use super::oracle::{Announcer, Oracle, Point};
use super::state::Stop;
use super::steps::Runner;
use crate::case::script::{Script, Step, Verb};
use crate::contract::Unit;
use crate::kernel::Time;
use crate::profile::Profile;
use crate::world::{Broken, Directive, World};

/// Whether INFO reports trouble at the point.
///
/// # Errors
/// When the run breaks; an end of the server before the point is no error.
pub fn would_show(
    script: &Script,
    world: &mut dyn World,
    profile: &Profile,
    point: Point,
) -> Result<bool, Broken> {
    let mut nobody = Nobody;
    let mut runner = Runner::new(script, world, profile, &mut nobody);
    runner.rehearsal = true;
    runner.quiet = true;
    let shown = match runner.up_to(point) {
        Ok(()) if runner.is_running() => runner.trouble(),
        other => other.map(|()| false),
    };
    match shown {
        Ok(shown) => Ok(shown),
        Err(Stop::Broken(broken)) => Err(broken),
        Err(Stop::BadCase | Stop::NotApplicable(_)) => Ok(false),
    }
}

impl Runner<'_> {
    fn up_to(&mut self, point: Point) -> Result<(), Stop> {
        for step in &self.script.steps {
            if step.line > point.line {
                break;
            }
            let starts = self.seen.starts.len();
            self.start_for(step)?;
            if self.seen.starts.len() > starts {
                self.connect()?;
            }
            if step.line == point.line {
                return self.halfway(step, point.at);
            }
            self.step(step)?;
        }
        Ok(())
    }

    /// Lets the server know who will ask. After a restart the judgement's own question does.
    fn connect(&mut self) -> Result<(), Stop> {
        if self.seen.starts.last().is_some_and(|start| start.ready) {
            self.ask(&[[b"PING".to_vec()].into()])?;
        }
        Ok(())
    }

    /// Lets time pass up to just before the moment, where the step would.
    fn halfway(&mut self, step: &Step, at: Time) -> Result<(), Stop> {
        let passes = matches!(
            step.verb,
            Verb::Advance(_) | Verb::AwaitChild | Verb::AwaitLog(_) | Verb::Shutdown(_)
        );
        let before = Time(at.as_nanos().saturating_sub(1));
        if passes && before > self.now() {
            let left: Duration = before - self.now();
            let to = self.now() + left;
            self.advance_until(to, |_| false)?;
            self.world.kernel().advance_to(to);
        }
        Ok(())
    }

    fn trouble(&mut self) -> Result<bool, Stop> {
        self.info()?;
        let now = self.now();
        Ok(self.seen.trouble_reported.contains(&now))
    }
}

/// Knows nothing: a rehearsal judges nothing.
pub(super) struct Nobody;

impl Oracle for Nobody {
    fn survivors(
        &mut self,
        _: &[&Unit],
        _: Time,
        _: &[Directive],
        _: &str,
    ) -> Result<Option<usize>, Broken> {
        Ok(None)
    }
}

impl Announcer for Nobody {
    fn would_have_shown(&mut self, _: &Script, _: &Profile, _: Point) -> Result<bool, Broken> {
        Ok(false)
    }
}
