//! The clients of a case: connections by name, commands under way, replies as they come.
//!
//! Must not know: what a reply means.

use std::collections::VecDeque;

use super::protocol::Protocol;
use super::resp::{Reply, decode, encode};
use crate::observation::{Argv, Name};
use crate::world::{Broken, World};

/// What a command was sent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// By the case: its place in the history.
    Case(usize),
    /// By the runner, under this number.
    Question(u32),
    /// For nothing: the server wrote unasked.
    Unasked,
}

/// A reply, or the end of the connection that should have brought it.
#[derive(Debug)]
pub struct Arrived {
    pub client: Name,
    pub purpose: Purpose,
    /// None: the connection was closed.
    pub reply: Option<Reply>,
}

#[derive(Clone, Debug)]
struct Client {
    name: Name,
    protocol: Protocol,
    pending: VecDeque<Purpose>,
    received: Vec<u8>,
}

/// All connections, in the order in which they were first used.
#[derive(Clone, Debug, Default)]
pub struct Clients {
    clients: Vec<Client>,
}

impl Clients {
    /// Sends a command. Returns false if no server is running.
    pub fn send(
        &mut self,
        world: &mut dyn World,
        name: &str,
        argv: &Argv,
        purpose: Purpose,
    ) -> Result<bool, Broken> {
        if !world.send(name, &encode(argv))? {
            return Ok(false);
        }
        if !self.clients.iter().any(|client| client.name == name) {
            let (name, protocol) = (Name::from(name), Protocol::default());
            let (pending, received) = (VecDeque::new(), Vec::new());
            self.clients.push(Client { name, protocol, pending, received });
        }
        let client = self.clients.iter_mut().find(|client| client.name == name);
        let client = client.expect("it was just made");
        let replies = client.protocol.replies_to(argv);
        client.pending.extend(std::iter::repeat_n(purpose, replies));
        Ok(true)
    }

    /// Whether the case still waits for the reply to this command.
    pub fn awaits(&self, purpose: Purpose) -> bool {
        self.clients.iter().any(|client| client.pending.contains(&purpose))
    }

    /// Everything that has arrived.
    pub fn receive(&mut self, world: &mut dyn World) -> Result<Vec<Arrived>, Broken> {
        let mut arrived = Vec::new();
        for client in &mut self.clients {
            let received = world.receive(&client.name);
            client.received.extend_from_slice(&received.bytes);
            client.take_replies(&mut arrived)?;
            if received.closed {
                client.received.clear();
                client.protocol = Protocol::default();
                let name = &client.name;
                arrived.extend(client.pending.drain(..).map(|purpose| Arrived {
                    client: name.clone(),
                    purpose,
                    reply: None,
                }));
            }
        }
        Ok(arrived)
    }
}

impl Client {
    fn take_replies(&mut self, arrived: &mut Vec<Arrived>) -> Result<(), Broken> {
        loop {
            match decode(&self.received) {
                Ok(None) => return Ok(()),
                Ok(Some((reply, end))) => {
                    self.received.drain(..end);
                    let asked = !self.protocol.is_unasked(&reply);
                    let purpose = if asked { self.pending.pop_front() } else { None };
                    let purpose = purpose.unwrap_or(Purpose::Unasked);
                    let client = self.name.clone();
                    arrived.push(Arrived { client, purpose, reply: Some(reply) });
                }
                Err(_) => {
                    let shown = crate::case::lex::escaped(&self.received);
                    let message = format!("{} received what is not RESP: {shown}", self.name);
                    return Err(Broken::Harness(message));
                }
            }
        }
    }
}
