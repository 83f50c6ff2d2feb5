//! A case as a story that both a real and a supervised server can go through, up to the power cut.
//!
//! Where the power is cut at a call of a start, both come to the end of that start: what the server
//! does behind that call writes nothing. Must not know: who goes through it.

use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use sabot::case;
use sabot::case::script::{Damage, Script, Verb};
use sabot::kernel::plan::{Effect, Halt};
use sabot::world::Directive;

/// What a server and its disk can be told.
pub trait Player {
    fn start(&mut self, directives: &[Directive]);
    /// Sends a command and waits for the reply.
    fn send(&mut self, words: &[Vec<u8>]);
    fn advance(&mut self, time: Duration);
    /// The next sync of the append-only file fails.
    fn fail_sync(&mut self, errno: Errno);
    /// Syncs succeed again.
    fn heal(&mut self);
    fn await_child(&mut self);
    fn kill(&mut self);
    /// Removes so many bytes at the end of the append-only file, durably.
    fn cut_aof(&mut self, bytes: u64);
}

/// A case up to the power cut, and the start after it.
#[derive(Clone, Debug)]
pub struct Story {
    pub name: &'static str,
    script: Script,
}

impl Story {
    /// The case of the library with this name.
    ///
    /// # Panics
    /// It is not there, or no case.
    pub fn of_case(name: &'static str) -> Story {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases");
        let path = cases.join(name).with_extension("case");
        let text = std::fs::read_to_string(&path).expect("the case is there");
        let script = case::parse(name, &text).unwrap_or_else(|bad| panic!("{bad}"));
        Story { name, script }
    }

    /// Goes through the story up to the power cut.
    ///
    /// # Panics
    /// A step of the case is none that a story can have.
    pub fn play(&self, player: &mut dyn Player) {
        let mut directives = Vec::new();
        let (mut running, mut cut_at_start) = (false, false);
        for step in &self.script.steps {
            if matches!(&step.verb, Verb::Config(_) | Verb::Needs(_)) {
                directives.extend(configured(&step.verb));
                continue;
            }
            if !running && needs_server(&step.verb) {
                player.start(&directives);
                running = true;
            }
            match &step.verb {
                Verb::PowerCut(_) => return,
                Verb::Inject { rule, .. } => match rule.effect {
                    Effect::Error(errno) => player.fail_sync(errno),
                    Effect::Halt(_, Halt::Power(_)) => cut_at_start = true,
                    _ => panic!("{}: no story has line {}", self.name, step.line),
                },
                Verb::Send { argv, .. } => player.send(argv),
                Verb::Advance(time) => player.advance(*time),
                Verb::Heal => player.heal(),
                Verb::AwaitChild => player.await_child(),
                Verb::Kill(_) => {
                    player.kill();
                    running = false;
                }
                Verb::Damage { damage: Damage::Truncate(bytes), .. } => player.cut_aof(*bytes),
                Verb::Restart(_) => {
                    player.start(&directives);
                    running = true;
                    if cut_at_start {
                        return;
                    }
                }
                _ => panic!("{}: no story has line {}", self.name, step.line),
            }
        }
        panic!("{}: the power is never cut", self.name);
    }

    /// The directives of the start after the power cut.
    pub fn last_start(&self) -> Vec<Directive> {
        let verbs = || self.script.steps.iter().map(|step| &step.verb);
        let mut starts = verbs().filter_map(|verb| match verb {
            Verb::Restart(restart) => Some(&restart.directives),
            _ => None,
        });
        let last = starts.next_back().into_iter().flatten().cloned();
        verbs().filter_map(configured).chain(last).collect()
    }

    /// The keys that the story sets.
    pub fn keys(&self) -> Vec<String> {
        let sent = self.script.steps.iter().filter_map(|step| match &step.verb {
            Verb::Send { argv, .. } if argv[0] == b"SET" => Some(&argv[1]),
            _ => None,
        });
        sent.map(|key| String::from_utf8_lossy(key).into_owned()).collect()
    }
}

/// A fault waits for the server, too: its own start is to succeed.
fn needs_server(verb: &Verb) -> bool {
    match verb {
        Verb::Inject { rule, .. } => matches!(rule.effect, Effect::Error(_)),
        Verb::Restart(_) | Verb::Damage { .. } => false,
        _ => true,
    }
}

fn configured(verb: &Verb) -> Option<Directive> {
    match verb {
        Verb::Config(directive) => Some(directive.clone()),
        _ => None,
    }
}

/// A command as a client sends it.
pub fn command(words: &[Vec<u8>]) -> Vec<u8> {
    [words.join(&b' '), b"\r\n".to_vec()].concat()
}

/// What a reply says; None: it has not come to its end.
pub fn said(reply: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(reply);
    let (first, rest) = text.split_once("\r\n")?;
    match first.strip_prefix('$') {
        Some("-1") => Some("(nil)".to_string()),
        Some(length) => {
            let length: usize = length.parse().ok()?;
            (rest.len() == length + 2).then(|| rest[..length].to_string())
        }
        None => Some(first.to_string()),
    }
}
