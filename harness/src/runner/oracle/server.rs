//! A server without faults and without persistence, on which a history is done again.
//!
//! Must not know: which states are wanted, and what they are compared with.

use crate::case::lex;
use crate::contract::Unit;
use crate::kernel::Time;
use crate::runner::dataset::{DatasetQuestion, digest};
use crate::runner::resp::{Reply, decode, encode};
use crate::world::{Broken, Directive, World};

/// The connection for questions.
const ASKER: &str = "oracle";

/// A server without faults and without persistence.
pub struct Server {
    pub world: Box<dyn World>,
}

impl Server {
    /// Starts one with these directives, of which none is about persistence.
    pub fn start(mut world: Box<dyn World>, directives: &[Directive]) -> Result<Server, Broken> {
        let mut directives = directives.to_vec();
        directives.push(Directive { name: "appendonly".to_string(), value: "no".to_string() });
        world.start(&directives)?;
        Ok(Server { world })
    }

    pub fn advance_to(&mut self, time: Time) -> Result<(), Broken> {
        let now = self.world.kernel().now();
        if time > now { self.world.advance_to(time) } else { Ok(()) }
    }

    pub fn perform(&mut self, unit: &Unit) -> Result<(), Broken> {
        let (start, client) = &unit.client;
        let client = format!("{start}:{client}");
        match unit.commands.as_slice() {
            [argv] if unit.may_wait => self.perform_or_wait(&client, argv),
            commands => commands.iter().try_for_each(|argv| self.ask(&client, argv).map(drop)),
        }
    }

    /// Sends a command that may wait for a key. Where it does, no reply to it was ever seen, and it
    /// must not take what others bring later.
    fn perform_or_wait(&mut self, client: &str, argv: &[Vec<u8>]) -> Result<(), Broken> {
        let words = |words: &[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let id: Vec<_> = words(&["CLIENT", "ID"]);
        let Reply::Integer(id) = self.ask(client, &id)? else { return Ok(()) };
        self.world.send(client, &encode(argv))?;
        self.world.settle()?;
        if self.world.receive(client).bytes.is_empty() {
            let unblock: Vec<_> = words(&["CLIENT", "UNBLOCK", &id.to_string()]);
            self.ask(ASKER, &unblock)?;
            self.world.receive(client);
        }
        Ok(())
    }

    /// The digest of its dataset.
    pub fn dataset(&mut self, question: &DatasetQuestion) -> Result<String, Broken> {
        let Some(answer) = question.ask(&mut *self.world, ASKER)? else {
            let message = "no reply to `DEBUG DIGEST` on a server without faults";
            return Err(Broken::Harness(message.to_string()));
        };
        digest(&answer).map_err(|other| {
            Broken::NotMeasured(format!("the server has no DEBUG DIGEST: {other}"))
        })
    }

    /// Sends one command and waits for its reply.
    fn ask(&mut self, client: &str, argv: &[Vec<u8>]) -> Result<Reply, Broken> {
        self.world.send(client, &encode(argv))?;
        self.world.settle()?;
        let received = self.world.receive(client);
        match decode(&received.bytes) {
            Ok(Some((reply, end))) if end == received.bytes.len() => Ok(reply),
            _ => {
                let command = lex::quote(argv);
                Err(Broken::Harness(format!("no reply to `{command}` on a server without faults")))
            }
        }
    }
}
