//! The fault plan: an ordered list of rules, asked once for every system call.
//!
//! A rule has a selector (which calls), a window (which of those, counted from when the rule was
//! added) and an effect. Every rule counts every call that its selector matches, including calls
//! that an earlier rule decided; the first rule whose window contains the call decides. A sync that
//! the machine makes by itself decides nothing about the call: all of them are made, beside what
//! another rule does. Rules belong to the machine: they outlive a restart and end with `heal`. Must
//! not know: case syntax, and how an effect is carried out.

mod window;

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

pub use window::{NotAWindow, Window};

use super::call::CallName;
use super::disk::Cut;
use super::site::Site;

/// What goes wrong. A fault fails the call, an alteration does part of it and says so, a lie claims
/// what was not done: the three are never mixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The call fails with this errno. (`close` still closes.)
    Error(Errno),
    /// At most this many bytes are written or read, and the call says so.
    Short(u64),
    /// A lie: nothing is done, and the call returns this.
    Retval(Claim),
    /// The call takes this long.
    Delay(Duration),
    /// The call does not return until `heal`.
    Hold,
    /// The signal arrives with the call; one that kills arrives before it.
    Signal(Signal),
    /// Somebody is killed, or the power is cut, while nobody runs.
    Halt(When, Halt),
    /// The file system has turned read-only, until `heal`: the call is the first to fail.
    ReadOnly,
    /// The machine syncs all files, or directories, with this role by itself.
    Sync(When, String),
}

/// What a call claims that did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// All that it was asked for: a write every byte, any other call success.
    All,
    Exactly(i64),
}

/// On which side of the call something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Hash)]
pub enum When {
    /// A caller that dies of it never makes the call.
    Before,
    /// The call is made; a caller that dies of it never sees it return.
    After,
}

impl When {
    /// The word for it in a case.
    pub fn as_str(self) -> &'static str {
        match self {
            When::Before => "before",
            When::After => "after",
        }
    }
}

/// What happens while nobody runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// SIGKILL: the page cache stays.
    Kill(Victim),
    /// Every process is gone; what becomes of unsynced changes depends on the cut.
    Power(Cut),
}

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    /// The server process with its threads, but not its children.
    Parent,
    /// Every living child, including those of earlier servers.
    Child,
    /// The server and every child.
    All,
}

impl Victim {
    /// The word for it in a case.
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
    /// The call at this site.
    Site(Site),
    /// Calls by name, narrowed by file role and by task.
    Calls { calls: Vec<CallName>, role: Option<String>, task: Option<String> },
}

impl Selector {
    /// Whether the call at `site` is selected.
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
    /// By this name it can be ended alone.
    pub name: Option<String>,
    /// Whether this rule need not fire.
    pub maybe: bool,
    /// Where it was written (a line number, say), to report that it never fired.
    pub origin: u32,
}

/// The number of a rule among all that a machine ever had, from 1.
pub type RuleNumber = u32;

/// A rule and what it has counted.
#[derive(Clone, Debug)]
struct Armed {
    rule: Rule,
    /// Tells it from every other one.
    number: RuleNumber,
    seen: u64,
    fired: u64,
}

impl Armed {
    fn should_have_fired(&self) -> bool {
        self.fired == 0 && !self.rule.maybe
    }
}

impl Claim {
    /// What a call returns that was asked for so many bytes, or None where it moves none: no more
    /// than that.
    fn of(self, asked: Option<u64>) -> i64 {
        let most = asked.map(|asked| i64::try_from(asked).unwrap_or(i64::MAX));
        match self {
            Claim::All => most.unwrap_or(0),
            Claim::Exactly(value) => most.map_or(value, |most| value.min(most)),
        }
    }
}

/// A rule that made a call claim more than it was asked for, which no Linux does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overclaim {
    /// Where the rule was written.
    pub origin: u32,
    pub claimed: u64,
    pub asked: u64,
}

/// What the rules say about one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// What happens to it; None: nothing.
    pub effect: Option<Effect>,
    /// The rule that says so.
    pub by: Option<RuleNumber>,
    /// Roles that the machine syncs by itself beside it.
    pub syncs: Vec<(When, String)>,
}

