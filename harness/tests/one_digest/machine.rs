//! A simulated machine that gets one command at a time.

use std::rc::Rc;
use std::time::Duration;

use sabot::kernel::Time;
use sabot::profile::Profile;
use sabot::world::sim::{Sim, Stacks};
use sabot::world::{Directive, Status, Victim, World};

thread_local! {
    static SHARED: (Rc<Profile>, Stacks) =
        (Rc::new(Profile::named("sabot").expect("our own profile")), Stacks::default());
}

/// Low limits, so that short sequences reach both encodings of every type.
const DIRECTIVES: [(&str, &str); 5] = [
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
    pub fn start(appendonly: &str) -> Machine {
        let (profile, stacks) = SHARED.with(Clone::clone);
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
