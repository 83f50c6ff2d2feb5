//! [`WorldOracle`] does pasts again on worlds of its own, and remembers what it has found out.
//!
//! A past is done once without questions in between, so that nothing disturbs the replies. Contents
//! along the way are asked for only if the last one is not what was found; if the questions change
//! a reply, each beginning is done by itself. Must not know: what was promised.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::reference::{Reference, may_configure};
use super::tree::{Prefix, Tree};
use super::{Announcer, Oracle, Origin, Past, Point, Rerun};
use crate::case::script::Script;
use crate::contract::Verdict;
use crate::kernel::{Name, Time};
use crate::observation::Policy;
use crate::profile::Profile;
use crate::runner::content::Content;
use crate::runner::second_run;
use crate::world::{Broken, Directive, World};

/// Makes worlds of one kind.
pub type Factory<'a> = Box<dyn FnMut() -> Result<Box<dyn World>, Broken> + 'a>;

/// What a start begins with; the time, and how far the wall clock is behind, where it matters.
type Root = (u64, Arc<[Directive]>, Option<Name>, Option<(Time, Duration)>);

/// How often something was asked for, and how often it was known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    pub asked: u64,
    pub known: u64,
}

/// Does pasts again on worlds of its own.
pub struct WorldOracle<'a> {
    factory: Factory<'a>,
    known: BTreeMap<Root, Tree>,
    /// By the script up to the point, its moment and the fields.
    shown: BTreeMap<(String, Point, String), bool>,
    pub remembered: Remembered,
    /// The server has shown that what it answers follows what it is told.
    proved: bool,
    /// How many beginnings of pasts were known when they were last counted.
    counted: usize,
    room: usize,
    /// About how many bytes all contents take that are known.
    weight: usize,
}

/// How many beginnings of pasts are remembered, about; each takes some hundred bytes. Where each
/// fault of a long workload leads to a past of its own, they would be too many.
const ROOM: usize = 100_000;

/// How many bytes of contents are remembered for each beginning that there is room for, about. Long
/// lists that grow by an element each time would be too many.
const WEIGHT: usize = 1000;

/// How many contents are asked for in one run, or a sixteenth of all, which is the end of a history
/// first: little of it is lost in most runs, and each content of a long list is a long one.
const AT_ONCE: usize = 256;

/// How many answers of INFO are remembered, each with a script.
const MOST_SHOWN: usize = 1024;

impl<'a> WorldOracle<'a> {
    pub fn new(factory: Factory<'a>) -> Self {
        WorldOracle::with_room(factory, ROOM)
    }

    /// One that remembers about so many beginnings of pasts.
    pub fn with_room(factory: Factory<'a>, room: usize) -> Self {
        let (known, shown, remembered) = Default::default();
        let (proved, counted, weight) = Default::default();
        WorldOracle { factory, known, shown, remembered, proved, counted, room, weight }
    }

    /// Begins anew when too much is known. Only between two questions: a path leads through a tree.
    fn make_room(&mut self, for_commands: usize) {
        self.counted += for_commands + 1;
        if self.counted > self.room {
            self.counted = self.known.values().map(Tree::size).sum();
        }
        if self.counted > self.room {
            self.known.clear();
            (self.counted, self.weight) = (0, 0);
        }
    }

    /// Forgets contents when they are too many: not between asking for one and taking it.
    fn make_room_for_contents(&mut self) {
        if self.weight > self.room.saturating_mul(WEIGHT) {
            self.known.values_mut().for_each(Tree::forget_contents);
            self.weight = 0;
        }
    }

    fn root(past: &Past) -> Root {
        let Origin { image, directives, server, at, behind } = &past.origin;
        let time = past.timed.then_some((*at, *behind));
        (image.hash(), Arc::clone(directives), server.clone(), time)
    }

    fn path(&mut self, past: &Past) -> (&mut Tree, Vec<Prefix>) {
        let tree = self.known.entry(Self::root(past)).or_default();
        let path = tree.path(past, past.commands.len());
        (tree, path)
    }

