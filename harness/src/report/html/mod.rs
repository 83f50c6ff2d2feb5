//! The page of an audit: one HTML file that needs nothing from elsewhere and runs no script.
//!
//! The words and their order are here, the looks in `templates/`. Whatever comes from a server is
//! escaped by the template, and the page forbids itself scripts besides, so that a log line cannot
//! become one. Nothing in it depends on when it was made. Must not know: how an audit is made.

pub mod audit;
pub mod grid;
pub mod timeline;
pub mod upgrade;

use askama::Template;

use super::{cell, matrix};
use crate::contract::Verdict;
use grid::Grid;
use timeline::Timeline;

/// The whole page.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "audit.html")]
pub struct Page {
    /// `Redis server 7.0.15`.
    pub server: String,
    /// The path or world as it was given.
    pub world: String,
    /// Of sabot itself.
    pub sabot: String,
    /// When it was made, where somebody wants that in it.
    pub made: Option<String>,
    /// Why it does not hold everything.
    pub limits: Vec<String>,
    /// What the reader wants to know.
    pub question: String,
    pub headline: String,
    pub tone: &'static str,
    /// The answer for each kind of event.
    pub answers: Vec<Answer>,
    pub tiles: Vec<Tile>,
    pub causes: Vec<Cause>,
    pub sweeps: Vec<Sweep>,
    pub folders: Vec<Folder>,
    pub config: Option<Config>,
    pub stale: Vec<String>,
}

/// What one kind of event does to the server under the user's policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub event: &'static str,
    /// The worst verdict, or `kept`.
    pub word: String,
    pub tone: &'static str,
    pub text: String,
    /// The finding behind it.
    pub cause: Option<usize>,
}

/// A number that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    pub count: usize,
    pub label: String,
    pub tone: &'static str,
}

/// What goes wrong in one way.
#[derive(Clone, Debug, Default)]
pub struct Cause {
    pub number: usize,
    pub verdict: String,
    pub tone: &'static str,
    /// What a person loses, and when.
    pub lead: String,
    /// The server's own line in the log.
    pub own_line: Option<String>,
    /// What brings it on.
    pub takes: String,
    pub advice: Vec<String>,
    /// What would have helped; empty: nobody asked.
    pub helped: Vec<String>,
    /// Known bugs that it looks like.
    pub known: Vec<String>,
    /// It shows only in workloads that set another policy than the user's.
    pub other_policy: bool,
    /// The kind of call, or the case.
    pub place: String,
    pub sentence: String,
    /// What the verdict means.
    pub meaning: &'static str,
    pub faults: Vec<String>,
    pub workloads: Vec<String>,
    /// How often it was seen.
    pub seen: String,
    /// Why it is accepted.
    pub accepted: Option<String>,
    pub example: String,
    /// How many lines the smallest script has, and how many the first one had.
    pub lines: Option<(usize, usize)>,
    pub transcript: String,
    pub timeline: Option<Timeline>,
    pub token: String,
    pub strace: Option<String>,
}

/// A workload and its matrix.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    pub name: String,
    pub anchor: String,
    pub counts: String,
    /// What cutting the power came to.
    pub cuts: String,
    /// Why it was not swept.
    pub refused: Option<String>,
    pub grids: Vec<Grid>,
}

/// Cases of one folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folder {
    pub name: String,
    pub cases: Vec<Case>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case {
    pub name: String,
    pub word: String,
    pub tone: &'static str,
    pub notes: Vec<String>,
    pub cause: Option<usize>,
}

impl Folder {
    /// How often each word stands in it, with its looks.
    fn counts(&self) -> Vec<(&str, &'static str, usize)> {
        let mut counts: Vec<(&str, &'static str, usize)> = Vec::new();
        for case in &self.cases {
            match counts.iter_mut().find(|(word, ..)| *word == case.word) {
                Some((.., count)) => *count += 1,
                None => counts.push((&case.word, case.tone, 1)),
            }
        }
        counts
    }
}

/// The configuration that everything ran under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    pub path: String,
    pub kept: Vec<String>,
    /// Line, directive, reason.
    pub dropped: Vec<(String, String, String)>,
}

