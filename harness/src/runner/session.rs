//! The runner's dealings with the server and its machine: connections, configuration, and who asked
//! the server to end.
//!
//! Must not know: what was observed, and what is judged.

use std::collections::BTreeMap;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::clients::{Arrived, Clients, Purpose};
use super::content::Millis;
use super::content::ask::millis;
use super::resp::Reply;
use crate::case::verbs::OBSERVER;
use crate::kernel::{Cut, Name, Time};
use crate::observation::Argv;
use crate::profile::Profile;
use crate::world::{Broken, Directive, Status, Victim, World};

/// Who asked the running server to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    pub kill: bool,
    pub shutdown: bool,
    /// The number of a signal that the case sent.
    pub signal: Option<i32>,
}

/// A start that was refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// `exited with 1`
    pub how: String,
    /// The server's own line.
    pub line: Option<String>,
}

/// A server on a machine, and all connections to it.
pub struct Session<'a> {
    pub world: &'a mut dyn World,
    state: SessionState,
}

/// What a session knows besides its machine, as plain data.
#[derive(Clone, Debug, Default)]
pub struct SessionState {
    clients: Clients,
    /// The runner's own questions that were answered, by number; None: the connection was closed.
    answers: BTreeMap<u32, Option<Reply>>,
    next_question: u32,
    /// The question whether the server is ready, while it has no answer.
    asked_if_ready: Option<u32>,
    /// The case's configuration so far.
    directives: Vec<Directive>,
    /// The server that the case has put into the place of the world's own.
    server: Option<Name>,
    /// Whether a server was started that has not been seen to end.
    has_server: bool,
    asked: Asked,
    /// The plan has killed the running server, or cut its power.
    ended_by_plan: bool,
    /// How starts in a row were refused; None unless the server is being started.
    refusals: Option<Vec<Refusal>>,
    /// Names that are being held and must have held a task by the end, with their lines.
    holds: Vec<(String, u32)>,
}

impl SessionState {
    /// Whether some task is being held.
    pub fn holds_tasks(&self) -> bool {
        !self.holds.is_empty()
    }
}

/// The machine and its server.
impl<'a> Session<'a> {
    pub fn new(world: &'a mut dyn World, state: SessionState) -> Session<'a> {
        Session { world, state }
    }

    pub fn into_state(self) -> SessionState {
        self.state
    }

    pub fn now(&self) -> Time {
        self.world.kernel().now()
    }

    /// Whether the server's process lives.
    pub fn is_running(&self) -> bool {
        matches!(self.world.status(), Status::Running)
    }

    /// Whether a server was started that has not been seen to end.
    pub fn has_server(&self) -> bool {
        self.state.has_server
    }

    pub fn directives(&self) -> &[Directive] {
        &self.state.directives
    }

    /// From the next start on it is this server. Returns what is known of it.
    pub fn use_server(&mut self, name: &str) -> Result<Profile, Broken> {
        self.state.server = Some(name.into());
        self.world.use_server(name)
    }

    /// The server that the case has put into the place of the world's own.
    pub fn server(&self) -> Option<&Name> {
        self.state.server.as_ref()
    }

    /// How far the wall clock was set back.
    pub fn behind(&self) -> Duration {
        self.world.kernel().clock.behind()
    }

    /// The time that the server is told.
    pub fn wall_clock(&self) -> Millis {
        millis(self.world.kernel().clock.realtime())
    }

    /// Sets a directive for the next start; the last one counts.
    pub fn configure(&mut self, directive: &Directive) {
        let directives = &mut self.state.directives;
        directives.retain(|known| !directive.replaces(known));
        directives.push(directive.clone());
    }

    /// Starts the server on what is on the disk.
    pub fn start(&mut self) -> Result<(), Broken> {
        self.world.start(&self.state.directives)
    }

    /// A new server is about to run; nothing has asked it to end.
    pub fn server_starts(&mut self) {
        self.state.has_server = true;
        self.state.ended_by_plan = false;
        self.state.asked = Asked::default();
        self.state.asked_if_ready = None;
    }

    pub fn server_ended(&mut self) {
        self.state.has_server = false;
    }

    /// Every file with this role, by name.
    /// All files, with what a reader sees of them.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let kernel = self.world.kernel();
        let files = kernel.disk.files();
        files.map(|(name, content)| (name.to_string(), content.to_vec())).collect()
    }

    pub fn files_of(&self, role: &str) -> Vec<(String, Vec<u8>)> {
        let kernel = self.world.kernel();
        let files = kernel.disk.files().filter(|(name, _)| kernel.role_of_name(name) == role);
        files.map(|(name, content)| (name.to_string(), content.to_vec())).collect()
    }
}

/// Starts that are refused: a supervisor tries again.
impl Session<'_> {
    pub fn begin_attempts(&mut self) {
        self.state.refusals = Some(Vec::new());
    }

    /// How often the start under way was refused so far.
    pub fn refusals(&self) -> usize {
        self.state.refusals.as_ref().map_or(0, Vec::len)
    }

    /// Notes a refusal if the server is being started; else the server has run for a while, and the
    /// refusal comes back.
    pub fn note_refusal(&mut self, refusal: Refusal) -> Result<(), Refusal> {
        match &mut self.state.refusals {
            Some(refusals) => {
                refusals.push(refusal);
                Ok(())
            }
            None => Err(refusal),
        }
    }

    /// How the starts since [`Session::begin_attempts`] were refused.
    pub fn end_attempts(&mut self) -> Vec<Refusal> {
        self.state.refusals.take().unwrap_or_default()
    }
}

