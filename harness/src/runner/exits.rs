//! How servers and their children end, as far as a look at the machine shows it.
//!
//! Must not know: what the step was, and what is promised.

use super::steps::Runner;
use crate::contract::reason::Attempts;
use crate::contract::{death, refused};
use crate::observation::{Cut, End, How, PowerCut, Time};
use crate::world::Status;

impl Runner<'_> {
    pub fn child_ended(&mut self, incarnation: u32, name: &str, at: Time) {
        let mut children = self.seen.children.iter_mut();
        let its = children.find(|child| child.incarnation == incarnation && child.name == name);
        if let Some(child) = its {
            child.ended = Some(at);
        }
    }

    /// The power was cut: everybody is gone.
    pub fn see_power_cut(&mut self, cut: Cut, at: Time) {
        self.halted |= !self.asked.kill;
        self.children.clear();
        let gone = self.seen.children.iter_mut().filter(|child| child.ended.is_none());
        gone.for_each(|child| child.ended = Some(at));
        let (starts, calls) = (self.seen.starts.len(), self.seen.calls.len());
        self.seen.cuts.push(PowerCut { at, cut, starts, calls });
        if self.running {
            self.ended_by(How::PowerCut);
        }
    }

    fn ended_by(&mut self, how: How) -> End {
        self.running = false;
        let end = End {
            incarnation: self.seen.incarnation(),
            at: self.now(),
            how,
            line: self.line,
            calls: self.seen.calls.len(),
        };
        self.seen.ends.push(end);
        end
    }

    pub fn see_status(&mut self) {
        if !self.running {
            return;
        }
        let how = match self.world.status() {
            Status::Running | Status::Off => return,
            Status::Exited(code) if self.asked.shutdown => How::Shutdown(code),
            Status::Exited(code) => How::Exited(code),
            Status::Signaled(number) if self.called_for(number) => How::Killed,
            Status::Signaled(number) => How::Signaled(number),
        };
        let end = self.ended_by(how);
        let ready = self.seen.starts.last().is_some_and(|start| start.ready);
        match how {
            How::Exited(code) if !ready => {
                self.due = None;
                let refusal = format!("exited with {code}");
                if self.starting {
                    self.refusals.push(refusal);
                } else {
                    let refused = refused(&self.seen, Attempts::Once, format!("it {refusal}"));
                    self.rule(refused);
                }
            }
            _ => {
                if let Some(judgement) = death(&self.seen, &end) {
                    self.rule(judgement);
                }
            }
        }
    }

    /// Whether the case or its plan sent this signal.
    fn called_for(&self, number: i32) -> bool {
        let incarnation = self.seen.incarnation();
        self.asked.kill
            || self.asked.signal == Some(number)
            || self.seen.signals.contains(&(incarnation, number))
    }
}
