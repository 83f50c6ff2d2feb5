//! The past of a start as the record has it: what reached the server, in which order, what of it a
//! fault has refused; and whether it was answered as without faults.
//!
//! Must not know: how a past is done again, and what is promised.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nix::errno::Errno;

use super::content::Millis;
use super::oracle::{Origin, Past, Taken};
use crate::case::lex;
use crate::contract::history::name;
use crate::kernel::Time;
use crate::observation::{Argv, Call, Commands, Ending, Name, Observations, Returned, Sent};

/// A past, with the places of its commands in the history.
#[derive(Clone, Debug)]
pub struct Retold {
    pub past: Past,
    pub places: Vec<usize>,
}

/// A reply that is another one on a machine without faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    pub line: u32,
    pub command: String,
    pub seen: String,
    pub without_faults: String,
}

impl Mismatch {
    /// Why nothing can be said about the server.
    pub fn sentence(&self) -> String {
        let Mismatch { line, command, seen, without_faults } = self;
        format!(
            "what should be there is not known: line {line}, {command}, was answered {seen}; a \
             server without faults answers {without_faults}"
        )
    }
}

/// The start with this number, from 1, as one that nothing has reached yet.
pub fn of_start(seen: &Observations, incarnation: u32, timed: bool) -> Past {
    Past::of_start(origin(seen, incarnation), timed)
}

fn origin(seen: &Observations, incarnation: u32) -> Origin {
    let start = &seen.starts[incarnation as usize - 1];
    let (image, directives) = (Arc::clone(&start.image), Arc::clone(&start.directives));
    let (server, at, behind) = (start.server.clone(), start.at, start.behind);
    Origin { image, directives, server, at, behind }
}

/// Whether some reply or effect so far may depend on the time, which is `now`.
pub fn is_timed(seen: &Observations, now: Millis) -> bool {
    seen.history.iter().any(|sent| !is_timeless(&sent.argv, &seen.commands, now))
}

/// Whether the command does the same at any time up to now.
fn is_timeless(argv: &Argv, commands: &Commands, now: u64) -> bool {
    let name = name(argv);
    let number = || std::str::from_utf8(argv.get(2)?).ok()?.parse::<u64>().ok();
    match &*name {
        "PEXPIREAT" => number().is_some_and(|until| until > now),
        "EXPIREAT" => number().and_then(|at| at.checked_mul(1000)).is_some_and(|until| until > now),
        "SET" => !argv.iter().skip(3).any(|word| {
            ["EX", "PX", "EXAT", "PXAT"].iter().any(|it| word.eq_ignore_ascii_case(it.as_bytes()))
        }),
        "OBJECT" => argv.get(1).is_some_and(|word| word.eq_ignore_ascii_case(b"ENCODING")),
        name => commands.timeless.contains(name),
    }
}

/// What reached the start with this number, in each order in which it may have been taken up.
pub fn of(seen: &Observations, incarnation: u32, until: Time, timed: bool) -> Vec<Retold> {
    let its = seen.history.iter().enumerate();
    let its: Vec<usize> =
        its.filter(|(_, sent)| sent.incarnation == incarnation).map(|(place, _)| place).collect();
    let told = |places: Vec<usize>| {
        let commands = taken(seen, &places);
        let origin = origin(seen, incarnation);
        let sets = seen.clock_sets.iter().copied();
        let sets = sets.filter(|(at, _)| *at >= origin.at && *at <= until).collect();
        let past = Past { origin, commands, until, timed, sets };
        Retold { past, places }
    };
    orders(&seen.history, its).into_iter().map(told).collect()
}

/// As they were sent; and where several clients had sent something while the server was in a call,
/// client by client, because it reads all that one has sent at once.
fn orders(history: &[Sent], sent: Vec<usize>) -> Vec<Vec<usize>> {
    let first_use = |place: usize| {
        history.iter().position(|other| other.client == history[place].client).unwrap_or(place)
    };
    let by_arrival = |group: &[usize], place: usize| {
        let first = group.iter().position(|other| history[*other].client == history[place].client);
        first.unwrap_or_default()
    };
    let mut orders = vec![sent.clone()];
    for by_connection in [false, true] {
        let mut order = Vec::with_capacity(sent.len());
        for group in sent.chunk_by(|a, b| {
            history[*a].waited && history[*b].waited && history[*a].taken_at == history[*b].taken_at
        }) {
            let mut group: Vec<usize> = group.to_vec();
            let as_sent = group.clone();
            group.sort_by_key(|place| match by_connection {
                true => first_use(*place),
                false => by_arrival(&as_sent, *place),
            });
            order.extend(group);
        }
        if !orders.contains(&order) {
            orders.push(order);
        }
    }
    orders
}

