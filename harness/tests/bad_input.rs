//! What goes wrong before or besides a fault: wrong cases, wrong servers, Ctrl-C. Each gives a
//! message that names the file, line or path, the right exit code, and leaves no process and no
//! file behind.

#[path = "project/waiting.rs"]
mod waiting;

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sabot::engine::reap;

/// One test at a time: each looks for processes that it has left behind.
static ALONE: Mutex<()> = Mutex::new(());

/// A folder to work in, and the promise that nothing else is touched.
struct Sandbox {
    folder: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

/// What a run of the command came to.
struct Said {
    code: Option<i32>,
    text: String,
}

impl Sandbox {
    fn new() -> Sandbox {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        reap::adopt_orphans().expect("orphans come to this process");
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("tmp")).expect("a new folder");
        Sandbox { folder, _alone: alone }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a new file");
    }

    /// A program that answers `--version` as Redis does, and otherwise does `then`.
    fn server(&self, name: &str, then: &str) -> String {
        let version = "Redis server v=7.0.15 sha=00000000:0 malloc=libc bits=64 build=0";
        let check = format!("if [ \"$1\" = --version ]; then echo '{version}'; exit 0; fi");
        self.write(name, &format!("#!/bin/sh\n{check}\n{then}\n"));
        self.allow(name, 0o755);
        self.path(name).display().to_string()
    }

    fn allow(&self, name: &str, mode: u32) {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(self.path(name), mode).expect("the file is ours");
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sabot"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env("TMPDIR", self.path("tmp"))
            .env_remove("SABOT_REQUIRE")
            .stdin(Stdio::null());
        command
    }

    /// Runs the command, and checks that nothing is left of it.
    fn sabot(&self, args: &[&str]) -> Said {
        let before = self.files();
        let output = self.command(args).output().expect("the command starts");
        self.nothing_left(&before);
        Said::of(&output)
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for folder in [self.folder.path(), &self.path("tmp"), Path::new("/mnt"), Path::new("/srv")]
        {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            found.extend(entries.map(|entry| entry.path()));
        }
        found.sort();
        found
    }

    fn nothing_left(&self, before: &[PathBuf]) {
        assert_eq!(children(), Vec::<i32>::new(), "processes are left behind");
        assert_eq!(self.files(), before, "files are left behind");
    }
}

impl Said {
    fn of(output: &Output) -> Said {
        let text = [&output.stdout, &output.stderr].map(|part| String::from_utf8_lossy(part));
        Said { code: output.status.code(), text: text.concat() }
    }

    /// Checks the exit code and that each of `parts` was said.
    fn expect(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.text);
        for part in parts {
            assert!(self.text.contains(part), "{part:?} is not in:\n{}", self.text);
        }
    }
}

/// Processes below this one: those that lose their parent come here.
fn children() -> Vec<i32> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().map(numbered).collect::<Vec<_>>()).collect()
}

fn numbered(pid: &str) -> i32 {
    pid.parse().expect("a process id")
}

/// Whether supervised worlds are possible here; `sabot doctor` says why not.
fn supervised(sandbox: &Sandbox) -> bool {
    let possible = sandbox.sabot(&["doctor"]).code == Some(0);
    if !possible {
        assert!(std::env::var_os("SABOT_REQUIRE").is_none(), "required, but not possible here");
        println!("skipped: this machine cannot supervise");
    }
    possible
}

#[test]
fn an_unknown_verb_is_shown_at_its_place_with_all_other_mistakes() {
    let sandbox = Sandbox::new();
    sandbox.write("bad.case", "# A comment.\n> SET a 1\nkil all\nadvance soon\n");
    let said = sandbox.sabot(&["run", "bad.case"]);
    said.expect(2, &["bad.case:3:1", "kil", "kill", "bad.case:4:9", "soon"]);
}

#[test]
fn an_impossible_selector_is_refused_before_anything_runs() {
    let sandbox = Sandbox::new();
    sandbox.write("bad.case", "inject fork on=aof error=EAGAIN\ninject fork short=1\n> PING\n");
    let said = sandbox.sabot(&["run", "bad.case", "--world", "sim"]);
    said.expect(2, &["bad.case:1:16", "on=aof", "bad.case:2:8", "short"]);
}

#[test]
fn a_fault_that_never_fired_is_an_error_unless_it_may_be() {
    let sandbox = Sandbox::new();
    let case = |maybe: &str| {
        format!("config appendonly yes\n> SET a 1\ninject fork error=EAGAIN{maybe}\n> GET a\n")
    };
    sandbox.write("never.case", &case(""));
    let said = sandbox.sabot(&["run", "never.case", "--world", "sim"]);
    said.expect(2, &["never.case:3", "inject fork error=EAGAIN"]);
    sandbox.write("maybe.case", &case(" maybe"));
    sandbox.sabot(&["run", "maybe.case", "--world", "sim"]).expect(0, &["1 as expected"]);
}

