//! From a line to its verb.
//!
//! The grammar is a table of verbs to functions; what each means is in `cases/README.md`.
//! Must not know: how a step is carried out, and which server it will meet.

use nix::sys::signal::Signal;

use super::args::{Args, content, named, value};
use super::error::{Wrong, nearest};
use super::lex::{self, Line, Word};
use super::script::{Damage, Expect, Healed, LaunchedBy, Needs, PageFate, Restart, Show, Verb};
use super::{attached, known_bug, plan, power, values};
use crate::kernel::{Cut, Name};
use crate::world::{Directive, Victim};

/// What one line does.
pub(super) fn verb(line: &Line<'_>) -> Result<Verb, Vec<Wrong>> {
    match client_prefix(line.text) {
        Some(prefix) => send(line, prefix),
        None => words_step(line),
    }
}

/// The client's name where the line is a command: `> …` or `name> …`.
fn client_prefix(text: &str) -> Option<&str> {
    let (name, _) = text.split_once('>')?;
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_').then_some(name)
}

/// The client that `> COMMAND` means.
pub const DEFAULT_CLIENT: &str = "client";
/// The connection on which the runner itself asks.
pub const OBSERVER: &str = "observer";

fn send(line: &Line<'_>, name: &str) -> Result<Verb, Vec<Wrong>> {
    let start = line.span.start;
    if name == OBSERVER {
        let message = "`observer` is the connection of `show info` and of the contract";
        return Err(vec![Wrong::new(start..start + name.len(), message, "choose another name")]);
    }
    let skipped = name.len() + 1;
    let words = lex::words(&line.text[skipped..], start + skipped).map_err(|wrong| vec![wrong])?;
    if words.is_empty() {
        let end = line.span.end;
        let help = "expected a command such as SET a 1";
        return Err(vec![Wrong::new(end..end, "no command", help)]);
    }
    let client = if name.is_empty() { Name::known(DEFAULT_CLIENT) } else { name.into() };
    let argv = words.into_iter().map(content).collect::<Result<Vec<_>, _>>()?;
    Ok(Verb::Send { client, argv: argv.into() })
}

