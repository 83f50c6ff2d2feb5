//! The schedule: who runs next, as plain data that both doors honour.
//!
//! One task runs at a time, until it blocks. Then a door says which of its tasks it keeps from
//! running, and [`Kernel::next_task`] answers who runs: the server's main task, then its threads,
//! then everybody else, each class in order of birth. A decision changes that at one call: before
//! it is made, another task runs first, until that blocks. Nothing else ever changes the order, so
//! a run is its script and these decisions. A decision whose task cannot run at that call has not
//! happened, and whoever made it is told. Must not know: how a task is stopped, and who wants
//! another order.

use std::collections::BTreeSet;

use super::plan::task_matches;
use super::process::{SERVER, TaskId};
use super::site::Site;
use super::trace::Event;
use super::{Kernel, Request};

/// Where a task stands in the order of turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The server's main task.
    Main,
    /// Another thread of the server.
    Thread,
    /// A task of a child, or of a child that an earlier server has left.
    Child,
}

impl Class {
    const IN_ORDER: [Class; 3] = [Class::Main, Class::Thread, Class::Child];

    /// The class of another thread in the process of a main task of this class.
    pub fn of_threads(self) -> Class {
        self.max(Class::Thread)
    }
}

/// A task that does not run, as its door sees it.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<T> {
    /// What the door calls it.
    pub handle: T,
    pub class: Class,
    /// What the kernel calls it. None: a newborn thread without a name. It has nothing to do but
    /// wait, so it takes its turn, but no decision is for it and no survey counts it.
    pub task: Option<TaskId>,
}

/// Another task runs before this call is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub site: Site,
    /// Who runs first; `child` means any child.
    pub task: String,
    /// Whether this need not happen.
    pub maybe: bool,
    /// Where it was written (a line number, say), to report that it never happened.
    pub origin: u32,
}

/// A task has stopped before its call, and this comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Due {
    /// A task of the decision's name runs, if one can.
    Decision { stopped: TaskId, decision: usize },
    /// Nobody runs: somebody wants to know who could.
    Survey { stopped: TaskId, site: Site },
}

/// Who else could have run at a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub site: Site,
    pub tasks: Vec<String>,
}

#[derive(Clone, Debug)]
struct Armed {
    decision: Decision,
    met: bool,
    fired: bool,
}

/// All decisions, and which of them have happened.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    armed: Vec<Armed>,
    due: Option<Due>,
    /// The calls at which another task could have run; None: no survey is made.
    choices: Option<Vec<Choice>>,
    /// Tasks that were stopped for the survey and go on with their call.
    surveyed: BTreeSet<TaskId>,
}

impl Schedule {
    pub fn decide(&mut self, decision: Decision) {
        self.armed.push(Armed { decision, met: false, fired: false });
    }

    /// From now on, collects for every call who else could have run before it.
    pub fn survey(&mut self) {
        self.choices = Some(Vec::new());
    }

    /// What the survey has found so far.
    pub fn choices(&self) -> &[Choice] {
        self.choices.as_deref().unwrap_or_default()
    }

    /// Whether no task need be stopped at any call.
    pub fn is_idle(&self) -> bool {
        self.choices.is_none() && self.armed.iter().all(|armed| armed.met)
    }

    /// Whether no decision is for a call of a server that is started after this many others, and
    /// no survey is made.
    pub fn is_spent(&self, starts: u32) -> bool {
        let spent = |armed: &Armed| armed.met || armed.decision.site.incarnation <= starts;
        self.choices.is_none() && self.due.is_none() && self.armed.iter().all(spent)
    }

    /// Whether the task stops before this call, because a decision is for it or a survey is made.
    pub(super) fn stops(&mut self, task: TaskId, site: Site) -> bool {
        let met = |armed: &Armed| !armed.met && armed.decision.site == site;
        if let Some(decision) = self.armed.iter().position(met) {
            self.armed[decision].met = true;
            self.due = Some(Due::Decision { stopped: task, decision });
            return true;
        }
        if self.choices.is_none() || !self.surveyed.insert(task) {
            return false;
        }
        self.due = Some(Due::Survey { stopped: task, site });
        true
    }

    /// The call of a task is made.
    pub(super) fn entered(&mut self, task: TaskId) {
        self.surveyed.remove(&task);
    }

    /// The survey has learned who else could have run.
    fn saw(&mut self, site: Site, tasks: Vec<String>) {
        if let Some(choices) = self.choices.as_mut().filter(|_| !tasks.is_empty()) {
            choices.push(Choice { site, tasks });
        }
    }

