//! What comes from others besides a program: the configuration of a case, a token, text.
//!
//! Must not know: what a program of ours tries.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use libtest_mimic::Failed;
use sabot::contract::Verdict;
use sabot::engine::worlds::Choice;
use sabot::sweep::Token;

use crate::outside::{World, unsupervised};
use crate::skip::skip;

/// What the command came to.
struct Said {
    code: Option<i32>,
    text: String,
}

fn sabot(args: &[&str], folder: &Path) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sabot"));
    command.args(args).current_dir(folder).stdin(Stdio::null()).env_remove("SABOT_REQUIRE");
    let output = command.output().expect("the command starts");
    let text = [output.stdout, output.stderr].concat();
    Said { code: output.status.code(), text: String::from_utf8_lossy(&text).into_owned() }
}

fn unless(wrong: bool, what: &str) -> Result<(), Failed> {
    if wrong { Err(what.to_string().into()) } else { Ok(()) }
}

/// What a configuration may name: a file, a directory, a port. `OUTSIDE` and `PORT` are put in.
const CONFIGURATIONS: &[&str] = &[
    "config logfile OUTSIDE/log\n> PING\n",
    "config logfile OUTSIDE/target\n> PING\n",
    "config dir OUTSIDE\nconfig appendonly yes\n> SET a 1\n",
    "config aclfile OUTSIDE/target\n> ACL SAVE\n",
    "config pidfile OUTSIDE/pid\nconfig daemonize yes\n> PING\n",
    "> CONFIG SET dir OUTSIDE\n> SAVE\n",
    "> REPLICAOF 127.0.0.1 PORT\nadvance 5s\n",
    "> SET a 1\n> MIGRATE 127.0.0.1 PORT a 0 100\n",
];

pub fn configuration() -> Result<(), Failed> {
    let host = World::new();
    let before = host.state();
    let (outside, port) = (host.outside().folder.display().to_string(), host.outside().tcp);
    let worlds = Choice::everywhere().map_err(|why| why.to_string())?.worlds;
    let mut args = vec!["run".to_string()];
    for (n, text) in CONFIGURATIONS.iter().enumerate() {
        let text = text.replace("OUTSIDE", &outside).replace("PORT", &port.to_string());
        let case = host.path(&format!("{n}.case"));
        fs::write(&case, text)?;
        args.push(case.display().to_string());
    }
    args.extend(worlds.iter().flat_map(|world| ["--world".to_string(), world.label.clone()]));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let said = sabot(&args, Path::new(env!("CARGO_MANIFEST_DIR")));
    let after = host.state();
    unless(before != after, &format!("{before:#?} became {after:#?}:\n{}", said.text))?;
    // They ran: a wrong command line would not have touched anything either.
    unless(!said.text.contains(&format!("{} cases in", CONFIGURATIONS.len())), &said.text)
}

/// A script that answers `--version` as a server does, after it has tried to get out.
fn script(host: &World) -> String {
    let outside = host.outside();
    let folder = outside.folder.display();
    let text = format!(
        "#!/bin/sh\necho changed >{folder}/target\nchmod 600 {folder}/target\nkill -9 {}\n\
         echo 'Redis server v=7.0.15 sha=00000000:0 malloc=libc bits=64 build=0'\n",
        outside.pid
    );
    let path = host.path("program/script-server");
    fs::write(&path, text).expect("a new file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a file of ours");
    path.display().to_string()
}

pub fn version() -> Result<(), Failed> {
    if let Some(why) = unsupervised() {
        skip("server", &why);
        return Ok(());
    }
    let host = World::new();
    let server = script(&host);
    let case = host.path("ping.case");
    fs::write(&case, "> PING\n")?;
    let copy = host.path("program/sabot");
    unless(
        !Command::new("cp").arg(env!("CARGO_BIN_EXE_sabot")).arg(&copy).status()?.success(),
        "cp",
    )?;
    let before = host.state();
    let user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let prefixes =
        if nix::unistd::geteuid().is_root() { &[&[][..], &user[..]][..] } else { &[&[][..]] };
    for prefix in prefixes {
        let copy = copy.display().to_string();
        let words = [prefix, &[copy.as_str()][..]].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg("run").arg(&case).args(["--world", &server]);
        let output = command.current_dir(host.path("run")).env_remove("SABOT_REQUIRE").output()?;
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        unless(before != host.state(), "the question for a version got out")?;
        // It was asked, here and in the worker, and has answered.
        let failed = ["not a server", "missing", "cannot be run"];
        unless(failed.iter().any(|word| text.contains(word)), &format!("{words:?}: {text}"))?;
    }
    let outside = Command::new(&server).arg("--version").output()?;
    unless(!outside.status.success() || before == host.state(), "the script does nothing")
}

fn token_for(world: &str) -> String {
    let token = Token {
        case: "a\x1b[31mcase".to_string(),
        world: world.to_string(),
        site: "parent.aof.write#1".to_string(),
        fault: "ENOSPC+".to_string(),
        verdict: Verdict::Kept,
        script: "# \x1b[31mred\n> SET a \"\x1b[2J\"\n".to_string(),
    };
    token.encode()
}

pub fn token() -> Result<(), Failed> {
    let host = World::new();
    let server = script(&host);
    let token = token_for(&server);
    for mode in ["replay", "shrink"] {
        let said = sabot(&[mode, &token], &host.path("run"));
        let asks = said.text.contains(&format!("add --world {server}"));
        unless(said.code != Some(2) || !asks, &format!("{mode}: {:?} {}", said.code, said.text))?;
    }
    let said = sabot(&["replay", &token, "--world", "sim"], &host.path("run"));
    unless(said.code != Some(0), &said.text)?;
    let said = sabot(&["replay", &token, "--world", &server], &host.path("run"));
    unless(said.text.contains("add --world"), &said.text)
}

pub fn escapes() -> Result<(), Failed> {
    let host = World::new();
    let folder = host.path("run");
    let write = |name: &str, text: &str| fs::write(folder.join(name), text);
    write("bad.case", "\x1b[31mred one\n> SET a \u{9b}2J\nfrobnicate\n")?;
    write("good.case", "# \x1b]0;title\x07\n> SET a \"\x1b[2J\"\n> GET a\n> ECHO \"\\x1b[2J\"\n")?;
    write("report.json", "{\"format\":\"sabot sweep\",\"version\":\"\\u001b[31m\"}")?;
    let token = token_for("no\x1b[31mworld");
    let steers = |c: char| c.is_control() && c != '\n' && c != '\t';
    for args in [
        &["run", "./bad.case", "--world", "sim"][..],
        &["show", "./good.case"],
        &["run", "./good.case", "--world", "no\x1bworld"],
        &["merge", "report.json"],
        &["replay", &token],
        &["replay", &token, "--world", "sim"],
        &["shrink", &token, "--world", "sim"],
    ] {
        let said = sabot(args, &folder);
        unless(said.text.contains(steers), &format!("{args:?}: {:?}", said.text))?;
        unless(said.text.trim().is_empty(), &format!("{args:?} says nothing"))?;
    }
    let shown = sabot(&["run", "./bad.case", "--world", "sim"], &folder).text;
    unless(!shown.contains("\\x1b[31mred"), &shown)?;
    // What a program reads stays as it is.
    let exported = sabot(&["export", &token], &folder).text;
    unless(!exported.contains("SET a \"\x1b[2J\""), &exported)
}