type Parser = fn(&Args<'_>) -> Result<Verb, Vec<Wrong>>;

/// What can be asserted, besides a reply.
macro_rules! assertions {
    () => {
        "info FIELD VALUE | refuses-start | verdict V | log [N] TEXT | exit CODE | \
         file ROLE SIZE | files ROLE N"
    };
}

/// Every verb, how it is written, and who reads the rest of its line.
const VERBS: &[(&str, &str, Parser)] = &[
    ("config", "config DIRECTIVE VALUE", config),
    ("inject", "inject CALL[,CALL…] [on=ROLE] [in=TASK] EFFECT [when=…] [as=NAME] [maybe]", inject),
    ("preempt", "preempt SITE for TASK [maybe]", plan::preempt),
    ("heal", "heal [NAME | space | read-only]", heal),
    ("space", "space BYTES, or space free", space),
    ("read-only", "read-only", |args| args.nothing(Verb::ReadOnly)),
    ("sync-errors", "sync-errors clean, or sync-errors dirty", sync_errors),
    ("hold", "hold TASK [maybe]", |args| Ok(Verb::Hold(args.exactly(1)?[0].text()))),
    ("release", "release TASK", |args| Ok(Verb::Release(args.exactly(1)?[0].text()))),
    ("advance", "advance TIME", advance),
    ("clock", "clock back TIME", clock),
    ("await", "await child, or await log TEXT", await_),
    ("kill", "kill parent, kill child or kill all", kill),
    ("signal", "signal TASK SIGNAL [maybe]", signal),
    ("orphan", "orphan exits CODE [maybe]", orphan),
    ("launch", "launch sigchld-ignored, or launch sigchld-default", launch),
    ("shutdown", "shutdown [SIGNAL]", shutdown),
    ("power-cut", "power-cut [MODE]", power_cut),
    ("settle", "settle", |args| args.nothing(Verb::Settle)),
    ("restart", "restart [with SERVER] [DIRECTIVE VALUE]…", restart),
    ("file", "file NAME CONTENT, or file NAME from PATH", attached::parse),
    ("repair", "repair", |args| args.nothing(Verb::Repair)),
    ("backup", "backup [ROLE]…", |args| Ok(Verb::Backup(args.words.iter().map(named).collect()))),
    ("restore", "restore", |args| args.nothing(Verb::Restore)),
    ("damage", "damage ROLE cut N | append HEX | zero OFFSET LEN | empty | remove", damage),
    ("show", "show info FIELD… | log | file ROLE | files | latency", show),
    ("expect", concat!("expect REPLY | ", assertions!()), expect),
    ("known", "known shows SERVER…, or known absent SERVER…", known_bug::parse),
    ("symptom", concat!("symptom REPLY | ", assertions!()), symptom),
    ("needs", "needs role ROLE | version RANGE | command NAME", needs),
    ("check", "check", |args| args.nothing(Verb::Check)),
];

fn words_step(line: &Line<'_>) -> Result<Verb, Vec<Wrong>> {
    let first = line.text.split_whitespace().next().unwrap_or_default();
    let verb_span = line.span.start..line.span.start + first.len();
    let Some((_, usage, parser)) = VERBS.iter().find(|(verb, ..)| *verb == first) else {
        let message = format!("`{first}` is not a verb");
        let verbs: Vec<&str> = VERBS.iter().map(|(verb, ..)| *verb).collect();
        let help = match nearest(first, &verbs) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("expected `> COMMAND`, or one of: {}", verbs.join(", ")),
        };
        return Err(vec![Wrong::new(verb_span, message, help)]);
    };
    let raw = line.text[first.len()..].trim_start();
    // Quotes are part of a reply as it is printed: assertions read their line by themselves.
    let mut words = match first {
        "expect" | "symptom" => Vec::new(),
        _ => lex::words(raw, line.span.end - raw.len()).map_err(|wrong| vec![wrong])?,
    };
    let maybe = says_maybe(first, &words);
    words.truncate(words.len() - usize::from(maybe));
    let verb = parser(&Args { line, raw, words, usage })?;
    Ok(if maybe { Verb::Maybe(Box::new(verb)) } else { verb })
}

/// Whether a step need not have a server or child to be about.
fn says_maybe(verb: &str, words: &[Word]) -> bool {
    let can = match verb {
        "kill" | "shutdown" | "check" | "hold" | "signal" | "orphan" => true,
        "await" => words.first().is_some_and(|word| word.bytes == b"child"),
        _ => false,
    };
    can && words.last().is_some_and(|word| word.bytes == b"maybe" && !word.quoted)
}

fn config(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    let usage = format!("expected `{}`", args.usage);
    match args.words.as_slice() {
        [] => args.wrong(None, "which directive?", &usage),
        [_] => args.wrong(None, "a directive without a value", &usage),
        [name, first, ..] => {
            // All that follows is the value, as in redis.conf.
            let from = first.span.start - args.line.span.start;
            let value = args.line.text[from..].to_string();
            directive(name, first, value).map(Verb::Config)
        }
    }
}

/// A directive whose value a server can be given.
fn directive(name: &Word, at: &Word, value: String) -> Result<Directive, Vec<Wrong>> {
    let directive = Directive { name: name.text(), value };
    match directive.words() {
        Ok(_) => Ok(directive),
        Err(why) => {
            let message = "this value cannot be given to a server";
            Err(vec![Wrong::new(at.span.clone(), message, why.to_string())])
        }
    }
}

fn heal(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    if args.words.is_empty() {
        return Ok(Verb::Heal);
    }
    Ok(Verb::HealOnly(match args.exactly(1)?[0].text().as_str() {
        "space" => Healed::Space,
        "read-only" => Healed::ReadOnly,
        name => Healed::Rules(name.to_string()),
    }))
}

