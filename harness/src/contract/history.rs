//! The history of writes: what the dataset is made of, in the order in which it was asked for.
//!
//! MULTI…EXEC is one entry. What was refused (an error reply), what only reads and what only
//! administers is not part of it; SELECT is, because later writes depend on it. Which commands do
//! that is a fact of the server, and comes with the observations. A command that waits
//! for a key happens when it is answered: its entry stands behind that of the command that brought
//! the key, or at the end while no answer has come. After a restart the
//! entries that did not survive are dropped: later writes build on what was found. Must not know:
//! policies.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::observation::{Argv, Name, Observations, Sent, Time};

/// One indivisible piece of work, as it can be done again on another server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unit {
    /// The start of the server that it was sent to, from 1, and the connection.
    pub client: (u32, Name),
    /// One command, or MULTI … EXEC.
    pub commands: Vec<Argv>,
    /// When the server could take it up (a transaction: its EXEC).
    pub at: Time,
    /// It may have to wait for a key.
    pub may_wait: bool,
}

/// A unit and what became of it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub unit: Unit,
    /// Whether it can change the dataset; else it only prepares (SELECT).
    pub writes: bool,
    /// None: no reply came, so it may or may not have happened.
    pub acked_at: Option<Time>,
    pub incarnation: u32,
    pub line: u32,
    /// Its place among all commands (a transaction: that of its EXEC).
    pub order: usize,
    /// How many calls had been seen when it was sent.
    pub calls: usize,
}

/// The command's name in capitals.
pub fn name(argv: &[Vec<u8>]) -> Cow<'_, str> {
    let Some(word) = argv.first() else { return Cow::Borrowed("") };
    match String::from_utf8_lossy(word) {
        Cow::Borrowed(text) if text.bytes().all(|byte| byte.is_ascii_uppercase()) => text.into(),
        text => text.to_uppercase().into(),
    }
}

/// The entries of the history from its `first` command on.
pub fn entries(seen: &Observations, first: usize) -> Vec<Entry> {
    let (history, commands) = (&seen.history, &*seen.commands);
    let mut entries = Vec::new();
    let mut open: BTreeMap<(u32, &str), Vec<Argv>> = BTreeMap::new();
    for (order, sent) in history.iter().enumerate().skip(first) {
        let connection = (sent.incarnation, &*sent.client);
        let refused = sent.reply.as_ref().is_some_and(|reply| reply.starts_with('-'));
        let name = name(&sent.argv);
        match &*name {
            "MULTI" if !refused => {
                open.insert(connection, vec![sent.argv.clone()]);
            }
            "DISCARD" => {
                open.remove(&connection);
            }
            "EXEC" => {
                if let (Some(mut queued), false) = (open.remove(&connection), refused) {
                    queued.push(sent.argv.clone());
                    entries.push(entry(order, sent, queued, true));
                }
            }
            _ if refused => {}
            _ => match open.get_mut(&connection) {
                Some(queued) => queued.push(sent.argv.clone()),
                None if commands.reads.contains(&*name) => {}
                None if commands.administers.contains(&*name) => {}
                None if commands.waits.contains(&*name) => entries.extend(waited(history, order)),
                None => {
                    let alone = vec![sent.argv.clone()];
                    entries.push(entry(order, sent, alone, name != "SELECT"));
                }
            },
        }
    }
    // Of two at one place, the one that waited comes second.
    entries.sort_by_key(|entry| (entry.order, entry.unit.may_wait));
    entries
}

/// What a command that may have waited did; None when the time was over first.
fn waited(history: &[Sent], order: usize) -> Option<Entry> {
    let sent = &history[order];
    let mut entry = entry(order, sent, vec![sent.argv.clone()], true);
    entry.unit.may_wait = true;
    match &sent.reply {
        Some(reply) if reply.starts_with("(nil)") => return None,
        Some(_) => entry.order = sent.answered_after.max(order + 1) - 1,
        None => entry.order = history.len(),
    }
    if let (Some(brought), Some(acked_at)) = (history.get(entry.order), sent.acked_at) {
        entry.calls = brought.calls;
        entry.unit.at = acked_at;
    }
    Some(entry)
}