/// The commands at these places, as they are to be done again.
fn taken(seen: &Observations, places: &[usize]) -> Vec<Taken> {
    let mut refused_in_multi: BTreeSet<Name> = BTreeSet::new();
    let mut in_multi: BTreeMap<Name, bool> = BTreeMap::new();
    let mut all = Vec::with_capacity(places.len());
    for place in places {
        let sent = &seen.history[*place];
        let client = sent.client.clone();
        let refused = is_refused_by_a_fault(seen, sent);
        let mut argv = (!refused && !ends(sent, &seen.commands)).then(|| sent.argv.clone());
        match &*name(&sent.argv) {
            "MULTI" => drop(in_multi.insert(client.clone(), true)),
            "EXEC" | "DISCARD" => {
                in_multi.remove(&client);
                // What a fault has refused has discarded the transaction.
                if refused_in_multi.remove(&client) || refused {
                    argv = Some([b"DISCARD".to_vec()].into());
                }
            }
            _ if refused && in_multi.contains_key(&client) => {
                refused_in_multi.insert(client.clone());
            }
            _ => {}
        }
        let varies = seen.commands.varies.contains(&*name(&sent.argv));
        all.push(Taken { client, argv, at: sent.taken_at, behind: sent.behind, varies });
    }
    all
}

/// Whether the command ends a server, as `SHUTDOWN` or `DEBUG SEGFAULT` do.
fn ends(sent: &Sent, commands: &Commands) -> bool {
    let word = |n: usize| sent.argv.get(n).map(|word| word.to_ascii_uppercase());
    let first = String::from_utf8_lossy(&word(0).unwrap_or_default()).into_owned();
    let both = format!("{first} {}", String::from_utf8_lossy(&word(1).unwrap_or_default()));
    commands.ends.contains(&first) || commands.ends.contains(&both)
}

/// Whether a command was refused because of a fault: its error is one by which the server announces
/// trouble, or it is about persistence, and something had gone wrong by then.
fn is_refused_by_a_fault(seen: &Observations, sent: &Sent) -> bool {
    let (Some(reply), Some(at)) = (&sent.reply, sent.acked_at) else { return false };
    if !reply.starts_with('-') {
        return false;
    }
    let name = name(&sent.argv);
    // A CONFIG that is refused has done nothing, whatever the reason; nor has anything while a file
    // is being loaded, which takes longer where calls do.
    if name == "CONFIG" || reply.starts_with("-LOADING") {
        return true;
    }
    let announces = seen.announces.replies.iter().any(|word| reply.contains(word.as_str()));
    let about = || seen.announces.refusals.iter().any(|told| *told == name);
    let discarded = || reply.starts_with("-EXECABORT");
    (announces || about() || discarded()) && went_wrong(seen, sent.incarnation, at)
}

/// Whether anything had gone wrong for a start of the server by then.
fn went_wrong(seen: &Observations, incarnation: u32, until: Time) -> bool {
    let its = seen.calls.iter().take_while(|call| call.at <= until);
    its.filter(|call| call.record.site.incarnation == incarnation).any(is_wrong)
}

fn is_wrong(call: &Call) -> bool {
    let usual = [Errno::EAGAIN, Errno::ENOENT, Errno::EEXIST, Errno::EINTR];
    match &call.record.returned {
        _ if call.record.injected.is_some() => true,
        Some(Returned::Error(errno)) => !usual.contains(errno),
        Some(Returned::Reaped(_, ending)) => *ending != Ending::Exited(0),
        _ => false,
    }
}

/// The first reply that is another one than without faults.
pub fn mismatch(
    seen: &Observations,
    retold: &Retold,
    replies: &[Option<String>],
) -> Option<Mismatch> {
    let pairs = retold.places.iter().zip(&retold.past.commands).zip(replies);
    for ((place, taken), reply) in pairs {
        let sent = &seen.history[*place];
        let name = name(&sent.argv);
        let as_sent = taken.argv.as_ref().is_some_and(|argv| *argv == sent.argv);
        let compared = as_sent && !taken.varies;
        let (Some(seen_reply), true) = (&sent.reply, compared) else { continue };
        let agrees = |reply: &String| match &*name {
            "EXEC" => same_transaction(seen, *place, seen_reply, reply),
            name => same(seen_reply, reply, seen.commands.unordered.contains(name)),
        };
        if !reply.as_ref().is_some_and(agrees) {
            let one_line = |text: &String| text.replace('\n', " ");
            return Some(Mismatch {
                line: sent.line,
                command: lex::quote(&sent.argv),
                seen: one_line(seen_reply),
                without_faults: reply.as_ref().map_or("nothing".to_string(), one_line),
            });
        }
    }
    None
}