#[test]
fn an_expectation_that_is_not_met_is_a_failure_that_names_its_line() {
    let sandbox = Sandbox::new();
    sandbox.write("unmet.case", "> SET a 1\n> GET a\nexpect \"2\"\n");
    sandbox.sabot(&["run", "unmet.case", "--world", "sim"]).expect(1, &["unmet.case:3", "FAIL"]);
}

#[test]
fn a_case_or_world_that_does_not_exist_is_bad_usage() {
    let sandbox = Sandbox::new();
    sandbox.sabot(&["run", "no-such-case"]).expect(2, &["no case no-such-case"]);
    sandbox.write("ping.case", "> PING\n");
    sandbox.sabot(&["run", "ping.case", "--world", "sum"]).expect(2, &["no world sum", "sim"]);
    let slip = sandbox.sabot(&["run", "ping.case", "--world", "sevrer"]);
    slip.expect(2, &["did you mean server?"]);
    sandbox.sabot(&["run", "--no-such-flag"]).expect(2, &["--no-such-flag"]);
    let kept = sandbox.sabot(&["run", "--keep", "ping.case", "--world", "sim"]);
    kept.expect(2, &["--keep ping.case: it is a file"]);
    sandbox.write("latin1.case", "");
    fs::write(sandbox.path("latin1.case"), b"> SET a \xe9\n").expect("the file is ours");
    sandbox.sabot(&["run", "latin1.case"]).expect(2, &["latin1.case", "UTF-8"]);
}

#[test]
fn a_folder_of_cases_runs_and_an_empty_one_is_said_to_be_empty() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("mine")).expect("a new folder");
    let folder = sandbox.path("mine").display().to_string();
    let run = |folder: &str| sandbox.sabot(&["run", folder, "--world", "sim"]);
    run(&folder).expect(2, &["there are no cases in", "mine"]);
    sandbox.write("mine/one.case", "> PING\n");
    sandbox.write("mine/two.case", "> PING\n");
    sandbox.write("mine/notes.txt", "no case");
    run(&folder).expect(0, &["2 cases in 1 world: 2 as expected"]);
}

#[test]
fn a_step_of_more_than_a_day_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("far.case", "> PING\nadvance 4294967296s\n");
    let said = sandbox.sabot(&["run", "far.case", "--world", "sim"]);
    said.expect(2, &["far.case:2:9", "a day at most"]);
}

#[test]
fn a_path_that_is_no_server_is_named_with_the_reason() {
    let sandbox = Sandbox::new();
    sandbox.write("ping.case", "> PING\n");
    sandbox.write("plain", "just a file\n");
    let world = |path: &str| sandbox.sabot(&["run", "ping.case", "--world", path]);
    world("./missing").expect(3, &["./missing", "no such file"]);
    world("./plain").expect(3, &["./plain", "not executable"]);
    world("./tmp").expect(2, &["no world ./tmp: it is a folder"]);
    world("/bin/true").expect(3, &["/bin/true", "not a server"]);
}

#[test]
fn a_required_world_that_is_missing_is_a_failure_and_a_default_one_is_not() {
    let sandbox = Sandbox::new();
    sandbox.write("ping.case", "> PING\n");
    let run = |require: &str| {
        let mut command = sandbox.command(&["run", "ping.case"]);
        command.env("PATH", sandbox.path("tmp")).env("SABOT_REQUIRE", require);
        Said::of(&command.output().expect("the command starts"))
    };
    run("redis").expect(3, &["missing: world redis: no redis-server on PATH"]);
    run("sim").expect(0, &["skipped: world redis: no redis-server on PATH"]);
    run("radis").expect(2, &["SABOT_REQUIRE", "radis"]);
}

#[test]
fn a_server_that_dies_at_start_is_told_from_one_that_runs() {
    let sandbox = Sandbox::new();
    sandbox.write("dies.case", "config no-such-directive 1\n> PING\n");
    sandbox
        .sabot(&["run", "dies.case", "--world", "sim"])
        .expect(2, &["dies.case:1", "refuses this configuration", "no-such-directive"]);
    if supervised(&sandbox) {
        let server = sandbox.server("dies", "exit 1");
        let said = sandbox.sabot(&["run", "dies.case", "--world", &server]);
        // It names no directive, so nobody knows whether the case is why.
        said.expect(3, &["not-measured", "the server does not start, it exited with 1"]);
        sandbox.write("dies.case", "> PING\n");
        let said = sandbox.sabot(&["run", "dies.case", "--world", &server]);
        said.expect(3, &["does not start on an empty disk, it exited with 1"]);
    }
}

#[test]
fn a_server_that_computes_is_killed_at_the_deadline_and_says_nothing() {
    let sandbox = Sandbox::new();
    if !supervised(&sandbox) {
        return;
    }
    sandbox.write("ping.case", "> PING\n");
    let server = sandbox.server("hangs", "while :; do :; done");
    let said = sandbox.sabot(&[
        "run",
        "ping.case",
        "--world",
        &server,
        "--deadline",
        "1",
        "--repeat",
        "2",
    ]);
    said.expect(3, &["not-measured", "1 s of real time"]);
}

