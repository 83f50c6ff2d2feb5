//! `sabot audit` as a command: what is in the page, JSON and JUnit, accepted findings, a
//! configuration of the user's own, two audits compared, bad input, and an interrupt.

mod project;

use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use project::Project;
use project::waiting::await_worker;
use serde_json::Value;

#[test]
fn the_same_server_gives_the_same_page_and_tokens_replay() {
    let project = Project::new();
    let outputs = ["--json", "a.json", "--junit", "a.xml"];
    project.audit("a.html", &outputs).expect(1, &["the page is a.html", "promises break in"]);
    project.audit("b.html", &["--json", "b.json"]).expect(1, &[]);
    assert_eq!(project.read("a.html"), project.read("b.html"));
    assert_eq!(project.read("a.json"), project.read("b.json"));
    let page = project.read("a.html");
    let json = project.json("a.json");
    let causes = json["causes"].as_array().expect("a list");
    assert!(!causes.is_empty());
    assert_eq!(page.matches("<article class=\"cause").count(), causes.len());
    assert!(page.contains("What is not covered") && page.contains("Replication"));
    assert!(project.read("a.xml").contains("<testsuite name=\"cases\""));
    let token = causes[0]["token"].as_str().expect("text");
    let verdict = causes[0]["verdict"].as_str().expect("text");
    let said = project.sabot(&["replay", token]);
    assert!(said.text.contains(&format!("as the token says: {verdict}")), "{}", said.text);
    project.sabot(&["diff", "a.json", "b.json"]).expect(0, &["0 differences"]);
}

/// Where the machine is GitHub's, a broken promise stands beside the case; elsewhere nothing does.
#[test]
fn an_audit_annotates_each_broken_promise_and_says_how_long_it_took() {
    let project = Project::new();
    let broken = "config appendonly yes\nconfig appendfsync everysec\n> SET a 1\n\
        inject write on=aof error=ENOSPC\n> SET b 2\n> SHUTDOWN NOSAVE\nheal\nrestart\n";
    project.write("cases/story/broken.case", broken);
    let args = ["audit", "sim", "--out", "a.html", "--json", "a.json", "--junit", "a.xml"];
    let output = project.command(&args).env("GITHUB_ACTIONS", "true").output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let annotations: Vec<&str> = text.lines().filter(|it| it.starts_with("::error ")).collect();
    let json = project.json("a.json");
    let causes = json["causes"].as_array().expect("a list").iter();
    let unsafe_ones = ["hung", "died", "refused-start", "lost", "diverged", "stuck"];
    let causes =
        causes.filter(|cause| unsafe_ones.contains(&cause["verdict"].as_str().expect("text")));
    for cause in causes {
        let token = cause["token"].as_str().expect("text");
        let shown =
            annotations.iter().filter(|it| it.ends_with(&format!("%0Asabot replay {token}")));
        assert_eq!(shown.count(), 1, "{text}");
    }
    assert!(annotations.iter().any(|it| it.starts_with("::error file=cases/sweep/")), "{text}");
    let at_its_line = "::error file=cases/story/broken.case,line=8,title=lost::";
    assert!(annotations.iter().any(|it| it.starts_with(at_its_line)), "{text}");
    let xml = project.read("a.xml");
    let head = |start: &str| xml.lines().find(|it| it.trim_start().starts_with(start)).expect("it");
    for start in ["<testsuites ", "<testsuite name=\"cases\"", "<testsuite name=\"sweep/small in"] {
        assert!(head(start).contains(" time=\""), "{}", head(start));
    }
    assert!(!project.audit("b.html", &[]).text.contains("::error"));
}

/// All numbers of one audit are the same numbers.
#[test]
fn every_report_of_an_audit_counts_alike() {
    let project = Project::new();
    let said = project.audit("a.html", &["--json", "a.json", "--junit", "a.xml", "--posix"]);
    said.expect(1, &[]);
    let json = project.json("a.json");
    let counts = json["counts"].as_object().expect("a map");
    let count = |class: &str| counts.get(class).and_then(Value::as_u64).unwrap_or_default();
    let total: u64 = counts.values().filter_map(Value::as_u64).sum();
    let broken = count("broken");
    assert!(broken > 0 && broken < total, "{counts:?}");
    let headline = format!("seen in {broken} of {total} runs");
    assert!(said.text.contains(&headline), "{}", said.text);
    let page = project.read("a.html");
    assert!(page.contains(&headline));
    let tiles = page.split("<ul class=\"tiles\">").nth(1).and_then(|it| it.split("</ul>").next());
    let tiles = tiles.expect("tiles").split("<b>").skip(1);
    let tiles = tiles.map(|tile| tile.split('<').next().expect("a number"));
    let tiles: u64 = tiles.map(|number| number.parse::<u64>().expect("a number")).sum();
    assert_eq!(tiles, total);
    let junit = project.read("a.xml");
    let attribute = |name: &str| -> u64 {
        let value = junit.split(&format!(" {name}=\"")).nth(1).and_then(|it| it.split('"').next());
        value.expect(name).parse().expect("a number")
    };
    assert_eq!((attribute("tests"), attribute("failures")), (total, broken));
    // The records of the JSON and the findings add up to the same.
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let sweeps = list(&json, "sweeps");
    let records = sweeps.iter().flat_map(|sweep| list(sweep, "records"));
    let classes: Vec<Value> = records.map(|record| record["class"].clone()).collect();
    let cases = list(&json, "cases").len();
    let counted = classes.iter().filter(|class| class.is_string()).count();
    assert_eq!((counted + cases) as u64, total);
    let broken_runs = classes.iter().filter(|class| *class == "broken").count() as u64;
    let causes = list(&json, "causes");
    let safe = ["lost-reported", "leaked", "not-measured", "harness-broken"];
    let causes = causes.iter().filter(|cause| {
        cause["posix"].is_null() && !safe.contains(&cause["verdict"].as_str().expect("text"))
    });
    let runs: u64 = causes.filter_map(|cause| cause["runs"].as_u64()).sum();
    let broken_cases = list(&json, "cases").iter().filter(|it| it["story"] == "broken").count();
    assert_eq!((broken_runs + broken_cases as u64, runs), (broken, broken));
    // What does not count is there only where somebody asks for it.
    let posix = project.audit("b.html", &["--json", "b.json"]);
    posix.expect(1, &[&headline]);
    assert!(!project.read("b.json").contains("posix"), "only with --posix");
    assert!(project.read("a.json").contains("posix"));
}

