//! Which faults fit which call.
//!
//! | call | faults |
//! |---|---|
//! | write | ENOSPC, EIO, EINTR, a lie; 1 byte, half, all but one, alone and on a full disk |
//! | write to a pipe | EPIPE, EINTR, half, a lie |
//! | any sync | EIO with pages clean or kept, ENOSPC, EINTR; 1, 3 and 10 s; a lie |
//! | ftruncate, truncate | EIO, EINTR, a lie |
//! | rename | EIO, ENOSPC, a lie |
//! | unlink, close | EIO |
//! | open | EMFILE, EACCES, ENOSPC |
//! | mkdir | ENOSPC, EACCES |
//! | pipe | EMFILE |
//! | read | EIO, EINTR, 1 byte, half |
//! | fork | EAGAIN, ENOMEM |
//! | wait4 | EINTR |
//! | all of them | before and after it: the parent, its child or all are killed; the power is cut |
//! | all of them | each other task that could run then runs first, alone and with what else fits |
//!
//! An order is one change of turns at one call, where the dry run saw that somebody else could run:
//! there are few such calls, so what fits one of them is tried once more behind each order, cuts of
//! the power and delays too, and a sweep grows by no more than that. Where the others and the
//! commands to come go first because the call itself is late, nothing else can happen to it.
//! A fault of a sync has a run more, at whose end the power is cut. An errno comes once (`ENOSPC`)
//! and from there on until healed (`ENOSPC+`). EINTR comes only once, because a call that is
//! interrupted for ever is no fault that exists. So do errors of pipes: one that fails for ever
//! while both its ends are open does not exist either, and keeps an event loop turning without the
//! clock ever moving. Must not know: sites other than the one it is asked about.

use serde::{Deserialize, Serialize};

use super::workload::{Ending, Place};
use crate::kernel::{CallName, Site};
use crate::runner::ReachedCall;

/// Families of faults, as `--faults` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A call fails with an errno.
    Error,
    /// A read or write moves less than it was asked for.
    Short,
    /// A call claims success without the deed.
    Lie,
    /// A call takes long.
    Delay,
    /// SIGKILL at a call; the page cache stays.
    Kill,
    /// A cut of the power at a call.
    Power,
    /// Another task runs before the call, alone or with another fault.
    Order,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 7] =
        [Kind::Error, Kind::Short, Kind::Lie, Kind::Delay, Kind::Kill, Kind::Power, Kind::Order];

    /// Its name, as `--faults` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Error => "error",
            Kind::Short => "short",
            Kind::Lie => "lie",
            Kind::Delay => "delay",
            Kind::Kill => "kill",
            Kind::Power => "power",
            Kind::Order => "order",
        }
    }
}

/// One thing that can go wrong at one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: Kind,
    /// The heading of its column: `ENOSPC+`.
    pub name: String,
    /// What it adds to the script.
    pub lines: Vec<(Place, String)>,
    pub endings: &'static [Ending],
    /// The last line cuts the power: the run stands for all states that this may leave.
    pub cuts: bool,
}

const BOTH: &[Ending] = &[Ending::Cut, Ending::Healed];
/// What a sync has done shows only when the power goes.
const SYNC: &[Ending] = &[Ending::Cut, Ending::Healed, Ending::Dark];

/// Everything that fits the call at this site.
pub fn fitting(reached: &ReachedCall) -> Vec<Fault> {
    let site = reached.parts();
    let mut list = List { reached, site: &site, faults: Vec::new() };
    list.of_the_call(reached);
    for (side, mark) in [("before", '<'), ("after", '>')] {
        list.kill(side, mark, reached.children);
        list.cut(side, mark);
    }
    list.orders(&reached.others);
    list.faults
}

/// The fault that an order comes with, empty where it comes alone, and the order's own name.
pub fn parts_of_order(name: &str) -> (&str, &str) {
    name.rsplit_once(", ").unwrap_or(("", name))
}

struct List<'a> {
    reached: &'a ReachedCall,
    site: &'a Site,
    faults: Vec<Fault>,
}

