//! Which faults fit which call.
//!
//! | call | faults |
//! |---|---|
//! | write | ENOSPC, EIO, EINTR, a lie; 1 byte, half, all but one, alone and on a full disk |
//! | write | half, and everything is killed; nothing, once and for ever |
//! | write to a pipe | EPIPE, EINTR, half, a lie |
//! | any sync | EIO with pages clean or kept, ENOSPC, EINTR; 1, 3 and 10 s; a lie |
//! | ftruncate, truncate | EIO, EINTR, a lie |
//! | rename | EIO, ENOSPC, a lie |
//! | unlink, close | EIO |
//! | open | EMFILE, EACCES, ENOSPC |
//! | mkdir | ENOSPC, EACCES |
//! | write, any sync, rename, unlink, mkdir, open to write | the file system turns read-only |
//! | pipe | EMFILE |
//! | read | EIO, EINTR, 1 byte, half |
//! | fork | EAGAIN, ENOMEM |
//! | wait4 | EINTR |
//! | all of them | before and after it: parent, child or all are killed; the power is cut |
//! | all of them | each other task that could run then runs first, alone and with what else fits |
//!
//! An order changes whose turn it is at one call, where the dry run saw that another task could
//! run. There are few such calls, so everything that fits one of them is tried again after each
//! order, power cuts and delays included, and a sweep grows by no more than that. Where the others
//! and the commands to come go first because the call itself is late, nothing else can happen to
//! it.
//!
//! A fault of a sync gets two more runs, which end with a power cut: one leaves nothing that was
//! not synced, the other all names and sizes, and zeros. An errno comes once (`ENOSPC`)
//! and from there on until healed (`ENOSPC+`). EINTR comes only once: a call that is interrupted
//! for ever does not exist. Nor does a pipe that cannot be written for ever while both its ends are
//! open, and such a fault would keep an event loop turning without the clock ever moving. EROFS
//! lasts, and not for calls like this one alone: the whole file system has turned read-only. EDQUOT
//! and ESTALE are no faults of their own. ENOSPC and EIO stand for them, because what Redis asks of
//! an error of a file is only whether it is EINTR, ENOENT, EBADF or EINVAL (aof.c, rdb.c, rio.c,
//! bio.c). Must not know: sites other than the one it is asked about.

use std::time::Duration;

use nix::errno::Errno;

use super::fault::{CallFault, Fault, First, Lasts, Moved, Then};
use super::workload::{Added, Ending};
use crate::case::script::{PageFate, Verb};
use crate::kernel::plan::{Claim, Effect, Halt, Selector, Victim, When, Window};
use crate::kernel::{CallName, Cut, Decision, Site};
use crate::runner::ReachedCall;

/// One thing that can go wrong at one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fitting {
    pub fault: Fault,
    /// What it adds to the script. Where the power is cut, the last step does that, and the run
    /// stands for all states that this may leave.
    pub added: Vec<Added>,
    pub endings: &'static [Ending],
}

const BOTH: &[Ending] = &[Ending::Killed, Ending::Healed];
/// What a sync has done shows only when the power goes.
const SYNC: &[Ending] = &[Ending::Killed, Ending::Healed, Ending::PowerCut, Ending::Sizes];

/// Everything that fits the call at this site.
pub fn fitting(reached: &ReachedCall) -> Vec<Fitting> {
    let mut list = List { reached, site: &reached.site, faults: Vec::new() };
    list.of_the_call();
    for when in [When::Before, When::After] {
        list.kill(when);
        list.cut(when);
    }
    list.orders();
    list.faults
}

struct List<'a> {
    reached: &'a ReachedCall,
    site: &'a Site,
    faults: Vec<Fitting>,
}