    /// Does the past, unless all replies are known.
    fn redo(&mut self, past: &Past) -> Result<(), Broken> {
        self.remembered.asked += 1;
        let (tree, path) = self.path(past);
        let replies = path.iter().all(|prefix| tree.arrived(*prefix).is_some());
        let last = path[path.len() - 1];
        if replies && (!past.timed || tree.later(last, past.until).is_some()) {
            self.remembered.known += 1;
            return Ok(());
        }
        self.run(past, &[past.commands.len()]).map(drop)
    }

    /// Does the past, and asks for the content after so many commands each. Returns whether every
    /// reply was the one that is known.
    fn run(&mut self, past: &Past, wanted: &[usize]) -> Result<bool, Broken> {
        self.prove()?;
        let world = (self.factory)()?;
        let mut reference = Reference::start(world, past)?;
        let (tree, path) = self.path(past);
        let before = tree.weight();
        let whole = past.commands.len();
        let mut as_known = true;
        for (count, prefix) in path.iter().enumerate() {
            let arrived = match count.checked_sub(1) {
                None => Vec::new(),
                Some(place) => reference.perform(place, &past.commands[place])?,
            };
            match tree.arrived(*prefix) {
                Some(known) => {
                    let counts = |(place, _): &&(usize, String)| !past.commands[*place].varies;
                    let known = known.iter().filter(counts);
                    as_known &= known.eq(arrived.iter().filter(counts));
                }
                None => tree.learn_arrived(*prefix, arrived),
            }
            let argv = count.checked_sub(1).and_then(|place| past.commands[place].argv.as_ref());
            if count == 0 || argv.is_some_and(|argv| may_configure(argv)) {
                let policy = reference.policy()?;
                tree.learn_policy(*prefix, Some(policy));
            }
            if wanted.contains(&count) && !(past.timed && count == whole) {
                let content = Arc::new(reference.content()?);
                tree.learn_content(*prefix, content);
            }
        }
        if past.timed {
            let last = path[whole];
            let waited = past.until > reference.now();
            let later = reference.wait_until_the_end(past)?;
            tree.learn_later(last, past.until, later);
            if wanted.contains(&whole) {
                let content = Arc::new(reference.content()?);
                if !waited {
                    tree.learn_content(last, Arc::clone(&content));
                }
                tree.learn_content_later(last, past.until, content);
            }
        }
        let learnt = tree.weight() - before;
        self.weight += learnt;
        reference.finish()?;
        Ok(as_known)
    }

    /// The content after so many commands, if it is known. After the last one that of the end
    /// counts: what stood behind a command that waited is done when its wait is over.
    fn known_content(&mut self, past: &Past, count: usize) -> Option<Arc<Content>> {
        let tree = self.known.entry(Self::root(past)).or_default();
        let path = tree.path(past, count);
        content_at(tree, past, &path, count)
    }

    fn content_after(&mut self, past: &Past, count: usize) -> Result<Arc<Content>, Broken> {
        self.remembered.asked += 1;
        if let Some(content) = self.known_content(past, count) {
            self.remembered.known += 1;
            return Ok(content);
        }
        self.make_room_for_contents();
        let (tree, path) = self.path(past);
        let first = (count + 1).saturating_sub(AT_ONCE.max(count / 16));
        let unknown: Vec<usize> =
            (first..=count).filter(|count| tree.content(path[*count]).is_none()).collect();
        let whole = count == past.commands.len();
        let wanted = if whole { vec![count] } else { unknown };
        if !self.run(past, &wanted)? && !whole {
            // The questions have changed what came after them: one beginning by itself.
            let commands = past.commands[..count].to_vec();
            let until = commands.last().map_or(past.origin.at, |last| last.at);
            let alone = Past { commands, until, ..past.clone() };
            if !self.run(&alone, &[count])? {
                let message = "the same commands are answered differently each time".to_string();
                return Err(Broken::NotMeasured(message));
            }
        }
        Ok(self.known_content(past, count).expect("it was just learnt"))
    }

    /// A server that answers anything and keeps nothing, or one that always answers alike, tells
    /// nothing about a dataset. So it must show once that a write changes its content.
    fn prove(&mut self) -> Result<(), Broken> {
        if !self.proved {
            second_run::prove((self.factory)()?)?;
            self.proved = true;
        }
        Ok(())
    }
}

