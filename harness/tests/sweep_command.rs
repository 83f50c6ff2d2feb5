//! `sabot sweep` and what belongs to it as commands: reports, shards, tokens, and bad input, each
//! with its exit code and its reason.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use sabot::contract::Verdict;
use sabot::sweep::{File, Kind, Token};

/// A workload with little in it.
const SMALL: &str = "config appendonly yes\nconfig appendfsync everysec\n> INCR n\n> INCR n\n";

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Desk {
        let desk = Desk { folder: tempfile::tempdir().expect("a temporary folder") };
        std::fs::write(desk.path("small.case"), SMALL).expect("a new file");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("it was written")
    }

    /// The exit code and everything that was said.
    fn sabot(&self, args: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sabot"));
        let output = command.args(args).current_dir(self.folder.path()).output();
        let output = output.expect("the command starts");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    }

    fn refused(&self, args: &[&str], code: i32, reason: &str) {
        let (came, text) = self.sabot(args);
        assert_eq!(came, Some(code), "{args:?}: {text}");
        assert!(text.contains(reason), "{args:?}: {reason:?} is not in:\n{text}");
    }

    /// Starts a sweep and comes back with its output once the small workload is through.
    fn until_small_is_swept(&self, args: &[&str], meanwhile: impl FnOnce()) -> Under {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sabot"));
        command.arg("sweep").args(args).current_dir(self.folder.path()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the command starts");
        let mut out = BufReader::new(process.stdout.take().expect("it was asked for"));
        meanwhile();
        let mut line = String::new();
        while !line.starts_with("=== small in sim") {
            line.clear();
            assert_ne!(out.read_line(&mut line).expect("a pipe"), 0, "it ended before");
        }
        Under { process, out }
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("a folder of ours");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.expect("a folder of ours").file_name().to_string_lossy().into_owned()
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }

    /// Sweeps the small workload into a JSON file.
    fn sweep(&self, json: &str, more: &[&str]) -> File {
        let args = [&["sweep", "small.case", "--json", json], more].concat();
        let (code, text) = self.sabot(&args);
        assert_eq!(code, Some(1), "an acknowledged write is lost: {text}");
        File::read(&self.read(json)).expect("a report")
    }
}

/// A sweep under way.
struct Under {
    process: Child,
    out: BufReader<ChildStdout>,
}

impl Under {
    fn send(&self, signal: Signal) {
        kill(Pid::from_raw(self.process.id().cast_signed()), signal).expect("it is alive");
    }

    /// The exit code and the rest of what it says.
    fn end(mut self) -> (Option<i32>, String) {
        let mut text = String::new();
        self.out.read_to_string(&mut text).expect("a pipe");
        (self.process.wait().expect("it is ours").code(), text)
    }
}

#[test]
fn an_interrupted_sweep_keeps_what_it_has_and_says_that_it_is_partial() {
    let desk = Desk::new();
    let args = ["small.case", "sweep", "--json", "part.json", "--junit", "part.xml"];
    let sweep = desk.until_small_is_swept(&args, || {});
    sweep.send(Signal::SIGINT);
    let (code, text) = sweep.end();
    assert_eq!(code, Some(130), "{text}");
    assert!(text.contains("interrupted, so this is partial"), "{text}");
    assert_eq!(desk.names(), ["part.json", "part.xml", "small.case"]);
    let file = File::read(&desk.read("part.json")).expect("a whole report");
    let (first, last) = (&file.sweeps[0], file.sweeps.last().expect("at least that"));
    assert!(file.partial && last.is_partial() && !first.is_partial());
    assert_eq!(first.records.len(), first.planned);
    assert!(desk.read("part.xml").contains("type=\"partial\""));
}

