//! The oracle: what the dataset looks like after each prefix of a history when nothing goes wrong.
//!
//! [`WorldOracle`] asks the same server: a fresh one without faults and without persistence does
//! the history again. A question is what prefix leads to a dataset, the longest one first, because
//! most often nothing is missing; asking for all of them would cost the square of a growing value.
//! Answers are remembered by prefix. Must not know: what was promised.

use std::collections::BTreeMap;

use super::prefix_tree::Tree;
use super::server::Server;
use super::{Announcer, Oracle, Point};
use crate::case::script::Script;
use crate::contract::{Unit, time_matters};
use crate::kernel::{Clock, Time};
use crate::profile::Profile;
use crate::runner::dataset::DatasetQuestion;
use crate::runner::info_probe::would_show;
use crate::world::{Broken, Directive, World};

/// Makes worlds of one kind.
pub type Factory<'a> = Box<dyn FnMut() -> Result<Box<dyn World>, Broken> + 'a>;

/// What an answer depends on besides the history: directives, and the time where keys expire.
type Circumstances = (Vec<(String, String)>, Option<Time>);

/// Does histories again on worlds of its own.
pub struct WorldOracle<'a> {
    factory: Factory<'a>,
    known: BTreeMap<Circumstances, Tree>,
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
    fn survivors(
        &mut self,
        units: &[&Unit],
        asked_at: Time,
        directives: &[Directive],
        found: &str,
    ) -> Result<Option<usize>, Broken> {
        let realtime = (Clock::REALTIME_AT_ZERO + asked_at.as_nanos()) / 1_000_000;
        let asked_at = time_matters(units.iter().copied(), realtime).then_some(asked_at);
        let pairs = directives.iter().map(|d| (d.name.to_lowercase(), d.value.clone())).collect();
        let known = &mut self.known;
        let tree = known.entry((pairs, asked_at)).or_insert_with(|| Tree::new(asked_at.is_some()));
        let path = tree.path(units);
        let mut redo = Redo { factory: &mut self.factory, units, directives, asked_at };
        let mut batch = 1;
        for count in (0..path.len()).rev() {
            if tree.digest(path[count]).is_none() {
                let unknown = |n: &usize| tree.digest(path[*n]).is_none();
                let mut wanted: Vec<usize> =
                    (0..=count).rev().filter(unknown).take(batch).collect();
                wanted.reverse();
                for (n, digest) in redo.digests(&wanted)? {
                    tree.learn(path[n], digest);
                }
                batch *= 4;
            }
            if tree.digest(path[count]) == Some(found) {
                return Ok(Some(count));
            }
        }
        Ok(None)
    }
}

/// Does one history again, or the beginning of it.
struct Redo<'a, 'b> {
    factory: &'a mut Factory<'b>,
    units: &'a [&'a Unit],
    directives: &'a [Directive],
    /// None: time does not matter.
    asked_at: Option<Time>,
}

impl Redo<'_, '_> {
    /// The digests after so many units each, in order.
    fn digests(&mut self, wanted: &[usize]) -> Result<Vec<(usize, String)>, Broken> {
        match self.asked_at {
            None => self.along(wanted),
            Some(asked_at) => {
                let digest = |count: &usize| Ok((*count, self.after(*count, asked_at)?));
                wanted.iter().map(digest).collect()
            }
        }
    }

    /// On the way through a history in which time does not matter.
    fn along(&mut self, wanted: &[usize]) -> Result<Vec<(usize, String)>, Broken> {
        let mut server = Server::start((self.factory)()?, self.directives)?;
        let question = DatasetQuestion::regardless_of_time();
        let mut digests = Vec::with_capacity(wanted.len());
        let mut done = 0;
        for count in wanted {
            for unit in &self.units[done..*count] {
                server.perform(unit)?;
            }
            done = *count;
            digests.push((done, server.dataset(&question)?));
        }
        server.world.finish()?;
        Ok(digests)
    }

    /// After the first `count` units, each at its time, as asked at `asked_at`.
    fn after(&mut self, count: usize, asked_at: Time) -> Result<String, Broken> {
        let units = &self.units[..count];
        let mut server = Server::start((self.factory)()?, self.directives)?;
        for unit in units {
            server.advance_to(unit.at)?;
            server.perform(unit)?;
        }
        server.advance_to(asked_at)?;
        let digest = server.dataset(&DatasetQuestion::after(units.iter().copied()))?;
        server.world.finish()?;
        Ok(digest)
    }
}
