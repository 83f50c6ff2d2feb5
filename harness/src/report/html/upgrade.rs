//! Two servers compared, as a page: which facts stand where.
//!
//! Must not know: how a page looks, and how a comparison is made.

use askama::Template;

use crate::audit::upgrade::{Compared, Difference, Row, Upgrade};
use crate::report::upgrade as words;

/// The whole page.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "compare.html")]
pub struct Page {
    pub headline: String,
    /// Which servers, under what.
    pub subject: String,
    pub answer: String,
    pub tone: &'static str,
    pub rows: Vec<Event>,
    /// What nothing was found out about.
    pub unmeasured: Vec<String>,
    /// How much stands behind it, and what does not.
    pub counted: String,
    /// The configuration: its path and its lines.
    pub config: Option<(String, Vec<String>)>,
    /// Of sabot itself.
    pub sabot: &'static str,
    /// When it was made, where somebody wants that in it.
    pub made: Option<String>,
}

/// What one kind of event does to both servers.
#[derive(Clone, Debug, Default)]
pub struct Event {
    pub name: &'static str,
    pub word: &'static str,
    pub tone: &'static str,
    /// Empty: every promise was kept.
    pub causes: Vec<Shown>,
}

/// A cause on both servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    pub words: String,
    /// What was promised and what happened.
    pub sentence: String,
    /// Whether it is a known thing.
    pub known: Vec<String>,
    /// Where it is worth replaying: the token.
    pub token: Option<String>,
    /// How the old server is called, where it does better.
    pub better_on: Option<String>,
}

impl Page {
    pub fn of(upgrade: &Upgrade) -> Page {
        let tone = match () {
            () if upgrade.count(Difference::Worse) > 0 => "broken",
            () if upgrade.count(Difference::OnlyNew) > 0 || !upgrade.is_whole() => "unknown",
            () => "kept",
        };
        let config = upgrade.config.as_ref();
        Page {
            headline: words::headline(upgrade),
            subject: words::subject(upgrade),
            answer: words::answer(upgrade),
            tone,
            rows: upgrade.rows.iter().map(|row| event(upgrade, row)).collect(),
            unmeasured: words::unmeasured(upgrade),
            counted: words::counted(upgrade),
            config: config.map(|config| (config.path.clone(), config.kept.clone())),
            sabot: env!("CARGO_PKG_VERSION"),
            made: None,
        }
    }

    /// The page as text.
    ///
    /// # Errors
    /// Says what the template could not write.
    pub fn write(&self) -> Result<String, String> {
        self.render().map_err(|why| why.to_string())
    }
}

fn event(upgrade: &Upgrade, row: &Row) -> Event {
    let tone = match row.difference {
        Difference::Worse => "broken",
        Difference::OnlyNew => "unknown",
        Difference::Better => "kept",
        Difference::Same | Difference::OnlyOld => "none",
    };
    let shown = |n: &usize| {
        let cause: &Compared = &upgrade.causes[*n];
        let worth = cause.difference < Difference::Same;
        let worse = cause.difference == Difference::Worse;
        Shown {
            words: words::in_words(cause),
            sentence: cause.sentence.clone(),
            known: words::known(cause),
            token: worth.then(|| cause.token.clone()),
            better_on: worse.then(|| upgrade.old.world.clone()),
        }
    };
    let mut causes: Vec<Shown> = row.causes.iter().map(shown).collect();
    // Without a token, causes that read alike are one.
    causes.dedup();
    Event { name: row.event.words(), word: words::word(row.difference), tone, causes }
}
