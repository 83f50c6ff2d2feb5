//! The oracle: what a server answers, how it is configured and what it holds when nothing goes
//! wrong.
//!
//! A *past* is all that reached one start of the server. The oracle does it again on a machine
//! without faults: from the same files, with the same configuration, on the same connections, in
//! the same order, at the same times, with the same random bytes and pids. As long as every reply
//! is the one that was seen, it knows what the dataset has to be. Must not know: what was promised.

mod reference;
pub mod replay;
mod tree;

use std::sync::Arc;
use std::time::Duration;

use super::content::Content;
use crate::case::script::Script;
use crate::contract::Verdict;
use crate::kernel::{Image, Name, Time};
use crate::observation::{Argv, Policy};
use crate::profile::Profile;
use crate::world::{Broken, Directive};

/// A moment of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// The step under way.
    pub line: u32,
    pub at: Time,
}

/// What a start of the server begins with.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The files as the server read them.
    pub image: Arc<Image>,
    pub directives: Arc<[Directive]>,
    /// Another server than the world's own.
    pub server: Option<Name>,
    pub at: Time,
    /// How far the wall clock is behind.
    pub behind: Duration,
}

/// A command that a server took up.
#[derive(Clone, Debug)]
pub struct Taken {
    pub client: Name,
    /// None: it was refused because of a fault, or ended the server, and is not done again.
    pub argv: Option<Argv>,
    pub at: Time,
    /// How far the wall clock was behind by then.
    pub behind: Duration,
    /// Its reply may be another one each time.
    pub varies: bool,
}

/// All that reached one start of the server.
#[derive(Clone, Debug)]
pub struct Past {
    pub origin: Origin,
    /// In the order in which they were taken up.
    pub commands: Vec<Taken>,
    /// When it ended, or was asked.
    pub until: Time,
    /// Whether a reply or an effect may depend on the time.
    pub timed: bool,
    /// When the wall clock was set back meanwhile, and how far it was behind then.
    pub sets: Vec<(Time, Duration)>,
}

impl Past {
    /// The past of a server that was only started.
    pub fn of_start(origin: Origin, timed: bool) -> Past {
        let until = origin.at;
        Past { origin, commands: Vec::new(), until, timed, sets: Vec::new() }
    }
}

/// A part of a script to be run once more.
#[derive(Clone, Copy)]
pub struct Rerun<'a> {
    pub script: &'a Script,
    pub profile: &'a Profile,
    /// Up to the end of the step in this line; None: to the end, with the second look.
    pub upto: Option<u32>,
    /// Calls that would lie do what they claim.
    pub honest: bool,
}

/// Finds out what INFO would have shown at some point of a run.
pub trait Announcer {
    /// Whether it would have reported trouble by one of these fields.
    fn would_have_shown(
        &mut self,
        script: &Script,
        profile: &Profile,
        point: Point,
        fields: &[(String, String)],
    ) -> Result<bool, Broken>;
}

/// Does pasts again.
pub trait Oracle: Announcer {
    /// The reply to each command, as printed; None: there is none by the end.
    fn replies(&mut self, past: &Past) -> Result<Vec<Option<String>>, Broken>;

    /// The policy after the start, and each one that a command has set, with its place.
    fn policies(&mut self, past: &Past) -> Result<Vec<(Option<usize>, Policy)>, Broken>;

    /// The content after the first `count` commands.
    fn content(&mut self, past: &Past, count: usize) -> Result<Arc<Content>, Broken>;

    /// The largest number of commands, up to `most`, after which the content is one that is meant.
    fn latest(
        &mut self,
        past: &Past,
        most: usize,
        is_meant: &dyn Fn(&Content) -> bool,
    ) -> Result<Option<usize>, Broken>;

    /// The content after a start, if it is known.
    fn remembered(&self, start: &Past) -> Option<Arc<Content>>;

    /// The content after a start was seen.
    fn remember(&mut self, start: &Past, content: Arc<Content>);

    /// What the server holds at the end of this part of a script.
    fn content_in_a_run(&mut self, rerun: Rerun<'_>) -> Result<Arc<Content>, Broken>;

    /// The verdicts given in the last line of this part of a script, each with how much of the
    /// history survived; for the whole one all of them.
    fn verdicts_in_a_run(
        &mut self,
        rerun: Rerun<'_>,
    ) -> Result<Vec<(Verdict, Option<usize>)>, Broken>;
}