/// What is known after so many commands, which is the end of this path or before it.
fn content_at(tree: &Tree, past: &Past, path: &[Prefix], count: usize) -> Option<Arc<Content>> {
    match past.timed && count == past.commands.len() {
        true => tree.content_later(path[count], past.until),
        false => tree.content(path[count]),
    }
}

impl Announcer for WorldOracle<'_> {
    fn would_have_shown(
        &mut self,
        script: &Script,
        profile: &Profile,
        point: Point,
        fields: &[(String, String)],
    ) -> Result<bool, Broken> {
        let lines = script.source.split_inclusive('\n').take(point.line as usize);
        let question = (lines.collect::<String>(), point, format!("{fields:?}"));
        if let Some(shown) = self.shown.get(&question) {
            return Ok(*shown);
        }
        let mut world = (self.factory)()?;
        let shown = second_run::would_show(script, &mut *world, profile, point, fields)?;
        world.finish()?;
        if self.shown.len() == MOST_SHOWN {
            self.shown.clear();
        }
        self.shown.insert(question, shown);
        Ok(shown)
    }
}

impl Oracle for WorldOracle<'_> {
    fn replies(&mut self, past: &Past) -> Result<Vec<Option<String>>, Broken> {
        self.make_room(past.commands.len());
        self.redo(past)?;
        let (tree, path) = self.path(past);
        let mut replies = vec![None; past.commands.len()];
        let later = tree.later(path[path.len() - 1], past.until).filter(|_| past.timed);
        let along = path.iter().filter_map(|prefix| tree.arrived(*prefix));
        for (place, reply) in along.chain(later).flatten() {
            // Where one command has several, the first counts.
            replies[*place].get_or_insert_with(|| reply.clone());
        }
        Ok(replies)
    }

    fn policies(&mut self, past: &Past) -> Result<Vec<(Option<usize>, Policy)>, Broken> {
        self.redo(past)?;
        let (tree, path) = self.path(past);
        let set = path.iter().enumerate();
        let set =
            set.filter_map(|(count, prefix)| Some((count.checked_sub(1), tree.policy(*prefix)?)));
        Ok(set.collect())
    }

    fn content(&mut self, past: &Past, count: usize) -> Result<Arc<Content>, Broken> {
        self.make_room(past.commands.len());
        self.content_after(past, count)
    }

    fn latest(
        &mut self,
        past: &Past,
        most: usize,
        is_meant: &dyn Fn(&Content) -> bool,
    ) -> Result<Option<usize>, Broken> {
        self.make_room(past.commands.len());
        let root = Self::root(past);
        let path = self.known.entry(root.clone()).or_default().path(past, most);
        for count in (0..=most).rev() {
            let tree = self.known.get(&root).expect("it was just put there");
            let content = match content_at(tree, past, &path, count) {
                Some(content) => {
                    self.remembered.asked += 1;
                    self.remembered.known += 1;
                    content
                }
                None => self.content_after(past, count)?,
            };
            if is_meant(&content) {
                return Ok(Some(count));
            }
        }
        Ok(None)
    }

    fn remembered(&self, start: &Past) -> Option<Arc<Content>> {
        self.known.get(&Self::root(start))?.content(0)
    }

    fn remember(&mut self, start: &Past, content: Arc<Content>) {
        self.make_room(0);
        self.make_room_for_contents();
        self.weight += content.weight();
        self.known.entry(Self::root(start)).or_default().learn_content(0, content);
    }

    fn content_in_a_run(&mut self, rerun: Rerun<'_>) -> Result<Arc<Content>, Broken> {
        let mut world = (self.factory)()?;
        let content = second_run::content(rerun, &mut *world)?;
        world.finish()?;
        Ok(Arc::new(content))
    }

    fn verdicts_in_a_run(
        &mut self,
        rerun: Rerun<'_>,
    ) -> Result<Vec<(Verdict, Option<usize>)>, Broken> {
        let mut world = (self.factory)()?;
        let verdicts = second_run::verdicts(rerun, &mut *world, self)?;
        world.finish()?;
        Ok(verdicts)
    }
}