    /// The origins of decisions that have not happened, except for those that need not.
    pub fn unfired(&self) -> Vec<u32> {
        let unfired = self.armed.iter().filter(|armed| !armed.fired && !armed.decision.maybe);
        unfired.map(|armed| armed.decision.origin).collect()
    }
}

impl Kernel {
    /// The class of a task.
    pub fn class(&self, task: TaskId) -> Class {
        let is_server = self.processes.process_of(task).name == SERVER;
        match self.processes.task(task).name == SERVER {
            _ if !is_server => Class::Child,
            true => Class::Main,
            false => Class::Thread,
        }
    }

    /// Whether the task, about to make this call, must stop, so that [`Kernel::next_task`] is asked
    /// first.
    pub fn stops(&mut self, task: TaskId, request: &Request<'_>) -> bool {
        if self.schedule.is_idle() {
            return false;
        }
        let role = self.role_of_target(task, request.target);
        let counted = &self.processes.tasks[task.0];
        let number = counted.next(request.call, role.as_ref());
        let (incarnation, name) = (counted.incarnation, counted.name.clone());
        let site = Site { incarnation, task: name, role, call: request.call, number };
        self.schedule.stops(task, site)
    }

    /// Who runs next, where a door has these tasks, each class in order of birth. None: nobody can,
    /// or something is due before anybody may ([`Kernel::halt_due`]).
    ///
    /// Whether a task can run is asked of no more tasks than the answer needs, because a door may
    /// have to poll descriptors for it.
    ///
    /// # Errors
    /// Those of `can_run`.
    pub fn next_task<T: Copy, E>(
        &mut self,
        candidates: impl Iterator<Item = Candidate<T>> + Clone,
        mut can_run: impl FnMut(&Kernel, T) -> Result<bool, E>,
    ) -> Result<Option<T>, E> {
        let due = self.schedule.due.take();
        if self.halt.is_some() {
            return Ok(None);
        }
        if let Some(due) = due {
            let mut able = Vec::new();
            for Candidate { handle, task, .. } in in_order(candidates.clone()) {
                if let Some(task) = task
                    && can_run(self, handle)?
                {
                    able.push((task, handle));
                }
            }
            if let Some(chosen) = self.decide(due, &able) {
                return Ok(Some(chosen));
            }
        }
        self.first_runnable(candidates, can_run)
    }

    /// Who would run next if no decision were due.
    ///
    /// # Errors
    /// Those of `can_run`.
    pub fn first_runnable<T: Copy, E>(
        &self,
        candidates: impl Iterator<Item = Candidate<T>> + Clone,
        mut can_run: impl FnMut(&Kernel, T) -> Result<bool, E>,
    ) -> Result<Option<T>, E> {
        for Candidate { handle, .. } in in_order(candidates) {
            if can_run(self, handle)? {
                return Ok(Some(handle));
            }
        }
        Ok(None)
    }

    /// Of those that can run: whom the decision is for, or else the task that stopped; None when
    /// that cannot run any more.
    fn decide<T: Copy>(&mut self, due: Due, able: &[(TaskId, T)]) -> Option<T> {
        let (Due::Decision { stopped, .. } | Due::Survey { stopped, .. }) = due;
        let own = able.iter().find(|(task, _)| *task == stopped)?.1;
        let others = able.iter().filter(|(task, _)| *task != stopped);
        match due {
            Due::Survey { site, .. } => {
                let tasks = others.map(|(task, _)| self.task_name(*task).to_string()).collect();
                self.schedule.saw(site, tasks);
                Some(own)
            }
            Due::Decision { decision, .. } => {
                let wanted = &self.schedule.armed[decision].decision.task;
                let mut others = others.map(|(task, handle)| (self.task_name(*task), *handle));
                let Some((name, chosen)) = others.find(|(name, _)| task_matches(wanted, name))
                else {
                    return Some(own);
                };
                let task = name.clone();
                let armed = &mut self.schedule.armed[decision];
                armed.fired = true;
                let site = armed.decision.site.clone();
                self.record(Event::Turn { task, site });
                Some(chosen)
            }
        }
    }
}

/// The main task, then threads, then children; within a class as they come.
fn in_order<T: Copy>(
    candidates: impl Iterator<Item = Candidate<T>> + Clone,
) -> impl Iterator<Item = Candidate<T>> {
    Class::IN_ORDER
        .into_iter()
        .flat_map(move |class| candidates.clone().filter(move |candidate| candidate.class == class))
}
