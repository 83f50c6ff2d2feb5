//! The language: every malformed spelling with its message, and what must hold for any text.

use proptest::prelude::*;

use super::script::Verb;
use super::*;
use crate::kernel::call::CallName;
use crate::kernel::disk::power_cut::{Cut, FsModel, Mode};
use crate::kernel::plan::{Claim, Effect, Halt, Rule, Selector, Victim, When};

/// A wrong line: where (column), what is said, what is expected.
const WRONG: &[(&str, u32, &str, &str)] = &[
    // Verbs.
    ("advence 1s", 1, "`advence` is not a verb", "did you mean `advance`?"),
    ("SET a 1", 1, "`SET` is not a verb", "expected `> COMMAND`, or one of: config, inject, "),
    ("heal now", 6, "no rule before it is called `now`", "give it a name: `inject write"),
    ("heal spcae", 6, "no rule before it is called `spcae`", "did you mean `space`?"),
    ("heal space now", 12, "more than this verb takes", "expected `heal [NAME | space"),
    ("check it", 7, "more than this verb takes", "expected `check`"),
    ("config", 7, "which directive?", "expected `config DIRECTIVE VALUE`"),
    ("config appendonly", 18, "a directive without a value", "expected `config DIRECTIVE VALUE`"),
    ("config dir --x", 12, "this value cannot be given", "taken for another directive"),
    ("config dir \"\\xff\"", 12, "this value cannot be given", "no UTF-8"),
    // Commands and quoting.
    ("> SET a bytes:4xb", 9, "`bytes:4xb` is not a number of bytes", "expected bytes:4mb"),
    (">", 2, "no command", "expected a command such as SET a 1"),
    ("writer>", 8, "no command", "expected a command such as SET a 1"),
    ("observer> PING", 1, "`observer` is the connection of", "choose another name"),
    ("> SET a \"1", 9, "no closing \"", "close the quotation on this line"),
    ("> SET a '1", 9, "no closing '", "close the quotation on this line"),
    ("> SET a \"1\"2", 12, "text after a quote", "a blank must follow"),
    // Time.
    ("advance", 8, "something is missing", "expected `advance TIME`"),
    ("advance 1", 9, "`1` is not a time", "expected a time such as 1s"),
    ("advance 1m", 9, "`1m` is not a time", "expected a time such as 1s"),
    ("advance 0s", 9, "`0s` is not a time", "a time of 0 has no effect"),
    ("advance 1s 2s", 12, "more than this verb takes", "expected `advance TIME`"),
    ("await", 6, "something is missing", "expected `await child, or"),
    ("await children", 7, "`children` is not known here", "expected `await child, or"),
    ("await chidl", 7, "`chidl` is not known here", "did you mean `child`?"),
    ("await child now", 13, "more than this verb takes", "await child"),
    ("await log", 10, "which text?", "expected words of a log line"),
    ("clock", 6, "something is missing", "expected `clock back TIME`"),
    ("clock forth 1s", 7, "`forth` is not known here", "expected `clock back TIME`"),
    ("clock back 1", 12, "`1` is not a time", "expected a time such as 1s"),
    // Ends and starts.
    ("signal child", 13, "something is missing", "expected `signal TASK SIGNAL"),
    ("signal main TERM", 8, "no task is called `main`", "is `parent`"),
    ("signal child STOP", 14, "`STOP` is not a signal", "`hold` holds a task"),
    ("orphan dies 1", 8, "`dies` is not known here", "expected `orphan exits CODE"),
    ("orphan exits 256", 14, "`256` is not an exit code", "from 0 to 255"),
    ("launch now", 8, "`now` is not known here", "expected `launch sigchld-ignored"),
    ("restart with", 13, "with which server?", "expected its name"),
    ("restart dir --x", 13, "this value cannot be given", "taken for another directive"),
    ("kill", 5, "something is missing", "expected `kill parent,"),
    ("kill al", 6, "`al` is not known here", "did you mean `all`?"),
    ("kill server", 6, "`server` is not known here", "expected `kill parent,"),
    ("shutdown SIGTREM", 10, "`SIGTREM` is not a signal", "did you mean `SIGTERM`?"),
    ("shutdown 15", 10, "`15` is not a signal", "expected a signal such as KILL"),
    ("restart appendfsync", 9, "a directive without a value", "[DIRECTIVE VALUE]…"),
    // Disk.
    ("read-only now", 11, "more than this verb takes", "expected `read-only`"),
    ("file", 5, "which file?", "expected `file NAME CONTENT"),
    ("file a", 7, "without content", "expected `file NAME CONTENT"),
    ("file /a x", 6, "`/a` is not a file in the data directory", "dump.rdb"),
    ("file a/../b x", 6, "`a/../b` is not a file in the data", "dump.rdb"),
    ("file a x y", 10, "the content is one word", "from PATH"),
    ("file a from", 12, "from which file?", "expected its path"),
    ("file a from b", 13, "`b` cannot be read from here", "no files beside it"),
    ("file a from b = *", 15, "more than this verb takes", "from PATH"),
    ("space", 6, "something is missing", "expected `space BYTES, or space free`"),
    ("space lots", 7, "`lots` is not a size", "expected a size in bytes such as 100"),
    ("sync-errors gone", 13, "`gone` is not known here", "expected `sync-errors clean"),
    ("hold", 5, "something is missing", "expected `hold TASK [maybe]`"),
    ("release", 8, "something is missing", "expected `release TASK`"),
    ("preempt", 8, "not a decision of the schedule", "expected `preempt SITE for TASK [maybe]`"),
    ("preempt parent.fork#1 child", 28, "not a decision of", "expected `preempt SITE for TASK"),
    ("preempt fork for child", 9, "`fork` is not a site", "a site looks like"),
    ("preempt parent.fork#1 by child", 23, "`for` comes here", "expected `preempt SITE for TASK"),
    ("preempt parent.fork#1 for parent", 27, "a task cannot run before itself", "expected `pre"),
    ("damage", 7, "something is missing", "expected `damage ROLE cut N"),
    ("damage aof", 11, "what happens to the file?", "damage ROLE cut N"),
    ("damage aof cut", 12, "the wrong number of words", "damage ROLE cut N"),
    ("damage aof cut many", 16, "`many` is not a size", "expected a size in bytes"),
    ("damage aof append 2a3", 19, "`2a3` is not a run of bytes", "pairs of hexadecimal digits"),
    ("damage aof zero 0", 17, "the wrong number of words", "damage ROLE cut N"),
    ("damage aof burn", 12, "`burn` is not known here", "damage ROLE cut N"),
    // Power.
    ("power-cut now", 11, "`now` is not a power-cut mode", "expected none, all, log"),
    ("power-cut torn:0", 11, "`torn:0` is not a power-cut mode", "counted from 1"),
    ("power-cut none all", 16, "more than this verb takes", "expected `power-cut [MODE]`"),
    ("power-cut torn", 11, "`torn` is not a power-cut mode", "expected torn:N"),
    ("power-cut torn:x", 11, "`torn:x` is not a power-cut mode", "a number after the colon"),
    (
        "power-cut none@ntfs",
        11,
        "`none@ntfs` is not a power-cut mode",
        "`ntfs` is not a file system model",
    ),
    ("settle now", 8, "more than this verb takes", "expected `settle`"),
    // Show, expect, needs.
    ("show", 5, "something is missing", "expected `show info FIELD…"),
    ("show info", 10, "which fields?", "expected names of INFO fields"),
    ("show file", 10, "which file?", "expected a file role"),
    ("show log all", 10, "more than this verb takes", "show info FIELD…"),
    ("show flies", 6, "`flies` is not known here", "did you mean `files`?"),
    ("expect", 7, "expect what?", "expected `expect REPLY"),
    ("expect OK", 8, "`OK` is not a reply as it is printed", "a reply begins with one of"),
    ("expect info aof_enabled", 8, "the wrong number of words", "expected `expect REPLY"),
    ("expect verdict keptt", 16, "`keptt` is not a verdict", "did you mean `kept`?"),
    ("expect refuse-start", 8, "`refuse-start` is not a reply", "did you mean `refuses-start`?"),
    ("expect log", 8, "the wrong number of words", "expected `expect REPLY"),
    ("expect exit zero", 13, "`zero` is not an exit code", "a number such as 0"),
    ("expect file aof big", 17, "`big` is not a size", "expected a size in bytes"),
    ("expect files aof +", 18, "`+` is not a count", "a number such as 2, or 2+"),
    ("known", 6, "something is missing", "expected `known shows SERVER…"),
    ("known shows", 12, "which servers?", "names such as redis-6.0.16"),
    ("known shown redis-6.0.16", 7, "`shown` is not known here", "did you mean `shows`?"),
    ("known shows redis-6.0", 13, "`redis-6.0` is not a server", "a name such as redis-6.0.16"),
    ("known shows redis-6.0.16", 1, "a known bug without a symptom", "say by what it shows"),
    ("symptom", 8, "expect what?", "expected `symptom REPLY"),
    ("symptom exit 0", 1, "a symptom without a known bug", "say on which servers it shows"),
    ("needs", 6, "something is missing", "expected `needs role ROLE"),
    ("needs role", 11, "something is missing", "needs role ROLE"),
    ("needs version seven", 15, "`seven` is not a version", "expected a version such as 7.0"),
    ("needs comand DEBUG", 7, "`comand` is not known here", "did you mean `command`?"),
    // Rules: the calls.
    ("inject", 7, "which calls?", "expected one of: open, close,"),
    ("inject wirte error=EIO", 8, "`wirte` is not a system call", "did you mean `write`?"),
    ("inject write,fsink error=EIO", 14, "`fsink` is not a system call", "did you mean `fsync`?"),
    ("inject write,write error=EIO", 14, "`write` is selected twice", "name each call once"),
    ("inject sync,fsync error=EIO", 13, "`fsync` is selected twice", "name each call once"),
    ("inject write, error=EIO", 14, "`` is not a system call", "expected one of"),
    // Rules: selectors.
    ("inject write in=parent", 23, "no effect", "expected error=ERRNO"),
    ("inject write on= error=EIO", 14, "`on` needs a value", "expected on=ROLE"),
    ("inject write on error=EIO", 14, "`on` needs a value", "expected on=ROLE"),
    ("inject write onn=aof error=EIO", 14, "`onn` means nothing here", "did you mean `on`?"),
    ("inject write on=aof on=rdb error=EIO", 21, "`on` is there twice", "say it once"),
    ("inject fork on=aof error=EAGAIN", 16, "`fork` is about no file", "leave `on=` out"),
    ("inject pipe on=pipe:diff error=EMFILE", 16, "`pipe` is about no file", "leave `on=` out"),
    ("inject write in=main error=EIO", 17, "no task is called `main`", "is `parent`"),
    ("inject write error=EIO as=space", 27, "`space` is what `heal space`", "another name"),
    ("inject write error=EIO as=a.b", 27, "`a.b` is not a name", "letters, digits"),
    ("inject write as= error=EIO", 14, "`as` needs a value", "as=NAME"),
    // Rules: windows.
    ("inject write error=EIO when=0", 29, "`0` is not a value for `when`", "counted from 1"),
    ("inject write error=EIO when=5..3", 29, "`5..3` is not a value for `when`", "comes before"),
    ("inject write error=EIO when=x", 29, "`x` is not a value for `when`", "FIRST[..LAST][+STEP]"),
    ("inject write error=EIO when", 24, "`when` needs a value", "for example when=1"),
    // Rules: effects.
    ("inject write error=ENOSPACE", 20, "`ENOSPACE` is not a value for `error`", "`ENOSPC`?"),
    ("inject write error=28", 20, "`28` is not a value for `error`", "a name from errno(3)"),
    ("inject write error=EIO short=5", 24, "one effect per rule", "write another `inject` line"),
    ("inject read short=0", 13, "a `read` of 0 bytes says that the file ends", "retval=0"),
    ("inject write short=all", 20, "`all` is not a value for `short`", "expected a size"),
    ("inject fsync short=5", 8, "`fsync` moves no bytes", "`short` is for read and write"),
    ("inject write retval=-1", 21, "`-1` is not a value for `retval`", "for failure use error="),
    ("inject fork retval=0", 8, "`fork` cannot claim what it did not do", "use error="),
    ("inject read read-only", 8, "`read` changes nothing on a disk", "is read-only"),
    ("inject write read-only=1", 14, "`read-only` takes no value", "write `read-only` alone"),
    ("inject open retval=0", 8, "`open` cannot claim what it did not do", "use error="),
    ("inject fsync retval=1", 14, "`fsync` returns 0 when it succeeds", "write retval=0"),
    ("inject read retval=all", 13, "`read` cannot claim bytes", "an early end of file"),
    ("inject read retval=9", 13, "`read` cannot claim bytes", "an early end of file"),
    ("inject write delay=1", 20, "`1` is not a value for `delay`", "expected a time"),
    ("inject write hold=1s", 14, "`hold` takes no value", "write `hold` alone"),
    ("inject write signal=KILLED", 21, "`KILLED` is not a value for `signal`", "expected a signal"),
    ("inject write maybe", 19, "no effect", "expected error=ERRNO"),
    ("inject sync power=before:", 19, "`before:` is not a value for `power`", "expected none, all"),
    ("inject sync kill=before", 18, "`before` is not a value for `kill`", "kill=before:WHO"),
    (
        "inject sync kill=after:server",
        18,
        "`after:server` is not a value for `kill`",
        "parent, child",
    ),
    ("inject sync kill=after:all power=after:all", 28, "one effect per rule", "another `inject`"),
    ("inject sync power=none", 19, "`none` is not a value for `power`", "power=before:MODE"),
    ("inject sync power=after:torn", 19, "`after:torn` is not a value for `power`", "torn:N"),
    // Rules: sites.
    ("inject at", 10, "at which site?", "expected a site such as parent.aof.write#2"),
    ("inject at parent.aof error=EIO", 11, "`parent.aof` is not a site", "a site looks like"),
    ("inject at parent.aof.write#0 error=EIO", 11, "`parent.aof.write#0` is not a site", "a site"),
    ("inject at parent.aof.write#2 when=1 error=EIO", 30, "a site is one call", "leave `when`"),
    ("inject at parent.aof.write#2 on=aof error=EIO", 30, "a site is one call", "leave `on`"),
    ("inject at parent.fork#1 retval=0", 11, "`fork` cannot claim", "use error="),
];