fn entry(order: usize, sent: &Sent, commands: Vec<Argv>, writes: bool) -> Entry {
    let client = (sent.incarnation, sent.client.clone());
    Entry {
        unit: Unit { client, commands, at: sent.taken_at, may_wait: false },
        writes,
        acked_at: sent.acked_at,
        incarnation: sent.incarnation,
        line: sent.line,
        order,
        calls: sent.calls,
    }
}

/// What the dataset can be made of: the entries that survived, and those that came since.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    survivors: Vec<Entry>,
    /// How much of the history is in `survivors`, or was lost.
    consumed: usize,
    /// The last dataset was no prefix, so that nothing is known about the next.
    pub broken: bool,
}

impl Lineage {
    /// Every entry that may be in the dataset now.
    pub fn entries(&self, seen: &Observations) -> Vec<Entry> {
        let mut all = self.survivors.clone();
        all.extend(entries(seen, self.consumed));
        all
    }

    /// After a restart: the first `count` of these entries are what later writes build on.
    pub fn survived(&mut self, mut entries: Vec<Entry>, count: Option<usize>, history: &[Sent]) {
        self.broken |= count.is_none();
        entries.truncate(count.unwrap_or(0));
        self.survivors = entries;
        self.consumed = history.len();
    }
}

/// Keys that were given a time to live, by database: an expired one counts as absent even before
/// the server has noticed, so both sides must be made to notice before they are compared.
pub fn expiring<'a>(units: impl IntoIterator<Item = &'a Unit>) -> Vec<(String, Vec<u8>)> {
    let mut selected: BTreeMap<&(u32, Name), String> = BTreeMap::new();
    let mut keys = Vec::new();
    for unit in units {
        for argv in &unit.commands {
            let name = name(argv);
            if name == "SELECT" {
                let db = argv.get(1).map(|db| String::from_utf8_lossy(db).into_owned());
                selected.insert(&unit.client, db.unwrap_or_default());
            }
            let Some(key) = argv.get(1).filter(|_| gives_time_to_live(&name, argv)) else {
                continue;
            };
            let db = selected.get(&unit.client).cloned().unwrap_or_else(|| "0".to_string());
            let place = (db, key.clone());
            if !keys.contains(&place) {
                keys.push(place);
            }
        }
    }
    keys
}

/// Whether the dataset at that time (in milliseconds since 1970) depends on time, because a key may
/// have expired. A key with an absolute time to live beyond it has not.
pub fn time_matters<'a>(units: impl IntoIterator<Item = &'a Unit>, at: u64) -> bool {
    let mut commands = units.into_iter().flat_map(|unit| &unit.commands);
    commands.any(|argv| {
        let name = name(argv);
        let number = argv.get(2).and_then(|word| str::from_utf8(word).ok()?.parse::<u64>().ok());
        let until = match &*name {
            "PEXPIREAT" => number,
            "EXPIREAT" => number.and_then(|seconds| seconds.checked_mul(1000)),
            _ => None,
        };
        gives_time_to_live(&name, argv) && until.is_none_or(|until| until <= at)
    })
}

