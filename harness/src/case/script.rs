//! A case as data: its steps in order, each with its place in the text.
//!
//! Must not know: how a step is written, and how it is carried out.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::error::Span;
use crate::kernel::plan::Rule;
use crate::kernel::{Cut, Decision, Name};
use crate::observation::Argv;
use crate::world::{Directive, Victim};

/// A parsed case.
#[derive(Clone, Debug)]
pub struct Script {
    /// The text, verbatim.
    pub source: String,
    /// What the case is called in messages: a path, or a name.
    pub name: String,
    pub steps: Vec<Step>,
    /// Whether any of them is about what the server logs.
    pub reads_log: bool,
}

/// One line that does something.
#[derive(Clone, Debug)]
pub struct Step {
    /// From 1.
    pub line: u32,
    /// The line without the blanks around it.
    pub span: Span,
    pub verb: Verb,
}

/// What a step does. The table of verbs is in `cases/README.md`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    Config(Directive),
    Send {
        client: Name,
        argv: Argv,
    },
    Inject {
        rule: Rule,
        roles: Vec<Named>,
    },
    /// Another task runs before some call.
    Preempt {
        decision: Decision,
        role: Vec<Named>,
    },
    Heal,
    /// Ends one fault and leaves the others in force.
    HealOnly(Healed),
    /// None: `space free`.
    Space(Option<u64>),
    ReadOnly,
    SyncErrors(PageFate),
    Hold(String),
    Release(String),
    Advance(Duration),
    /// Somebody sets the wall clock back.
    ClockBack(Duration),
    AwaitChild,
    AwaitLog(String),
    Kill(Victim),
    /// A signal to one task by its name.
    Signal {
        task: String,
        signal: Signal,
    },
    /// A child that the server never forked has ended with this code.
    Orphan(i32),
    Launch(LaunchedBy),
    PowerCut(Cut),
    /// Everything so far is durable.
    Settle,
    /// The server's own check tool mends its append-only file.
    Repair,
    /// Somebody copies the files of the running server that have these roles; none: all of them.
    Backup(Vec<Named>),
    /// The backup takes the place of the data directory.
    Restore,
    Shutdown(Signal),
    Restart(Restart),
    /// Puts a file into the data directory while no server runs.
    File {
        name: String,
        content: Content,
    },
    Damage {
        role: Named,
        damage: Damage,
    },
    Show(Show),
    Expect(Expect),
    /// On which servers a known bug shows.
    Known(Known),
    /// An assertion that holds where a known bug shows.
    Symptom(Expect),
    Needs(Needs),
    Check,
    /// The verb, if there is a server or child that it could be about.
    Maybe(Box<Verb>),
}

/// The next start of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restart {
    /// Another server than before, by its name.
    pub server: Option<String>,
    pub directives: Vec<Directive>,
}

/// What `heal` ends when it does not end everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Healed {
    Space,
    ReadOnly,
    /// Rules with this name.
    Rules(String),
}

/// What a server inherits from the process that starts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaunchedBy {
    /// Somebody who ignores SIGCHLD.
    SigchldIgnored,
    /// Somebody who does not, as usual.
    SigchldDefault,
}

/// What is in a file that a case puts down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Inline(Vec<u8>),
    /// The content of a file beside the case.
    From {
        path: String,
        bytes: Vec<u8>,
    },
}

impl Content {
    pub fn bytes(&self) -> &[u8] {
        match self {
            Content::Inline(bytes) | Content::From { bytes, .. } => bytes,
        }
    }
}

/// A file role as written, so that a role the server does not have can be pointed at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub role: String,
    pub span: Span,
}

/// What a failed sync does to its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageFate {
    Clean,
    Dirty,
}

/// One `known` line: which servers show a bug, or which do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub shows: bool,
    pub servers: Vec<String>,
}

/// What happens to a file behind the server's back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// Removes this many bytes at the end.
    Truncate(u64),
    Append(Vec<u8>),
    Zero {
        offset: u64,
        len: u64,
    },
    /// Leaves nothing of what is in it.
    Empty,
    Remove,
}

/// An observation on demand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Show {
    Info(Vec<String>),
    Log,
    File(Named),
    Files,
    Latency,
}