/// What an audit says nothing about, and why.
pub const NOT_COVERED: [(&str, &str); 8] = [
    ("Replication", "no replica is attached: what a failover loses is not looked at"),
    ("Cluster and Sentinel", "one server runs alone; slots and elections do not exist here"),
    ("Modules, scripts, streams", "workloads use strings, counters, lists and expiry"),
    ("Load", "one command is in flight at a time; races between many clients are not tried"),
    ("Other file systems", "a power cut leaves what ext4, XFS or POSIX alone allow"),
    (
        "Several faults in one run",
        "each run has one fault or one order of tasks; `sweep --pairs` puts a second one on the \
         recovery, but never a power cut, nor an order together with a fault",
    ),
    ("Silent corruption", "bits do not rot: what was written and synced is read back as it was"),
    ("Memory", "no allocation fails and nobody is killed for want of memory"),
];

/// What a verdict means, in a sentence.
pub fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Hung => "the server stayed busy forever",
        Verdict::Died => "it ended by itself, which its policy does not call for",
        Verdict::RefusedStart => "it did not start on what was on the disk",
        Verdict::Lost => "acknowledged writes are gone that were promised, and nobody was told",
        Verdict::Diverged => "the data is a state that no prefix of the writes ever led to",
        Verdict::Stuck => "writes stay refused after the fault is over",
        Verdict::LostReported => "promised writes are gone, but a client had been told before",
        Verdict::Misreported => "INFO calls fine what has failed",
        Verdict::Surprise => "nothing is promised, but nobody would expect it",
        Verdict::Leaked => "descriptors or processes stay behind in a living server",
        Verdict::LostByLie => "the operating system claimed what it had not done",
        Verdict::Litter => "temporary files stay behind",
        Verdict::LostAllowed => "writes are gone that the policy does not promise to keep",
        Verdict::Kept => "nothing that was acknowledged is gone",
        Verdict::NotApplicable => "the case needs something that this server does not have",
        Verdict::NotMeasured => "this machine or this world could not do it",
        Verdict::HarnessBroken => "the harness went wrong: nothing it saw counts",
    }
}

/// The looks of a verdict; the word always stands beside the colour.
pub fn tone(verdict: Verdict) -> &'static str {
    match verdict {
        verdict if verdict.is_broken_promise() => "broken",
        verdict if verdict.is_no_measurement() => "unknown",
        Verdict::LostReported | Verdict::Leaked | Verdict::Surprise => "near",
        Verdict::LostByLie | Verdict::Litter => "lie",
        Verdict::LostAllowed => "allowed",
        Verdict::Kept => "kept",
        _ => "none",
    }
}

impl Page {
    /// The page as text.
    ///
    /// # Errors
    /// Says what the template could not write.
    pub fn write(&self) -> Result<String, String> {
        self.render().map_err(|why| why.to_string())
    }

    fn not_covered(&self) -> &'static [(&'static str, &'static str)] {
        &NOT_COVERED
    }

    /// The letters behind words of the matrices, and what each stands for.
    fn letters(&self) -> impl Iterator<Item = (char, &'static str)> {
        cell::letters().into_iter()
    }

    /// Verdicts with their looks, the words of the matrices for them, and their meanings.
    fn words(&self) -> impl Iterator<Item = (String, &'static str, &'static str, &'static str)> {
        Verdict::BY_WEIGHT.into_iter().map(|verdict| {
            let in_matrix = matrix::word(Some(verdict));
            (verdict.to_string(), tone(verdict), in_matrix, meaning(verdict))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_cannot_become_markup() {
        let evil = "<script>alert(1)</script>\"'&";
        let cause = Cause {
            sentence: evil.to_string(),
            transcript: evil.to_string(),
            token: evil.to_string(),
            ..Cause::default()
        };
        let case =
            Case { name: evil.to_string(), notes: vec![evil.to_string()], ..Case::default() };
        let folder = Folder { name: evil.to_string(), cases: vec![case] };
        let page = Page {
            server: evil.to_string(),
            causes: vec![cause],
            folders: vec![folder],
            ..Page::default()
        };
        let text = page.write().expect("it is plain text");
        assert!(!text.contains("<script") && !text.contains("alert(1)</"), "{text}");
        assert!(text.matches("alert(1)").count() >= 6, "{text}");
    }

    #[test]
    fn nothing_is_fetched_from_anywhere() {
        let text = Page::default().write().expect("it is plain text");
        for word in ["http:", "https:", "src=", "@import", "url(", "<script", "<link rel=\"style"] {
            assert!(!text.contains(word), "{word}");
        }
        assert!(text.contains("default-src 'none'"));
    }

    #[test]
    fn every_verdict_has_a_meaning() {
        for verdict in Verdict::ALL {
            assert!(!meaning(verdict).is_empty(), "{verdict}");
        }
    }
}
