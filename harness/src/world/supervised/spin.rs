//! Tasks that wait without a system call. I/O threads, and those that wait for them, spin on a word
//! of memory, while nobody else runs until they block.
//!
//! A spinning thread is recognised by its CPU time and skipped: if it uses so much without a call
//! while another task could run, it keeps running, others run too, and its next call is held until
//! its turn. Only its own CPU time counts, so a busy machine makes no difference. A spinning main
//! thread is waited for once everybody else has blocked; other threads may spin as long as their
//! server lets them. This applies only to processes with a thread that the profile lists as
//! spinning: in any other, long work is work, and nobody else runs meanwhile. Must not know: what a
//! task waits for.

use std::fs;
use std::time::Duration;

use super::Supervised;
use super::notify::Notice;
use super::tasks::{Wait, inner_pid_and_name};
use crate::world::Broken;

/// CPU time without a call after which a task is skipped if another one can run.
const SPIN: Duration = Duration::from_millis(30);
/// The same for a thread if no other task can run: it may just be working.
const ALONE: Duration = Duration::from_millis(60);

/// How much CPU time a task had used at the first check.
#[derive(Debug, Default)]
pub struct Watch(Option<Duration>);

impl Supervised {
    /// Whether a task that makes no call is spinning.
    pub(super) fn spins(&self, tid: i32, watch: &mut Watch) -> Result<bool, Broken> {
        let Some(used) = cpu_time(tid) else { return Ok(false) };
        let used = used.saturating_sub(*watch.0.get_or_insert(used));
        if used < SPIN || !self.may_spin(tid) {
            return Ok(false);
        }
        Ok(used >= ALONE && !self.is_main(tid) || self.is_anybody_runnable()?)
    }

    /// Whether its process has threads that spin.
    fn may_spin(&self, tid: i32) -> bool {
        let pid = self.table.task(tid).map(|task| task.pid);
        let beside = self.table.tasks.iter().filter(|task| Some(task.pid) == pid);
        beside.filter_map(|task| inner_pid_and_name(task.tid)).any(|(_, name)| {
            self.profile.spinning.iter().any(|begin| name.starts_with(begin.as_str()))
        })
    }

    /// A spinning task has made a call.
    pub(super) fn catch_up(&mut self, notice: &Notice) {
        if let Some(task) = self.table.task_mut(notice.tid) {
            task.spins = false;
        }
        self.hold(notice.tid, notice, Wait::Turn);
    }

    /// Nobody can run: waits for a spinning main thread or, if there is none, for the first
    /// spinning thread. Returns whether a spinning task has made a call, so that somebody may be
    /// able to run.
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

/// The CPU time that a thread has used; None: it is gone, or Linux was built without that.
pub(super) fn cpu_time(tid: i32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{tid}/schedstat")).ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}