/// `WORSE` and `better` are proved on both servers.
#[test]
fn a_server_is_no_worse_than_itself() {
    let project = Project::new();
    let said = project.sabot(&["compare", "sim", "sim", "--out", "c.html", "--json", "c.json"]);
    said.expect(0, &["nothing changed", "the page is c.html"]);
    assert!(project.read("c.html").contains("nothing changed"));
    let json = project.json("c.json");
    let causes = json["causes"].as_array().expect("a list");
    assert!(!causes.is_empty() && causes.iter().all(|cause| cause["difference"] == "same"));
    project.sabot(&["compare", "sim", "radis"]).expect(2, &["no world radis"]);
}

#[test]
fn what_is_not_to_hold_the_same_is_not_compared() {
    let project = Project::new();
    project.audit("a.html", &["--json", "a.json"]).expect(1, &[]);
    project.audit("b.html", &["--json", "b.json", "--quick"]).expect(1, &[]);
    project.sabot(&["diff", "a.json", "b.json"]).expect(2, &["a sample of another size"]);
    project.write("redis.conf", "hz 50\n");
    let args = ["--json", "c.json", "--config", "redis.conf"];
    project.audit("c.html", &args).expect(1, &[]);
    project.sabot(&["diff", "a.json", "c.json"]).expect(2, &["under another configuration"]);
}

#[test]
fn what_is_accepted_does_not_count_and_is_shown() {
    let project = Project::new();
    project.audit("a.html", &["--json", "a.json"]).expect(1, &[]);
    let json = project.json("a.json");
    let verdicts = json["causes"].as_array().expect("a list").iter();
    let mut text = String::new();
    for cause in verdicts {
        let verdict = &cause["verdict"];
        text.push_str(&format!("[[accept]]\nverdict = {verdict}\nreason = \"we <know> it\"\n"));
    }
    project.write("known.toml", &text);
    let accepted = ["--accepted", "known.toml"];
    project.audit("b.html", &accepted).expect(0, &["(accepted)"]);
    let page = project.read("b.html");
    assert!(page.contains("we &#60;know&#62; it"), "the reason stands there, escaped");
    let sweep = ["sweep", "--accepted", "known.toml"];
    project.sabot(&sweep).expect(0, &["accepted, ", "we <know> it"]);
    project.write("known.toml", &format!("{text}\n[[accept]]\nsite = \"a.b\"\nreason = \"old\"\n"));
    let line = text.lines().count() + 2;
    let reason = format!("known.toml:{line}: nothing like this was found: a.b");
    project.audit("b.html", &accepted).expect(2, &[&reason]);
    project.sabot(&sweep).expect(2, &[&reason]);
    // A sample has not looked everywhere.
    project.audit("b.html", &["--accepted", "known.toml", "--quick"]).expect(0, &["A sample"]);
}

#[test]
fn a_configuration_of_the_users_own_comes_before_each_case() {
    let project = Project::new();
    let text = "# ours\nport 7000\nauto-aof-rewrite-percentage 0\ndir /var/lib/redis\n";
    project.write("redis.conf", text);
    let args = ["--config", "redis.conf", "--json", "a.json"];
    project.audit("a.html", &args).expect(1, &["under redis.conf: 1 directives, 2 left out"]);
    let config = &project.json("a.json")["config"];
    assert_eq!(config["kept"], serde_json::json!(["auto-aof-rewrite-percentage 0"]));
    assert!(project.read("a.html").contains("redis.conf:4"));
    for (text, reason) in [
        ("hz 10\nsave \"900\n", "redis.conf:2: a quote is not closed"),
        (
            "hz 10\n\nno-such-thing 1\n",
            "redis.conf:3: `no-such-thing 1`: the server does not start",
        ),
    ] {
        project.write("redis.conf", text);
        project.audit("c.html", &args).expect(2, &[reason]);
        assert!(!project.path("c.html").exists());
    }
}