/// An assertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Of the last command's reply; one that ends in `…` is a prefix.
    Reply(String),
    Info {
        field: String,
        value: String,
    },
    RefusesStart,
    /// The name of the verdict that was given last.
    Verdict(crate::contract::Verdict),
    /// So many lines of the log since the start have this text.
    Log {
        count: Count,
        text: String,
    },
    /// The code with which the last server ended.
    Exit(i32),
    /// The size of the last file with this role.
    File {
        role: Named,
        size: u64,
    },
    Files {
        role: Named,
        count: Count,
    },
}

/// How many: `3`, or `3+`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    pub least: usize,
    pub or_more: bool,
}

impl Count {
    pub fn holds(self, actual: usize) -> bool {
        actual == self.least || self.or_more && actual > self.least
    }
}

/// What a server must have for the case to mean anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needs {
    Role(String),
    Version(Vec<Bound>),
    Command(String),
}

/// One bound of a version range: `>=6.2`; without an operator, any version that starts so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    pub relation: Relation,
    pub version: Vec<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    StartsWith,
    AtLeast,
    Above,
    AtMost,
    Below,
}

impl Bound {
    /// Whether a version like `7.0.15` is within. Parts that are not written count as 0.
    pub fn holds(&self, version: &str) -> bool {
        let actual: Vec<u64> = version.split('.').map(|part| part.parse().unwrap_or(0)).collect();
        let part = |of: &[u64], n: usize| of.get(n).copied().unwrap_or(0);
        let order = (0..actual.len().max(self.version.len()))
            .map(|n| part(&actual, n).cmp(&part(&self.version, n)))
            .find(|order| order.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal);
        match self.relation {
            Relation::StartsWith => actual.starts_with(&self.version),
            Relation::AtLeast => order.is_ge(),
            Relation::Above => order.is_gt(),
            Relation::AtMost => order.is_le(),
            Relation::Below => order.is_lt(),
        }
    }
}

impl Verb {
    /// Whether it has nothing to do with the line it stands on.
    pub fn stands_anywhere(&self) -> bool {
        match self {
            Verb::Config(_)
            | Verb::Send { .. }
            | Verb::Heal
            | Verb::Hold(_)
            | Verb::Release(_)
            | Verb::Advance(_)
            | Verb::AwaitChild
            | Verb::Kill(_)
            | Verb::Signal { .. }
            | Verb::PowerCut(_)
            | Verb::Settle
            | Verb::Repair
            | Verb::Shutdown(_)
            | Verb::Restart(_)
            | Verb::Check => true,
            Verb::Maybe(verb) => verb.stands_anywhere(),
            _ => false,
        }
    }

    /// Whether it is about what the server logs.
    pub fn reads_log(&self) -> bool {
        match self {
            Verb::AwaitLog(_)
            | Verb::Show(Show::Log)
            | Verb::Expect(Expect::Log { .. })
            | Verb::Symptom(Expect::Log { .. }) => true,
            Verb::Maybe(verb) => verb.reads_log(),
            _ => false,
        }
    }

    /// Whether the server must have been started for this step.
    pub fn needs_server(&self) -> bool {
        match self {
            Verb::Config(_)
            | Verb::Inject { .. }
            | Verb::Preempt { .. }
            | Verb::Heal
            | Verb::HealOnly(_)
            | Verb::Space(_)
            | Verb::ReadOnly
            | Verb::SyncErrors(_)
            | Verb::ClockBack(_)
            | Verb::Launch(_)
            | Verb::File { .. }
            | Verb::Settle
            | Verb::Repair
            | Verb::Restore
            | Verb::Hold(_)
            | Verb::Release(_)
            | Verb::Damage { .. }
            | Verb::Known(_)
            | Verb::Needs(Needs::Role(_) | Needs::Version(_))
            | Verb::Show(Show::File(_) | Show::Files) => false,
            Verb::Send { .. }
            | Verb::Advance(_)
            | Verb::AwaitChild
            | Verb::AwaitLog(_)
            | Verb::Kill(_)
            | Verb::Signal { .. }
            | Verb::Orphan(_)
            | Verb::Backup(_)
            | Verb::PowerCut(_)
            | Verb::Shutdown(_)
            | Verb::Restart(_)
            | Verb::Show(_)
            | Verb::Expect(_)
            | Verb::Symptom(_)
            | Verb::Needs(Needs::Command(_))
            | Verb::Check => true,
            Verb::Maybe(verb) => verb.needs_server(),
        }
    }
}
