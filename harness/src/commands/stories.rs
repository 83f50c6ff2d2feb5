//! Scripts drawn at random from all commands that a server lists, without any fault.
//!
//! A story is plain data, and the strategies are proptest's, so that one that shows something
//! becomes smaller by its own rules. Run `n` of a seed depends on both numbers and on the listing
//! alone. Keys are few, and one may stand in another's place, so that commands meet values of wrong
//! types. Must not know: what becomes of a script.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::catalogue::{Catalogue, Group, name};
use super::listing::Listing;

/// What a script can be made of on one server.
#[derive(Clone, Debug)]
pub struct Material {
    keys: Vec<String>,
    writes: Vec<Piece>,
    others: Vec<Piece>,
    sessions: Vec<Piece>,
    /// Consumers are to be made by name.
    makes_consumers: bool,
}

/// Commands of one connection, with those that make their keys.
#[derive(Clone, Debug)]
struct Piece {
    setup: Vec<String>,
    commands: Vec<String>,
}

impl Material {
    /// Without what servers of this family are known to lose by themselves.
    pub fn of(catalogue: &Catalogue, listing: &Listing, family: &str) -> Material {
        let pieces = |groups: &[Group]| -> Vec<Piece> {
            let all = groups.iter().flat_map(|group| pieces(group, catalogue, listing, family));
            all.collect()
        };
        Material {
            keys: catalogue.keys.clone(),
            writes: pieces(&catalogue.writes),
            others: pieces(&catalogue.others),
            sessions: pieces(&catalogue.sessions),
            makes_consumers: catalogue.forget_consumers.iter().any(|its| its == family),
        }
    }

    /// Whether there is some kind of which there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        [&self.writes, &self.others, &self.sessions].iter().any(|pieces| pieces.is_empty())
    }

    /// Commands that the server lists, and that no script is drawn with.
    pub fn missing(&self, catalogue: &Catalogue, listing: &Listing) -> Vec<String> {
        let pieces = self.writes.iter().chain(&self.others).chain(&self.sessions);
        let drawn: Vec<String> = pieces
            .flat_map(|piece| piece.setup.iter().chain(&piece.commands))
            .map(|command| name(command).0)
            .collect();
        let missing = listing.names().filter(|name| {
            !drawn.iter().any(|drawn| drawn == name) && !catalogue.not_drawn.contains_key(*name)
        });
        missing.map(String::from).collect()
    }
}

/// The runs of a group that the server lists.
fn pieces(group: &Group, catalogue: &Catalogue, listing: &Listing, family: &str) -> Vec<Piece> {
    let usable = |command: &String| {
        let drawn = !catalogue.not_drawn.contains_key(&name(command).0);
        (drawn && listing.has(command)).then(|| listing.filled(command)).flatten()
    };
    let setup: Vec<String> = group.setup.iter().filter_map(usable).collect();
    let runs = group.runs().filter(|run| catalogue.bug(family, run).is_none());
    let runs = runs.filter_map(|run| {
        let commands = run.iter().map(usable).collect::<Option<_>>()?;
        Some(Piece { setup: setup.clone(), commands })
    });
    runs.collect()
}

/// A script before it is written.
#[derive(Clone, Debug)]
pub struct Story {
    policy: &'static str,
    preamble: &'static str,
    steps: Vec<Step>,
    killed: bool,
}

