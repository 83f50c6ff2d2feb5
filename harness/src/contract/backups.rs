//! What a backup owes: what the files would owe had the server been killed when it was begun.
//!
//! So a start on a backup is judged like any other, by what had been seen at that time. What was
//! acknowledged later is not owed; it may be there, if copying took that long. Must not know: how
//! files are copied.

use super::history::Entry;
use crate::observation::{Call, Observations, Restored, Sent};

/// What stands to be judged where the last start was on a backup: the same observations without
/// what came between, and the same entries without the promises. None: it was on no backup.
pub fn as_of_backup(seen: &Observations, entries: &[Entry]) -> Option<(Observations, Vec<Entry>)> {
    let restored = *seen.restored.last()?;
    let since = seen.starts.get(restored.starts..)?;
    let (_, earlier) = since.split_last()?;
    if earlier.iter().any(|start| start.ready) {
        return None;
    }
    let entries = entries.iter().cloned().map(|entry| owed(entry, restored)).collect();
    Some((without_what_came_between(seen, restored), entries))
}

fn owed(mut entry: Entry, restored: Restored) -> Entry {
    let in_time = |at| at <= restored.began.at;
    entry.acked_at = entry.acked_at.filter(|at| entry.order < restored.commands && in_time(*at));
    entry
}

fn without_what_came_between(seen: &Observations, restored: Restored) -> Observations {
    let Restored { starts, calls, commands, began } = restored;
    let mut seen = seen.clone();
    let after: Vec<Call> = seen.calls.split_off(calls);
    seen.calls.truncate(began.calls);
    seen.calls.extend(after);
    seen.history.truncate(commands);
    let late = |sent: &&mut Sent| sent.acked_at.is_some_and(|at| at > began.at);
    for sent in seen.history.iter_mut().filter(late) {
        (sent.reply, sent.acked_at, sent.answered_after) = (None, None, 0);
    }
    // Places in the list are the numbers of starts.
    let between = began.incarnation as usize..starts;
    seen.starts[between].iter_mut().for_each(|start| start.ready = false);
    seen.ends.retain(|end| end.incarnation < began.incarnation);
    seen.ends.push(began);
    seen.cuts.retain(|cut| cut.starts < began.incarnation as usize);
    seen.policies.retain(|since| {
        let between = began.incarnation < since.incarnation && since.incarnation as usize <= starts;
        !between && since.order.is_none_or(|order| order < commands)
    });
    seen.trouble_reported.retain(|(at, _)| *at <= began.at);
    seen.children.retain(|child| child.born <= began.at);
    for child in &mut seen.children {
        child.ended = Some(child.ended.map_or(began.at, |at| at.min(began.at)));
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observation::{End, How, Start, Time};

    fn seen(second_is_ready: bool) -> Observations {
        let start = |ready| Start { ready, ..Start::default() };
        let began = End { incarnation: 1, at: Time(20), how: How::Killed, line: 3, calls: 0 };
        let killed = End { at: Time(90), calls: 0, ..began };
        Observations {
            starts: vec![start(true), start(second_is_ready), start(true)],
            ends: vec![killed],
            restored: vec![Restored { starts: 1, calls: 0, commands: 2, began }],
            ..Observations::default()
        }
    }

    fn entry(order: usize, acked_at: u64) -> Entry {
        Entry {
            writes: true,
            at: Time(acked_at),
            acked_at: Some(Time(acked_at)),
            incarnation: 1,
            line: 1,
            order,
            waited: false,
            calls: 0,
        }
    }

    #[test]
    fn a_backup_owes_what_was_acknowledged_when_it_was_begun() {
        let entries = [entry(0, 10), entry(1, 30), entry(2, 20)];
        let (seen, entries) = as_of_backup(&seen(false), &entries).expect("it was on a backup");
        let owed: Vec<bool> = entries.iter().map(|entry| entry.acked_at.is_some()).collect();
        assert_eq!(owed, [true, false, false], "the second was answered too late");
        assert_eq!(seen.ends.last().map(|end| end.at), Some(Time(20)));
    }

    #[test]
    fn a_start_after_the_one_on_the_backup_is_judged_as_usual() {
        assert!(as_of_backup(&seen(true), &[entry(0, 10)]).is_none());
    }
}
