//! The question for a server's dataset: what is sent, and how the answers are read.
//!
//! A run asks it, the oracle asks it, and so does a start from an image that a power cut has left.
//! All of them ask the same, so that their answers can be compared. Must not know: who asks, and
//! what is promised.

use super::resp::{Reply, decode, encode};
use crate::contract::{Unit, expiring};
use crate::observation::Argv;
use crate::world::{Broken, World};

/// Commands of which the last one is answered with the dataset's digest.
#[derive(Clone, Debug)]
pub struct DatasetQuestion {
    commands: Vec<Argv>,
}

impl DatasetQuestion {
    /// Asks after these units. It first makes the server notice which keys have expired.
    pub fn after<'a>(units: impl IntoIterator<Item = &'a Unit>) -> DatasetQuestion {
        let argv = |words: &[&[u8]]| words.iter().map(|word| word.to_vec()).collect::<Argv>();
        let keys = expiring(units);
        let mut commands = Vec::new();
        for (db, key) in &keys {
            commands.push(argv(&[b"SELECT", db.as_bytes()]));
            commands.push(argv(&[b"TTL", key]));
        }
        if !keys.is_empty() {
            commands.push(argv(&[b"SELECT", b"0"]));
        }
        commands.push(argv(&[b"DEBUG", b"DIGEST"]));
        DatasetQuestion { commands }
    }

    /// Asks where no key can have expired.
    pub fn regardless_of_time() -> DatasetQuestion {
        DatasetQuestion::after([])
    }

    /// Whether the answer depends on when it is asked: some keys expire.
    pub fn depends_on_time(&self) -> bool {
        self.commands.len() > 1
    }

    pub fn commands(&self) -> &[Argv] {
        &self.commands
    }

    /// Asks on a connection of its own. None: no server answers.
    pub fn ask(&self, world: &mut dyn World, client: &str) -> Result<Option<Reply>, Broken> {
        let bytes: Vec<u8> = self.commands.iter().flat_map(|argv| encode(argv)).collect();
        if !world.send(client, &bytes)? {
            return Ok(None);
        }
        world.settle()?;
        let received = world.receive(client).bytes;
        let (mut at, mut last) = (0, None);
        for _ in &self.commands {
            let Ok(Some((reply, length))) = decode(&received[at..]) else { return Ok(None) };
            at += length;
            last = Some(reply);
        }
        Ok(last)
    }
}

/// The digest in an answer; any other answer is the error, as printed.
pub fn digest(answer: &Reply) -> Result<String, String> {
    answer.text().ok_or_else(|| answer.lines().join(" "))
}
