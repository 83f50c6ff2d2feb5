//! Stories: what a server goes through in one run of an exploration, drawn at random.
//!
//! A story is plain data: a configuration, what clients and the operator do, and which faults and
//! orders of tasks are wanted. The strategies are proptest's, so that a story that shows something
//! becomes smaller by its own rules: fewer steps, fewer faults, earlier calls, one connection.
//! Values are unique, and INCR and RPUSH are among the commands, so that a double apply cannot
//! hide. Commands of two connections that wait at the same time are judged in each order that is
//! possible. Expiries are absolute, because a command may be carried out long after it was sent.
//! Must not know: which calls a story leads to, and what a promise is.

use proptest::collection::vec;
use proptest::prelude::*;

/// One run before its faults have found their calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    policy: Policy,
    preamble: bool,
    save_points: bool,
    automatic_rewrite: bool,
    steps: Vec<StoryStep>,
    pub wants: Vec<Want>,
}

/// A fault or an order that is wanted: numbers, because only a dry run knows what there is to
/// choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    /// Of which kind.
    pub kind: u16,
    /// Which of that kind.
    pub which: u16,
    /// Which state a power cut leaves.
    pub cut: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    Always,
    Everysec,
    No,
    Off,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum StoryStep {
    One(Action),
    /// While every child stands still.
    Beside(Vec<Action>),
    Restart,
    Shutdown,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Write(Client, Write),
    Multi(Client, Vec<Write>),
    /// A reader waits for a list, on a connection of its own.
    Pop(u8),
    Rewrite,
    Bgsave,
    Save,
    Flushall,
    AwaitChild,
    Pass(&'static str),
    Fsync(&'static str),
    Appendonly(&'static str),
}

/// Over which connection, as the beginning of a line.
type Client = &'static str;

/// The first one is what others are made to when a story becomes smaller.
const CLIENTS: [Client; 3] = ["> ", "b> ", "c> "];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Write {
    Set(u8),
    Incr(u8),
    Push(u8),
    Delete(u8),
    Expire(u8),
    Elsewhere(u8),
}

const TIMES: [&str; 4] = ["100ms", "1s", "3s", "12s"];

/// Every story.
pub fn stories() -> impl Strategy<Value = Story> {
    let policy = prop_oneof![
        4 => Just(Policy::Everysec),
        4 => Just(Policy::Always),
        1 => Just(Policy::No),
        2 => Just(Policy::Off),
    ];
    let flags = (any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    let wants = vec((any::<u16>(), any::<u16>(), any::<u16>()), 1..=3);
    (policy, flags, vec(step(), 1..10), wants).prop_map(|(policy, flags, steps, wants)| {
        let (preamble, save_points, automatic_rewrite) = flags;
        let wants = wants.into_iter().map(|(kind, which, cut)| Want { kind, which, cut }).collect();
        Story { policy, preamble, save_points, automatic_rewrite, steps, wants }
    })
}

fn step() -> impl Strategy<Value = StoryStep> {
    prop_oneof![
        12 => action().prop_map(StoryStep::One),
        3 => vec(action(), 1..5).prop_map(StoryStep::Beside),
        1 => Just(StoryStep::Restart),
        1 => Just(StoryStep::Shutdown),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        8 => (client(), write()).prop_map(|(client, write)| Action::Write(client, write)),
        2 => (client(), vec(write(), 1..4))
            .prop_map(|(client, writes)| Action::Multi(client, writes)),
        3 => Just(Action::Rewrite),
        2 => Just(Action::Bgsave),
        1 => Just(Action::Save),
        1 => Just(Action::Flushall),
        2 => Just(Action::AwaitChild),
        4 => prop::sample::select(&TIMES[..]).prop_map(Action::Pass),
        1 => prop::sample::select(&["always", "everysec", "no"][..]).prop_map(Action::Fsync),
        1 => prop::sample::select(&["yes", "no"][..]).prop_map(Action::Appendonly),
        1 => (0..3_u8).prop_map(Action::Pop),
    ]
}

fn client() -> impl Strategy<Value = Client> {
    prop_oneof![4 => Just(CLIENTS[0]), 1 => Just(CLIENTS[1]), 1 => Just(CLIENTS[2])]
}

fn write() -> impl Strategy<Value = Write> {
    (0..6_u8, 0..3_u8).prop_map(|(kind, key)| match kind {
        0 => Write::Set(key),
        1 => Write::Incr(key),
        2 => Write::Push(key),
        3 => Write::Delete(key),
        4 => Write::Expire(key),
        _ => Write::Elsewhere(key),
    })
}

impl Story {
    /// The workload as a script, without faults; with the policy that was drawn, or without any.
    pub fn script(&self, with_policy: bool) -> String {
        let mut script = Lines { with_policy, ..Lines::default() };
        let (appendonly, policy) = match self.policy {
            Policy::Always => ("yes", "always"),
            Policy::Everysec => ("yes", "everysec"),
            Policy::No => ("yes", "no"),
            Policy::Off => ("no", "everysec"),
        };
        script.policy(format!("config appendonly {appendonly}"));
        script.policy(format!("config appendfsync {policy}"));
        if !self.preamble {
            script.push("config aof-use-rdb-preamble no");
        }
        if self.save_points || self.policy == Policy::Off {
            script.policy("config save 3 2");
        }
        if self.automatic_rewrite {
            script.push("config auto-aof-rewrite-min-size 200");
        }
        script.push("> SET first 0");
        self.steps.iter().for_each(|step| script.step(step));
        script.text
    }
}

/// A script that grows.
#[derive(Default)]
struct Lines {
    text: String,
    values: u32,
    /// Whether lines that decide the policy are among them.
    with_policy: bool,
}

impl Lines {
    fn push(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    fn policy(&mut self, line: impl AsRef<str>) {
        if self.with_policy {
            self.push(line);
        }
    }

    fn step(&mut self, step: &StoryStep) {
        match step {
            StoryStep::One(action) => self.action(action),
            StoryStep::Beside(actions) => {
                self.push("hold child");
                actions.iter().for_each(|action| self.action(action));
                self.push("release child");
            }
            StoryStep::Restart => {
                self.push("kill all");
                self.push("restart");
            }
            StoryStep::Shutdown => {
                self.push("shutdown");
                self.push("restart");
            }
        }
    }

    fn action(&mut self, action: &Action) {
        match action {
            Action::Write(client, write) => self.write(client, *write),
            Action::Multi(client, writes) => {
                self.push(format!("{client}MULTI"));
                writes.iter().for_each(|write| self.write(client, *write));
                self.push(format!("{client}EXEC"));
            }
            Action::Pop(key) => self.push(format!("reader> BLPOP l{key} 0")),
            Action::Rewrite => self.push("> BGREWRITEAOF"),
            Action::Bgsave => self.push("> BGSAVE"),
            Action::Save => self.push("> SAVE"),
            Action::Flushall => self.push("> FLUSHALL"),
            Action::AwaitChild => self.push("await child"),
            Action::Pass(time) => self.push(format!("advance {time}")),
            Action::Fsync(policy) => self.policy(format!("> CONFIG SET appendfsync {policy}")),
            Action::Appendonly(word) => self.policy(format!("> CONFIG SET appendonly {word}")),
        }
    }

    fn write(&mut self, client: Client, write: Write) {
        self.values += 1;
        let value = self.values;
        let mut push = |command: String| self.push(format!("{client}{command}"));
        match write {
            Write::Set(key) => push(format!("SET k{key} v{value}")),
            Write::Incr(key) => push(format!("INCR n{key}")),
            Write::Push(key) => push(format!("RPUSH l{key} v{value}")),
            Write::Delete(key) => push(format!("DEL k{key}")),
            Write::Expire(key) => push(format!("PEXPIREAT k{key} 99999999{value:05}")),
            Write::Elsewhere(key) => {
                push(format!("SELECT {}", key + 1));
                push(format!("APPEND s{key} v{value}"));
                push("SELECT 0".to_string());
            }
        }
    }
}