#[test]
fn a_server_that_computes_for_long_is_not_hung() {
    let sandbox = Sandbox::new();
    if !supervised(&sandbox) {
        return;
    }
    sandbox.write("ping.case", "> PING\n");
    let server = sandbox.server("computes", "while :; do :; done");
    let said = sandbox.sabot(&["run", "ping.case", "--world", &server]);
    said.expect(3, &["not-measured", "the server computes"]);
}

#[test]
fn a_server_that_was_never_ready_is_neither_a_bad_case_nor_a_broken_promise() {
    let sandbox = Sandbox::new();
    if !supervised(&sandbox) {
        return;
    }
    let text = "inject fsync error=EIO\n> PING\nexpect +PONG\nawait child\nkill all\nrestart\n";
    sandbox.write("ping.case", text);
    let server = sandbox.server("dozes", "echo looking for modules; exec sleep 1000000");
    let said = sandbox.sabot(&["run", "ping.case", "--world", &server]);
    said.expect(3, &["not-measured", "never ready", "looking for modules", "nanosleep"]);
}

#[test]
fn a_server_that_waits_for_the_clock_gets_it_moved() {
    let sandbox = Sandbox::new();
    if !supervised(&sandbox) {
        return;
    }
    sandbox.write("ping.case", "> PING\nadvance 3s\n");
    let spins = "from=$EPOCHSECONDS; while ((EPOCHSECONDS < from + 2)); do :; done";
    let then = format!("exec bash -c '{spins}; echo through; exec sleep 1000000'");
    let server = sandbox.server("spins", &then);
    let said = sandbox.sabot(&["run", "ping.case", "--world", &server]);
    said.expect(3, &["not-measured", "never ready", "its log ends with: through"]);
}

#[test]
fn a_configuration_that_the_server_refuses_is_a_bad_case_with_its_words() {
    let sandbox = Sandbox::new();
    let bad = "config appendfsync sometimes\n> PING\ncheck\n";
    sandbox.write("first.case", bad);
    let said = sandbox.sabot(&["run", "first.case", "--world", "sim"]);
    said.expect(2, &["refuses this configuration", "everysec, always, no"]);
    let later = "> SET a 1\nkill all\nrestart appendfsync sometimes\nexpect refuses-start\n";
    sandbox.write("later.case", later);
    let said = sandbox.sabot(&["run", "later.case", "--world", "sim"]);
    said.expect(2, &["refuses this configuration", "everysec, always, no"]);
}

#[test]
fn the_last_state_is_judged() {
    let sandbox = Sandbox::new();
    let always = "config appendonly yes\nconfig appendfsync always\n> SET a 1\n";
    let lost = "inject fdatasync on=aof error=EIO\n> SET b 2\npower-cut\n";
    for judged_before in ["check\n", "kill all\nrestart\n"] {
        sandbox.write("end.case", &format!("{always}{judged_before}{lost}"));
        let said = sandbox.sabot(&["run", "end.case", "--world", "sim"]);
        said.expect(1, &["lost", "1 of 2 acknowledged writes", "after another start"]);
    }
    sandbox.write("end.case", &format!("{always}check\n> SET b 2\n"));
    let said = sandbox.sabot(&["run", "end.case", "--world", "sim"]);
    said.expect(0, &["2 of 2 acknowledged writes are there"]);
}

#[test]
fn ctrl_c_ends_everything_and_says_how_far_it_came() {
    let sandbox = Sandbox::new();
    if !supervised(&sandbox) {
        return;
    }
    sandbox.write("ping.case", "config appendonly yes\n> SET a 1\nkill all\nrestart\n> GET a\n");
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let before = sandbox.files();
        let args = ["run", "ping.case", "--world", "server", "--repeat", "100000"];
        let mut run = sandbox.command(&args).stdout(Stdio::piped()).spawn().expect("it starts");
        waiting::await_worker(&mut run);
        let pid = Pid::from_raw(run.id().cast_signed());
        kill(pid, signal).expect("it runs");
        let mut text = String::new();
        run.stdout.take().expect("it was asked for").read_to_string(&mut text).expect("text");
        let code = run.wait().expect("it was started").code();
        sandbox.nothing_left(&before);
        Said { code, text }.expect(130, &["1 not run"]);
    }
}

/// Asking a server for its version needs a machine already, and that needs descriptors.
#[test]
fn a_limit_of_open_files_that_is_too_low_is_named_before_anything_runs() {
    let sandbox = Sandbox::new();
    let server = sandbox.server("redis-server", "exit 1");
    sandbox.write("a.case", "> SET a 1\n");
    let limited = "ulimit -n 64; exec \"$0\" run a.case --world \"$1\"";
    let output = Command::new("sh")
        .args(["-c", limited, env!("CARGO_BIN_EXE_sabot"), &server])
        .current_dir(sandbox.folder.path())
        .output()
        .expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("only 64 files open here, and 1024 are needed"), "{text}");
}
