//! The reference: a server without faults on which a past is done again.
//!
//! Must not know: which contents are wanted, and what anything is compared with.

use std::collections::VecDeque;
use std::time::Duration;

use super::tree::Arrived;
use super::{Past, Taken};
use crate::contract::history::name;
use crate::kernel::Time;
use crate::observation::{Argv, Fsync, Policy};
use crate::runner::clients::{Clients, Purpose};
use crate::runner::content::Content;
use crate::runner::content::ask::{Access, Asker, NoContent};
use crate::world::{Broken, Status, World};

/// The connection for questions.
const ASKER: &str = "oracle";

/// A server without faults.
pub struct Reference {
    world: Box<dyn World>,
    clients: Clients,
    access: Access,
    /// See [`Past::sets`]; those still to come.
    sets: VecDeque<(Time, Duration)>,
}

impl Reference {
    /// Starts one where the past began.
    pub fn start(mut world: Box<dyn World>, past: &Past) -> Result<Reference, Broken> {
        let origin = &past.origin;
        if origin.at > world.kernel().now() {
            world.kernel().advance_to(origin.at);
        }
        if origin.image.dirs().next().is_some() || origin.image.files().next().is_some() {
            world.put_image(&origin.image)?;
        }
        if let Some(server) = &origin.server {
            world.use_server(server)?;
        }
        world.kernel().clock.set_behind(origin.behind);
        world.start(&origin.directives)?;
        if world.status() != Status::Running {
            let log = String::from_utf8_lossy(&world.log()).into_owned();
            let last = log.trim_end().lines().last().unwrap_or_default().to_string();
            let message = format!("without faults the server does not start from there: {last}");
            return Err(Broken::NotMeasured(message));
        }
        let access = Access::with(&origin.directives);
        let sets = past.sets.iter().copied().collect();
        Ok(Reference { world, clients: Clients::default(), access, sets })
    }

    /// Does the command with this place. Returns what has been answered since the last one.
    pub fn perform(&mut self, place: usize, taken: &Taken) -> Result<Arrived, Broken> {
        self.advance(taken)?;
        // A connection may have been closed meanwhile, and the next command opens another.
        let mut arrived = self.arrived()?;
        if let Some(argv) = &taken.argv {
            let purpose = Purpose::Case(place);
            self.clients.send(&mut *self.world, &taken.client, argv, purpose)?;
            self.world.settle()?;
        }
        arrived.extend(self.arrived()?);
        Ok(arrived)
    }

    fn advance(&mut self, taken: &Taken) -> Result<(), Broken> {
        self.advance_to(taken.at)?;
        // It may have been sent before or after somebody set the clock at that moment.
        self.world.kernel().clock.set_behind(taken.behind);
        Ok(())
    }

    /// Moves the clock, and sets it where it was set.
    fn advance_to(&mut self, to: Time) -> Result<(), Broken> {
        while let Some((at, behind)) = self.sets.pop_front_if(|(at, _)| *at < to) {
            self.go_on_to(at)?;
            self.world.kernel().clock.set_behind(behind);
        }
        self.go_on_to(to)
    }

    fn go_on_to(&mut self, to: Time) -> Result<(), Broken> {
        if to > self.now() { self.world.advance_to(to) } else { Ok(()) }
    }

    pub fn now(&self) -> Time {
        self.world.kernel().now()
    }

    /// Waits until the end of the past. Returns what was answered meanwhile.
    ///
    /// A wait that is over ends with the next turn of the event loop, and whoever looked at the
    /// server of the run gave it one.
    pub fn wait_until_the_end(&mut self, past: &Past) -> Result<Arrived, Broken> {
        self.advance_to(past.until)?;
        let mut asker = Asker::new(&mut *self.world, ASKER, &self.access);
        asker.ask(&[[b"PING".to_vec()].into()])?.ok();
        self.arrived()
    }

    fn arrived(&mut self) -> Result<Arrived, Broken> {
        let mut arrived = Vec::new();
        for its in self.clients.receive(&mut *self.world)? {
            if let (Purpose::Case(place), Some(reply)) = (its.purpose, its.reply) {
                arrived.push((place, reply.lines().join("\n")));
            }
        }
        Ok(arrived)
    }

    pub fn content(&mut self) -> Result<Content, Broken> {
        let content = Asker::new(&mut *self.world, ASKER, &self.access).content()?;
        content.map_err(unknown)
    }

    /// The policy as the server has it.
    pub fn policy(&mut self) -> Result<Policy, Broken> {
        let questions = DIRECTIVES.map(|name| -> Argv {
            [b"CONFIG".to_vec(), b"GET".to_vec(), name.as_bytes().to_vec()].into()
        });
        let mut asker = Asker::new(&mut *self.world, ASKER, &self.access);
        asker.authenticate()?;
        let answers = asker.ask(&questions)?.map_err(unknown)?;
        let mut values = Vec::new();
        for (question, answer) in questions.iter().zip(&answers) {
            match answer.items() {
                Some([_, value]) => values.push(value.text().unwrap_or_default().to_lowercase()),
                // A version that does not have it.
                Some([]) => values.push(String::new()),
                _ => return Err(unknown(NoContent::other(question, answer))),
            }
        }
        Ok(policy(&values))
    }

    pub fn finish(&mut self) -> Result<(), Broken> {
        self.world.finish()
    }
}

/// What is asked by CONFIG GET.
const DIRECTIVES: [&str; 5] =
    ["appendonly", "appendfsync", "save", "no-appendfsync-on-rewrite", "hz"];

/// From the values of [`DIRECTIVES`].
fn policy(values: &[String]) -> Policy {
    let is = |n: usize, wanted: &str| values.get(n).is_some_and(|value| value == wanted);
    Policy {
        appendonly: is(0, "yes"),
        appendfsync: match values[1].as_str() {
            "always" => Fsync::Always,
            "no" => Fsync::No,
            _ => Fsync::Everysec,
        },
        saves: !values[2].is_empty(),
        no_appendfsync_on_rewrite: is(3, "yes"),
        hz: values[4].parse().unwrap_or(10),
    }
}

fn unknown(none: NoContent) -> Broken {
    Broken::NotMeasured(format!("what should be there is not known: {}", none.why()))
}

/// Whether the policy may be another one after this command.
pub fn may_configure(argv: &[Vec<u8>]) -> bool {
    matches!(&*name(argv), "CONFIG" | "EXEC")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_what_the_server_says() {
        let values = ["yes", "always", "900 1", "", "100"].map(String::from);
        let policy = policy(&values);
        assert!(policy.appendonly && policy.saves && !policy.no_appendfsync_on_rewrite);
        assert_eq!((policy.appendfsync, policy.hz), (Fsync::Always, 100));
    }
}