#[test]
fn an_upgrade_is_unsafe_when_something_is_worse() {
    let project = Project::new();
    project.audit("a.html", &["--json", "a.json"]).expect(1, &[]);
    let mut json = project.json("a.json");
    let kept = serde_json::json!({"judged": "kept"});
    let records = json["sweeps"][0]["records"].as_array_mut().expect("a list");
    let record = records
        .iter_mut()
        .find(|record| record["came"] == kept && record["kind"] == "error")
        .expect("one");
    record["came"] = serde_json::json!({"judged": "hung"});
    project.write("worse.json", &json.to_string());
    project
        .sabot(&["diff", "a.json", "worse.json"])
        .expect(1, &["worse", "kept → hung", "1 worse"]);
    project.sabot(&["diff", "worse.json", "a.json"]).expect(4, &["0 worse", "1 better"]);
    json["version"] = Value::from(9);
    project.write("other.json", &json.to_string());
    project.sabot(&["diff", "a.json", "other.json"]).expect(2, &["other.json: it is of version 9"]);
    project.sabot(&["sweep", "--json", "sweep.json"]).expect(1, &[]);
    project.sabot(&["diff", "a.json", "sweep.json"]).expect(2, &["the other of an audit"]);
}

#[test]
fn parts_put_together_are_the_whole() {
    let project = Project::new();
    let whole = project.audit("whole.html", &["--json", "whole.json"]);
    whole.expect(1, &[]);
    for shard in ["1/3", "2/3", "3/3"] {
        let json = format!("{}.json", &shard[..1]);
        let said = project.sabot(&["audit", "sim", "--shard", shard, "--json", &json]);
        assert!(matches!(said.code, Some(0 | 1)), "{}", said.text);
        assert!(said.text.contains(&format!("part {shard}: ")), "{}", said.text);
    }
    let parts = ["--parts", "3.json", "1.json", "2.json"];
    project.audit("all.html", &[&["--json", "all.json"], &parts[..]].concat()).expect(1, &[]);
    assert_eq!(project.read("whole.json"), project.read("all.json"));
    assert_eq!(project.read("whole.html"), project.read("all.html"));

    let some = project.audit("some.html", &["--json", "some.json", "--parts", "1.json", "3.json"]);
    assert!(matches!(some.code, Some(1 | 3)), "{}", some.text);
    assert!(some.text.contains("shard 2/3 is missing"), "{}", some.text);
    assert_eq!(project.json("some.json")["partial"], Value::Bool(true));

    let refused = |args: &[&str], reason| {
        project.sabot(&[&["audit", "sim"], args].concat()).expect(2, &[reason]);
    };
    refused(&["--parts", "1.json", "1.json"], "given twice");
    refused(&["--parts", "whole.json"], "whole.json: it is not a part that");
    refused(&["--parts", "1.json", "--posix"], "without --posix");
    refused(&["--shard", "1/2", "--json", "x.json", "--quick"], "a sample is not divided");
    refused(&["--shard", "1/2", "--json", "x.json", "--junit", "x.xml"], "give them with --parts");
    assert!(!project.path("x.json").exists());
}

#[test]
fn bad_input_is_refused_before_anything_runs() {
    let project = Project::new();
    let refused = |args: &[&str], code, reason| project.sabot(args).expect(code, &[reason]);
    refused(&["audit", "./missing"], 3, "./missing: there is no such file");
    refused(&["audit", "radis"], 2, "no world radis");
    refused(&["audit", "sim", "--out", "no/page.html"], 2, "cannot write no/page.html");
    refused(&["audit", "sim", "--json", "cases"], 2, "cannot write cases");
    refused(&["audit", "sim", "--accepted", "no.toml"], 2, "cannot read no.toml");
    refused(&["audit", "sim", "--config", "no.conf"], 2, "cannot read no.conf");
    refused(&["audit", "sim", "--bisect", "--config", "no.conf"], 128, "cannot read no.conf");
    refused(&["--bisect", "audit", "./missing"], 125, "no such file");
    assert!(!project.path("sabot-audit.html").exists());
}

#[test]
fn an_interrupt_leaves_a_page_that_says_so() {
    let project = Project::new();
    if !project.can_supervise() {
        return;
    }
    project.write_long_workload();
    let args = ["audit", "server", "--out", "a.html", "--json", "a.json"];
    let mut run = project.command(&args).stdout(Stdio::null()).spawn().expect("it starts");
    await_worker(&mut run);
    kill(Pid::from_raw(run.id().cast_signed()), Signal::SIGINT).expect("it runs");
    assert_eq!(run.wait().expect("it was started").code(), Some(130));
    let page = project.read("a.html");
    assert!(page.contains("Partial: it was interrupted"));
    assert!(!page.contains("Yes, as far as was tried"));
    assert_eq!(project.json("a.json")["partial"], Value::Bool(true));
    project.nothing_half_written();
}
