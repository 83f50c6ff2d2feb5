//! The library as other projects use it: from the plain test harness, with several threads.
//!
//! Supervised worlds are found only where this machine can have them; `SABOT_REQUIRE` turns their
//! absence into a failure.

use std::sync::LazyLock;

use sabot::{
    Accepted, Case, Error, FaultKind, Plan, Reply, Rule, SweepOptions, Verdict, World, sweep,
};

/// Sabot's own server, supervised: the worker is this test, executed again.
static SERVER: LazyLock<Result<World, Error>> = LazyLock::new(|| World::find("server"));

const RECOVERS: &str = "config appendonly yes\nconfig appendfsync everysec\n\
    > SET a 1\n> SET b 2\nheal\nadvance 1s\n> SET b 2\nkill all\nrestart\n> DBSIZE\nexpect :2\n";

fn server() -> Option<World> {
    match SERVER.as_ref() {
        Ok(world) => Some(world.clone()),
        Err(missing) => {
            let required = std::env::var("SABOT_REQUIRE").unwrap_or_default();
            assert!(!required.split(',').any(|world| world.trim() == "server"), "{missing}");
            eprintln!("skipped: {missing}");
            None
        }
    }
}

fn case() -> Case {
    Case::parse("recovers", RECOVERS).expect("a case")
}

fn full() -> Plan {
    "inject write on=aof error=ENOSPC when=2+".parse().expect("a plan")
}

/// Two threads at once, and both doors: the transcripts are one.
fn both_doors_agree() {
    let Some(server) = server() else { return };
    let case = case().with(&full()).expect("they go together");
    let supervised = case.run(&server).expect("an outcome");
    let sim = case.run(&World::sim().expect("it is always there")).expect("an outcome");
    assert_eq!(supervised.transcript, sim.transcript);
    assert_eq!(supervised.verdict, Verdict::Kept, "{}", supervised.transcript);
    assert_eq!(supervised.complaints(), Vec::<String>::new());
}

#[test]
fn a_supervised_case_runs_from_a_plain_test() {
    both_doors_agree();
}

#[test]
fn and_from_another_thread_at_the_same_time() {
    both_doors_agree();
}

#[test]
fn a_built_in_case_has_no_complaints_and_two_runs_have_one_trace() {
    let world = server().unwrap_or_else(|| World::sim().expect("it is always there"));
    let case = Case::built_in("flush_append_only_file/full_disk").expect("it is built in");
    let (one, two) = (case.run(&world).expect("a run"), case.run(&world).expect("a run"));
    assert_eq!(one.complaints(), Vec::<String>::new());
    assert_eq!(one.trace, two.trace);
}

#[test]
fn a_fault_that_never_happens_is_no_pass() {
    let plan = Plan::parse("inject write on=rdb error=EIO").expect("a plan");
    let case = case().with(&plan).expect("they go together");
    let error = case.run(&World::sim().expect("it is always there")).expect_err("it never fires");
    assert!(matches!(&error, Error::WrongCase { mistakes, .. } if mistakes.len() == 1), "{error}");
    assert!(error.to_string().contains("line 3: "), "{error}");
}

#[test]
fn what_is_not_there_is_missing_and_a_slip_is_an_error_of_its_own() {
    for name in ["/nonexistent/redis-server", "nonexistent-server"] {
        let missing = World::find(name).expect_err("there is none");
        assert!(matches!(missing, Error::Missing { .. }), "{missing}");
        assert!(missing.to_string().contains(name), "{missing}");
    }
    assert!(matches!(World::find("radis"), Err(Error::NoSuchWorld(_))));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let profile = folder.path().join("mine.toml");
    std::fs::write(&profile, "like = \"nobody\"\n").expect("a new file");
    let bad = World::find(&profile.display().to_string()).expect_err("it is like nobody");
    assert!(matches!(&bad, Error::BadProfile(why) if why.contains("mine.toml:1")), "{bad}");
    assert!(matches!(Case::built_in("nonexistent"), Err(Error::NoSuchCase(_))));
    let Err(Error::NoSuchCase(slip)) = Case::built_in("ful_disk") else { panic!("a slip") };
    assert!(slip.contains("flush_append_only_file/full_disk"), "{slip}");
    assert!(matches!(Case::from_token("nonsense"), Err(Error::NoSuchCase(_))));
    let Err(Error::File { path, .. }) = Case::from_file("nonexistent.case") else {
        panic!("there is no such file")
    };
    assert_eq!(path.as_os_str(), "nonexistent.case");
    let wrong = Plan::parse("inject write on=aof\n> SET a 1").expect_err("no effect, no rule");
    assert!(wrong.to_string().starts_with("plan:1:"), "{wrong}");
}

