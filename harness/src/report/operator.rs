//! A finding in an operator's words: what is lost and when, what it takes, what to do.
//!
//! Only what runs have shown, or what the server's own documentation says of a command, is advised.
//! Must not know: how a finding came to be.

use nix::errno::Errno;

use super::explanation;
use crate::audit::known::KnownBug;
use crate::audit::record::Cause;
use crate::contract::reason::{Attempts, Promise, Surprise, Told};
use crate::contract::{Reason, Verdict};
use crate::runner::own_line;
use crate::sweep::OneOrPair;
use crate::sweep::fault::{CallFault, Fault, First, Lasts, Moved, Then};

/// `After a power cut or a disk error the server does not start again.`
pub fn lead(cause: &Cause) -> String {
    if cause.verdict.is_no_measurement() {
        return "Nothing was found out here.".to_string();
    }
    let events = cause.events();
    let when: Vec<&str> = events.iter().map(|event| event.when()).collect();
    let when = match when.as_slice() {
        [one] => (*one).to_string(),
        [one, other] => format!("{one} or {other}"),
        [one, other, ..] => format!("{one}, {other} or in other ways"),
        [] => String::new(),
    };
    capital(&format!("{when}, {}.", what(cause.verdict, cause.reason.as_ref())))
}

/// `The server refuses to start again.`
pub fn sentence(cause: &Cause) -> String {
    capital(&format!("{}.", what(cause.verdict, cause.reason.as_ref())))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// What happens to the user, as a clause.
pub fn what(verdict: Verdict, reason: Option<&Reason>) -> String {
    match (verdict, reason) {
        (Verdict::Hung, _) => "the server stays busy for ever".to_string(),
        (Verdict::Died, _) => "the server exits by itself".to_string(),
        (Verdict::RefusedStart, Some(Reason::Refused { attempts: Attempts::CameUp, .. })) => {
            "the server refuses to start at first, and starts when it is tried again".to_string()
        }
        (Verdict::RefusedStart, _) => "the server refuses to start again".to_string(),
        (Verdict::Lost, Some(Reason::NotKilled)) => {
            "acknowledged writes are gone from a server that was not even killed".to_string()
        }
        (Verdict::Lost, Some(Reason::Broken { promise, .. })) => {
            format!("writes are gone that {} to be safe", promised(*promise))
        }
        (Verdict::Lost, _) => "writes are gone that were promised".to_string(),
        (Verdict::Diverged, _) => "the data is what no client ever wrote".to_string(),
        (Verdict::Stuck, _) => "writes stay refused although the fault is over".to_string(),
        (Verdict::LostReported, _) => {
            "writes are gone, and a client could have known before".to_string()
        }
        (Verdict::Misreported, Some(Reason::Misreported { field, value })) => {
            format!("INFO says {field}:{value}, and that is not so")
        }
        (Verdict::Surprise, Some(Reason::Surprise(surprise))) => surprising(surprise),
        (Verdict::Leaked, _) => "the server holds on to descriptors or children".to_string(),
        (other, _) => format!("the run comes to {other}"),
    }
}

fn surprising(surprise: &Surprise) -> String {
    match surprise {
        Surprise::PublishedAsFailed(field) => {
            format!("INFO says {field}:err, though the file is in place")
        }
        Surprise::Forgotten(roles) => {
            format!("a file stays behind that no manifest names ({})", roles.join(", "))
        }
        Surprise::FailedWithStatusZero => "a start fails with exit status 0".to_string(),
        Surprise::NoSpaceToStart => {
            "the server refuses to start on a full disk, though it has read everything".to_string()
        }
    }
}

fn promised(promise: Promise) -> String {
    match promise {
        Promise::Flushall => "a successful FLUSHALL had declared".to_string(),
        Promise::Waitaof => "WAITAOF had declared".to_string(),
        Promise::Shutdown => "a SHUTDOWN with exit code 0 had declared".to_string(),
        Promise::Save => "a successful SAVE or BGSAVE had declared".to_string(),
        Promise::Sync => "a successful sync had declared".to_string(),
        Promise::Policy(regime) => format!("{} promises", regime.as_str()),
        Promise::Second(regime) => format!("{} promises after a second", regime.as_str()),
    }
}

/// What it takes: `a power cut; a full disk`, each once.
pub fn takes(cause: &Cause) -> String {
    let events = cause.events();
    events.iter().map(|event| event.words()).collect::<Vec<_>>().join("; ")
}

/// The server's own line in the run: what a person will see in the log. None: it says nothing.
pub fn own_line(cause: &Cause) -> Option<&str> {
    own_line::of(cause.verdict, &cause.transcript)
}

/// How often it was seen: `1 run`, `4 runs, and 2 more states of power cuts`.
pub fn seen(cause: &Cause) -> String {
    let many = |count: usize, thing: &str| format!("{count} {thing}{}", plural(count));
    match (cause.runs, cause.states) {
        (runs, 0) => many(runs, "run"),
        (0, states) => {
            format!("{} beside a worse one of the same power cut", many(states, "state"))
        }
        (runs, states) => {
            format!("{}, and {} of power cuts", many(runs, "run"), many(states, "more state"))
        }
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// What to do about it, in sentences.
pub fn advice(cause: &Cause) -> Vec<String> {
    let mut advice = Vec::new();
    let line = own_line(cause).unwrap_or_default().to_ascii_lowercase();
    match (cause.verdict, &cause.reason) {
        (Verdict::Stuck, Some(Reason::WritesRefused { cure: Some(cure), .. })) => {
            advice.push(format!("{cure} clears it."));
        }
        (Verdict::Stuck, _) => {
            advice.push("No command that was tried clears it; restart the server.".to_string());
        }
        (Verdict::RefusedStart, Some(Reason::Refused { attempts: Attempts::CameUp, .. })) => {
            advice.push("Start it again, after a copy of its files: see what is missing.".into());
        }
        (Verdict::RefusedStart, _) if line.contains("no such file") => {
            advice.push(
                "Copy the files first. The file that the line names is missing: put it back from \
                 a backup."
                    .to_string(),
            );
        }
        (Verdict::RefusedStart, _) if line.contains("-check-aof") => {
            advice.push(
                "Copy the files first. Then redis-check-aof --fix cuts the file where it is \
                 damaged; what stands behind that is gone."
                    .to_string(),
            );
        }
        (Verdict::RefusedStart, _) if line.contains("rdb") || line.contains("db") => {
            advice.push(
                "Go back to an older dump.rdb; redis-check-rdb shows where this one ends."
                    .to_string(),
            );
        }
        (Verdict::Lost, Some(Reason::Broken { promise: Promise::Shutdown, .. })) => {
            advice.push(
                "Before SHUTDOWN, look at INFO persistence: aof_last_write_status and \
                 aof_last_bgrewrite_status have to be ok."
                    .to_string(),
            );
        }
        (Verdict::LostReported, Some(Reason::Broken { told: Told::Info, .. })) => {
            advice.push("Watch INFO persistence: it says err before anything is lost.".into());
        }
        (Verdict::Died, _) => advice.push("Have it started again by a supervisor.".to_string()),
        _ => {}
    }
    advice.extend(cause.repairs.iter().map(|it| format!("{}.", capital(&explanation::repair(it)))));
    for bug in cause.known.iter().filter(|bug| !bug.absent.is_empty()) {
        let better = format!("Not seen on {}.", bug.absent.join(", "));
        if !advice.contains(&better) {
            advice.push(better);
        }
    }
    advice
}

/// `known bug 05a: INCR is applied twice (redis#12345)`
pub fn known_bug(bug: &KnownBug) -> String {
    let stem = bug.name.rsplit('/').next().unwrap_or(&bug.name);
    let number = stem.split('_').next().unwrap_or(stem);
    format!("known bug {number}: {} ({})", bug.title, bug.upstream)
}

/// The heading of a column in words: `xfs<` is `power cut before, XFS`.
pub fn column(text: &str) -> String {
    match text.parse::<OneOrPair<Fault>>() {
        Ok(OneOrPair { first, second: None }) => fault(&first),
        Ok(OneOrPair { first, second: Some(second) }) => {
            format!("{}; then {}", fault(&first), fault(&second))
        }
        Err(_) => text.to_string(),
    }
}

fn fault(fault: &Fault) -> String {
    let earlier = |first: &First| match first {
        First::Task(task) => format!("{task} runs first"),
        First::Others => "everybody else runs first".to_string(),
    };
    match fault {
        Fault::Call(fault) => call_fault(*fault),
        Fault::Order { first, with: None } => earlier(first),
        Fault::Order { first, with: Some(fault) } => {
            format!("{}, {}", call_fault(*fault), earlier(first))
        }
        Fault::None => "nothing goes wrong".to_string(),
    }
}

fn call_fault(fault: CallFault) -> String {
    match fault {
        CallFault::Error(errno, Lasts::Once) => format!("{errno:?} once"),
        CallFault::Error(Errno::EROFS, Lasts::FromHereOn) => {
            "the file system turns read-only".to_string()
        }
        CallFault::Error(errno, Lasts::FromHereOn) => format!("{errno:?} from here on"),
        CallFault::ErrorPagesKept(errno) => format!("{errno:?}, pages stay dirty"),
        CallFault::Short(moved, then) => {
            let moved = match moved {
                Moved::Nothing => "nothing moved",
                Moved::OneByte => "1 byte moved",
                Moved::Half => "half moved",
                Moved::AllButOne => "all but 1 byte moved",
            };
            match then {
                Then::GoesOn => moved.to_string(),
                Then::Full => format!("{moved}, then disk full"),
                Then::Killed => format!("{moved}, then all killed"),
                Then::Again => format!("{moved} from here on"),
            }
        }
        CallFault::Lie => "nothing done, success claimed".to_string(),
        CallFault::Delay(_) => format!("takes {fault}"),
        CallFault::Kill(victim, when) => format!("{} killed {}", victim.as_str(), when.as_str()),
        CallFault::PowerCut(None, when) => format!("power cut {}", when.as_str()),
        CallFault::PowerCut(Some(fs), when) => format!("power cut {}, {fs}", when.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Regime;

    #[test]
    fn a_finding_says_what_is_lost_and_when() {
        let told = Told::Nobody;
        let broken = |promise| Some(Reason::Broken { promise, told });
        let everysec = Regime::Everysec;
        for (verdict, reason, faults, expected) in [
            (
                Verdict::RefusedStart,
                Some(Reason::refused(Attempts::Twice, None)),
                &["ext4<", "xfs>"][..],
                "After a power cut, the server refuses to start again.",
            ),
            (
                Verdict::Lost,
                broken(Promise::Policy(everysec)),
                &["all<", "ENOSPC+"],
                "After a kill -9 or when the disk is full, writes are gone that appendfsync \
                 everysec promises to be safe.",
            ),
            (
                Verdict::Stuck,
                None,
                &[],
                "In a case of the library, writes stay refused although the \
                 fault is over.",
            ),
        ] {
            let faults = faults.iter().map(ToString::to_string).collect();
            let cause = Cause { verdict, reason, faults, ..Cause::default() };
            assert_eq!(lead(&cause), expected);
        }
    }

    #[test]
    fn the_line_of_a_refused_start_is_the_last_one_and_else_the_first_after_the_fault() {
        let transcript = "    log  # before\n    write  → EIO     (injected)\n    log  # during\n\
                          restart\n    log  * a notice\n    log  # Bad file format reading the \
                          append only file: use redis-check-aof --fix\n"
            .to_string();
        let of = |verdict| Cause { verdict, transcript: transcript.clone(), ..Cause::default() };
        assert_eq!(own_line(&of(Verdict::Lost)), Some("during"));
        let refused = of(Verdict::RefusedStart);
        assert!(own_line(&refused).is_some_and(|line| line.starts_with("Bad file format")));
        assert!(advice(&refused)[0].contains("--fix"));
    }

    #[test]
    fn fix_is_advised_where_the_server_names_it_and_nothing_is_advised_twice() {
        let of = |line: &str| {
            let transcript = format!("    log  # {line}\n");
            let bug = |n: u32| KnownBug {
                name: format!("known/{n}_b"),
                title: String::new(),
                upstream: String::new(),
                absent: vec!["redis-6.0.16".to_string()],
            };
            let (verdict, known) = (Verdict::RefusedStart, vec![bug(1), bug(2)]);
            advice(&Cause { verdict, transcript, known, ..Cause::default() }).join(" ")
        };
        let missing = of("Unable to obtain the AOF file a.base.rdb length. stat: No such file");
        assert!(missing.contains("missing") && !missing.contains("--fix"), "{missing}");
        assert_eq!(missing.matches("Not seen on redis-6.0.16.").count(), 1, "{missing}");
        assert!(of("Bad file format: use ./valkey-check-aof --fix").contains("--fix"));
    }

    #[test]
    fn runs_are_counted_and_other_states_of_their_power_cuts_beside_them() {
        for (runs, states, words) in [
            (1, 0, "1 run"),
            (4, 1, "4 runs, and 1 more state of power cuts"),
            (0, 2, "2 states beside a worse one of the same power cut"),
        ] {
            assert_eq!(seen(&Cause { runs, states, ..Cause::default() }), words);
        }
    }

    #[test]
    fn no_column_is_told_in_signs() {
        for (text, words) in [
            ("xfs<", "power cut before, xfs"),
            ("ENOSPC+", "ENOSPC from here on"),
            ("half, full+", "half moved, then disk full"),
            ("all>", "all killed after"),
            ("EIO, child first", "EIO once, child runs first"),
            ("lie + all<", "nothing done, success claimed; then all killed before"),
            ("3s", "takes 3s"),
        ] {
            assert_eq!(column(text), words);
        }
    }
}
