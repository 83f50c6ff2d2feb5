//! `sabot explain` as a command: what it says of findings whose remedy is known, that the remedy it
//! names holds when it is replayed, and what it says where there is none.

use std::process::Command;

use sabot::contract::Verdict;
use sabot::explain::{Change, Explanation};
use sabot::kernel::plan::When;
use sabot::sweep::Token;

/// A snapshot is renamed, and the power is cut once that was reported.
const SNAPSHOT: &str = "\
config appendonly no
config save \"\"
inject at parent.rdb-temp.open#2 power=before:none
> SET a 1
> SAVE
> SET b 2
> SAVE
kill all maybe
heal
restart
";

/// The power is cut between a write and its sync.
const UNSYNCED: &str = "\
config appendonly yes
config appendfsync always
inject at parent.aof.write#2 power=after:log
> SET a 1
> SET b 2
kill all maybe
heal
restart
";

/// The sync is late, and the loss has nothing to do with that.
const LATE_SYNC: &str = "\
config appendonly no
config save \"\"
inject at parent.rdb-temp.fsync#1 delay=1s
> SET a 1
> SAVE
advance 2s
power-cut none
heal
restart
";

/// A SHUTDOWN exits with 0 although nothing could be written.
const SHUTDOWN: &str = "\
config appendonly yes
config appendfsync everysec
inject write on=aof in=parent error=ENOSPC when=1+
> SET a 1
shutdown maybe
kill all maybe
heal
restart
";

/// A sync fails, its pages are given up, and the server goes on.
const FAILED_SYNC: &str = "\
config appendonly yes
config appendfsync always
inject at parent.aof.fdatasync#1 error=EIO
> SET a 1
> SET b 2
power-cut none
heal
restart
";

struct Said {
    code: Option<i32>,
    text: String,
    errors: String,
}

fn sabot(args: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_sabot")).args(args).output();
    let output = output.expect("the command starts");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Said { code: output.status.code(), text: text(output.stdout), errors: text(output.stderr) }
}

fn token(script: &str, verdict: Verdict) -> String {
    let token = Token {
        case: "test".to_string(),
        world: "sim".to_string(),
        site: String::new(),
        fault: String::new(),
        verdict,
        script: script.to_string(),
    };
    token.encode()
}

/// What it says of a script that comes to this, as text and as data.
fn explained(script: &str, verdict: Verdict) -> (String, Explanation) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("explanation.json");
    let path = file.to_str().expect("a plain name");
    let said = sabot(&["explain", &token(script, verdict), "--json", path]);
    assert_eq!(said.code, Some(0), "{}{}", said.text, said.errors);
    let json = std::fs::read_to_string(&file).expect("it was written");
    let explanation: Explanation = serde_json::from_str(&json).expect("JSON of an explanation");
    assert_eq!(explanation.verdict, verdict);
    (said.text, explanation)
}

/// Every variant that is said to help does so when its token is replayed.
fn replays(explanation: &Explanation) {
    for help in &explanation.helped {
        assert_eq!(Some(help.replayed), help.trial.verdict);
        let said = sabot(&["replay", &help.token]);
        let expected = format!("as the token says: {}", help.replayed);
        assert!(said.text.contains(&expected), "{}", said.text);
    }
}

#[test]
fn a_snapshot_whose_name_is_lost_wants_a_sync_of_its_directory() {
    let (text, explanation) = explained(SNAPSHOT, Verdict::Lost);
    assert_eq!(explanation.control.as_ref().and_then(|trial| trial.verdict), Some(Verdict::Kept));
    let best = &explanation.helped[0];
    let expected = Change::Sync {
        when: When::After,
        role: "dir".to_string(),
        at: "parent.rdb-temp.rename#1".parse().expect("a site"),
    };
    assert_eq!(best.changes, [expected]);
    assert!(best.trial.complete && best.trial.states > 0, "{best:?}");
    for part in [
        "SAVE → +OK",
        "the power is cut before parent.rdb-temp.open#2",
        "\"a\": promised string \"1\", found nothing",
        "- a sync of dir after parent.rdb-temp.rename#1: ",
    ] {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
    replays(&explanation);
}

#[test]
fn where_the_power_goes_right_after_a_write_nothing_helps() {
    let (text, explanation) = explained(UNSYNCED, Verdict::RefusedStart);
    assert!(explanation.helped.is_empty());
    assert!(explanation.tried > 1, "{text}");
    assert!(text.contains(&format!("none of {} variants helped", explanation.tried)), "{text}");
    assert!(text.contains("Bad file format reading the append only file"), "{text}");
}

#[test]
fn a_fault_that_has_nothing_to_do_with_the_loss_is_found_out() {
    let (text, explanation) = explained(LATE_SYNC, Verdict::Lost);
    assert_eq!(explanation.control.as_ref().and_then(|trial| trial.verdict), Some(Verdict::Lost));
    assert!(text.contains("it takes no more than the power cut: lost"), "{text}");
    assert!(text.contains("- a sync of dir after parent.rdb-temp.rename#1: kept"), "{text}");
    replays(&explanation);
}

#[test]
fn an_error_that_was_ignored_had_better_ended_the_server_or_come_once() {
    let (_, explanation) = explained(SHUTDOWN, Verdict::Lost);
    let at = "parent.aof.write#1".parse().expect("a site");
    let best = explanation.helped.first().expect("a second try writes it");
    assert_eq!(best.changes, [Change::Once { at }]);
    assert_eq!(best.like_it, 2, "the other is a server that ends there");
    replays(&explanation);
}

#[test]
fn pages_that_a_failed_sync_gives_up_are_what_is_missing() {
    let (text, explanation) = explained(FAILED_SYNC, Verdict::RefusedStart);
    let best = explanation.helped.first().expect("the second sync writes them");
    assert_eq!(best.changes, [Change::PagesKept]);
    assert!(explanation.cuts.len() > 1, "{text}");
    assert!(text.contains("whether the cut leaves none, "), "{text}");
    replays(&explanation);
}

#[test]
fn what_is_no_finding_or_no_token_is_not_explained() {
    let fine = SHUTDOWN.replace("error=ENOSPC when=1+", "delay=1ms when=1");
    let said = sabot(&["explain", &token(&fine, Verdict::Lost)]);
    assert_eq!(said.code, Some(4), "{}", said.text);
    assert!(said.text.contains("the token says lost, this run kept"), "{}", said.text);
    let never = token(&SHUTDOWN.replace("on=aof", "on=rdb"), Verdict::Lost);
    for (word, code, why) in [
        ("sabot1.AAAA", 2, "the token is damaged"),
        ("sabot9.AAAA", 2, "this token is of version 9"),
        ("no-such-case", 2, "no-such-case"),
        (never.as_str(), 3, "never fired"),
    ] {
        let said = sabot(&["explain", word]);
        assert_eq!(said.code, Some(code), "{word}: {}{}", said.text, said.errors);
        assert!(said.errors.contains(why), "{word}: {}", said.errors);
    }
}
