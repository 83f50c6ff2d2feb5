//! Client connections: real sockets that never block the supervisor.
//!
//! What a socket does not take at once is kept here, and what the server has written is read at
//! once, so that no full socket buffer can stop a run. Must not know: the protocol.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use crate::world::{Broken, Received};

/// All clients of one machine, by name.
#[derive(Debug)]
pub struct Clients {
    socket: PathBuf,
    clients: BTreeMap<String, Client>,
}

#[derive(Debug, Default)]
struct Client {
    stream: Option<UnixStream>,
    unsent: VecDeque<u8>,
    arrived: Vec<u8>,
    closed: bool,
}

impl Clients {
    pub fn new(socket: PathBuf) -> Clients {
        Clients { socket, clients: BTreeMap::new() }
    }

    /// Sends bytes, over a new connection if there is none. False: nobody listens.
    pub fn send(&mut self, name: &str, bytes: &[u8]) -> Result<bool, Broken> {
        let client = self.clients.entry(name.to_string()).or_default();
        if client.stream.is_none() {
            match UnixStream::connect(&self.socket) {
                Ok(stream) => {
                    stream.set_nonblocking(true).map_err(|error| broken(name, &error))?;
                    *client = Client { stream: Some(stream), ..Client::default() };
                }
                Err(error) if is_refusal(&error) => return Ok(false),
                Err(error) => return Err(broken(name, &error)),
            }
        }
        client.unsent.extend(bytes);
        client.pump();
        Ok(true)
    }

    /// What has arrived at a client since the last call.
    pub fn receive(&mut self, name: &str, server_lives: bool) -> Received {
        let Some(client) = self.clients.get_mut(name) else { return Received::default() };
        client.pump();
        let bytes = std::mem::take(&mut client.arrived);
        // A child may keep the connection open after the server's death; nobody will answer on it.
        Received { bytes, closed: client.closed || !server_lives }
    }

    /// Sends and receives what is possible without blocking. True: something has changed.
    pub fn pump(&mut self) -> bool {
        let mut moved = false;
        for client in self.clients.values_mut() {
            moved |= client.pump();
        }
        moved
    }

    /// Closes every connection.
    pub fn disconnect(&mut self) {
        for client in self.clients.values_mut() {
            client.pump();
            client.close();
        }
    }
}

impl Client {
    fn pump(&mut self) -> bool {
        let before = (self.unsent.len(), self.arrived.len(), self.closed);
        self.write();
        self.read();
        before != (self.unsent.len(), self.arrived.len(), self.closed)
    }

    fn write(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        while !self.unsent.is_empty() {
            match stream.write(self.unsent.as_slices().0) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // What the server has written can still be read; that shows the end, too.
                Err(_) => return self.unsent.clear(),
            }
        }
    }

    fn read(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        let mut chunk = [0; 1 << 14];
        loop {
            match stream.read(&mut chunk) {
                Ok(count) if count > 0 => self.arrived.extend_from_slice(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                _ => return self.close(),
            }
        }
    }

    fn close(&mut self) {
        self.stream = None;
        self.unsent.clear();
        self.closed = true;
    }
}

fn is_refusal(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused)
}

fn broken(name: &str, error: &io::Error) -> Broken {
    Broken::Harness(format!("client {name}: {error}"))
}
