//! The oracle: what the dataset looks like after each prefix of a history when nothing goes wrong.
//!
//! [`WorldOracle`] asks the same server: a fresh one without faults and without persistence does
//! the history again. It remembers its answers. Must not know: what was promised.

use std::collections::BTreeMap;

use super::resp::{Reply, decode, encode};
use super::run::{Point, would_show};
use super::script::Script;
use crate::contract::{Unit, expiring, time_matters, waits};
use crate::kernel::{Clock, Time};
use crate::profile::Profile;
use crate::world::{Broken, Directive, World};

/// Knows what INFO would have shown at some point of a run.
pub trait Announcer {
    /// Whether it would have reported trouble.
    fn would_have_shown(
        &mut self,
        script: &Script,
        profile: &Profile,
        point: Point,
    ) -> Result<bool, Broken>;
}

/// Knows the state after each prefix of a history.
pub trait Oracle: Announcer {
    /// `states[n]` is the digest after the first `n` units, as asked at `asked_at`, on a server
    /// with these directives (those about persistence do not matter).
    fn states(
        &mut self,
        units: &[Unit],
        asked_at: Time,
        directives: &[Directive],
    ) -> Result<Vec<String>, Broken>;
}

/// Makes worlds of one kind.
pub type Factory<'a> = Box<dyn FnMut() -> Result<Box<dyn World>, Broken> + 'a>;

/// What an answer depends on: directives, units, and the time where keys expire.
type Question = (Vec<(String, String)>, Vec<Unit>, Time);

/// Does histories again on worlds of its own.
pub struct WorldOracle<'a> {
    factory: Factory<'a>,
    known: BTreeMap<Question, Vec<String>>,
    /// By the script up to the point, and its moment.
    shown: BTreeMap<(String, Point), bool>,
}

impl<'a> WorldOracle<'a> {
    pub fn new(factory: Factory<'a>) -> Self {
        WorldOracle { factory, known: BTreeMap::new(), shown: BTreeMap::new() }
    }
}

impl Announcer for WorldOracle<'_> {
    fn would_have_shown(
        &mut self,
        script: &Script,
        profile: &Profile,
        point: Point,
    ) -> Result<bool, Broken> {
        let lines = script.source.split_inclusive('\n').take(point.line as usize);
        let question = (lines.collect::<String>(), point);
        if let Some(shown) = self.shown.get(&question) {
            return Ok(*shown);
        }
        let mut world = (self.factory)()?;
        let shown = would_show(script, &mut *world, profile, point)?;
        world.finish()?;
        self.shown.insert(question, shown);
        Ok(shown)
    }
}

impl Oracle for WorldOracle<'_> {
    fn states(
        &mut self,
        units: &[Unit],
        asked_at: Time,
        directives: &[Directive],
    ) -> Result<Vec<String>, Broken> {
        let realtime = (Clock::REALTIME_AT_ZERO + asked_at.as_nanos()) / 1_000_000;
        let expires = time_matters(units, realtime);
        let pairs = || directives.iter().map(|d| (d.name.to_lowercase(), d.value.clone()));
        let question = if expires {
            (pairs().collect(), units.to_vec(), asked_at)
        } else {
            let timeless = units.iter().map(|unit| Unit { at: Time::ZERO, ..unit.clone() });
            (pairs().collect(), timeless.collect(), Time::ZERO)
        };
        if let Some(states) = self.known.get(&question) {
            return Ok(states.clone());
        }
        let (_, units, asked_at) = &question;
        let states: Vec<String> = if expires {
            (0..=units.len())
                .map(|count| self.after(&units[..count], *asked_at, directives))
                .collect::<Result<_, _>>()?
        } else {
            self.along(units, directives)?
        };
        self.known.insert(question, states.clone());
        Ok(states)
    }
}

