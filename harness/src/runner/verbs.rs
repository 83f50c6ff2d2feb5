//! One function per verb: what a step does to the machine and its server.
//!
//! Must not know: how what it does shows.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::clients::Purpose;
use super::state::{Due, Stop};
use super::steps::Runner;
use crate::case::script::{Damage, Expect, Needs, PageFate, Show, Verb};
use crate::contract::Moment;
use crate::kernel::disk::PowerCut;
use crate::kernel::disk::page_cache::SyncErrors;
use crate::kernel::{Cut, Name, Time};
use crate::observation::{Argv, Damaged, Event, Sent};
use crate::world::{Directive, Victim};

/// How much server time a step may wait for something to happen.
const PATIENCE: Duration = Duration::from_secs(60);

impl Runner<'_> {
    pub fn perform(&mut self, verb: &Verb) -> Result<(), Stop> {
        match verb {
            Verb::Config(directive) => self.configure(directive),
            Verb::Send { client, argv } => self.send(client, argv)?,
            Verb::Inject { rule, .. } => self.world.kernel().plan.inject(rule.clone()),
            Verb::Preempt { decision, .. } => {
                self.world.kernel().schedule.decide(decision.clone());
            }
            Verb::Heal => self.heal()?,
            Verb::Space(bytes) => self.space(*bytes),
            Verb::SyncErrors(fate) => self.sync_errors(*fate),
            Verb::Hold(task) => self.hold(task),
            Verb::Release(task) => self.release(task)?,
            Verb::Advance(time) => self.advance(*time)?,
            Verb::AwaitChild => self.await_child()?,
            Verb::AwaitLog(text) => self.await_log(text)?,
            Verb::Kill(victim) => self.kill(*victim)?,
            Verb::PowerCut(cut) => self.power_cut(*cut)?,
            Verb::Settle => self.world.kernel().disk.settle(),
            Verb::Shutdown(signal) => self.shutdown(*signal)?,
            Verb::Restart(directives) => self.restart(directives)?,
            Verb::Damage { role, damage } => self.damage(&role.role, damage)?,
            Verb::Show(show) => self.show(show)?,
            Verb::Expect(expect) => self.expect(expect)?,
            Verb::Needs(needs @ Needs::Command(_)) => self.need(needs)?,
            Verb::Symptom(expect) => self.symptom(expect)?,
            Verb::Needs(_) | Verb::Known(_) => {}
            Verb::Check => self.check()?,
            Verb::Maybe(verb) => self.perhaps(verb)?,
        }
        Ok(())
    }

    /// Does what can be done; it is no error of the case when there is nobody to do it to.
    fn perhaps(&mut self, verb: &Verb) -> Result<(), Stop> {
        let possible = match verb {
            Verb::Kill(Victim::Child) => self.world.children() > 0,
            Verb::Hold(task) => {
                self.world.kernel().hold_task(task);
                return Ok(());
            }
            Verb::AwaitChild => return self.wait(|runner| runner.world.children() == 0).map(drop),
            _ => self.is_running(),
        };
        if possible { self.perform(verb) } else { Ok(()) }
    }

    pub(super) fn configure(&mut self, directive: &Directive) {
        self.directives.retain(|known| !known.name.eq_ignore_ascii_case(&directive.name));
        self.directives.push(directive.clone());
    }

    fn send(&mut self, client: &Name, argv: &Argv) -> Result<(), Stop> {
        let index = self.seen.history.len();
        if !self.state.clients.send(self.world, client, argv, Purpose::Case(index))? {
            self.last_sent = None;
            self.reply("(no server)");
            return Ok(());
        }
        if crate::contract::history::name(argv) == "SHUTDOWN" {
            self.asked.shutdown = true;
        }
        let taken_at = self.now();
        self.state.seen.history.push(Sent {
            line: self.state.line,
            incarnation: self.state.seen.incarnation(),
            client: client.clone(),
            argv: argv.clone(),
            taken_at,
            calls: self.state.seen.calls.len(),
            reply: None,
            acked_at: None,
            answered_after: 0,
        });
        self.last_sent = Some(index);
        Ok(())
    }

    fn heal(&mut self) -> Result<(), Stop> {
        let unfired = self.world.kernel().heal();
        self.unfired(&unfired)?;
        self.settle()?;
        self.healed_at = Some(self.now());
        Ok(())
    }

    fn space(&mut self, bytes: Option<u64>) {
        self.world.kernel().disk.set_space(bytes);
        self.healed_at = None;
        if bytes.is_some() {
            self.faulted = self.seen.incarnation();
        }
    }

    /// Whether there is nobody to do something to because the plan has ended the server: a workload
    /// goes on as if nothing had happened.
    fn nobody(&mut self) -> bool {
        let nobody = self.halted && !self.is_running();
        if nobody {
            self.note("no server");
        }
        nobody
    }

    fn sync_errors(&mut self, fate: PageFate) {
        self.world.kernel().disk.sync_errors = match fate {
            PageFate::Clean => SyncErrors::Clean,
            PageFate::Dirty => SyncErrors::Dirty,
        };
    }

    fn release(&mut self, task: &str) -> Result<(), Stop> {
        let met = self.world.kernel().release_task(task);
        let Some(met) = met else { return self.bad_case(format!("`{task}` is not held")) };
        let line = self.holds.iter().rposition(|(held, _)| held == task);
        let line = line.map(|at| self.holds.remove(at).1);
        line.filter(|_| !met).map_or(Ok(()), |line| self.never_held(task, line))
    }

    fn hold(&mut self, task: &str) {
        self.world.kernel().hold_task(task);
        self.state.holds.push((task.to_string(), self.state.line));
    }

    fn advance(&mut self, time: Duration) -> Result<(), Stop> {
        let to = self.now() + time;
        self.advance_until(to, |_| false)?;
        self.world.kernel().advance_to(to);
        self.settle()
    }

    /// Waits until `done`; how long that took is shown.
    fn wait(&mut self, done: impl Fn(&Self) -> bool) -> Result<bool, Stop> {
        let from = self.now();
        let came = self.advance_until(from + PATIENCE, done)?;
        let to: Time = self.now();
        if to > from {
            self.events.push(Event::Waited { from, to });
        }
        Ok(came)
    }

    fn await_child(&mut self) -> Result<(), Stop> {
        if self.nobody() {
            return Ok(());
        }
        if self.wait(|runner| runner.world.children() == 0)? {
            return Ok(());
        }
        self.bad_case("the server has not reaped its child within 60 s of its time")
    }

    fn await_log(&mut self, text: &str) -> Result<(), Stop> {
        if self.nobody() {
            return Ok(());
        }
        let place = |runner: &Runner<'_>| {
            let new = runner.log.iter().skip(runner.awaited);
            new.into_iter().position(|line| line.message.contains(text))
        };
        if !self.wait(|runner| place(runner).is_some())? {
            let message = format!("the log has not said `{text}` within 60 s of server time");
            return self.bad_case(message);
        }
        self.awaited += place(self).map_or(0, |at| at + 1);
        Ok(())
    }

    fn power_cut(&mut self, cut: Cut) -> Result<(), Stop> {
        let possible = PowerCut::image(&self.world.kernel().disk, cut);
        if let Err(impossible) = possible {
            return self.bad_case(impossible.to_string());
        }
        self.asked.kill = true;
        self.world.cut_power(cut)?;
        Ok(())
    }

    fn kill(&mut self, victim: Victim) -> Result<(), Stop> {
        if self.nobody() {
            return Ok(());
        }
        match victim {
            Victim::Child if self.world.children() == 0 => {
                return self.bad_case("there is no child to kill");
            }
            Victim::Parent | Victim::All if !self.is_running() => {
                return self.bad_case("there is no server to kill");
            }
            Victim::Parent | Victim::All => self.asked.kill = true,
            Victim::Child => {}
        }
        self.world.kill(victim)?;
        Ok(())
    }

    fn shutdown(&mut self, signal: Signal) -> Result<(), Stop> {
        if self.nobody() {
            return Ok(());
        }
        if !self.is_running() {
            return self.bad_case("there is no server to shut down");
        }
        self.asked.shutdown |= matches!(signal, Signal::SIGTERM | Signal::SIGINT);
        self.asked.signal = Some(signal as i32);
        self.world.signal(signal)?;
        self.settle()?;
        if !self.wait(|runner| !runner.running)? {
            self.note("the server runs on");
        }
        Ok(())
    }

    fn restart(&mut self, directives: &[Directive]) -> Result<(), Stop> {
        if self.is_running() {
            return self.bad_case("the server still runs: `kill` or `shutdown` comes first");
        }
        for directive in directives {
            self.configure(directive);
        }
        self.start()?;
        if self.running {
            self.due = Some(Due::new(self.line, Moment::Restarted));
        }
        Ok(())
    }

    fn check(&mut self) -> Result<(), Stop> {
        if self.nobody() {
            return Ok(());
        }
        if !self.is_running() {
            return self.bad_case("`check` asks a running server, and there is none");
        }
        self.judge_the_living();
        Ok(())
    }

    fn damage(&mut self, role: &str, damage: &Damage) -> Result<(), Stop> {
        if self.is_running() {
            return self
                .bad_case("the server still runs: damage is for files that nobody has open");
        }
        let absent = || match damage {
            Damage::Append(_) => self.profile.only_name_of(role).map(|name| (name, Vec::new())),
            _ => None,
        };
        let Some((name, content)) = self.files_of(role).pop().or_else(absent) else {
            return self.bad_case(format!("there is no file with the role `{role}`"));
        };
        let length = content.len() as u64;
        let reach = match damage {
            Damage::Cut(bytes) => *bytes,
            Damage::Zero { offset, len } => offset.saturating_add(*len),
            Damage::Append(_) | Damage::Empty | Damage::Remove => 0,
        };
        if reach > length {
            return self.bad_case(format!("the file has only {length} bytes"));
        }
        self.world.set_file(&name, damaged(content, damage))?;
        self.state.seen.damages.push(Damaged { starts: self.state.seen.starts.len() });
        Ok(())
    }

    /// Every file with this role, by name.
    pub fn files_of(&self, role: &str) -> Vec<(String, Vec<u8>)> {
        let kernel = self.world.kernel();
        let files = kernel.disk.files().filter(|(name, _)| kernel.role_of_name(name) == role);
        files.map(|(name, content)| (name.to_string(), content.to_vec())).collect()
    }
}

/// Whether what the step does, or whether it can be done, depends on what is on the disk, also when
/// nobody lives.
pub fn looks_at_the_disk(verb: &Verb) -> bool {
    match verb {
        Verb::Damage { .. } | Verb::PowerCut(_) | Verb::Space(_) => true,
        Verb::Show(show) => matches!(show, Show::File(_) | Show::Files),
        Verb::Expect(expect) | Verb::Symptom(expect) => {
            matches!(expect, Expect::File { .. } | Expect::Files { .. })
        }
        Verb::Maybe(verb) => looks_at_the_disk(verb),
        _ => false,
    }
}

fn damaged(mut content: Vec<u8>, damage: &Damage) -> Option<Vec<u8>> {
    match damage {
        Damage::Cut(bytes) => content.truncate(content.len() - *bytes as usize),
        Damage::Append(bytes) => content.extend_from_slice(bytes),
        Damage::Zero { offset, len } => {
            content[*offset as usize..(*offset + *len) as usize].fill(0);
        }
        Damage::Empty => content.clear(),
        Damage::Remove => return None,
    }
    Some(content)
}
