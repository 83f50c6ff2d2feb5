//! The schedule: who runs when, as plain data that both doors honour.
//!
//! Without decisions a task runs until it blocks, and then the first that can. A decision changes
//! that at one call: before it is made, another task runs first, until that blocks. Nothing else
//! ever changes the order, so a run is its script and these decisions. A decision whose task cannot
//! run at that call has not happened, and whoever made it is told. Must not know: how a task is
//! stopped, and who wants another order.

use std::collections::BTreeSet;

use super::plan::task_matches;
use super::process::TaskId;
use super::site::Site;
use super::trace::Event;
use super::{Kernel, Name, Request};

/// Before this call is made, somebody else runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub site: Site,
    /// Who runs first; `child` means any child.
    pub task: String,
    /// Whether it is no error when this never happens.
    pub maybe: bool,
    /// Where it was written (a line number, say).
    pub origin: u32,
}

/// What a task that stopped before its call wants to happen first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// A task of this name runs, if one can.
    Of { stopped: TaskId, decision: usize },
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

/// All decisions, with what became of them.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    armed: Vec<Armed>,
    due: Option<Turn>,
    /// Calls at which somebody else could have run; None: nobody wants to know.
    choices: Option<Vec<Choice>>,
    /// Tasks that were stopped for a survey and go on with their call.
    surveyed: BTreeSet<TaskId>,
}

impl Schedule {
    pub fn decide(&mut self, decision: Decision) {
        self.armed.push(Armed { decision, met: false, fired: false });
    }

    /// From now on every call is looked at: who else could run before it?
    pub fn survey(&mut self) {
        self.choices = Some(Vec::new());
    }

    /// What the survey has found so far.
    pub fn choices(&self) -> &[Choice] {
        self.choices.as_deref().unwrap_or_default()
    }

    /// Whether no call needs to be looked at.
    pub fn is_idle(&self) -> bool {
        self.choices.is_none() && self.armed.iter().all(|armed| armed.met)
    }

    /// Whether the task stops before this call; its turn is due then.
    pub(super) fn stops(&mut self, task: TaskId, site: Site) -> bool {
        let met = |armed: &Armed| !armed.met && armed.decision.site == site;
        if let Some(decision) = self.armed.iter().position(met) {
            self.armed[decision].met = true;
            self.due = Some(Turn::Of { stopped: task, decision });
            return true;
        }
        if self.choices.is_none() || !self.surveyed.insert(task) {
            return false;
        }
        self.due = Some(Turn::Survey { stopped: task, site });
        true
    }

    /// The call of a task is made.
    pub(super) fn entered(&mut self, task: TaskId) {
        self.surveyed.remove(&task);
    }

    /// What must be seen to before the next task is chosen.
    pub fn take_turn(&mut self) -> Option<Turn> {
        self.due.take()
    }

    /// A survey is answered.
    fn saw(&mut self, site: Site, tasks: Vec<String>) {
        if let Some(choices) = self.choices.as_mut().filter(|_| !tasks.is_empty()) {
            choices.push(Choice { site, tasks });
        }
    }

    /// The origins of decisions that never happened, without those that say `maybe`.
    pub fn unfired(&self) -> Vec<u32> {
        let unfired = self.armed.iter().filter(|armed| !armed.fired && !armed.decision.maybe);
        unfired.map(|armed| armed.decision.origin).collect()
    }
}

impl Kernel {
    /// Whether the task, about to make this call, stops so that [`Kernel::choose`] is asked first.
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

    /// Who runs next, of those that can, in their order: who the decision is for, or else the task
    /// that stopped; None when that cannot run any more.
    pub fn choose<T: Copy>(&mut self, turn: Turn, able: &[(TaskId, T)]) -> Option<T> {
        let (Turn::Of { stopped, .. } | Turn::Survey { stopped, .. }) = turn;
        let own = able.iter().find(|(task, _)| *task == stopped)?.1;
        let others = able.iter().filter(|(task, _)| *task != stopped);
        let others = others.map(|(task, which)| (self.task_name(*task).clone(), *which));
        let others: Vec<(Name, T)> = others.collect();
        match turn {
            Turn::Survey { site, .. } => {
                let tasks = others.into_iter().map(|(name, _)| name.into()).collect();
                self.schedule.saw(site, tasks);
                Some(own)
            }
            Turn::Of { decision, .. } => {
                let wanted = self.schedule.armed[decision].decision.task.clone();
                let Some((task, chosen)) =
                    others.into_iter().find(|(name, _)| task_matches(&wanted, name))
                else {
                    return Some(own);
                };
                let armed = &mut self.schedule.armed[decision];
                armed.fired = true;
                let site = armed.decision.site.clone();
                self.record(Event::Turn { task, site });
                Some(chosen)
            }
        }
    }
}