fn clock(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    let [back, by] = args.exactly(2)? else { unreachable!("there are two words") };
    match back.text().as_str() {
        "back" => Ok(Verb::ClockBack(value(by, "a time", values::time)?)),
        _ => args.unknown(back, &["back"]),
    }
}

fn signal(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    let [task, signal] = args.exactly(2)? else { unreachable!("there are two words") };
    let signal = value(signal, "a signal", values::signal)?;
    Ok(Verb::Signal { task: plan::task(&task.text(), &task.span).map_err(|it| vec![it])?, signal })
}

fn orphan(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    let [exits, code] = args.exactly(2)? else { unreachable!("there are two words") };
    if exits.text() != "exits" {
        return args.unknown(exits, &["exits"]);
    }
    let parse = |text: &str| {
        let code = text.parse::<u8>().map(i32::from);
        code.map_err(|_| "expected an exit code from 0 to 255".to_string())
    };
    Ok(Verb::Orphan(value(code, "an exit code", parse)?))
}

fn launch(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    let word = &args.exactly(1)?[0];
    Ok(Verb::Launch(match word.text().as_str() {
        "sigchld-ignored" => LaunchedBy::SigchldIgnored,
        "sigchld-default" => LaunchedBy::SigchldDefault,
        _ => return args.unknown(word, &["sigchld-ignored", "sigchld-default"]),
    }))
}

fn inject(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    let (rule, roles) = plan::parse(&args.words, args.end(), args.line.number)?;
    Ok(Verb::Inject { rule, roles })
}

fn space(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    let word = &args.exactly(1)?[0];
    match word.text().as_str() {
        "free" => Ok(Verb::Space(None)),
        _ => Ok(Verb::Space(Some(value(word, "a size", values::size)?))),
    }
}

fn sync_errors(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    let word = &args.exactly(1)?[0];
    match word.text().as_str() {
        "clean" => Ok(Verb::SyncErrors(PageFate::Clean)),
        "dirty" => Ok(Verb::SyncErrors(PageFate::Dirty)),
        _ => args.unknown(word, &["clean", "dirty"]),
    }
}

fn advance(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    Ok(Verb::Advance(value(&args.exactly(1)?[0], "a time", values::advance)?))
}

fn await_(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    let (first, name, rest) = args.sub()?;
    match (name.as_str(), rest) {
        ("child", []) => Ok(Verb::AwaitChild),
        ("child", [extra, ..]) => args.wrong(Some(extra), "more than this verb takes", args.usage),
        ("log", []) => args.wrong(None, "which text?", "expected words of a log line"),
        ("log", [only]) => Ok(Verb::AwaitLog(only.text())),
        ("log", [text, ..]) => {
            let from = text.span.start - args.line.span.start;
            Ok(Verb::AwaitLog(args.line.text[from..].to_string()))
        }
        _ => args.unknown(first, &["child", "log"]),
    }
}

fn kill(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    let word = &args.exactly(1)?[0];
    match word.text().as_str() {
        "parent" => Ok(Verb::Kill(Victim::Parent)),
        "child" => Ok(Verb::Kill(Victim::Child)),
        "all" => Ok(Verb::Kill(Victim::All)),
        _ => args.unknown(word, &["parent", "child", "all"]),
    }
}

fn shutdown(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    if args.words.is_empty() {
        return Ok(Verb::Shutdown(Signal::SIGTERM));
    }
    Ok(Verb::Shutdown(value(&args.exactly(1)?[0], "a signal", values::signal)?))
}

fn power_cut(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    if args.words.is_empty() {
        return Ok(Verb::PowerCut(Cut::default()));
    }
    Ok(Verb::PowerCut(value(&args.exactly(1)?[0], "a power-cut mode", power::mode)?))
}

