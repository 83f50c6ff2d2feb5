//! The history: what was asked for, in the order in which it happened.
//!
//! MULTI…EXEC is one entry, unless EXEC was refused or WATCH aborted it. What was refused (an error
//! reply) is an entry that reads, unless the dataset shows that it has written. A command that
//! waits for a key happens when it is answered: its entry stands behind that of the command that
//! brought the key, or at the end while no answer has come. Which commands write is a fact of the
//! server, and comes with the observations. Must not know: policies.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::observation::{Observations, Sent, Time};

/// One indivisible piece of work and what became of it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Whether it can change the dataset.
    pub writes: bool,
    /// When the server could take it up (a transaction: its EXEC).
    pub at: Time,
    /// None: no reply came, so it may or may not have happened.
    pub acked_at: Option<Time>,
    pub incarnation: u32,
    pub line: u32,
    /// Its place among all commands (a transaction: that of its EXEC).
    pub order: usize,
    /// It may have waited for a key.
    pub waited: bool,
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
    // By connection: whether a write is queued.
    let mut open: BTreeMap<(u32, &str), bool> = BTreeMap::new();
    for (order, sent) in history.iter().enumerate().skip(first) {
        let connection = (sent.incarnation, &*sent.client);
        let refused = sent.reply.as_ref().is_some_and(|reply| reply.starts_with('-'));
        let name = name(&sent.argv);
        let writes = !(commands.reads.contains(&*name) || commands.administers.contains(&*name));
        match &*name {
            "MULTI" if !refused => drop(open.insert(connection, false)),
            "DISCARD" | "RESET" => drop(open.remove(&connection)),
            "EXEC" => {
                let aborted = sent.reply.as_deref() == Some("(nil)");
                if let (Some(writes), false, false) = (open.remove(&connection), refused, aborted) {
                    entries.push(entry(order, sent, writes));
                }
            }
            _ if refused && open.contains_key(&connection) => {}
            // A script may have written before it failed.
            _ if refused => entries.push(entry(order, sent, false)),
            _ => match open.get_mut(&connection) {
                Some(queued) => *queued |= writes,
                None if commands.waits.contains(&*name) => entries.push(waited(history, order)),
                None => entries.push(entry(order, sent, writes && name != "SELECT")),
            },
        }
    }
    // Of two at one place, the one that waited comes second.
    entries.sort_by_key(|entry| (entry.order, entry.waited));
    entries
}

/// What a command that may have waited did: nothing when the time was over first.
fn waited(history: &[Sent], order: usize) -> Entry {
    let sent = &history[order];
    let mut entry = Entry { waited: true, ..entry(order, sent, true) };
    match &sent.reply {
        Some(reply) if reply.starts_with("(nil)") => entry.writes = false,
        Some(_) => entry.order = sent.answered_after.max(order + 1) - 1,
        None => entry.order = history.len(),
    }
    if let (Some(brought), Some(acked_at)) = (history.get(entry.order), sent.acked_at) {
        entry.calls = brought.calls;
        entry.at = acked_at;
    }
    entry
}

fn entry(order: usize, sent: &Sent, writes: bool) -> Entry {
    Entry {
        writes,
        at: sent.taken_at,
        acked_at: sent.acked_at,
        incarnation: sent.incarnation,
        line: sent.line,
        order,
        waited: false,
        calls: sent.calls,
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
            ..Commands::default()
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
            behind: std::time::Duration::ZERO,
            waited: false,
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
        let lines: Vec<u32> = entries(&seen, 0).iter().map(|entry| entry.line).collect();
        assert_eq!(lines, [2, 4, 1, 5, 3]);
    }

    #[test]
    fn a_transaction_is_one_entry_at_its_exec() {
        let history = [
            sent(1, "a", "MULTI", Some("+OK")),
            sent(2, "a", "SET x 1", Some("+QUEUED")),
            sent(3, "b", "SET y 1", Some("+OK")),
            sent(4, "a", "EXEC", Some("1) +OK")),
        ];
        let found = entries(&seen(history.clone()), 0);
        let lines: Vec<u32> = found.iter().map(|entry| entry.line).collect();
        assert_eq!(lines, [3, 4]);
        let mut aborted = history.clone();
        aborted[3].reply = Some("(nil)".to_string());
        assert_eq!(entries(&seen(aborted), 0).len(), 1, "WATCH has aborted it");
    }

    #[test]
    fn what_was_refused_or_discarded_writes_nothing() {
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
        let kept: Vec<_> = entries.iter().map(|e| (e.line, e.writes)).collect();
        assert_eq!(kept, [(1, false), (2, false), (9, false), (10, true)]);
    }
}