#[test]
fn every_malformed_spelling_has_its_message() {
    for (line, column, message, help) in WRONG {
        let source = format!("# a comment\n> PING\n{line}\n");
        let bad = parse("wrong.case", &source).expect_err(line);
        let [error] = bad.errors.as_slice() else { panic!("{line}: {bad}") };
        assert_eq!((error.line, error.column), (3, *column), "{line}: {error}");
        assert!(error.message.starts_with(message), "{line}: {error}");
        assert!(error.help.contains(help), "{line}: {error} ({})", error.help);
        assert!(error.to_string().starts_with(&format!("wrong.case:3:{column}: {message}")));
    }
}

#[test]
fn steps_that_stand_in_the_wrong_place_are_refused() {
    let wrong = [
        ("> PING\nconfig appendonly yes", "`config` comes after a step that starts the server"),
        ("expect +OK\n> PING", "no command before it that could have a reply"),
        ("> PING\nexpect verdict kept", "no verdict before it"),
        ("config appendonly yes", "no step of this case needs a server"),
        ("", "no step of this case needs a server"),
    ];
    for (source, message) in wrong {
        assert_eq!(parse("x", source).expect_err(source).errors[0].message, message);
    }
}

#[test]
fn all_mistakes_are_reported_at_once_with_the_text_they_are_about() {
    let source = "advance 1m\n> PING\ninject wirte error=ENOSPACE when=0\n";
    let bad = parse("cases/bad.case", source).unwrap_err();
    let expected = "\
cases/bad.case:1:9: `1m` is not a time (expected a time such as 1s, 20ms or 500us)
cases/bad.case:3:8: `wirte` is not a system call that can be injected into (did you mean `write`?)
cases/bad.case:3:20: `ENOSPACE` is not a value for `error` (did you mean `ENOSPC`?)
cases/bad.case:3:34: `0` is not a value for `when` (calls are counted from 1)";
    assert_eq!(bad.to_string(), expected);
    let report = format!("{:?}", miette::Report::new(bad));
    assert!(report.contains("inject wirte error=ENOSPACE when=0"), "{report}");
}

