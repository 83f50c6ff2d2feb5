//! Tasks that wait without a system call: I/O threads and those who wait for them look at a word of
//! memory again and again, on a machine where nobody else runs until they block.
//!
//! A task that has used this much CPU time without a call, while somebody else could run, is passed
//! over: it goes on running beside the others, and its next call is held until it is chosen as any
//! other. What is measured is its own CPU time, so a busy machine makes nobody a spinner. A main
//! thread is waited for when everybody else has blocked; another thread may spin for as long as
//! its server lets it. Only in a process that has a thread of which its profile says so is anybody
//! passed over: elsewhere long work is work, and nobody runs beside it. Must not know: what a task
//! waits for.

use std::fs;
use std::time::Duration;

use super::Supervised;
use super::notify::Notice;
use super::tasks::{Wait, inner_pid_and_name};
use crate::world::Broken;

/// CPU time without a call after which a task is passed over, when somebody else can run.
const SPIN: Duration = Duration::from_millis(30);
/// The same for a thread beside which nobody can run: it may just be working.
const ALONE: Duration = Duration::from_millis(60);

/// How much CPU time a task had used when it was first looked at.
#[derive(Debug, Default)]
pub struct Watch(Option<Duration>);

impl Supervised {
    /// Whether a task that makes no call waits for somebody else.
    pub(super) fn spins(&self, tid: i32, watch: &mut Watch) -> Result<bool, Broken> {
        let Some(used) = cpu_time(tid) else { return Ok(false) };
        let used = used.saturating_sub(*watch.0.get_or_insert(used));
        if used < SPIN || !self.may_spin(tid) {
            return Ok(false);
        }
        Ok(used >= ALONE && !self.is_main(tid) || self.is_anybody_runnable()?)
    }

    /// Whether its process has threads that wait in a loop.
    fn may_spin(&self, tid: i32) -> bool {
        let pid = self.table.task(tid).map(|task| task.pid);
        let beside = self.table.tasks.iter().filter(|task| Some(task.pid) == pid);
        beside.filter_map(|task| inner_pid_and_name(task.tid)).any(|(_, name)| {
            self.profile.spinning.iter().any(|begin| name.starts_with(begin.as_str()))
        })
    }

    /// A task that was passed over has made its call.
    pub(super) fn catch_up(&mut self, notice: &Notice) {
        if let Some(task) = self.table.task_mut(notice.tid) {
            task.spins = false;
        }
        self.hold(notice.tid, notice, Wait::Turn);
    }

    /// Nobody can run: a main thread that was passed over is waited for; of other threads, which
    /// may spin for as long as they are let, the calls that they make meanwhile are taken. Returns
    /// whether somebody has made one, so that there may be somebody to choose.
    pub(super) fn await_spinners(&mut self) -> Result<bool, Broken> {
        let spinners = |world: &Supervised| {
            let all = world.table.tasks.iter().filter(|task| task.spins).map(|task| task.tid);
            all.collect::<Vec<i32>>()
        };
        let before = spinners(self);
        let main = before.iter().find(|tid| self.is_main(**tid));
        let Some(first) = main.or(before.first()) else { return Ok(false) };
        self.go_on(*first)?;
        Ok(spinners(self) != before)
    }

    fn is_main(&self, tid: i32) -> bool {
        let pid = self.table.task(tid).map(|task| task.pid);
        let first = self.table.tasks.iter().find(|task| Some(task.pid) == pid);
        first.is_some_and(|task| task.tid == tid)
    }
}

/// The CPU time that a thread has used; None: it is gone, or this kernel does not tell.
fn cpu_time(tid: i32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{tid}/schedstat")).ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}
