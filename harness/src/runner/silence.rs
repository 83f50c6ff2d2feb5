//! Servers that say nothing: never ready, or unable to run ever again.
//!
//! Neither says that the case is wrong. A server that was never ready breaks no promise either:
//! nobody knows what it would have done. Must not know: what was asked, and what is promised.

use std::time::Duration;

use super::resp::Reply;
use super::state::{EarlyEnd, Runner};
use crate::world::{Broken, LOOP, Waiting};

/// How much server time a start may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The calls in which a server waits for clients.
const WAITS_FOR_CLIENTS: [&str; 7] =
    ["epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "select", "pselect6"];

impl Runner<'_> {
    /// Asks a server that waits for clients but has not logged that it is ready. One that still
    /// loads says so; any other answer shows that it serves.
    pub fn ask_whether_ready(&mut self) -> Result<(), EarlyEnd> {
        if self.record.is_ready() || !self.session.has_server() {
            return Ok(());
        }
        if self.session.asked_if_ready().is_none() && self.waits_for_clients() {
            self.session.ask_if_ready()?;
            self.session.world.settle()?;
            self.observe()?;
        }
        let Some(question) = self.session.asked_if_ready() else { return Ok(()) };
        let Some(answer) = self.session.take_answer(question) else { return Ok(()) };
        self.session.forget_if_ready();
        match answer {
            None => {}
            Some(Reply::Error(text)) if text.starts_with("LOADING") => {}
            Some(_) => self.record.answers_clients(),
        }
        Ok(())
    }

    fn waits_for_clients(&mut self) -> bool {
        let waiting = self.session.world.waiting();
        waiting.iter().any(|it| it.task == "parent" && WAITS_FOR_CLIENTS.contains(&&*it.call))
    }

    /// Gives a server that is loading its time.
    pub fn await_ready(&mut self) -> Result<(), EarlyEnd> {
        let limit = self.session.now() + PATIENCE;
        let done = |runner: &Self| runner.record.is_ready() || !runner.session.has_server();
        self.advance_until(limit, done).map(drop)
    }

    /// Ends the run if no server was ever ready, or if the one that runs is not.
    pub fn unless_never_ready(&mut self) -> Result<(), EarlyEnd> {
        let starts = &self.record.seen.starts;
        let none_was = !starts.is_empty() && starts.iter().all(|start| !start.ready);
        let is_not = self.session.has_server() && !self.record.is_ready();
        if is_not || none_was && self.judgements.rulings.is_empty() {
            return Err(Broken::NotMeasured(self.never_ready()).into());
        }
        Ok(())
    }

    /// Ends the run if neither the clock nor a client nor the case can make the server go on.
    pub fn unless_nobody_can_run(&mut self) -> Result<(), EarlyEnd> {
        let waiting = self.session.world.waiting();
        let dead = self.session.is_running() && !waiting.is_empty();
        if dead && waiting.iter().all(|task| !task.can_end) {
            let what = format!("nobody can ever run again: {}", list(&waiting));
            // What such a loop waits for is in memory, and nobody knows who may change it.
            let spins = waiting.iter().any(|task| task.call == LOOP);
            return Err(if spins { Broken::NotMeasured(what) } else { Broken::Hung(what) }.into());
        }
        Ok(())
    }

    /// Why there is no judgement of the server that runs.
    pub fn not_judged(&mut self) -> String {
        match self.record.is_ready() {
            true => "the server was not asked what it holds".to_string(),
            false => self.never_ready(),
        }
    }

    fn never_ready(&mut self) -> String {
        let said = match self.record.log.last_words() {
            Some(words) => format!("its log ends with: {words}"),
            None => "it has logged nothing".to_string(),
        };
        let waiting = self.session.world.waiting();
        let waits = match waiting.as_slice() {
            [] => String::new(),
            tasks => format!("; {}", list(tasks)),
        };
        format!("the server was never ready; {said}{waits}")
    }
}

fn list(waiting: &[Waiting]) -> String {
    let each = |Waiting { task, call, .. }: &Waiting| format!("{task} waits in {call}");
    waiting.iter().map(each).collect::<Vec<_>>().join(", ")
}
