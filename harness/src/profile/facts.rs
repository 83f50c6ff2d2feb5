//! What judging a server takes: how it announces trouble, what its commands do, and how its
//! persistence is configured, observed and repaired.
//!
//! A profile may give a part of each table; the rest comes from the profile that it is like. Must
//! not know: who asks.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;

use crate::kernel::Name;

/// How a server tells that its persistence is in trouble.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announces {
    /// How such error replies begin, to whatever command, without the `-`.
    pub replies: Vec<String>,
    /// Commands whose refusal says it, whatever the error.
    pub refusals: Vec<String>,
    /// Fields of INFO with the value that says it.
    pub info: Vec<(String, String)>,
    /// What such a reply or field contains that is about snapshots.
    pub of_snapshots: Vec<String>,
    /// What such a reply or field contains that is about rewrites of the append-only file.
    pub of_rewrites: Vec<String>,
}

/// Commands by what they do to the dataset, in capitals; all others write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    pub reads: BTreeSet<String>,
    /// They change no key.
    pub administers: BTreeSet<String>,
    /// They wait for a key, and change it once it is there.
    pub waits: BTreeSet<String>,
    /// Their replies differ between two servers that hold the same.
    pub varies: BTreeSet<String>,
    /// Their replies are lists without an order.
    pub unordered: BTreeSet<String>,
    /// Reply and effect depend on the dataset and on nothing else, not even on the time.
    pub timeless: BTreeSet<String>,
    /// They end the server.
    pub ends: BTreeSet<String>,
    /// Where there are save points, they save what they leave, by the server's documentation.
    pub saves: BTreeSet<String>,
}

/// How persistence is configured, observed and repaired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Persistence {
    /// How directives begin that decide where data goes, not what it is.
    pub directives: Vec<String>,
    /// The roles of the file that writes are appended to, of which the first that is open counts.
    pub appended_to: Vec<Name>,
    /// Fields of INFO that are not 0 while a child is at work.
    pub children: Vec<String>,
    /// What may make a server take writes again, in the order in which it is tried.
    pub cures: Vec<Cure>,
}

/// Commands that may clear an error.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cure {
    /// What a verdict calls it.
    pub name: String,
    pub commands: Vec<String>,
}

impl Persistence {
    /// Whether a directive decides where data goes, not what it is.
    pub fn is_configured_by(&self, directive: &str) -> bool {
        let name = directive.to_lowercase();
        self.directives.iter().any(|opening| name.starts_with(opening))
    }
}

/// See [`Announces`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartOfAnnounces {
    replies: Option<Vec<String>>,
    refusals: Option<Vec<String>>,
    info: Option<Vec<(String, String)>>,
    of_snapshots: Option<Vec<String>>,
    of_rewrites: Option<Vec<String>>,
}

impl PartOfAnnounces {
    pub fn over(self, base: &Announces) -> Arc<Announces> {
        Arc::new(Announces {
            replies: self.replies.unwrap_or_else(|| base.replies.clone()),
            refusals: self.refusals.unwrap_or_else(|| base.refusals.clone()),
            info: self.info.unwrap_or_else(|| base.info.clone()),
            of_snapshots: self.of_snapshots.unwrap_or_else(|| base.of_snapshots.clone()),
            of_rewrites: self.of_rewrites.unwrap_or_else(|| base.of_rewrites.clone()),
        })
    }
}

/// See [`Commands`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartOfCommands {
    reads: Option<BTreeSet<String>>,
    administers: Option<BTreeSet<String>>,
    waits: Option<BTreeSet<String>>,
    varies: Option<BTreeSet<String>>,
    unordered: Option<BTreeSet<String>>,
    timeless: Option<BTreeSet<String>>,
    ends: Option<BTreeSet<String>>,
    saves: Option<BTreeSet<String>>,
}

impl PartOfCommands {
    pub fn over(self, base: &Commands) -> Arc<Commands> {
        Arc::new(Commands {
            reads: self.reads.unwrap_or_else(|| base.reads.clone()),
            administers: self.administers.unwrap_or_else(|| base.administers.clone()),
            waits: self.waits.unwrap_or_else(|| base.waits.clone()),
            varies: self.varies.unwrap_or_else(|| base.varies.clone()),
            unordered: self.unordered.unwrap_or_else(|| base.unordered.clone()),
            timeless: self.timeless.unwrap_or_else(|| base.timeless.clone()),
            ends: self.ends.unwrap_or_else(|| base.ends.clone()),
            saves: self.saves.unwrap_or_else(|| base.saves.clone()),
        })
    }
}

/// See [`Persistence`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartOfPersistence {
    directives: Option<Vec<String>>,
    appended_to: Option<Vec<Name>>,
    children: Option<Vec<String>>,
    cures: Option<Vec<Cure>>,
}

impl PartOfPersistence {
    pub fn over(self, base: Persistence) -> Persistence {
        Persistence {
            directives: self.directives.unwrap_or(base.directives),
            appended_to: self.appended_to.unwrap_or(base.appended_to),
            children: self.children.unwrap_or(base.children),
            cures: self.cures.unwrap_or(base.cures),
        }
    }
}
