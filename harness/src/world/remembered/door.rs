//! What a world that remembers is to whoever uses it.
//!
//! Must not know: how anything is remembered.

use std::borrow::Cow;
use std::cell::RefMut;

use nix::sys::signal::Signal;

use super::tape::{Answer, Deed};
use super::{CUT, Mode, Remembering};
use crate::kernel::{Cut, Image, Kernel, Time};
use crate::profile::Profile;
use crate::world::{Broken, Directive, PoweredOff, Received, Status, Victim, Waiting, World};

impl World for Remembering {
    fn kernel(&self) -> RefMut<'_, Kernel> {
        self.machine.kernel()
    }

    fn start(&mut self, directives: &[Directive]) -> Result<(), Broken> {
        self.do_start(directives)
    }

    fn send(&mut self, client: &str, bytes: &[u8]) -> Result<bool, Broken> {
        let sends = Deed::Send { client: Cow::Borrowed(client), bytes: Cow::Borrowed(bytes) };
        let Answer::Sent(sent) = self.step(sends)? else { unreachable!("that was sent") };
        if let Mode::Recording(position) | Mode::Playing(position) = &mut self.mode
            && !position.clients.contains(client)
        {
            position.clients.insert(client.to_string());
        }
        Ok(sent)
    }

    fn receive(&mut self, client: &str) -> Received {
        let silent = self.position().is_some_and(|position| !position.clients.contains(client));
        if silent {
            return Received::default();
        }
        match self.step(Deed::Receive(Cow::Borrowed(client))) {
            Ok(Answer::Received(received)) => received,
            // The next deed will say so.
            _ => Received::default(),
        }
    }

    fn settle(&mut self) -> Result<(), Broken> {
        self.step(Deed::Settle).map(drop)
    }

    fn next_deadline(&mut self) -> Option<Time> {
        match self.step(Deed::NextDeadline) {
            Ok(Answer::Deadline(next)) => next,
            _ => None,
        }
    }

    fn log(&mut self) -> Vec<u8> {
        if !matches!(self.mode, Mode::Playing(_)) {
            self.keep_log();
        }
        std::mem::take(&mut self.log)
    }

    fn kill(&mut self, victim: Victim) -> Result<(), Broken> {
        self.step(Deed::Kill(victim)).map(drop)
    }

    fn cut_power(&mut self, cut: Cut) -> Result<(), Broken> {
        if self.position().is_some() {
            return Err(Broken::Harness(CUT.to_string()));
        }
        self.mode = Mode::Alone;
        self.machine.cut_power(cut)
    }

    fn put_image(&mut self, image: &Image) -> Result<(), Broken> {
        self.be_alone()?;
        self.machine.put_image(image)
    }

    fn suspend(&mut self) -> Option<PoweredOff> {
        self.be_alone().ok()?;
        self.machine.suspend()
    }

    fn resume_with(&mut self, machine: &PoweredOff, image: &Image) -> Result<(), Broken> {
        self.mode = Mode::Alone;
        self.log.clear();
        self.machine.resume_with(machine, image)
    }

    fn power_stays_on(&mut self) {
        self.power_stays_on = true;
    }

    fn follow_kernel(&mut self) -> Result<(), Broken> {
        self.mode = Mode::Alone;
        self.machine.follow_kernel()
    }

    fn signal(&mut self, signal: Signal) -> Result<(), Broken> {
        self.step(Deed::Signal(signal)).map(drop)
    }

    fn signal_task(&mut self, task: &str, signal: Signal) -> Result<bool, Broken> {
        self.be_alone()?;
        self.machine.signal_task(task, signal)
    }

    fn use_server(&mut self, name: &str) -> Result<Profile, Broken> {
        self.be_alone()?;
        self.is_another = true;
        self.machine.use_server(name)
    }

    fn status(&self) -> Status {
        match &self.mode {
            Mode::Dead(status, _) => *status,
            _ => self.played(|seen| seen.status).unwrap_or_else(|| self.machine.status()),
        }
    }

    fn waiting(&mut self) -> Vec<Waiting> {
        match self.step(Deed::Waiting) {
            Ok(Answer::Waiting(waiting)) => waiting,
            _ => Vec::new(),
        }
    }

    fn children(&self) -> usize {
        self.played(|seen| seen.children).unwrap_or_else(|| self.machine.children())
    }

    fn set_file(&mut self, name: &str, content: Option<Vec<u8>>) -> Result<(), Broken> {
        self.be_alone()?;
        self.machine.set_file(name, content)
    }

    fn repair(&mut self, file: &str) -> Result<bool, Broken> {
        self.be_alone()?;
        self.machine.repair(file)
    }

    fn finish(&mut self) -> Result<(), Broken> {
        match self.mode {
            // It was compared with its kernel when the tape began.
            Mode::Playing(_) => self.broken.clone().map_or(Ok(()), Err),
            _ => self.machine.finish(),
        }
    }
}
