//! `sabot audit` as a command: what is in the page, JSON and JUnit, accepted findings, a
//! configuration of the user's own, two audits compared, bad input, and an interrupt.

mod desk;

use std::process::Stdio;

use desk::Desk;
use desk::waiting::await_worker;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

#[test]
fn the_same_server_gives_the_same_page_and_tokens_replay() {
    let desk = Desk::new();
    let outputs = ["--json", "a.json", "--junit", "a.xml"];
    desk.audit("a.html", &outputs).expect(1, &["the page is a.html", "Promises break in"]);
    desk.audit("b.html", &["--json", "b.json"]).expect(1, &[]);
    assert_eq!(desk.read("a.html"), desk.read("b.html"));
    assert_eq!(desk.read("a.json"), desk.read("b.json"));
    let page = desk.read("a.html");
    let json = desk.json("a.json");
    let causes = json["causes"].as_array().expect("a list");
    assert!(!causes.is_empty());
    assert_eq!(page.matches("<article class=\"cause").count(), causes.len());
    assert!(page.contains("What is not covered") && page.contains("Replication"));
    assert!(desk.read("a.xml").contains("<testsuite name=\"cases\""));
    let token = causes[0]["token"].as_str().expect("text");
    let verdict = causes[0]["verdict"].as_str().expect("text");
    let said = desk.sabot(&["replay", token]);
    assert!(said.text.contains(&format!("as the token says: {verdict}")), "{}", said.text);
    desk.sabot(&["diff", "a.json", "b.json"]).expect(0, &["0 differences"]);
}

#[test]
fn what_is_accepted_does_not_count_and_is_shown() {
    let desk = Desk::new();
    desk.audit("a.html", &["--json", "a.json"]).expect(1, &[]);
    let json = desk.json("a.json");
    let verdicts = json["causes"].as_array().expect("a list").iter();
    let mut text = String::new();
    for cause in verdicts {
        let verdict = &cause["verdict"];
        text.push_str(&format!("[[accept]]\nverdict = {verdict}\nreason = \"we <know> it\"\n"));
    }
    desk.write("known.toml", &text);
    let accepted = ["--accepted", "known.toml"];
    desk.audit("b.html", &accepted).expect(0, &["(accepted)"]);
    let page = desk.read("b.html");
    assert!(page.contains("we &#60;know&#62; it"), "the reason stands there, escaped");
    let sweep = ["sweep", "--accepted", "known.toml"];
    desk.sabot(&sweep).expect(0, &["accepted, ", "we <know> it"]);
    desk.write("known.toml", &format!("{text}\n[[accept]]\nsite = \"a.b\"\nreason = \"old\"\n"));
    let line = text.lines().count() + 2;
    let reason = format!("known.toml:{line}: nothing like this was found: a.b");
    desk.audit("b.html", &accepted).expect(2, &[&reason]);
    desk.sabot(&sweep).expect(2, &[&reason]);
    // A sample has not looked everywhere.
    desk.audit("b.html", &["--accepted", "known.toml", "--quick"]).expect(0, &["A sample"]);
}

#[test]
fn a_configuration_of_the_users_own_comes_before_each_case() {
    let desk = Desk::new();
    let text = "# ours\nport 7000\nauto-aof-rewrite-percentage 0\ndir /var/lib/redis\n";
    desk.write("redis.conf", text);
    let args = ["--config", "redis.conf", "--json", "a.json"];
    desk.audit("a.html", &args).expect(1, &["under redis.conf: 1 directives, 2 left out"]);
    let config = &desk.json("a.json")["config"];
    assert_eq!(config["kept"], serde_json::json!(["auto-aof-rewrite-percentage 0"]));
    assert!(desk.read("a.html").contains("redis.conf:4"));
    for (text, reason) in [
        ("hz 10\nsave \"900\n", "redis.conf:2: a quote is not closed"),
        (
            "hz 10\n\nno-such-thing 1\n",
            "redis.conf:3: `no-such-thing 1`: the server does not start",
        ),
    ] {
        desk.write("redis.conf", text);
        desk.audit("c.html", &args).expect(2, &[reason]);
        assert!(!desk.path("c.html").exists());
    }
}

#[test]
fn an_upgrade_is_unsafe_when_something_is_worse() {
    let desk = Desk::new();
    desk.audit("a.html", &["--json", "a.json"]).expect(1, &[]);
    let mut json = desk.json("a.json");
    let kept = serde_json::json!({"judged": "kept"});
    let records = json["sweeps"][0]["records"].as_array_mut().expect("a list");
    let record = records
        .iter_mut()
        .find(|record| record["came"] == kept && record["kind"] == "error")
        .expect("one");
    record["came"] = serde_json::json!({"judged": "hung"});
    desk.write("worse.json", &json.to_string());
    desk.sabot(&["diff", "a.json", "worse.json"]).expect(1, &["worse", "kept → hung", "1 worse"]);
    desk.sabot(&["diff", "worse.json", "a.json"]).expect(4, &["0 worse", "1 better"]);
    json["version"] = Value::from(9);
    desk.write("other.json", &json.to_string());
    desk.sabot(&["diff", "a.json", "other.json"]).expect(2, &["other.json: it is of version 9"]);
    desk.sabot(&["sweep", "--json", "sweep.json"]).expect(1, &[]);
    desk.sabot(&["diff", "a.json", "sweep.json"]).expect(2, &["the other of an audit"]);
}

#[test]
fn bad_input_is_refused_before_anything_runs() {
    let desk = Desk::new();
    let refused = |args: &[&str], code, reason| desk.sabot(args).expect(code, &[reason]);
    refused(&["audit", "./missing"], 3, "./missing: there is no such file");
    refused(&["audit", "radis"], 2, "no world radis");
    refused(&["audit", "sim", "--out", "no/page.html"], 2, "cannot write no/page.html");
    refused(&["audit", "sim", "--json", "cases"], 2, "cannot write cases");
    refused(&["audit", "sim", "--accepted", "no.toml"], 2, "cannot read no.toml");
    refused(&["audit", "sim", "--config", "no.conf"], 2, "cannot read no.conf");
    refused(&["audit", "sim", "--bisect", "--config", "no.conf"], 128, "cannot read no.conf");
    refused(&["--bisect", "audit", "./missing"], 125, "no such file");
    assert!(!desk.path("sabot-audit.html").exists());
}

#[test]
fn an_interrupt_leaves_a_page_that_says_so() {
    let desk = Desk::new();
    if !desk.can_supervise() {
        return;
    }
    desk.write_long_workload();
    let args = ["audit", "server", "--out", "a.html", "--json", "a.json"];
    let mut run = desk.command(&args).stdout(Stdio::null()).spawn().expect("it starts");
    await_worker(&mut run);
    kill(Pid::from_raw(run.id().cast_signed()), Signal::SIGINT).expect("it runs");
    assert_eq!(run.wait().expect("it was started").code(), Some(130));
    assert!(desk.read("a.html").contains("Partial: it was interrupted"));
    assert_eq!(desk.json("a.json")["partial"], Value::Bool(true));
    desk.nothing_half_written();
}
