//! One function per verb: what a step does to the machine and its server.
//!
//! Must not know: how the effect is observed.

use std::time::Duration;

use nix::sys::signal::Signal;

use super::clients::Purpose;
use super::needs::meant;
use super::state::{EarlyEnd, Runner};
use crate::case::script::{Damage, Expect, Needs, Restart, Show, Verb};
use crate::contract::Moment;
use crate::kernel::disk::PowerCut;
use crate::kernel::{Cut, Name, Time};
use crate::observation::{Argv, Damaged, Event};
use crate::world::Victim;

/// How much server time a step may wait for something to happen.
const PATIENCE: Duration = Duration::from_secs(60);

impl Runner<'_> {
    pub fn perform(&mut self, verb: &Verb) -> Result<(), EarlyEnd> {
        match verb {
            Verb::Config(directive) => self.session.configure(directive),
            Verb::Send { client, argv } => self.send(client, argv)?,
            Verb::Inject { rule, .. } => self.session.world.kernel().plan.inject(rule.clone()),
            Verb::Preempt { decision, .. } => {
                self.session.world.kernel().schedule.decide(decision.clone());
            }
            Verb::Heal => self.heal()?,
            Verb::HealOnly(healed) => self.heal_only(healed)?,
            Verb::Space(bytes) => self.space(*bytes),
            Verb::ReadOnly => self.read_only(),
            Verb::SyncErrors(fate) => self.sync_errors(*fate),
            Verb::Hold(task) => self.session.hold(task, self.record.line),
            Verb::Release(task) => self.release(task)?,
            Verb::Advance(time) => self.advance(*time)?,
            Verb::ClockBack(by) => self.clock_back(*by),
            Verb::AwaitChild => self.await_child()?,
            Verb::AwaitLog(text) => self.await_log(text)?,
            Verb::Kill(victim) => self.kill(*victim)?,
            Verb::Signal { task, signal } => self.signal(task, *signal)?,
            Verb::Orphan(code) => self.orphan(*code)?,
            Verb::Launch(by) => self.launched_by(*by),
            Verb::PowerCut(cut) => self.power_cut(*cut)?,
            Verb::Settle => self.session.world.kernel().disk.settle(),
            Verb::Repair => self.repair()?,
            Verb::Backup(roles) => self.back_up(roles)?,
            Verb::Restore => self.restore()?,
            Verb::Shutdown(signal) => self.shutdown(*signal)?,
            Verb::Restart(restart) => self.restart(restart)?,
            Verb::File { name, content } => self.put_file(name, content)?,
            Verb::Damage { role, damage } => self.damage(&role.role, damage)?,
            Verb::Show(show) => self.show(show)?,
            Verb::Expect(expect) => self.expect(expect)?,
            Verb::Needs(needs @ Needs::Command(_)) => self.need(needs)?,
            Verb::Symptom(expect) => self.symptom(expect)?,
            Verb::Needs(_) | Verb::Known(_) => {}
            Verb::Check => self.check()?,
            Verb::Maybe(verb) => self.perform_if_possible(verb)?,
        }
        Ok(())
    }

    /// Does what can be done; where it cannot, the case is not wrong.
    fn perform_if_possible(&mut self, verb: &Verb) -> Result<(), EarlyEnd> {
        let possible = match verb {
            Verb::Kill(Victim::Child) => self.session.world.children() > 0,
            Verb::Signal { task, .. } => self.session.world.kernel().task_named(task).is_some(),
            Verb::Hold(task) => {
                self.session.world.kernel().hold_task(task);
                return Ok(());
            }
            Verb::AwaitChild => {
                return self.wait(|runner| runner.session.world.children() == 0).map(drop);
            }
            _ => self.session.is_running(),
        };
        if possible { self.perform(verb) } else { Ok(()) }
    }

    fn send(&mut self, client: &Name, argv: &Argv) -> Result<(), EarlyEnd> {
        let place = self.record.seen.history.len();
        if !self.session.send(client, argv, Purpose::Case(place))? {
            self.record.last.place = None;
            self.record.reply("(no server)");
            return Ok(());
        }
        if crate::contract::history::name(argv) == "SHUTDOWN" {
            self.session.asked_to_shut_down();
        }
        let (now, behind) = (self.session.now(), self.session.behind());
        self.record.last.place = Some(self.record.sent(client, argv.clone(), now, behind));
        Ok(())
    }

    /// Whether no server runs because the plan has ended it: a workload goes on as if nothing had
    /// happened.
    pub(super) fn plan_ended_server(&mut self) -> bool {
        let ended = self.session.plan_ended_server();
        if ended {
            self.record.note("no server");
        }
        ended
    }

    fn release(&mut self, task: &str) -> Result<(), EarlyEnd> {
        match self.session.release(task) {
            None => self.bad_case(format!("`{task}` is not held")),
            Some(Some(line)) => self.never_held(task, line),
            Some(None) => Ok(()),
        }
    }

    fn advance(&mut self, time: Duration) -> Result<(), EarlyEnd> {
        let to = self.session.now() + time;
        self.advance_to(to)?;
        self.settle()
    }

    /// Somebody sets the wall clock back.
    fn clock_back(&mut self, by: Duration) {
        self.session.world.kernel().clock.set_back(by);
        let set = (self.session.now(), self.session.behind());
        self.record.seen.clock_sets.push(set);
    }

    /// Waits until `done`; how long that took is shown.
    fn wait(&mut self, done: impl Fn(&Self) -> bool) -> Result<bool, EarlyEnd> {
        let from = self.session.now();
        let came = self.advance_until(from + PATIENCE, done)?;
        let to: Time = self.session.now();
        if to > from {
            self.record.event(Event::Waited { from, to });
        }
        Ok(came)
    }

    fn await_child(&mut self) -> Result<(), EarlyEnd> {
        if self.plan_ended_server() {
            return Ok(());
        }
        if self.wait(|runner| runner.session.world.children() == 0)? {
            return Ok(());
        }
        self.unless_nobody_can_run()?;
        self.bad_case("the server has not reaped its child within 60 s of its time")
    }

    fn await_log(&mut self, text: &str) -> Result<(), EarlyEnd> {
        if self.plan_ended_server() {
            return Ok(());
        }
        if !self.wait(|runner| runner.record.log.says(text))? {
            self.unless_nobody_can_run()?;
            let message = format!("the log has not said `{text}` within 60 s of server time");
            return self.bad_case(message);
        }
        self.record.log.go_past(text);
        Ok(())
    }

    fn power_cut(&mut self, cut: Cut) -> Result<(), EarlyEnd> {
        let possible = PowerCut::image(&self.session.world.kernel().disk, cut);
        if let Err(impossible) = possible {
            return self.bad_case(impossible.to_string());
        }
        self.session.cut_power(cut)?;
        Ok(())
    }

    fn kill(&mut self, victim: Victim) -> Result<(), EarlyEnd> {
        if self.plan_ended_server() {
            return Ok(());
        }
        match victim {
            Victim::Child if self.session.world.children() == 0 => {
                self.bad_case("there is no child to kill")
            }
            Victim::Parent | Victim::All if !self.session.is_running() => {
                self.bad_case("nothing to kill: no server is running")
            }
            _ => Ok(self.session.kill(victim)?),
        }
    }

    fn shutdown(&mut self, signal: Signal) -> Result<(), EarlyEnd> {
        if self.plan_ended_server() {
            return Ok(());
        }
        if !self.session.is_running() {
            return self.bad_case("nothing to shut down: no server is running");
        }
        self.session.signal(signal)?;
        self.settle()?;
        if !self.wait(|runner| !runner.session.has_server())? {
            self.record.note("the server runs on");
        }
        Ok(())
    }

    /// Configures the next start.
    pub fn prepare_restart(&mut self, restart: &Restart) -> Result<(), EarlyEnd> {
        restart.directives.iter().for_each(|directive| self.session.configure(directive));
        if let Some(server) = &restart.server {
            let profile = self.session.use_server(server)?;
            self.record.is_told_by(&profile);
            self.current = Some(profile);
        }
        Ok(())
    }

    /// Has the check tool mend what a start reads.
    fn repair(&mut self) -> Result<(), EarlyEnd> {
        if self.session.is_running() {
            return self.bad_case("the server still runs: `repair` is for files that it has left");
        }
        let manifest = self.session.files_of("manifest").pop();
        let Some((name, _)) = manifest.or_else(|| self.session.files_of("aof").pop()) else {
            let why = "there is no append-only file to repair".to_string();
            return Err(EarlyEnd::NotApplicable(why));
        };
        match self.session.world.repair(&name)? {
            true => Ok(()),
            false => {
                let why = "no check tool lies beside this server".to_string();
                Err(EarlyEnd::NotApplicable(why))
            }
        }
    }

    fn restart(&mut self, restart: &Restart) -> Result<(), EarlyEnd> {
        if self.session.is_running() {
            return self.bad_case("the server still runs: `kill` or `shutdown` comes first");
        }
        self.prepare_restart(restart)?;
        self.start()?;
        if self.session.has_server() {
            self.judgements.is_due(self.record.line, Moment::Restarted);
        }
        Ok(())
    }

    fn check(&mut self) -> Result<(), EarlyEnd> {
        if self.plan_ended_server() {
            return Ok(());
        }
        if !self.session.is_running() {
            return self.bad_case("`check` asks a running server, and there is none");
        }
        self.judgements.is_due(self.record.line, Moment::Living);
        Ok(())
    }

    fn damage(&mut self, role: &str, damage: &Damage) -> Result<(), EarlyEnd> {
        if self.session.is_running() {
            return self
                .bad_case("the server still runs: damage is for files that nobody has open");
        }
        let absent = || match damage {
            Damage::Append(_) => {
                let name = self.session.world.kernel().roles().only_name_of(role);
                name.map(|name| (name, Vec::new()))
            }
            _ => None,
        };
        let Some((name, content)) = self.session.files_of(role).pop().or_else(absent) else {
            return self.bad_case(format!("no file has the role `{role}`{}", meant(role)));
        };
        let length = content.len() as u64;
        let reach = match damage {
            Damage::Truncate(bytes) => *bytes,
            Damage::Zero { offset, len } => offset.saturating_add(*len),
            Damage::Append(_) | Damage::Empty | Damage::Remove => 0,
        };
        if reach > length {
            return self.bad_case(format!("the file has only {length} bytes"));
        }
        self.session.world.set_file(&name, damaged(content, damage))?;
        let starts = self.record.seen.starts.len();
        let nothing_left = matches!(damage, Damage::Remove | Damage::Empty);
        self.record.seen.damages.push(Damaged { starts, role: role.into(), nothing_left });
        Ok(())
    }
}

/// Whether the step depends on what is on the disk even when no process lives.
pub fn looks_at_the_disk(verb: &Verb) -> bool {
    match verb {
        Verb::Damage { .. } | Verb::File { .. } | Verb::PowerCut(_) | Verb::Space(_) => true,
        Verb::Repair | Verb::Restore => true,
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
        Damage::Truncate(bytes) => content.truncate(content.len() - *bytes as usize),
        Damage::Append(bytes) => content.extend_from_slice(bytes),
        Damage::Zero { offset, len } => {
            content[*offset as usize..(*offset + *len) as usize].fill(0);
        }
        Damage::Empty => content.clear(),
        Damage::Remove => return None,
    }
    Some(content)
}
