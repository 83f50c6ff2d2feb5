//! Saves of the dataset as a whole: what the last one that reported success holds.
//!
//! SAVE reports with its reply; BGSAVE when the server has reaped a child that put its file into
//! place and exited with 0; it holds what was there at its fork. A SHUTDOWN that saves counts as
//! SAVE. FLUSHALL saves an empty snapshot while there are save points, if the documentation of the
//! server says so. Must not know: the append-only file.

use super::history::{Entry, name};
use super::regime;
use crate::observation::{CallName, Ending, How, Observations, Returned};

/// Whether some save that reported success holds this write.
pub fn holds(seen: &Observations, entry: &Entry) -> bool {
    by_command(seen, entry) || by_child(seen, entry) || by_shutdown(seen, entry)
}

fn by_command(seen: &Observations, entry: &Entry) -> bool {
    seen.history.iter().skip(entry.order + 1).any(|sent| {
        sent.incarnation >= entry.incarnation
            && name(&sent.argv) == "SAVE"
            && sent.reply.as_deref() == Some("+OK")
    })
}

/// Whether this is itself a command that saves what it leaves, and reported success.
pub fn flushes(seen: &Observations, entry: &Entry) -> bool {
    let Some(sent) = seen.history.get(entry.order) else { return false };
    let saves = || regime::last_policy(seen, entry.incarnation).is_some_and(|policy| policy.saves);
    seen.commands.saves.contains(&*name(&sent.argv))
        && sent.reply.as_deref() == Some("+OK")
        && saves()
}

fn by_child(seen: &Observations, entry: &Entry) -> bool {
    let calls = seen.calls.iter().enumerate().skip(entry.calls);
    let forks = calls.filter_map(|(place, call)| match &call.record.returned {
        Some(Returned::Child(child)) => Some((place, call.record.site.incarnation, child)),
        _ => None,
    });
    forks.filter(|(place, ..)| answered_before(seen, entry, *place)).any(
        |(place, incarnation, child)| {
            let after = || {
                let its = seen.calls[place..].iter();
                its.filter(move |call| call.record.site.incarnation == incarnation)
            };
            let published = after().any(|call| {
                let site = &call.record.site;
                site.task == *child
                    && site.call == CallName::Rename
                    && site.role.as_deref() == Some("rdb-temp")
                    && call.record.returned == Some(Returned::Value(0))
            });
            let reaped = Returned::Reaped(child.clone(), Ending::Exited(0));
            published && after().any(|call| call.record.returned.as_ref() == Some(&reaped))
        },
    )
}

/// Commands are carried out in order, and the first to be sent after the fork saw it happen.
fn answered_before(seen: &Observations, entry: &Entry, fork: usize) -> bool {
    let next = seen.history.get(entry.order + 1);
    next.is_none_or(|next| next.calls <= fork) || entry.calls < fork
}

fn by_shutdown(seen: &Observations, entry: &Entry) -> bool {
    seen.ends.iter().any(|end| {
        let saves = match shutdown_word(seen, end.incarnation).as_deref() {
            Some("nosave") => false,
            Some("save") => true,
            _ => regime::last_policy(seen, end.incarnation).is_some_and(|policy| policy.saves),
        };
        end.incarnation >= entry.incarnation && end.how == How::Shutdown(0) && saves
    })
}

/// What stood behind SHUTDOWN, in lower case.
fn shutdown_word(seen: &Observations, incarnation: u32) -> Option<String> {
    let its = seen.history.iter().rev().filter(|sent| sent.incarnation == incarnation);
    let shutdown = its.into_iter().find(|sent| name(&sent.argv) == "SHUTDOWN")?;
    shutdown.argv.get(1).map(|word| String::from_utf8_lossy(word).to_lowercase())
}