impl List<'_> {
    fn of_the_call(&mut self) {
        use Errno::{EACCES, EAGAIN, EINTR, EIO, EMFILE, ENOMEM, ENOSPC, EPIPE};
        let ReachedCall { bytes, moved, .. } = *self.reached;
        let pipe = self.site.role.as_deref().is_some_and(|role| role.starts_with("pipe"));
        match self.site.call {
            CallName::Write if pipe => {
                self.once(EPIPE);
                self.once(EINTR);
                self.short(Moved::Half, bytes / 2);
                self.lie(bytes);
            }
            CallName::Write => {
                self.write(bytes);
                self.read_only();
            }
            CallName::Read => {
                self.errors(&[EIO]);
                self.once(EINTR);
                if moved > 1 {
                    self.short(Moved::OneByte, 1);
                    self.short(Moved::Half, moved / 2);
                }
            }
            call if call.is_sync() => {
                self.sync();
                self.read_only();
            }
            CallName::Ftruncate | CallName::Truncate => {
                self.errors(&[EIO]);
                self.once(EINTR);
                self.lie(0);
            }
            CallName::Rename => {
                self.errors(&[EIO, ENOSPC]);
                self.lie(0);
                self.read_only();
            }
            CallName::Unlink | CallName::Rmdir => {
                self.errors(&[EIO]);
                self.read_only();
            }
            CallName::Close => self.errors(&[EIO]),
            CallName::Open => {
                self.errors(&[EMFILE, EACCES, ENOSPC]);
                if self.reached.opens_to_write {
                    self.read_only();
                }
            }
            CallName::Mkdir => {
                self.errors(&[ENOSPC, EACCES]);
                self.read_only();
            }
            CallName::Pipe | CallName::Dup => self.errors(&[EMFILE]),
            CallName::Fork => self.errors(&[EAGAIN, ENOMEM]),
            _ => self.once(EINTR),
        }
    }

    fn write(&mut self, bytes: u64) {
        self.errors(&[Errno::ENOSPC, Errno::EIO]);
        self.once(Errno::EINTR);
        let mut lengths = vec![
            (Moved::OneByte, 1),
            (Moved::Half, bytes / 2),
            (Moved::AllButOne, bytes.saturating_sub(1)),
        ];
        lengths.retain(|(_, length)| (1..bytes).contains(length));
        lengths.dedup_by_key(|(_, length)| *length);
        for (moved, length) in lengths {
            self.short(moved, length);
            // The rest of the data is the next call, at least.
            let full = self.from(self.site.number + 1, Effect::Error(Errno::ENOSPC));
            self.short_then(moved, length, Then::Full, full);
        }
        self.killed_in_the_middle(bytes / 2);
        self.nothing_moved();
        self.lie(bytes);
    }

    /// The process dies between two writes of what should be one.
    fn killed_in_the_middle(&mut self, length: u64) {
        if length > 0 {
            let next = Site { number: self.site.number + 1, ..self.site.clone() };
            let killed = Effect::Halt(When::Before, Halt::Kill(Victim::All));
            let killed = self.add(Verb::inject_at(next, killed));
            self.short_then(Moved::Half, length, Then::Killed, killed);
        }
    }

    fn short_then(&mut self, moved: Moved, length: u64, then: Then, next: Added) {
        let next = Added { verb: next.verb.optional(), ..next };
        let rule = self.at(Effect::Short(length));
        self.push(CallFault::Short(moved, then), vec![rule, next]);
    }

    /// POSIX lets a write return 0; POSIX programs loop until all is written.
    fn nothing_moved(&mut self) {
        let rule = self.at(Effect::Short(0));
        self.push(CallFault::Short(Moved::Nothing, Then::GoesOn), vec![rule]);
        let rule = self.from(self.site.number, Effect::Short(0));
        self.push(CallFault::Short(Moved::Nothing, Then::Again), vec![rule]);
    }

    fn sync(&mut self) {
        self.errors(&[Errno::EIO, Errno::ENOSPC]);
        let kept = self.add(Verb::SyncErrors(PageFate::Dirty));
        let rule = self.at(Effect::Error(Errno::EIO));
        self.push(CallFault::ErrorPagesKept(Errno::EIO), vec![kept, rule]);
        self.once(Errno::EINTR);
        for seconds in [1, 3, 10] {
            let time = Duration::from_secs(seconds);
            let rule = self.at(Effect::Delay(time));
            self.push(CallFault::Delay(time), vec![rule]);
        }
        self.lie(0);
    }

    /// Each once, and from this call on.
    fn errors(&mut self, errnos: &[Errno]) {
        for errno in errnos {
            self.once(*errno);
            let rule = self.from(self.site.number, Effect::Error(*errno));
            self.push(CallFault::Error(*errno, Lasts::FromHereOn), vec![rule]);
        }
    }

    /// From this call on, whatever would change something fails.
    fn read_only(&mut self) {
        let added = vec![self.at(Effect::ReadOnly)];
        let fault = Fault::Call(CallFault::Error(Errno::EROFS, Lasts::FromHereOn));
        self.faults.push(Fitting { fault, added, endings: BOTH });
    }

    fn once(&mut self, errno: Errno) {
        let rule = self.at(Effect::Error(errno));
        self.push(CallFault::Error(errno, Lasts::Once), vec![rule]);
    }

    fn short(&mut self, moved: Moved, bytes: u64) {
        if bytes > 0 {
            let rule = self.at(Effect::Short(bytes));
            self.push(CallFault::Short(moved, Then::GoesOn), vec![rule]);
        }
    }

    fn lie(&mut self, claimed: u64) {
        let claimed = i64::try_from(claimed).expect("no call moves so many bytes");
        let rule = self.at(Effect::Retval(Claim::Exactly(claimed)));
        self.push(CallFault::Lie, vec![rule]);
    }

    /// Processes are killed with the call; others live on.
    fn kill(&mut self, when: When) {
        for victim in [Victim::Parent, Victim::Child, Victim::All] {
            if victim != Victim::Child || self.reached.children {
                let added = vec![self.at(Effect::Halt(when, Halt::Kill(victim)))];
                // Nobody is left whom time could help.
                let endings = if victim == Victim::All { &BOTH[..1] } else { BOTH };
                let fault = Fault::Call(CallFault::Kill(victim, when));
                self.faults.push(Fitting { fault, added, endings });
            }
        }
    }

    fn cut(&mut self, when: When) {
        let added = vec![self.at(Effect::Halt(when, Halt::Power(Cut::default())))];
        let fault = Fault::Call(CallFault::PowerCut(None, when));
        self.faults.push(Fitting { fault, added, endings: &BOTH[..1] });
    }

    /// Each task that could run before this call does, alone and with what else goes wrong there.
    fn orders(&mut self) {
        let in_order = std::mem::take(&mut self.faults);
        let mut orders = Vec::new();
        for task in &self.reached.others {
            let first = First::Task(task.clone());
            let decision =
                Decision { site: self.site.clone(), task: task.clone(), maybe: false, origin: 0 };
            let step = self.add(Verb::Preempt { decision, role: Vec::new() });
            let fault = Fault::Order { first: first.clone(), with: None };
            orders.push(Fitting { fault, added: vec![step.clone()], endings: BOTH });
            for other in &in_order {
                let fault = Fault::Order { first: first.clone(), with: other.fault.of_the_call() };
                let added = [&step].into_iter().chain(&other.added).cloned().collect();
                orders.push(Fitting { fault, added, endings: other.endings });
            }
        }
        // Everybody else, and the commands that follow, for a second.
        if self.site.task != "parent" && !self.site.call.is_sync() {
            let fault = Fault::Order { first: First::Others, with: None };
            let added = vec![self.at(Effect::Delay(Duration::from_secs(1)))];
            orders.push(Fitting { fault, added, endings: BOTH });
        }
        self.faults = in_order;
        self.faults.extend(orders);
    }

    /// A rule for exactly this call.
    fn at(&self, effect: Effect) -> Added {
        self.add(Verb::inject_at(self.site.clone(), effect))
    }

    fn add(&self, verb: Verb) -> Added {
        Added { before_start: self.reached.start, verb }
    }

    /// A rule for this call and all of its kind after it. It stands before the start and counts
    /// what a refused attempt of that did.
    fn from(&self, number: u32, effect: Effect) -> Added {
        let Site { task, role, call, .. } = self.site;
        let number = number + self.reached.again.unwrap_or_default();
        let role = role.as_ref().map(|role| role.to_string());
        let selector = Selector::Calls { calls: vec![*call], role, task: Some(task.to_string()) };
        let window = Window::from_on(u64::from(number)).expect("sites are counted from 1");
        self.add(Verb::inject(selector, window, effect))
    }

    fn push(&mut self, fault: CallFault, added: Vec<Added>) {
        // A sync that is late is cut by the power anyway, before it and after it.
        let sync = self.site.call.is_sync() && !matches!(fault, CallFault::Delay(_));
        let endings = match fault {
            _ if sync => SYNC,
            // Nobody is left, or nobody gets on: time helps neither.
            CallFault::Short(_, Then::Killed | Then::Again) => &BOTH[..1],
            _ => BOTH,
        };
        self.faults.push(Fitting { fault: Fault::Call(fault), added, endings });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Regime;
    use crate::kernel::Look;

    #[test]
    fn rules_stand_before_the_start_of_the_script_and_count_what_a_refused_attempt_did() {
        let reached = |start, again| ReachedCall {
            site: "3:parent.aof.open#2".parse().expect("a site"),
            start,
            again,
            bytes: 0,
            moved: 0,
            children: false,
            idle: false,
            others: Vec::new(),
            opens_to_write: false,
            returned: String::new(),
            disk: Look::default(),
            regime: Regime::Off,
        };
        let added = |reached, fault: &str| {
            let faults = fitting(&reached);
            let its = faults.iter().find(|its| its.fault.to_string() == fault).expect("it fits");
            let [Added { before_start, verb }] = &its.added[..] else { panic!("{its:?}") };
            (*before_start, verb.to_string())
        };
        let rule =
            |number: u32| format!("inject open on=aof in=parent error=EMFILE when={number}+");
        assert_eq!(added(reached(3, None), "EMFILE+"), (3, rule(2)));
        assert_eq!(added(reached(2, Some(1)), "EMFILE+"), (2, rule(3)));
        let line = "inject at 3:parent.aof.open#2 error=EMFILE".to_string();
        assert_eq!(added(reached(2, Some(1)), "EMFILE"), (2, line));
    }
}
