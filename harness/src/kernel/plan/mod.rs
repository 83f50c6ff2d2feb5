//! The fault plan: an ordered list of rules, asked once for every system call.
//!
//! A rule is a selector (which calls), a window (which of them, counted from the rule's own line
//! on) and an effect. Every rule counts every call its selector matches, also those that an earlier
//! rule decided; the first rule whose window holds decides. Rules belong to the machine: they
//! outlive a restart and end with `heal`. Must not know: case syntax, and how an effect is carried
//! out.

mod window;

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

pub use window::{NotAWindow, Window};

use super::call::CallName;
use super::disk::Cut;
use super::site::Site;

/// What goes wrong. Three kinds never share a word: a lie claims what was not done, an alteration
/// does part of it and says so, a device fault fails and loses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The call fails with this errno. (`close` still closes.)
    Error(Errno),
    /// At most this many bytes are written or read, and the call says so.
    Short(u64),
    /// A lie: nothing is done, and the call returns this.
    Retval(i64),
    /// The call takes this long.
    Delay(Duration),
    /// The call does not return until `heal`.
    Hold,
    /// The signal arrives as the call is made; one that kills comes before it.
    Signal(Signal),
    /// The machine stops here.
    Halt(When, Halt),
}

/// On which side of the call something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum When {
    /// Whoever dies of it never makes the call.
    Before,
    /// The call is made; whoever dies of it never sees it return.
    After,
}

/// What happens while nobody runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// SIGKILL: the page cache stays.
    Kill(Victim),
    /// Everybody is gone, and what was not synced is left to the disk.
    Power(Cut),
}

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    /// The server process with its threads, but not its children.
    Parent,
    /// Every living child of the server.
    Child,
    /// The server, its children and orphans of earlier servers.
    All,
}

impl Victim {
    /// As it is written in a case.
    pub fn as_str(self) -> &'static str {
        match self {
            Victim::Parent => "parent",
            Victim::Child => "child",
            Victim::All => "all",
        }
    }
}

/// Which calls a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Exactly this site.
    Site(Site),
    /// Calls by name, narrowed by file role and by task.
    Calls { calls: Vec<CallName>, role: Option<String>, task: Option<String> },
}

impl Selector {
    /// Whether this call is one of those.
    pub fn matches(&self, site: &Site) -> bool {
        match self {
            Selector::Site(wanted) => wanted == site,
            Selector::Calls { calls, role, task } => {
                calls.contains(&site.call)
                    && role.as_ref().is_none_or(|role| site.role.as_deref() == Some(role.as_str()))
                    && task.as_ref().is_none_or(|task| task_matches(task, &site.task))
            }
        }
    }
}

/// `in=child` means any child: `child`, `child2`, …; other names mean themselves.
pub(super) fn task_matches(wanted: &str, task: &str) -> bool {
    wanted == task
        || (wanted == "child"
            && task.strip_prefix("child").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit())))
}

/// One line of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub selector: Selector,
    pub window: Window,
    pub effect: Effect,
    /// Whether it is no error when this rule never fires.
    pub maybe: bool,
    /// Where it was written, for whoever reports that it never fired (a line number, say).
    pub origin: u32,
}

/// A rule with what it has counted.
#[derive(Clone, Debug)]
struct Armed {
    rule: Rule,
    seen: u64,
    fired: u64,
}

/// The rules in force.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    armed: Vec<Armed>,
}

impl Plan {
    /// Adds a rule behind those already there; it counts from now on.
    pub fn inject(&mut self, rule: Rule) {
        self.armed.push(Armed { rule, seen: 0, fired: 0 });
    }

    /// What happens to the call at `site`; None: nothing. Counts it for every rule.
    pub fn decide(&mut self, site: &Site) -> Option<Effect> {
        let mut decided = None;
        for armed in &mut self.armed {
            if !armed.rule.selector.matches(site) {
                continue;
            }
            armed.seen += 1;
            if decided.is_none() && armed.rule.window.holds(armed.seen) {
                armed.fired += 1;
                decided = Some(armed.rule.effect.clone());
            }
        }
        decided
    }

    /// Removes all rules. Returns the origins of those that should have fired and did not.
    pub fn heal(&mut self) -> Vec<u32> {
        let unfired = self.unfired();
        self.armed.clear();
        unfired
    }

    /// The origins of rules that have not fired, without those that say `maybe`.
    pub fn unfired(&self) -> Vec<u32> {
        self.armed
            .iter()
            .filter(|armed| armed.fired == 0 && !armed.rule.maybe)
            .map(|armed| armed.rule.origin)
            .collect()
    }

    /// Whether no rule is in force.
    pub fn is_empty(&self) -> bool {
        self.armed.is_empty()
    }

    /// Whether any rule fired since the last `heal`.
    pub fn fired(&self) -> bool {
        self.armed.iter().any(|armed| armed.fired > 0)
    }
}