#[test]
fn a_sweep_that_is_interrupted_within_a_workload_keeps_its_runs() {
    /// More than a dry run.
    const SOME: u64 = 100;
    let desk = Desk::new();
    let long = format!("{SMALL}{}", "> INCR n\n".repeat(200));
    std::fs::write(desk.path("long.case"), long).expect("a new file");
    let size = Winsize { ws_row: 24, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
    let terminal = openpty(&size, None).expect("a terminal");
    let mut command = Command::new(env!("CARGO_BIN_EXE_sabot"));
    command.args(["sweep", "long.case", "--json", "part.json", "--junit", "part.xml"]);
    command.current_dir(desk.folder.path()).env("TERM", "xterm");
    command.stdout(std::fs::File::create(desk.path("out")).expect("a new file"));
    let mut process = command.stderr(terminal.slave).spawn().expect("the command starts");
    drop(command);
    // The bar says how many runs are made; the end of the command is an error of its terminal.
    let mut bar = std::fs::File::from(terminal.master);
    let (mut shown, mut piece) = (String::new(), [0; 4096]);
    let made = |shown: &str| {
        let counts = shown.split_whitespace().filter_map(|word| word.split_once('/'));
        counts.filter_map(|(made, all)| all.parse::<u64>().and(made.parse::<u64>()).ok()).max()
    };
    while made(&shown).is_none_or(|made| made < SOME) {
        let count = bar.read(&mut piece).expect("it goes on");
        shown.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    kill(Pid::from_raw(process.id().cast_signed()), Signal::SIGINT).expect("it is alive");
    while bar.read(&mut piece).is_ok_and(|count| count > 0) {}
    assert_eq!(process.wait().expect("it is ours").code(), Some(130));

    let file = File::read(&desk.read("part.json")).expect("a whole report");
    let [sweep] = &file.sweeps[..] else { panic!("one workload, not {}", file.sweeps.len()) };
    let made = sweep.records.len();
    assert!(file.partial && sweep.interrupted && 0 < made && made < sweep.planned);
    let undone = sweep.planned - made;
    let said = format!("partial: {undone} of {} runs were not made", sweep.planned);
    assert!(desk.read("out").contains(&said), "{}", desk.read("out"));
    assert!(desk.read("part.xml").contains(&said));
}

#[test]
fn a_second_interrupt_ends_a_sweep_that_cannot_go_on() {
    let desk = Desk::new();
    let fifo = desk.path("reader.xml");
    mkfifo(&fifo, Mode::S_IRWXU).expect("a folder of ours");
    let args = ["small.case", "sweep", "--json", "part.json", "--junit", "reader.xml"];
    // Whoever reads the report takes the first one and no other, so that the sweep waits.
    let sweep = desk.until_small_is_swept(&args, || {
        assert!(std::fs::read_to_string(&fifo).expect("ours").contains("type=\"partial\""));
    });
    // Two signals of one kind might become one.
    sweep.send(Signal::SIGINT);
    sweep.send(Signal::SIGTERM);
    let (code, text) = sweep.end();
    assert_eq!(code, Some(130), "{text}");
    assert_eq!(desk.names(), ["part.json", "reader.xml", "small.case"]);
    assert!(File::read(&desk.read("part.json")).expect("a whole report").partial);
}

#[test]
fn shards_joined_are_the_whole() {
    let desk = Desk::new();
    let whole = desk.sweep("whole.json", &["--junit", "whole.xml"]);
    assert!(desk.read("whole.xml").contains("<testsuite name=\"small in sim\""));
    for shard in ["1/3", "2/3", "3/3"] {
        let json = format!("{}.json", shard.replace('/', "of"));
        desk.sabot(&["sweep", "small.case", "--shard", shard, "--json", &json]);
    }
    desk.sabot(&["merge", "2of3.json", "1of3.json", "3of3.json", "--json", "all.json"]);
    let merged = File::read(&desk.read("all.json")).expect("a report");
    let runs = |file: &File| -> Vec<_> {
        let records = file.sweeps[0].records.iter();
        records.map(|r| (r.site.clone(), r.fault.clone(), r.ending, r.result)).collect()
    };
    assert_eq!(runs(&merged), runs(&whole));
    let (code, text) = desk.sabot(&["diff", "whole.json", "all.json"]);
    assert_eq!(code, Some(0), "{text}");
    desk.refused(&["merge", "1of3.json", "1of3.json"], 2, "was a shard given twice?");
    let (code, text) = desk.sabot(&["merge", "1of3.json", "3of3.json", "--json", "some.json"]);
    assert!(text.contains("shard 2/3 is missing"), "{text}");
    let broken = whole.sweeps[0].records.iter().any(|record| {
        record.is_finding() && record.verdict().is_some_and(|found| found.is_broken_promise())
    });
    assert_eq!(code, Some(if broken { 1 } else { 3 }), "{text}");
    let (code, text) = desk.sabot(&["diff", "whole.json", "some.json"]);
    assert_eq!(code, Some(3), "{text}");
    desk.sabot(&["sweep", "small.case", "--shard", "1/2", "--json", "1of2.json"]);
    desk.refused(&["merge", "1of2.json", "3of3.json"], 2, "not parts of one sweep");
}

#[test]
fn a_finding_is_replayed_shrunk_and_exported() {
    let desk = Desk::new();
    // Under `always` a sync that fails goes unnoticed.
    let always = SMALL.replace("everysec", "always");
    std::fs::write(desk.path("small.case"), always).expect("a file of ours");
    let sweep = desk.sweep("small.json", &["--faults", "error"]);
    let record = sweep.sweeps[0].records.iter().find(|r| !r.token.is_empty());
    let token = record.expect("a finding").token.clone();
    let (_, text) = desk.sabot(&["replay", &token]);
    assert!(text.contains("as the token says: "), "{text}");
    let (code, text) = desk.sabot(&["shrink", &token]);
    assert_eq!(code, Some(0), "{text}");
    let last = text.lines().last().expect("a token");
    let (small, big) = (Token::decode(last).unwrap(), Token::decode(&token).unwrap());
    assert_eq!(small.verdict, big.verdict);
    assert!(small.script.lines().count() < big.script.lines().count());
    let (code, text) = desk.sabot(&["export", last, "--out", "found.case"]);
    assert_eq!(code, Some(0), "{text}");
    let found = desk.read("found.case");
    assert!(found.ends_with(&small.script));
    let shown = "# Shown in 20 of 20 runs, one trace, on sim: sabot's own server";
    assert!(found.starts_with(shown), "{found}");
    let args = ["export", last, "--world", "sim-7.0", "--world", "sim", "--runs", "3"];
    let (_, text) = desk.sabot(&args);
    assert!(text.contains(" of 3 runs, one trace, on sim-7.0: "), "{text}");
    assert!(text.contains("# Shown in 3 of 3 runs, one trace, on sim: "), "{text}");
    // A program that only the token names is not run.
    let elsewhere = Token { world: "/nonexistent/redis-server".to_string(), ..small.clone() };
    let (code, text) = desk.sabot(&["export", &elsewhere.encode()]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("# Not tried again: `--world PATH` says where.\n"), "{text}");
    let (_, text) = desk.sabot(&["run", "found.case", "--world", "sim"]);
    assert!(text.contains(&small.verdict.to_string()), "{text}");
}

#[test]
fn orders_alone_come_to_the_same_as_among_everything() {
    let desk = Desk::new();
    let orders = |json: &str, faults: &str| -> Vec<_> {
        let workload = "sweep/rewrite_always";
        desk.sabot(&["sweep", workload, "--json", json, "--faults", faults]);
        let file = File::read(&desk.read(json)).expect("a report");
        let records = file.sweeps[0].records.iter().filter(|record| !record.past_last_call);
        let orders = records.filter(|record| record.kind == Kind::Order);
        orders
            .map(|r| (r.site.clone(), r.fault.clone(), r.ending, r.result, r.same_as_default_order))
            .collect()
    };
    let whole = orders("whole.json", "order,error,short,lie,kill");
    let alone = orders("alone.json", "order");
    assert!(whole.iter().any(|(.., same)| *same), "{whole:?}");
    assert_eq!(alone, whole);
    let file = File::read(&desk.read("alone.json")).expect("a report");
    assert!(file.sweeps[0].records.iter().all(|record| record.kind == Kind::Order));
}

#[test]
fn bad_input_is_refused_with_the_reason() {
    let desk = Desk::new();
    for mode in ["replay", "shrink", "export"] {
        let form = match mode {
            "export" => "nonsense is neither a token nor a known bug",
            _ => "a token begins with sabot1.",
        };
        desk.refused(&[mode, "nonsense"], 2, form);
        desk.refused(&[mode, "sabot7.AAAA"], 2, "of version 7");
        desk.refused(&[mode, "sabot1.AAAAAAAA"], 2, "checksum");
    }
    let sweep = |more: [&'static str; 2]| ["sweep", "small.case", more[0], more[1]];
    desk.refused(&sweep(["--shard", "3/2"]), 2, "there is no shard 3 of 2");
    desk.refused(&sweep(["--faults", "errors"]), 2, "expected one of: error");
    desk.refused(&sweep(["--json", "no/such/folder.json"]), 2, "cannot write no/such/folder.json");
    desk.refused(&["sweep", "no-such-case"], 2, "no case no-such-case");
    std::fs::write(desk.path("other.json"), "{}").expect("a new file");
    desk.refused(&["merge", "other.json"], 2, "other.json: it is not a report");
    desk.refused(&["diff", "other.json", "missing.json"], 2, "other.json: it is not a report");
    assert!(!Path::new(&desk.path("no")).exists());
}

/// What sweeps of redis-server 7.0.15 find without being told, each shrunk: what it is, the
/// verdict, words of the sentence, and the run.
fn known_bugs() -> [(&'static str, Verdict, &'static str, String); 4] {
    let torn = format!(
        "config appendonly yes\n> INCR n\nadvance 1100ms\n\
         inject at parent.aof.write#2 power=after:torn:1\n\
         > MULTI\n> INCR n\n> SET long {}\n> EXEC\nrestart\n",
        "x".repeat(4100)
    );
    let full = "config appendonly yes\ninject write on=aof in=parent error=ENOSPC when=1+\n";
    [
        ("a cut transaction swallows what comes after it", Verdict::Lost, "had promised", torn),
        (
            "a flush that fails at BGREWRITEAOF is applied twice",
            Verdict::Diverged,
            "no prefix of the history",
            format!(
                "{full}> RPUSH l one\nhold child\n> BGREWRITEAOF\nrelease child\nheal\n\
                 advance 11s\nkill all maybe\nrestart\n"
            ),
        ),
        (
            "one fork that failed has writes refused for ever",
            Verdict::Stuck,
            "writes are refused",
            "config save 3 2\ninject at parent.fork#1 error=ENOMEM\n> BGSAVE\nheal\n\
             advance 11s\ncheck\n"
                .to_string(),
        ),
        (
            "a shutdown that reports success has lost writes",
            Verdict::Lost,
            "SHUTDOWN had reaffirmed every one",
            format!("{full}> RPUSH l two\n> SHUTDOWN\nrestart\n"),
        ),
    ]
}

#[test]
fn tokens_of_known_bugs_replay_on_redis() {
    let desk = Desk::new();
    for (what, verdict, words, script) in known_bugs() {
        let text = |text: &str| text.to_string();
        let (site, fault) = (text("parent.aof.write#1"), text("known"));
        let token =
            Token { case: text("sweep"), world: text("redis"), site, fault, verdict, script };
        let (code, text) = desk.sabot(&["replay", &token.encode()]);
        if text.contains("missing: world redis") {
            let required = std::env::var("SABOT_REQUIRE").unwrap_or_default();
            assert!(!required.split(',').any(|world| world == "redis"), "required: {text}");
            eprintln!("skipped: {what}: there is no redis-server");
            continue;
        }
        assert_eq!(code, Some(1), "{what}: {text}");
        assert!(text.contains(&format!("as the token says: {verdict}")), "{what}: {text}");
        assert!(text.contains(words), "{what}: {text}");
    }
}
