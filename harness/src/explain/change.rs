//! One thing that the machine does otherwise, as data.
//!
//! Must not know: how it is written in a script, and whether it helps.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::kernel::Site;
use crate::kernel::plan::{Victim, When};

/// What a variant changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    /// The machine syncs everything that has this role.
    Sync {
        #[serde(serialize_with = "to_word", deserialize_with = "of_word")]
        when: When,
        role: String,
        at: Site,
    },
    /// Another task runs before this call.
    First { task: String, at: Site },
    /// This call takes a second: everybody else, and the next commands, go first.
    Late { at: Site },
    /// The error comes once, and not again: a second try succeeds.
    Once { at: Site },
    /// A failed sync leaves its pages dirty, so that a second one writes them.
    PagesKept,
    /// The server, or its child, ends at this call rather than going on after the error.
    Ends { at: Site },
}

/// Changes of one kind, the one that a maintainer can make first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Sync,
    /// What becomes of an error.
    Error,
    Order,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::Sync, Kind::Error, Kind::Order];
}

impl Change {
    pub fn kind(&self) -> Kind {
        match self {
            Change::Sync { .. } => Kind::Sync,
            Change::First { .. } | Change::Late { .. } => Kind::Order,
            Change::Once { .. } | Change::PagesKept | Change::Ends { .. } => Kind::Error,
        }
    }
}

/// Whose process makes this call.
pub fn process_of(site: &Site) -> Victim {
    if site.task.starts_with("child") { Victim::Child } else { Victim::Parent }
}

fn to_word<S: Serializer>(when: &When, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(when.as_str())
}

fn of_word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<When, D::Error> {
    let word = String::deserialize(deserializer)?;
    let known = [When::Before, When::After].into_iter().find(|when| when.as_str() == word);
    known.ok_or_else(|| de::Error::custom(format!("`{word}` is neither before nor after")))
}