fn restart(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    let with = args.words.first().is_some_and(|word| word.bytes == b"with");
    let (server, words) = match args.words.as_slice() {
        [_, server, words @ ..] if with => (Some(server.text()), words),
        [_] if with => return args.wrong(None, "with which server?", "expected its name"),
        words => (None, words),
    };
    let pairs = words.chunks(2).map(|pair| match pair {
        // What is in the quotes stands behind the directive in a redis.conf.
        [name, value] => directive(name, value, value.text()),
        _ => args.wrong(pair.first(), "a directive without a value", args.usage),
    });
    let directives = pairs.collect::<Result<_, _>>()?;
    Ok(Verb::Restart(Restart { server, directives }))
}

fn damage(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    let (role, _, rest) = args.sub()?;
    let role = named(role);
    let words: Vec<String> = rest.iter().map(Word::text).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let damage = match words.as_slice() {
        ["cut", _] => Damage::Truncate(value(&rest[1], "a size", values::size)?),
        ["append", _] => Damage::Append(value(&rest[1], "a run of bytes", values::hex)?),
        ["zero", _, _] => Damage::Zero {
            offset: value(&rest[1], "an offset", values::size)?,
            len: value(&rest[2], "a size", values::size)?,
        },
        ["empty"] => Damage::Empty,
        ["remove"] => Damage::Remove,
        [] => return args.wrong(None, "what happens to the file?", args.usage),
        ["cut" | "append" | "zero" | "empty" | "remove", ..] => {
            return args.wrong(rest.last(), "the wrong number of words", args.usage);
        }
        _ => return args.unknown(&rest[0], &["cut", "append", "zero", "empty", "remove"]),
    };
    Ok(Verb::Damage { role, damage })
}

fn show(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    let (first, name, rest) = args.sub()?;
    let show = match (name.as_str(), rest) {
        ("info", []) => return args.wrong(None, "which fields?", "expected names of INFO fields"),
        ("info", fields) => Show::Info(fields.iter().map(Word::text).collect()),
        ("log", []) => Show::Log,
        ("file", [role]) => Show::File(named(role)),
        ("file", []) => return args.wrong(None, "which file?", "expected a file role"),
        ("files", []) => Show::Files,
        ("latency", []) => Show::Latency,
        ("log" | "file" | "files" | "latency", _) => {
            return args.wrong(rest.last(), "more than this verb takes", args.usage);
        }
        _ => return args.unknown(first, &["info", "log", "file", "files", "latency"]),
    };
    Ok(Verb::Show(show))
}

fn expect(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    assertion(args).map(Verb::Expect)
}

fn symptom(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    assertion(args).map(Verb::Symptom)
}

fn assertion(args: &Args<'_>) -> Result<Expect, Vec<Wrong>> {
    super::expectation::parse(args.raw, args.end() - args.raw.len(), args.usage)
        .map_err(|wrong| vec![wrong])
}

fn needs(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    let (first, name, rest) = args.sub()?;
    let needs = match (name.as_str(), rest) {
        ("role", [role]) => Needs::Role(role.text()),
        ("command", [name]) => Needs::Command(name.text()),
        ("version", [_, ..]) => Needs::Version(
            rest.iter()
                .map(|word| value(word, "a version", values::bound))
                .collect::<Result<_, _>>()?,
        ),
        ("role" | "command" | "version", []) => {
            return args.wrong(None, "something is missing", args.usage);
        }
        ("role" | "command", _) => {
            return args.wrong(rest.last(), "more than this verb takes", args.usage);
        }
        _ => return args.unknown(first, &["role", "version", "command"]),
    };
    Ok(Verb::Needs(needs))
}

/// The verbs, for documentation that must not lag behind.
pub fn verbs() -> impl Iterator<Item = (&'static str, &'static str)> {
    VERBS.iter().map(|(verb, usage, _)| (*verb, *usage))
}