fn gives_time_to_live(name: &str, argv: &[Vec<u8>]) -> bool {
    let option = |word: &Vec<u8>| {
        ["EX", "PX", "EXAT", "PXAT"].iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
    };
    match name {
        "EXPIRE" | "PEXPIRE" | "EXPIREAT" | "PEXPIREAT" | "SETEX" | "PSETEX" => true,
        "SET" => argv.iter().skip(3).any(option),
        "GETEX" => argv.iter().skip(2).any(option),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::Commands;

    /// What was seen of a server to which these commands were sent.
    fn seen(history: impl Into<Vec<Sent>>) -> Observations {
        let named = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
        let commands = Commands {
            reads: named(&["GET"]),
            administers: named(&["PING"]),
            waits: named(&["BLPOP", "BRPOP"]),
        };
        let (history, commands) = (history.into(), commands.into());
        Observations { history, commands, ..Observations::default() }
    }

    fn sent(line: u32, client: &str, command: &str, reply: Option<&str>) -> Sent {
        let argv = command.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        Sent {
            line,
            incarnation: 1,
            client: client.into(),
            argv,
            taken_at: Time(u64::from(line)),
            calls: 0,
            reply: reply.map(str::to_string),
            acked_at: reply.map(|_| Time(u64::from(line))),
            answered_after: reply.map_or(0, |_| line as usize),
        }
    }

    #[test]
    fn a_command_that_waits_happens_when_it_is_answered() {
        let mut history = [
            sent(1, "b", "BRPOP l 0", Some("1) \"l\"")),
            sent(2, "c", "BLPOP m 1", Some("(nil)")),
            sent(3, "d", "BLPOP n 0", None),
            sent(4, "a", "RPUSH l x", Some(":1")),
            sent(5, "a", "SET s 1", Some("+OK")),
        ];
        history[0].answered_after = 4;
        let seen = seen(history);
        let words = |entry: &Entry| String::from_utf8_lossy(&entry.unit.commands[0][0]).into();
        let order: Vec<String> = entries(&seen, 0).iter().map(words).collect();
        assert_eq!(order, ["RPUSH", "BRPOP", "SET", "BLPOP"]);
    }

    #[test]
    fn a_transaction_is_one_entry_at_its_exec() {
        let history = [
            sent(1, "a", "MULTI", Some("+OK")),
            sent(2, "a", "SET x 1", Some("+QUEUED")),
            sent(3, "b", "SET y 1", Some("+OK")),
            sent(4, "a", "EXEC", Some("1) +OK")),
        ];
        let entries = entries(&seen(history), 0);
        let lines: Vec<u32> = entries.iter().map(|entry| entry.line).collect();
        assert_eq!(lines, [3, 4]);
        assert_eq!(entries[1].unit.commands.len(), 3);
    }

    #[test]
    fn refused_discarded_and_reading_commands_are_no_part_of_it() {
        let history = [
            sent(1, "a", "SET x 1", Some("-MISCONF no")),
            sent(2, "a", "GET x", Some("(nil)")),
            sent(3, "a", "MULTI", Some("+OK")),
            sent(4, "a", "SET x 1", Some("+QUEUED")),
            sent(5, "a", "DISCARD", Some("+OK")),
            sent(6, "a", "MULTI", Some("+OK")),
            sent(7, "a", "NOSUCH", Some("-ERR unknown command")),
            sent(8, "a", "EXEC", Some("-EXECABORT no")),
            sent(9, "a", "SELECT 1", Some("+OK")),
            sent(10, "a", "SET x 1", None),
        ];
        let entries = entries(&seen(history), 0);
        let kept: Vec<_> = entries.iter().map(|e| (e.line, e.writes, e.acked_at)).collect();
        assert_eq!(kept, [(9, false, Some(Time(9))), (10, true, None)]);
    }

    #[test]
    fn time_matters_only_where_a_key_may_have_expired() {
        let matters = |command: &str, at| {
            let history = [sent(1, "a", "SET x 1", Some("+OK")), sent(2, "a", command, None)];
            let entries = entries(&seen(history), 0);
            let units: Vec<Unit> = entries.into_iter().map(|entry| entry.unit).collect();
            time_matters(&units, at)
        };
        assert!(!matters("INCR n", 5000));
        assert!(!matters("PEXPIREAT x 5001", 5000) && matters("PEXPIREAT x 5000", 5000));
        assert!(!matters("EXPIREAT x 6", 5999) && matters("EXPIREAT x 6", 6000));
        assert!(matters("PEXPIREAT x -1", 5000) && matters("PEXPIREAT x", 5000));
        assert!(matters("PEXPIRE x 99999999", 5000) && matters("SET x 1 PXAT 99999999", 5000));
    }

    #[test]
    fn keys_with_a_time_to_live_are_found_in_their_database() {
        let history = [
            sent(1, "a", "SET x 1 px 100", Some("+OK")),
            sent(2, "a", "SELECT 3", Some("+OK")),
            sent(3, "a", "EXPIRE y 10", Some(":1")),
            sent(4, "b", "SET ex ex", Some("+OK")),
        ];
        let entries = entries(&seen(history), 0);
        let units: Vec<Unit> = entries.into_iter().map(|entry| entry.unit).collect();
        let expected = [("0".to_string(), b"x".to_vec()), ("3".to_string(), b"y".to_vec())];
        assert_eq!(expiring(&units), expected);
    }
}
