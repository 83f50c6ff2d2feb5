//! A simulated machine that gets one command at a time.

use std::rc::Rc;
use std::time::Duration;

use sabot::kernel::Time;
use sabot::profile::Profile;
use sabot::world::sim::{Sim, Stacks};
use sabot::world::{Directive, Status, Victim, World};

/// Which Redis the server is.
#[derive(Clone, Copy, Debug)]
pub enum Generation {
    Redis60,
    Redis70,
}

thread_local! {
    static SHARED: ([Rc<Profile>; 2], Stacks) = {
        let profile = |name| Rc::new(Profile::named(name).expect("our own profile"));
        (["sabot", "sabot-7.0"].map(profile), Stacks::default())
    };
}

/// The streams of [`Machine::content`] are at these keys, in these databases.
const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];
const DATABASES: [&str; 3] = ["0", "1", "2"];

/// Low limits, so that short sequences reach both encodings of every type.
const DIRECTIVES: [(&str, &str); 6] = [
    ("stream-node-max-entries", "3"),
    ("hash-max-ziplist-entries", "4"),
    ("zset-max-ziplist-entries", "4"),
    ("set-max-intset-entries", "6"),
    ("list-max-ziplist-size", "5"),
    ("auto-aof-rewrite-min-size", "4096"),
];

pub struct Machine {
    sim: Sim,
    log: Vec<u8>,
}

impl Machine {
    /// A server on an empty disk.
    pub fn start(generation: Generation, appendonly: &str) -> Machine {
        let ([redis_6_0, redis_7_0], stacks) = SHARED.with(Clone::clone);
        let profile = match generation {
            Generation::Redis60 => redis_6_0,
            Generation::Redis70 => redis_7_0,
        };
        let mut machine = Machine { sim: Sim::new(profile, stacks), log: Vec::new() };
        machine.boot(appendonly);
        machine
    }

    fn boot(&mut self, appendonly: &str) {
        let directive = |(name, value): (&str, &str)| Directive {
            name: name.to_string(),
            value: value.to_string(),
        };
        let all = DIRECTIVES.into_iter().chain([("appendonly", appendonly)]);
        let directives: Vec<_> = all.map(directive).collect();
        self.sim.start(&directives).expect("nothing is wrong with this machine");
        let log = self.log();
        assert_eq!(self.sim.status(), Status::Running, "{log}");
    }

    /// Kills the server and starts it again.
    pub fn restart(&mut self, appendonly: &str) {
        self.sim.kill(Victim::All).expect("a kill is always possible");
        self.boot(appendonly);
    }

    /// What was logged so far.
    pub fn log(&mut self) -> String {
        self.log.extend(self.sim.log());
        String::from_utf8_lossy(&self.log).into_owned()
    }

    /// Sends a command and returns its reply, raw; nothing while it blocks.
    pub fn ask(&mut self, client: &str, argv: &[impl AsRef<[u8]>]) -> Vec<u8> {
        let mut request = format!("*{}\r\n", argv.len()).into_bytes();
        for word in argv {
            let word = word.as_ref();
            request.extend(format!("${}\r\n", word.len()).as_bytes());
            request.extend(word);
            request.extend(b"\r\n");
        }
        assert!(self.sim.send(client, &request).expect("the machine works"), "no server");
        self.sim.settle().expect("the machine works");
        if self.sim.status() != Status::Running {
            panic!("{:?} after a command\n{}", self.sim.status(), self.log());
        }
        self.sim.receive(client).bytes
    }

    /// Sends a command that must succeed.
    pub fn ask_ok(&mut self, argv: &[&str]) {
        let reply = self.ask("test", argv);
        let log = self.log();
        let reply = String::from_utf8_lossy(&reply);
        assert!(reply.starts_with('+'), "{} answered {reply}\n{log}", argv.join(" "));
    }

    pub fn digest(&mut self) -> String {
        String::from_utf8_lossy(&self.ask("test", &["DEBUG", "DIGEST"])).into_owned()
    }

    /// The digest, and of each stream what the digest does not know: how far its groups have read,
    /// and what is pending of entries that are there.
    ///
    /// An AOF does not have more than that: not the deliveries of a history, and not what is
    /// pending of a deleted entry.
    pub fn content(&mut self) -> String {
        let mut content = self.digest();
        for db in DATABASES {
            self.ask("reader", &["SELECT", db]);
            for key in KEYS {
                if self.ask("reader", &["TYPE", key]) == b"+stream\r\n" {
                    let full = self.ask("reader", &["XINFO", "STREAM", key, "FULL", "COUNT", "0"]);
                    content.push_str(&format!("{db} {key} {}\n", groups(&full)));
                }
            }
        }
        content
    }

    /// Lets this many milliseconds pass.
    pub fn pass(&mut self, milliseconds: u64) {
        let now = self.sim.kernel().now();
        self.advance_to(now + Duration::from_millis(milliseconds));
    }

    /// The same, and then waits for a child, if there is one.
    pub fn advance(&mut self, milliseconds: u64) {
        self.pass(milliseconds);
        while self.sim.children() > 0 {
            let next = self.sim.next_deadline().expect("a server always has a next moment");
            self.advance_to(next);
        }
    }

    fn advance_to(&mut self, time: Time) {
        self.sim.advance_to(time).expect("the machine works");
    }

    /// Rewrites the AOF, and waits for the end of that.
    pub fn rewrite(&mut self) {
        self.ask_ok(&["BGREWRITEAOF"]);
        self.advance(1000);
    }
}

/// What [`Machine::content`] takes of XINFO STREAM … FULL. How much a group has read is left out:
/// an AOF does not say that.
fn groups(full: &[u8]) -> String {
    let text = String::from_utf8_lossy(full);
    // Counts of bytes and items say nothing that the words themselves do not.
    let words = text.split("\r\n").filter(|word| !word.starts_with(['$', '*']));
    let words: Vec<&str> = words.collect();
    let behind = |words: &[&str], word: &str| {
        words.iter().position(|found| *found == word).map_or(words.len(), |place| place + 1)
    };
    let last_id = words.get(behind(&words, "last-generated-id")).copied();
    let (_, rest) = words.split_at(behind(&words, "entries"));
    let (entries, groups) = rest.split_at(behind(rest, "groups"));
    let mut kept = vec![last_id.unwrap_or_default()];
    for pair in groups.windows(2) {
        match pair {
            ["name" | "last-delivered-id", value] => kept.push(value),
            // What follows the id of the last delivery.
            [_, "entries-read" | "pel-count"] => {}
            // A pending entry of the group: id and consumer.
            [id, consumer] if entries.contains(id) && !consumer.starts_with(':') => {
                kept.extend([*id, *consumer]);
            }
            _ => {}
        }
    }
    kept.join(" ")
}