/// Whether two replies to the EXEC at this place say the same, command by command.
fn same_transaction(seen: &Observations, place: usize, one: &str, other: &str) -> bool {
    let queued = queued(&seen.history, place);
    let (ours, theirs) = (items(one), items(other));
    if ours.len() != queued.len() || theirs.len() != queued.len() {
        return one == other;
    }
    queued.iter().zip(ours.iter().zip(&theirs)).all(|(queued, (one, other))| {
        let name = name(&queued.argv);
        let unordered = seen.commands.unordered.contains(&*name);
        seen.commands.varies.contains(&*name) || same(one, other, unordered)
    })
}

/// The commands that an EXEC carries out.
fn queued(history: &[Sent], exec: usize) -> Vec<&Sent> {
    let (client, incarnation) = (&history[exec].client, history[exec].incarnation);
    let its = history[..exec].iter().rev();
    let its = its.filter(|sent| sent.client == *client && sent.incarnation == incarnation);
    let its = its.take_while(|sent| name(&sent.argv) != "MULTI" || !is_ok(sent));
    let mut queued: Vec<&Sent> =
        its.filter(|sent| sent.reply.as_deref() == Some("+QUEUED")).collect();
    queued.reverse();
    queued
}

fn is_ok(sent: &Sent) -> bool {
    sent.reply.as_deref() == Some("+OK")
}

/// The items of a list as it is printed, each without its number.
fn items(text: &str) -> Vec<String> {
    let first = text.lines().next().unwrap_or_default();
    let Some(width) = first.find(") ").map(|at| at + 2) else { return Vec::new() };
    let mut items: Vec<String> = Vec::new();
    for line in text.lines() {
        let Some((number, rest)) = line.split_at_checked(width) else { return Vec::new() };
        match items.last_mut() {
            Some(item) if number.trim().is_empty() => item.push_str(&format!("\n{rest}")),
            _ => items.push(rest.to_string()),
        }
    }
    items
}

/// Whether two replies say the same; the items of a list without an order may change places.
fn same(one: &str, other: &str, unordered: bool) -> bool {
    fn items(text: &str) -> Vec<&str> {
        let item = |line: &'_ str| line.find([')', '~', '#']).map_or(0, |mark| mark + 1);
        let mut items: Vec<&str> = text.lines().map(|line| line[item(line)..].trim()).collect();
        items.sort_unstable();
        items
    }
    one == other || unordered && items(one) == items(other)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sent(command: &str, reply: &str) -> Sent {
        Sent {
            line: 1,
            incarnation: 1,
            client: "a".into(),
            argv: command.split(' ').map(|word| word.as_bytes().to_vec()).collect(),
            taken_at: Time(0),
            behind: Duration::ZERO,
            waited: false,
            calls: 0,
            reply: Some(reply.to_string()),
            acked_at: Some(Time(0)),
            answered_after: 1,
        }
    }

    #[test]
    fn what_varies_may_do_so_inside_of_a_transaction_and_nothing_else() {
        let history = vec![
            sent("MULTI", "+OK"),
            sent("CLIENT LIST", "+QUEUED"),
            sent("SMEMBERS s", "+QUEUED"),
            sent("NOSUCH", "-ERR unknown command"),
            sent("GET a", "+QUEUED"),
            sent("EXEC", ""),
        ];
        let (varies, unordered) = (["CLIENT".to_string()].into(), ["SMEMBERS".to_string()].into());
        let commands = Commands { varies, unordered, ..Commands::default() };
        let commands = Arc::new(commands);
        let seen = Observations { history, commands, ..Observations::default() };
        let same = |one: &str, other: &str| same_transaction(&seen, 5, one, other);
        let one = "1) \"id=1\"\n2) 1) \"x\"\n   2) \"y\"\n3) \"1\"";
        assert!(same(one, "1) \"id=2\"\n2) 1) \"y\"\n   2) \"x\"\n3) \"1\""));
        assert!(!same(one, "1) \"id=2\"\n2) 1) \"y\"\n   2) \"x\"\n3) \"2\""));
        assert!(!same(one, "1) \"id=1\"\n2) 1) \"x\"\n   2) \"z\"\n3) \"1\""));
        assert!(!same(one, "(nil)"));
    }
}
