//! Small cases on the simulated machine: what the runner says about wrong cases and unmet
//! expectations, and how answers that come late, or never, are written down.

use std::rc::Rc;

use super::*;
use crate::case::parse;
use crate::world::sim::{Sim, Stacks};

mod excuses;

fn machine() -> Sim {
    Sim::new(Rc::new(Profile::named("sabot").unwrap()), Stacks::default())
}

fn outcome(source: &str) -> Outcome {
    outcome_with(source, &mut WorldOracle::new(Box::new(|| Ok(Box::new(machine())))))
}

fn outcome_with(source: &str, oracle: &mut WorldOracle) -> Outcome {
    let profile = Profile::named("sabot").unwrap();
    run(&parse("test.case", source).unwrap(), &mut machine(), &profile, oracle)
}

/// Line, message and whether the case is at fault, of the only failure.
fn failure(source: &str) -> (u32, String, bool) {
    let outcome = outcome(source);
    match outcome.failures.as_slice() {
        [Failure { line, message, bad_case }] => (*line, message.clone(), *bad_case),
        others => panic!("{others:?}\n{}", outcome.transcript),
    }
}

#[test]
fn wrong_cases_are_told_from_unmet_expectations() {
    let wrong = [
        ("inject write on=rdb error=EIO\n> PING", 1, "`inject write on=rdb error=EIO` never fired"),
        ("> PING\ninject fork error=EAGAIN\nheal", 2, "`inject fork error=EAGAIN` never fired"),
        ("preempt parent.fork#1 for child\n> PING", 1, "`preempt parent.fork#1 for child` never"),
        (
            "config appendonly yes\ninject write on=aof retval=100000\n> SET a 1",
            2,
            "`retval=100000`, but the call asked for 50 bytes only",
        ),
        ("> PING\nrestart", 2, "the server still runs"),
        ("> PING\nkill all\nkill all", 3, "nothing to kill: no server is running"),
        ("> PING\nkill child", 2, "there is no child to kill"),
        ("> PING\nkill all\nshutdown", 3, "nothing to shut down: no server is running"),
        ("> PING\nkill all", 2, "nothing was judged"),
        ("> PING\nkill all\ncheck", 3, "`check` asks a running server"),
        ("> PING\ndamage aof cut 1", 2, "the server still runs"),
        ("> PING\nkill all\ndamage rdb cut 1", 3, "no file has the role `rdb`"),
        ("> PING\nrelease child", 2, "`child` is not held"),
        ("hold childd\n> PING\ncheck", 1, "no task was called `childd`"),
        ("hold child\n> PING\nrelease child", 1, "no task was called `child`"),
        ("> PING\nawait log never said", 2, "the log has not said `never said` within 60 s"),
        ("damage aoff remove\n> PING", 1, "column 8: this server has no file role `aoff`"),
    ];
    for (source, line, message) in wrong {
        let (at, said, bad_case) = failure(source);
        assert!(bad_case && at == line && said.starts_with(message), "{source}: {at}: {said}");
    }
    let unmet = [
        ("> PING\nexpect +PANG", "expected +PANG, got +PONG"),
        ("> PING\nexpect info loading 1", "expected loading:1, got 0"),
        ("> PING\nexpect info no_such 1", "expected no_such:1, got (no such field)"),
        ("> PING\nexpect refuses-start", "expected that the server refuses to start"),
        ("> PING\ncheck\nexpect verdict lost", "expected the verdict lost, got kept"),
    ];
    for (source, message) in unmet {
        let (_, said, bad_case) = failure(source);
        assert!(!bad_case && said.starts_with(message), "{source}: {said}");
    }
}

#[test]
fn a_rule_that_need_not_fire_may_say_so() {
    let outcome = outcome("inject write on=rdb error=EIO maybe\n> PING\ncheck");
    assert_eq!((outcome.verdict, outcome.failures), (Verdict::Kept, Vec::new()));
}

#[test]
fn a_task_that_need_not_be_there_may_be_held() {
    let outcome = outcome("hold child maybe\n> PING\nrelease child\ncheck");
    assert_eq!((outcome.verdict, outcome.failures), (Verdict::Kept, Vec::new()));
}

#[test]
fn a_reply_that_comes_late_stands_where_it_comes_with_its_command() {
    let outcome = outcome(
        "config appendonly yes\nconfig appendfsync always\ninject fdatasync delay=2s when=1\n\
         > SET a 1\nadvance 1s\nother> GET a\nadvance 1s\ncheck",
    );
    let text = &outcome.transcript;
    let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words}\n{text}"));
    let order = [
        place("> SET a 1\n"),
        place("(no reply yet)\nadvance 1s\n"),
        place("other> GET a\n  (no reply yet)\n"),
        place("(after 2.000s)\n"),
        place("  > SET a 1 → +OK\n  other> GET a → \"1\"\n"),
        place("contract: kept — 1 of 1 acknowledged write is there"),
    ];
    assert!(order.is_sorted(), "{text}");
}