impl List<'_> {
    fn of_the_call(&mut self, reached: &ReachedCall) {
        let pipe = self.site.role.as_deref().is_some_and(|role| role.starts_with("pipe"));
        match self.site.call {
            CallName::Write if pipe => {
                self.once("EPIPE");
                self.once("EINTR");
                self.short("half", reached.bytes / 2);
                self.lie(reached.bytes);
            }
            CallName::Write => self.write(reached.bytes),
            CallName::Read => {
                if pipe {
                    self.once("EIO");
                } else {
                    self.errors(&["EIO"]);
                }
                self.once("EINTR");
                if reached.moved > 1 {
                    self.short("1", 1);
                    self.short("half", reached.moved / 2);
                }
            }
            call if call.is_sync() => self.sync(),
            CallName::Ftruncate | CallName::Truncate => {
                self.errors(&["EIO"]);
                self.once("EINTR");
                self.lie(0);
            }
            CallName::Rename => {
                self.errors(&["EIO", "ENOSPC"]);
                self.lie(0);
            }
            CallName::Unlink | CallName::Close => self.errors(&["EIO"]),
            CallName::Open => self.errors(&["EMFILE", "EACCES", "ENOSPC"]),
            CallName::Mkdir => self.errors(&["ENOSPC", "EACCES"]),
            CallName::Pipe => self.errors(&["EMFILE"]),
            CallName::Fork => self.errors(&["EAGAIN", "ENOMEM"]),
            _ => self.once("EINTR"),
        }
    }

    fn write(&mut self, bytes: u64) {
        self.errors(&["ENOSPC", "EIO"]);
        self.once("EINTR");
        let mut lengths = vec![("1", 1), ("half", bytes / 2), ("all-1", bytes.saturating_sub(1))];
        lengths.retain(|(_, length)| (1..bytes).contains(length));
        lengths.dedup_by_key(|(_, length)| *length);
        for (name, length) in lengths {
            self.short(name, length);
            // The rest of the data is the next call, at least.
            let next = self.from(self.site.number + 1, "error=ENOSPC", " maybe");
            let rule = self.at(&format!("short={length}"));
            self.push(Kind::Short, format!("{name}, full+"), vec![rule, next]);
        }
        self.lie(bytes);
    }

    fn sync(&mut self) {
        self.errors(&["EIO", "ENOSPC"]);
        let rule = self.at("error=EIO");
        let kept = (self.place(), "sync-errors dirty".to_string());
        self.push(Kind::Error, "EIO, kept".to_string(), vec![kept, rule]);
        self.once("EINTR");
        for time in ["1s", "3s", "10s"] {
            let rule = self.at(&format!("delay={time}"));
            self.push(Kind::Delay, time.to_string(), vec![rule]);
        }
        self.lie(0);
    }

    /// Each once, and from this call on.
    fn errors(&mut self, errnos: &[&str]) {
        for errno in errnos {
            self.once(errno);
            let rule = self.from(self.site.number, &format!("error={errno}"), "");
            self.push(Kind::Error, format!("{errno}+"), vec![rule]);
        }
    }

    fn once(&mut self, errno: &str) {
        let rule = self.at(&format!("error={errno}"));
        self.push(Kind::Error, errno.to_string(), vec![rule]);
    }

    fn short(&mut self, name: &str, bytes: u64) {
        if bytes > 0 {
            let rule = self.at(&format!("short={bytes}"));
            self.push(Kind::Short, name.to_string(), vec![rule]);
        }
    }

    fn lie(&mut self, claimed: u64) {
        let rule = self.at(&format!("retval={claimed}"));
        self.push(Kind::Lie, "lie".to_string(), vec![rule]);
    }

    /// Processes are killed with the call; others live on.
    fn kill(&mut self, side: &str, mark: char, children: bool) {
        for who in ["parent", "child", "all"] {
            if who != "child" || children {
                let lines = vec![self.at(&format!("kill={side}:{who}"))];
                // Nobody is left whom time could help.
                let endings = if who == "all" { &BOTH[..1] } else { BOTH };
                let name = format!("{who}{mark}");
                self.faults.push(Fault { kind: Kind::Kill, name, lines, endings, cuts: false });
            }
        }
    }

    fn cut(&mut self, side: &str, mark: char) {
        let lines = vec![self.at(&format!("power={side}:none"))];
        let (kind, name, endings) = (Kind::Power, format!("cut{mark}"), &BOTH[..1]);
        self.faults.push(Fault { kind, name, lines, endings, cuts: true });
    }

    /// Each task that could run before this call does, alone and with what else goes wrong there.
    fn orders(&mut self, others: &[String]) {
        let in_order = std::mem::take(&mut self.faults);
        let mut orders = Vec::new();
        for task in others {
            let (order, kind) = (format!("{task} first"), Kind::Order);
            let line = (self.place(), format!("preempt {} for {task}", self.site));
            let (lines, endings) = (vec![line.clone()], BOTH);
            orders.push(Fault { kind, name: order.clone(), lines, endings, cuts: false });
            for fault in &in_order {
                let lines = [&line].into_iter().chain(&fault.lines).cloned().collect();
                let name = format!("{}, {order}", fault.name);
                orders.push(Fault { kind, name, lines, ..*fault });
            }
        }
        // Everybody else, and the commands that follow, for a second.
        if self.site.task != "parent" && !self.site.call.is_sync() {
            let (name, kind) = ("others first".to_string(), Kind::Order);
            let lines = vec![self.at("delay=1s")];
            orders.push(Fault { kind, name, lines, endings: BOTH, cuts: false });
        }
        self.faults = in_order;
        self.faults.extend(orders);
    }

    /// A rule for exactly this call.
    fn at(&self, effect: &str) -> (Place, String) {
        (self.place(), format!("inject at {} {effect}", self.site))
    }

    fn place(&self) -> Place {
        match self.reached.start {
            1 => Place::Front,
            later => Place::BeforeStart(later),
        }
    }

    /// A rule for this call and all of its kind after it. It stands before the start and counts
    /// what a refused attempt of that did.
    fn from(&self, number: u32, effect: &str, maybe: &str) -> (Place, String) {
        let Site { task, role, call, .. } = self.site;
        let number = number + self.reached.again.unwrap_or_default();
        let on = role.as_ref().map(|role| format!(" on={role}")).unwrap_or_default();
        (self.place(), format!("inject {call}{on} in={task} {effect} when={number}+{maybe}"))
    }

    fn push(&mut self, kind: Kind, name: String, lines: Vec<(Place, String)>) {
        // A sync that is late is cut by the power of its own accord, before it and after it.
        let sync = self.site.call.is_sync() && kind != Kind::Delay;
        let endings = if sync { SYNC } else { BOTH };
        self.faults.push(Fault { kind, name, lines, endings, cuts: false });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_stand_before_the_start_of_the_script_and_count_what_a_refused_attempt_did() {
        let reached = |start, again| ReachedCall {
            site: "3:parent.aof.open#2".to_string(),
            start,
            again,
            bytes: 0,
            moved: 0,
            children: false,
            idle: false,
            others: Vec::new(),
        };
        let persistent = |reached| {
            let faults = fitting(&reached);
            let its = faults.iter().find(|fault| fault.name == "EMFILE+").expect("it fits");
            its.lines.clone()
        };
        let rule =
            |number: u32| format!("inject open on=aof in=parent error=EMFILE when={number}+");
        assert_eq!(persistent(reached(3, None)), [(Place::BeforeStart(3), rule(2))]);
        assert_eq!(persistent(reached(2, Some(1))), [(Place::BeforeStart(2), rule(3))]);
        let single = fitting(&reached(2, Some(1)));
        let line = "inject at 3:parent.aof.open#2 error=EMFILE".to_string();
        assert_eq!(single[0].lines, [(Place::BeforeStart(2), line)]);
    }
}