#[test]
fn a_finding_of_a_sweep_can_be_run_again_from_its_token() {
    let workload = "config appendonly yes\nconfig appendfsync everysec\n> SET a 1\n> SET b 2\n";
    let workload = Case::parse("workload", workload).expect("a case");
    let sim = World::sim().expect("it is always there");
    let options = SweepOptions::new().only(&[FaultKind::Error, FaultKind::Short]);
    let report = sweep(&workload, &sim, &options).expect("it can be swept");
    assert!(report.runs() > report.sites() && report.sites() > 3, "{}", report.text());
    let findings = report.findings();
    let worst = findings.first().expect("a server that reports its losses has findings");
    let again = Case::from_token(&worst.example.token).expect("a token").run(&sim).expect("a run");
    assert_eq!(again.verdict, worst.verdict, "{}", again.transcript);
}

/// What is built is what is written, also behind the other door, and replies come as data.
#[test]
fn a_built_case_is_an_ordinary_case_and_its_replies_are_data() {
    let rule = || Rule::error("write", "ENOSPC").on("aof").from(2);
    let built = Case::builder("built")
        .config("save", "")
        .config("appendonly", "yes")
        .rule(rule())
        .command(["RPUSH", "l", "a b", "\u{e9}\n"])
        .command_of("other", ["LRANGE", "l", "0", "-1"])
        .heal()
        .advance(std::time::Duration::from_millis(1500))
        .kill_all()
        .restart()
        .command(["GET", "l"]);
    let text = "config save \"\"\nconfig appendonly yes\n\
        inject write on=aof error=ENOSPC when=2+\n\
        > RPUSH l \"a b\" \"\\xc3\\xa9\\n\"\nother> LRANGE l 0 -1\nheal\n\
        advance 1500000us\nkill all\nrestart\n> GET l\n";
    let wrong = built.clone().line("restrat").build().expect_err("a slip");
    assert!(wrong.to_string().starts_with("built:11:1: "), "{wrong}");
    let case = built.build().expect("a case");
    assert_eq!(case.text(), text);
    let plan = Plan::of([rule()]).expect("a plan");
    assert_eq!(plan, "inject write on=aof error=ENOSPC when=2+".parse().expect("a plan"));
    let worlds = [Some(World::sim().expect("it is always there")), server()];
    for world in worlds.into_iter().flatten() {
        // Its rule finds only one write, and that is not the second.
        let text = case.text().replace("when=2+", "when=1 maybe");
        let outcome = Case::parse("built", &text).expect("a case").run(&world).expect("a run");
        let clients: Vec<&str> = outcome.replies.iter().map(|it| it.client.as_str()).collect();
        assert_eq!(clients, ["client", "other", "client"], "{}", outcome.transcript);
        assert_eq!(outcome.replies[0].reply, Some(Reply::Integer(2)));
        assert_eq!((outcome.replies[0].line, outcome.replies[2].text().as_str()), (4, "GET l"));
        let list = outcome.reply_to("LRANGE l 0 -1").and_then(Reply::items).expect("a list");
        assert_eq!(list[1], Reply::Bulk("\u{e9}\n".into()));
        assert!(outcome.reply_to("GET l").is_some_and(Reply::is_error));
        assert_eq!(outcome.reply_to("GET nothing"), None);
    }
}

#[test]
fn what_is_accepted_is_not_new() {
    let workload = "config appendonly yes\nconfig appendfsync everysec\n> SET a 1\nshutdown\n";
    let workload = Case::parse("workload", workload).expect("a case");
    let sim = World::sim().expect("it is always there");
    let options = SweepOptions::new().only(&[FaultKind::Error]);
    let report = sweep(&workload, &sim, &options).expect("it can be swept");
    let broken = report.broken_promises();
    assert!(!broken.is_empty(), "{}", report.text());
    let none = Accepted::parse("none.toml", "").expect("an empty list");
    assert_eq!(report.broken_promises_besides(&none), broken);
    let mut text = String::new();
    for finding in &broken {
        let verdict = finding.verdict;
        text.push_str(&format!("[[accept]]\nverdict = \"{verdict}\"\nreason = \"known\"\n"));
    }
    text.push_str("[[accept]]\nsite = \"a.b\"\nreason = \"gone\"\n");
    let all = Accepted::parse("all.toml", &text).expect("a list");
    assert_eq!(report.broken_promises_besides(&all), []);
    assert_eq!(all.unused().len(), 1, "{:?}", all.unused());
    assert!(report.accepted(&all).iter().any(|(reason, runs)| reason == "known" && *runs > 0));
    let wrong =
        Accepted::parse("bad.toml", "[[accept]]\nverdict = \"lost\"\n").expect_err("no reason");
    assert!(matches!(&wrong, Error::BadList(why) if why.starts_with("bad.toml:1: ")), "{wrong}");
}

#[test]
fn what_is_not_there_is_skipped_and_a_slip_is_not() {
    assert!(World::find_or_skip("nonexistent-server").expect("a skip").is_none());
    assert!(matches!(World::find_or_skip("radis"), Err(Error::NoSuchWorld(_))));
    assert!(World::find_or_skip("sim").expect("a world").is_some());
}