/// Ends.
impl Session<'_> {
    pub fn asked(&self) -> Asked {
        self.state.asked
    }

    /// The server was sent SHUTDOWN.
    pub fn asked_to_shut_down(&mut self) {
        self.state.asked.shutdown = true;
    }

    pub fn kill(&mut self, victim: Victim) -> Result<(), Broken> {
        self.state.asked.kill |= victim != Victim::Child;
        self.world.kill(victim)
    }

    pub fn cut_power(&mut self, cut: Cut) -> Result<(), Broken> {
        self.state.asked.kill = true;
        self.world.cut_power(cut)
    }

    pub fn signal(&mut self, signal: Signal) -> Result<(), Broken> {
        self.asked_by_signal(signal);
        self.world.signal(signal)
    }

    /// Sends a signal to one task. False: there is none of this name.
    pub fn signal_task(&mut self, task: &str, signal: Signal) -> Result<bool, Broken> {
        if !self.world.kernel().is_child(task) {
            self.asked_by_signal(signal);
        }
        self.world.signal_task(task, signal)
    }

    fn asked_by_signal(&mut self, signal: Signal) {
        self.state.asked.shutdown |= matches!(signal, Signal::SIGTERM | Signal::SIGINT);
        self.state.asked.signal = Some(signal as i32);
    }

    /// The machine ended the server; unless the case asked for that, the plan did.
    pub fn machine_ended_server(&mut self) {
        self.state.ended_by_plan |= !self.state.asked.kill;
    }

    /// Whether no server runs because the plan has ended it.
    pub fn plan_ended_server(&self) -> bool {
        self.state.ended_by_plan && !self.is_running()
    }
}

/// Connections.
impl Session<'_> {
    /// Sends a command. Returns false if no server is running.
    pub fn send(&mut self, client: &str, argv: &Argv, purpose: Purpose) -> Result<bool, Broken> {
        self.state.clients.send(self.world, client, argv, purpose)
    }

    /// Everything that has arrived.
    pub fn receive(&mut self) -> Result<Vec<Arrived>, Broken> {
        self.state.clients.receive(self.world)
    }

    /// Whether the case still waits for the reply to this command.
    pub fn awaits(&self, purpose: Purpose) -> bool {
        self.state.clients.awaits(purpose)
    }

    /// Sends questions of the runner's own at once. Returns their numbers; empty when there is no
    /// server.
    pub fn send_questions(&mut self, questions: &[Argv]) -> Result<Vec<u32>, Broken> {
        let mut numbers = Vec::new();
        for question in questions {
            let number = self.state.next_question;
            if !self.send(OBSERVER, question, Purpose::Question(number))? {
                return Ok(Vec::new());
            }
            self.state.next_question += 1;
            numbers.push(number);
        }
        Ok(numbers)
    }

    /// Asks the server whether it is ready.
    pub fn ask_if_ready(&mut self) -> Result<(), Broken> {
        let ping = [b"PING".to_vec()].into();
        self.state.asked_if_ready = self.send_questions(&[ping])?.first().copied();
        Ok(())
    }

    /// That question, if it was sent and nothing has become of it yet.
    pub fn asked_if_ready(&self) -> Option<u32> {
        self.state.asked_if_ready
    }

    pub fn forget_if_ready(&mut self) {
        self.state.asked_if_ready = None;
    }

    pub fn answered(&mut self, question: u32, answer: Option<Reply>) {
        self.state.answers.insert(question, answer);
    }

    /// The answer to a question: None while there is none; an inner None: the connection was closed
    /// instead.
    pub fn take_answer(&mut self, question: u32) -> Option<Option<Reply>> {
        self.state.answers.remove(&question)
    }

    /// What stands for an answer that has not come.
    pub fn silence(&self) -> String {
        let text = if self.state.has_server { "(no reply yet)" } else { "(no server)" };
        text.to_string()
    }
}

/// Tasks that are held.
impl Session<'_> {
    pub fn hold(&mut self, task: &str, line: u32) {
        self.world.kernel().hold_task(task);
        self.state.holds.push((task.to_string(), line));
    }

    /// Lets a task go on; None: it is not held. The line of its `hold`, if no task had that name
    /// meanwhile.
    pub fn release(&mut self, task: &str) -> Option<Option<u32>> {
        let met = self.world.kernel().release_task(task)?;
        let holds = &mut self.state.holds;
        let line = holds.iter().rposition(|(held, _)| held == task);
        let line = line.map(|at| holds.remove(at).1);
        Some(line.filter(|_| !met))
    }

    /// The first name that is still held and that no task ever had, with its line.
    pub fn never_held(&self) -> Option<(String, u32)> {
        let kernel = self.world.kernel();
        let mut holds = self.state.holds.iter();
        holds.find(|(task, _)| kernel.has_held(task) == Some(false)).cloned()
    }
}