impl WorldOracle<'_> {
    /// The digest after each unit of a history in which time does not matter.
    fn along(&mut self, units: &[Unit], directives: &[Directive]) -> Result<Vec<String>, Broken> {
        let mut server = Server::start((self.factory)()?, directives)?;
        let mut states = vec![server.digest()?];
        for unit in units {
            server.perform(unit)?;
            states.push(server.digest()?);
        }
        server.world.finish()?;
        Ok(states)
    }

    /// The digest after all units, each at its time, as asked at `asked_at`.
    fn after(
        &mut self,
        units: &[Unit],
        asked_at: Time,
        directives: &[Directive],
    ) -> Result<String, Broken> {
        let mut server = Server::start((self.factory)()?, directives)?;
        for unit in units {
            server.advance_to(unit.at)?;
            server.perform(unit)?;
        }
        server.advance_to(asked_at)?;
        for (db, key) in expiring(units) {
            server.ask(ASKER, &[b"SELECT".to_vec(), db.into_bytes()])?;
            server.ask(ASKER, &[b"TTL".to_vec(), key])?;
        }
        let digest = server.digest()?;
        server.world.finish()?;
        Ok(digest)
    }
}

/// The connection for questions.
const ASKER: &str = "oracle";

/// A server without faults and without persistence.
struct Server {
    world: Box<dyn World>,
}

/// Directives that decide where data goes, not what it is.
fn is_about_persistence(name: &str) -> bool {
    let name = name.to_lowercase();
    ["append", "aof-", "no-appendfsync", "auto-aof", "save", "rdb", "dbfilename", "stop-writes"]
        .iter()
        .any(|opening| name.starts_with(opening))
}

impl Server {
    fn start(mut world: Box<dyn World>, directives: &[Directive]) -> Result<Server, Broken> {
        let mut kept: Vec<Directive> =
            directives.iter().filter(|d| !is_about_persistence(&d.name)).cloned().collect();
        kept.push(Directive { name: "appendonly".to_string(), value: "no".to_string() });
        world.start(&kept)?;
        Ok(Server { world })
    }

    fn advance_to(&mut self, time: Time) -> Result<(), Broken> {
        let now = self.world.kernel().now();
        if time > now { self.world.advance_to(time) } else { Ok(()) }
    }

    fn perform(&mut self, unit: &Unit) -> Result<(), Broken> {
        match unit.commands.as_slice() {
            [argv] if waits(argv) => self.perform_or_wait(&unit.client, argv),
            commands => commands.iter().try_for_each(|argv| self.ask(&unit.client, argv).map(drop)),
        }
    }

    /// Sends a command that may wait for a key. Where it does, no reply to it was ever seen, and it
    /// must not take what others bring later.
    fn perform_or_wait(&mut self, client: &str, argv: &[Vec<u8>]) -> Result<(), Broken> {
        let words = |words: &[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let id: Vec<_> = words(&["CLIENT", "ID"]);
        let Reply::Integer(id) = self.ask(client, &id)? else { return Ok(()) };
        self.world.send(client, &encode(argv))?;
        self.world.settle()?;
        if self.world.receive(client).bytes.is_empty() {
            let unblock: Vec<_> = words(&["CLIENT", "UNBLOCK", &id.to_string()]);
            self.ask(ASKER, &unblock)?;
            self.world.receive(client);
        }
        Ok(())
    }

    fn digest(&mut self) -> Result<String, Broken> {
        let reply = self.ask(ASKER, &[b"DEBUG".to_vec(), b"DIGEST".to_vec()])?;
        reply.text().ok_or_else(|| {
            let answer = reply.lines().join(" ");
            Broken::NotMeasured(format!("the server has no DEBUG DIGEST: {answer}"))
        })
    }

    /// Sends one command and waits for its reply.
    fn ask(&mut self, client: &str, argv: &[Vec<u8>]) -> Result<Reply, Broken> {
        self.world.send(client, &encode(argv))?;
        self.world.settle()?;
        let received = self.world.receive(client);
        match decode(&received.bytes) {
            Ok(Some((reply, end))) if end == received.bytes.len() => Ok(reply),
            _ => {
                let command = super::lex::quote(argv);
                Err(Broken::Harness(format!("no reply to `{command}` on a server without faults")))
            }
        }
    }
}