#[derive(Clone, Debug)]
enum Step {
    One(Client, One),
    /// WATCH, something that another connection does, and a transaction.
    Transaction {
        client: Client,
        between: Option<One>,
        body: Vec<One>,
        ends: &'static str,
    },
    Session(Client, Index),
    Pass(&'static str),
    Child(&'static str),
    /// A child that is killed leaves a file behind, so it is awaited first.
    Restart,
}

type Client = &'static str;

#[derive(Clone, Debug)]
struct One {
    writes: bool,
    which: Index,
    with_setup: bool,
    /// Which key of it is put in another's place, and which one.
    swap: Option<(Index, Index)>,
}

const CLIENTS: [Client; 4] = ["a", "a", "b", "c"];
const TIMES: [&str; 7] = ["1ms", "20ms", "100ms", "500ms", "1s", "2500ms", "5s"];
const RESTART: &str = "await child maybe\nkill all\nrestart\n";
const CHILDREN: [&str; 4] = ["a> BGREWRITEAOF", "b> BGSAVE", "await child maybe", "a> SAVE"];

fn client() -> impl Strategy<Value = Client> {
    prop::sample::select(&CLIENTS[..])
}

fn one() -> impl Strategy<Value = One> {
    let swap = prop::option::weighted(0.25, any::<(Index, Index)>());
    let parts = (prop::bool::weighted(0.6), any::<Index>(), any::<bool>(), swap);
    parts.prop_map(|(writes, which, with_setup, swap)| One { writes, which, with_setup, swap })
}

fn step() -> impl Strategy<Value = Step> {
    let ends = prop::sample::select(&["EXEC", "EXEC", "EXEC", "DISCARD"][..]);
    let transaction = (client(), prop::option::of(one()), vec(one(), 0..4), ends).prop_map(
        |(client, between, body, ends)| Step::Transaction { client, between, body, ends },
    );
    prop_oneof![
        12 => (client(), one()).prop_map(|(client, one)| Step::One(client, one)),
        2 => transaction,
        1 => (client(), any::<Index>()).prop_map(|(client, which)| Step::Session(client, which)),
        2 => prop::sample::select(&TIMES[..]).prop_map(Step::Pass),
        1 => prop::sample::select(&CHILDREN[..]).prop_map(Step::Child),
        1 => Just(Step::Restart),
    ]
}

fn stories() -> impl Strategy<Value = Story> {
    let policy = prop::sample::select(&["always", "everysec"][..]);
    let preamble = prop::sample::select(&["yes", "no"][..]);
    (policy, preamble, vec(step(), 1..32), any::<bool>())
        .prop_map(|(policy, preamble, steps, killed)| Story { policy, preamble, steps, killed })
}

/// Draws run `n` of a seed.
pub fn draw(seed: u64, n: u64) -> impl ValueTree<Value = Story> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&n.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    stories().new_tree(&mut runner).expect("a story is never rejected")
}

impl Story {
    /// As a case.
    pub fn script(&self, material: &Material) -> String {
        let Story { policy, preamble, .. } = self;
        let mut script = format!(
            "config appendonly yes\nconfig appendfsync {policy}\n\
             config aof-use-rdb-preamble {preamble}\na> PING\n"
        );
        self.steps.iter().for_each(|step| step.write(&mut script, material));
        script.push_str(match self.killed {
            true => RESTART,
            false => "check\n",
        });
        script
    }
}

impl Step {
    fn write(&self, script: &mut String, material: &Material) {
        match self {
            Step::One(client, one) => one.write(script, client, material),
            Step::Transaction { client, between, body, ends } => {
                if let Some(between) = between {
                    script.push_str(&format!("{client}> WATCH str list hash\n"));
                    between.write(script, "b", material);
                }
                script.push_str(&format!("{client}> MULTI\n"));
                body.iter().for_each(|one| one.write(script, client, material));
                script.push_str(&format!("{client}> {ends}\n"));
            }
            Step::Session(client, which) => {
                for command in &which.get(&material.sessions).commands {
                    script.push_str(&format!("{client}> {command}\n"));
                }
            }
            Step::Pass(time) => script.push_str(&format!("advance {time}\n")),
            Step::Child(line) => script.push_str(&format!("{line}\n")),
            Step::Restart => script.push_str(RESTART),
        }
    }
}

impl One {
    fn write(&self, script: &mut String, client: &str, material: &Material) {
        let pieces = if self.writes { &material.writes } else { &material.others };
        let piece = self.which.get(pieces);
        let setup = piece.setup.iter().filter(|_| self.with_setup);
        for command in setup {
            if let Some(first) = consumer(command).filter(|_| material.makes_consumers) {
                script.push_str(&format!("{client}> {first}\n"));
            }
            script.push_str(&format!("{client}> {command}\n"));
        }
        for command in &piece.commands {
            let command = self.swapped(command, &material.keys);
            if let Some(first) = consumer(&command).filter(|_| material.makes_consumers) {
                script.push_str(&format!("{client}> {first}\n"));
            }
            script.push_str(&format!("{client}> {command}\n"));
        }
    }

    fn swapped(&self, command: &str, keys: &[String]) -> String {
        let words: Vec<&str> = command.split(' ').collect();
        let places: Vec<usize> =
            (1..words.len()).filter(|n| keys.iter().any(|key| key == words[*n])).collect();
        let Some((which, other)) = self.swap.filter(|_| !places.is_empty()) else {
            return command.to_string();
        };
        let mut words = words;
        words[*which.get(&places)] = &keys[other.index(keys.len())];
        words.join(" ")
    }
}

/// Makes the consumer that the command is about.
fn consumer(command: &str) -> Option<String> {
    let words: Vec<&str> = command.split(' ').collect();
    let (key, group) = match words[0] {
        "XCLAIM" | "XAUTOCLAIM" => (1, 2),
        "XREADGROUP" => (words.iter().position(|word| *word == "STREAMS")? + 1, 2),
        _ => return None,
    };
    let word = |n: usize| words.get(n).copied();
    let (key, group, consumer) = (word(key)?, word(group)?, word(group + 1)?);
    Some(format!("XGROUP CREATECONSUMER {key} {group} {consumer}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_consumer_is_made_for_the_stream_that_the_command_is_about() {
        let made = |command| consumer(command);
        let first = Some("XGROUP CREATECONSUMER s g c".to_string());
        assert_eq!(made("XREADGROUP GROUP g c COUNT 1 STREAMS s >"), first);
        assert_eq!(made("XCLAIM s g c 0 1-1"), first);
        assert_eq!(made("XACK s g 1-1"), None);
    }

    #[test]
    fn a_key_takes_the_place_of_another_and_nothing_else_changes() {
        let keys = ["str".to_string(), "list".to_string()];
        let index = |n: usize| -> Index {
            let mut runner = TestRunner::deterministic();
            let drawn = |_| any::<Index>().new_tree(&mut runner).expect("never rejected").current();
            (0..).map(drawn).find(|index| index.index(2) == n).expect("both occur")
        };
        let one = |swap| One { writes: true, which: index(0), with_setup: false, swap };
        let command = "COPY str list REPLACE";
        assert_eq!(one(None).swapped(command, &keys), command);
        let swapped = one(Some((index(1), index(0)))).swapped(command, &keys);
        assert_eq!(swapped, "COPY str str REPLACE");
        assert_eq!(one(Some((index(0), index(0)))).swapped("PING", &keys), "PING");
    }
}