#[test]
fn what_is_not_answered_says_why() {
    let outcome = outcome(
        "> DEBUG AOF-FLUSH-SLEEP 0\nhold parent\n> SET a 1\nkill all\n> GET a\nexpect (no server)\n\
         release parent\nrestart",
    );
    let text = &outcome.transcript;
    assert!(text.contains("> SET a 1\n  (no reply yet)"), "{text}");
    assert!(text.contains("> SET a 1 → (connection closed)"), "{text}");
    assert!(text.contains("> GET a\n  (no server)"), "{text}");
    assert_eq!((outcome.verdict, outcome.failures), (Verdict::Kept, Vec::new()));
}

#[test]
fn what_the_runner_writes_itself_is_not_missed_while_a_call_is_held() {
    let script = "config appendonly yes\ninject at parent.pipe#1 error=EMFILE\n> SET a 1\n\
                  hold child maybe\n> BGREWRITEAOF\nheal\nadvance 11s\ncheck\nkill all\nrestart\n\
                  > EXISTS sabot:check\nexpect :1";
    let outcome = outcome(script);
    assert_eq!((outcome.verdict, outcome.failures), (Verdict::Kept, Vec::new()));
}

#[test]
fn needs_that_are_not_met_end_the_case_quietly() {
    let needs = [
        ("needs role manifest\n> PING", "sabot has no file role `manifest`"),
        ("needs version >=7.0\n> PING", "the server's version is 6.0.16"),
        ("> PING\nneeds command EVAL", "the server has no command EVAL"),
    ];
    for (source, reason) in needs {
        let outcome = outcome(source);
        assert_eq!(outcome.verdict, Verdict::NotApplicable, "{}", outcome.transcript);
        assert_eq!(outcome.rulings[0].sentence, reason);
    }
    assert_eq!(outcome("> PING\nneeds command FLUSHALL\nneeds version 6.0").verdict, Verdict::Kept);
}

#[test]
fn an_exit_that_nobody_called_for_is_a_broken_promise() {
    let source = "> SET a 1\nshutdown SIGSEGV\nrestart\n";
    assert_eq!(outcome(source).verdict, Verdict::LostAllowed, "the case sent the signal");
    let planned = "config appendonly yes\n> SET a 1\n\
                   inject write on=aof in=parent signal=KILL when=1\n> SET b 2\nrestart\n";
    let planned = outcome(planned);
    assert_eq!(planned.verdict, Verdict::Kept, "the plan sent it: {}", planned.transcript);
    let refused = outcome("config appendonly yes\ninject open on=aof error=EACCES\n> PING\nheal\n");
    assert_eq!(refused.verdict, Verdict::RefusedStart);
    assert!(refused.breaks_a_promise() && !refused.is_bad_case());
    let expected = outcome(
        "config appendonly yes\ninject open on=aof error=EACCES\nrestart\nexpect refuses-start",
    );
    assert_eq!(expected.verdict, Verdict::RefusedStart);
    assert!(!expected.breaks_a_promise());
}

#[test]
fn two_runs_have_one_trace_and_its_sites_can_be_injected_at() {
    let source = "config appendonly yes\n> SET a 1\nkill all\nrestart\n";
    let (one, two) = (outcome(source), outcome(source));
    assert_eq!(one, two);
    assert!(one.sites.contains(&"parent.aof.write#1".to_string()), "{:?}", one.sites);
    for site in &one.sites {
        let source = format!("inject at {site} delay=1us\n{source}");
        let outcome = outcome(&source);
        assert_eq!(outcome.failures, Vec::new(), "{site}");
        assert!(outcome.trace.contains("(injected)"), "{site}");
    }
}

#[test]
fn a_rule_that_lies_excuses_no_call_that_another_rule_decided() {
    let source = "config appendonly yes\nconfig appendfsync always\n> SET a 1\n\
                  inject fdatasync on=aof error=EIO when=1\n\
                  inject sync retval=0 when=9 maybe\n\
                  inject fsync,fdatasync on=rdb-temp signal=SIGCHLD when=1\n\
                  > SET b 2\n> BGSAVE\nawait child\npower-cut none@xfs\nrestart\n";
    let outcome = outcome(source);
    assert_eq!(outcome.verdict, Verdict::Lost, "{}", outcome.transcript);
}

#[test]
fn an_oracle_that_forgets_says_the_same() {
    const HEAD: &str = "config appendonly yes\n> SET a 1\n> RPUSH l one\n> INCR n\n";
    let stories = ["kill all\nrestart\n", "> FLUSHALL\ncheck\nkill all\nrestart\n"];
    let told = |room| {
        let mut oracle = WorldOracle::with_room(Box::new(|| Ok(Box::new(machine()))), room);
        let outcomes = [0, 1, 0, 1].map(|n| {
            let source = format!("{HEAD}{}", stories[n]);
            outcome_with(&source, &mut oracle).transcript
        });
        (outcomes, oracle.remembered.known)
    };
    let ((all, known), (again, fewer)) = (told(usize::MAX), told(0));
    assert_eq!(all, again);
    assert!(fewer < known, "{fewer} of {known}");
}