/// The rules in force.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    armed: Vec<Armed>,
    /// How many rules there ever were.
    rules: RuleNumber,
    /// Calls that would lie do what they claim.
    honest: bool,
    /// The first since somebody asked.
    overclaim: Option<Overclaim>,
}

impl Plan {
    /// Adds a rule after the others; it counts from now on.
    pub fn inject(&mut self, rule: Rule) {
        self.rules += 1;
        self.armed.push(Armed { rule, number: self.rules, seen: 0, fired: 0 });
    }

    /// Counts the call at `site` for every rule. No more is claimed than was asked for, in bytes,
    /// where that is given.
    pub fn decide(&mut self, site: &Site, asked: Option<u64>) -> Decided {
        let (mut decided, mut by, mut syncs) = (None, None, Vec::new());
        for armed in &mut self.armed {
            if !armed.rule.selector.matches(site) {
                continue;
            }
            armed.seen += 1;
            let holds = armed.rule.window.holds(armed.seen);
            if let Effect::Sync(when, role) = &armed.rule.effect {
                if holds {
                    armed.fired += 1;
                    syncs.push((*when, role.clone()));
                }
                continue;
            }
            if decided.is_none() && holds {
                armed.fired += 1;
                let mut effect = armed.rule.effect.clone();
                if let Effect::Retval(claim) = &mut effect {
                    let (origin, told) = (armed.rule.origin, claim.of(asked));
                    if let Claim::Exactly(value) = *claim
                        && value > told
                    {
                        let (claimed, asked) = (value.unsigned_abs(), told.unsigned_abs());
                        self.overclaim.get_or_insert(Overclaim { origin, claimed, asked });
                    }
                    *claim = Claim::Exactly(told);
                }
                (decided, by) = (Some(effect), Some(armed.number));
            }
        }
        let lie = |effect: &Effect| matches!(effect, Effect::Retval(_));
        let effect = decided.filter(|effect| !(self.honest && lie(effect)));
        Decided { effect, by, syncs }
    }

    /// From now on a rule that lies fires, and the call is an ordinary one.
    pub fn never_lies(&mut self) {
        self.honest = true;
    }

    /// See [`Plan::never_lies`].
    pub fn is_honest(&self) -> bool {
        self.honest
    }

    /// The first rule since the last question that claimed too much.
    pub fn take_overclaim(&mut self) -> Option<Overclaim> {
        self.overclaim.take()
    }

    /// Removes all rules. Returns the origins of those that never fired and had to.
    pub fn heal(&mut self) -> Vec<u32> {
        let unfired = self.unfired();
        self.armed.clear();
        unfired
    }

    /// Whether the rule is still in force.
    pub fn has(&self, number: RuleNumber) -> bool {
        self.armed.iter().any(|armed| armed.number == number)
    }

    /// Removes the rules with this name. Returns the origins of those that never fired and had to.
    pub fn heal_named(&mut self, name: &str) -> Vec<u32> {
        let named = |armed: &Armed| armed.rule.name.as_deref() == Some(name);
        let unfired = self.armed.iter().filter(|armed| named(armed) && armed.should_have_fired());
        let unfired = unfired.map(|armed| armed.rule.origin).collect();
        self.armed.retain(|armed| !named(armed));
        unfired
    }

    /// The origins of rules that have not fired, except for those that need not.
    pub fn unfired(&self) -> Vec<u32> {
        self.armed
            .iter()
            .filter(|armed| armed.should_have_fired())
            .map(|armed| armed.rule.origin)
            .collect()
    }

    /// Whether no rule is in force.
    pub fn is_empty(&self) -> bool {
        self.armed.is_empty()
    }

    /// Whether no rule can match a call of a server that is started after this many others.
    pub fn is_spent(&self, starts: u32) -> bool {
        self.armed.iter().all(|armed| match &armed.rule.selector {
            Selector::Site(site) => site.incarnation <= starts,
            Selector::Calls { .. } => false,
        })
    }

    /// Whether any rule fired since the last `heal`.
    pub fn fired(&self) -> bool {
        self.armed.iter().any(|armed| armed.fired > 0)
    }
}