#[test]
fn quoting_is_that_of_redis_cli() {
    let source = r#"w> SET "a b\n\x41\"" 'it\'s \n' "" plain"#;
    let script = parse("x", source).unwrap();
    let Verb::Send { client, argv } = &script.steps[0].verb else { panic!("{script:?}") };
    assert_eq!(client, "w");
    let expected: [&[u8]; 5] = [b"SET", b"a b\nA\"", b"it's \\n", b"", b"plain"];
    assert_eq!(argv[..], expected);
    assert_eq!(lex::quote(argv), r#"SET "a b\nA\"" "it's \\n" "" plain"#);
}

fn parse_rule(text: &str) -> Result<Rule, BadCase> {
    let script = parse("x", &format!("inject {text}\n> PING"))?;
    match &script.steps[0].verb {
        Verb::Inject { rule, .. } => Ok(rule.clone()),
        other => panic!("{other:?}"),
    }
}

fn calls() -> impl Strategy<Value = Vec<CallName>> {
    let words = CallName::words().into_iter().filter(|word| *word != "sync");
    let names: Vec<CallName> = words.filter_map(|word| CallName::select(word)?.pop()).collect();
    proptest::sample::subsequence(names, 1..4)
}

fn effects() -> impl Strategy<Value = Effect> {
    use nix::errno::Errno;
    use nix::sys::signal::Signal;
    prop_oneof![
        (1..133).prop_filter_map("no errno", |raw| match Errno::from_raw(raw) {
            Errno::UnknownErrno => None,
            errno => Some(Effect::Error(errno)),
        }),
        (1u64..1 << 40).prop_map(Effect::Short),
        (0i64..3).prop_map(|n| Effect::Retval(Claim::Exactly(n))),
        Just(Effect::Retval(Claim::All)),
        (1u64..10_000_000).prop_map(|us| Effect::Delay(std::time::Duration::from_micros(us))),
        Just(Effect::Hold),
        Just(Effect::ReadOnly),
        (1..31).prop_filter_map("no signal", |n| Signal::try_from(n).ok().map(Effect::Signal)),
        (whens(), cuts()).prop_map(|(when, cut)| Effect::Halt(when, Halt::Power(cut))),
        (whens(), victims()).prop_map(|(when, who)| Effect::Halt(when, Halt::Kill(who))),
        (whens(), "[a-z]{1,5}(:[a-z]{1,5})?").prop_map(|(when, role)| Effect::Sync(when, role)),
    ]
}

fn whens() -> impl Strategy<Value = When> {
    proptest::sample::select(vec![When::Before, When::After])
}

fn victims() -> impl Strategy<Value = Victim> {
    proptest::sample::select(vec![Victim::Parent, Victim::Child, Victim::All])
}

fn cuts() -> impl Strategy<Value = Cut> {
    let modes = prop_oneof![
        Just(Mode::None),
        Just(Mode::All),
        Just(Mode::Log),
        Just(Mode::Data),
        Just(Mode::InPlace),
        any::<u64>().prop_map(Mode::Prefix),
        (1u64..).prop_map(Mode::Torn),
        any::<u64>().prop_map(Mode::Seed),
    ];
    let models = proptest::sample::select(FsModel::ALL.to_vec());
    (modes, models).prop_map(|(mode, fs)| Cut { mode, fs })
}

fn rules() -> impl Strategy<Value = Rule> {
    let window = prop_oneof![
        Just(String::new()),
        (1u64..9).prop_map(|n| format!("{n}")),
        (1u64..9).prop_map(|n| format!("{n}+")),
        (1u64..9, 1u64..9).prop_map(|(n, step)| format!("{n}+{step}")),
        (1u64..9, 0u64..9).prop_map(|(n, more)| format!("{n}..{}", n + more)),
        (1u64..9, 0u64..9, 1u64..9).prop_map(|(n, m, step)| format!("{n}..{}+{step}", n + m)),
    ];
    let role = proptest::option::of("[a-z]{1,5}(:[a-z]{1,5})?");
    let task = proptest::option::of("[a-z]{1,5}(-[a-z]{1,5})?");
    let name = proptest::option::of("[a-z]{1,4}-[a-z]{1,3}");
    (calls(), role, task, effects(), window, name, any::<bool>()).prop_map(
        |(calls, role, task, effect, window, name, maybe)| Rule {
            selector: Selector::Calls { calls, role, task },
            window: window.parse().unwrap_or(crate::kernel::plan::Window::EVERY),
            effect,
            name,
            maybe,
            origin: 1,
        },
    )
}

proptest! {
    #[test]
    fn any_text_is_a_case_or_a_list_of_mistakes(text in "\\PC*") {
        let _ = parse("x", &text);
    }

    #[test]
    fn any_line_of_known_words_is_a_case_or_a_list_of_mistakes(
        lines in proptest::collection::vec(
            proptest::collection::vec(
                prop_oneof![
                    proptest::sample::select(verbs().map(|(verb, _)| verb).collect::<Vec<_>>()),
                    proptest::sample::select(vec![
                        ">", "at", "aof", "write", "write,", "on=", "on=aof", "when=1..", "'é",
                        "\"",
                        "error=EIO", "power=after:torn:1@", "kill=before:", "sync=after:dir",
                        "7mb", "é", "…",
                        "parent.aof.write#1",
                        "info", "log", "cut", "zero", "append", "x>", "verdict", "1) \"", "\\x4",
                    ]),
                ],
                0..6,
            ),
            0..6,
        )
    ) {
        let text: Vec<String> = lines.iter().map(|words| words.join(" ")).collect();
        if let Err(bad) = parse("x", &text.join("\n")) {
            prop_assert!(!bad.errors.is_empty());
            let _ = format!("{:?}", miette::Report::new(bad));
        }
    }

    #[test]
    fn rules_read_back_as_they_are_shown(rule in rules()) {
        let text = plan::show(&rule);
        // Impossible rules are refused, and never misread.
        if let Ok(read) = parse_rule(&text) {
            prop_assert_eq!(read, rule, "{}", text);
        } else {
            let always = matches!(
                rule.effect,
                Effect::Hold | Effect::Error(_) | Effect::Halt(..) | Effect::Sync(..)
            );
            let possible = always
                && matches!(&rule.selector, Selector::Calls { role: None, .. });
            prop_assert!(!possible, "{} was refused", text);
        }
    }
}
