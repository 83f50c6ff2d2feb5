//! From a step back to text.
//!
//! What is printed reads back as the same verb, in one spelling: sizes in bytes, quotes only where
//! they are needed. A script that a person wrote keeps its own words; only what is added to it or
//! changed in it is printed. Must not know: why anything is printed.

use std::fmt;

use nix::sys::signal::Signal;

use super::lex::{self, quote_word};
use super::script::{
    Bound, Content, Count, Damage, Expect, Healed, Known, LaunchedBy, Needs, PageFate, Relation,
    Restart, Show, Verb,
};
use super::{DEFAULT_CLIENT, attached, plan, values};
use crate::kernel::Decision;
use crate::world::Directive;

/// A line of a case, without its end.
impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verb::Config(Directive { name, value }) => {
                write!(f, "config {} {value}", word(name))
            }
            Verb::Send { client, argv } => {
                let client = if client == DEFAULT_CLIENT { "" } else { client };
                write!(f, "{client}> {}", lex::quote(argv))
            }
            Verb::Inject { rule, .. } => write!(f, "inject {}", plan::show(rule)),
            Verb::Preempt { decision: Decision { site, task, maybe, .. }, .. } => {
                write!(f, "preempt {site} for {}{}", word(task), if *maybe { " maybe" } else { "" })
            }
            Verb::Heal => f.write_str("heal"),
            Verb::HealOnly(healed) => write!(f, "heal {healed}"),
            Verb::ReadOnly => f.write_str("read-only"),
            Verb::Space(None) => f.write_str("space free"),
            Verb::Space(Some(bytes)) => write!(f, "space {bytes}"),
            Verb::SyncErrors(PageFate::Clean) => f.write_str("sync-errors clean"),
            Verb::SyncErrors(PageFate::Dirty) => f.write_str("sync-errors dirty"),
            Verb::Hold(task) => write!(f, "hold {}", word(task)),
            Verb::Release(task) => write!(f, "release {}", word(task)),
            Verb::ClockBack(time) => write!(f, "clock back {}", values::show_time(*time)),
            Verb::Advance(time) => write!(f, "advance {}", values::show_time(*time)),
            Verb::AwaitChild => f.write_str("await child"),
            Verb::AwaitLog(text) => write!(f, "await log {}", line_of_words(text)),
            Verb::Kill(victim) => write!(f, "kill {}", victim.as_str()),
            Verb::Signal { task, signal } => write!(f, "signal {} {signal}", word(task)),
            Verb::Orphan(code) => write!(f, "orphan exits {code}"),
            Verb::Launch(by) => write!(f, "launch {by}"),
            Verb::PowerCut(cut) => write!(f, "power-cut {cut}"),
            Verb::Settle => f.write_str("settle"),
            Verb::Repair => f.write_str("repair"),
            Verb::Backup(roles) => {
                f.write_str("backup")?;
                roles.iter().try_for_each(|role| write!(f, " {}", word(&role.role)))
            }
            Verb::Restore => f.write_str("restore"),
            Verb::Shutdown(Signal::SIGTERM) => f.write_str("shutdown"),
            Verb::Shutdown(signal) => write!(f, "shutdown {signal}"),
            Verb::Restart(restart) => write!(f, "restart{restart}"),
            Verb::File { name, content } => write!(f, "file {} {content}", word(name)),
            Verb::Damage { role, damage } => write!(f, "damage {} {damage}", word(&role.role)),
            Verb::Show(show) => write!(f, "show {show}"),
            Verb::Expect(expect) => write!(f, "expect {expect}"),
            Verb::Symptom(expect) => write!(f, "symptom {expect}"),
            Verb::Known(Known { shows, servers }) => {
                let what = if *shows { "shows" } else { "absent" };
                write!(f, "known {what}{}", words(servers))
            }
            Verb::Needs(needs) => write!(f, "needs {needs}"),
            Verb::Check => f.write_str("check"),
            Verb::Maybe(verb) => write!(f, "{verb} maybe"),
        }
    }
}

/// With a blank before each word.
impl fmt::Display for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.server.iter().try_for_each(|server| write!(f, " with {}", word(server)))?;
        let mut each = self.directives.iter();
        each.try_for_each(|each| write!(f, " {} {}", word(&each.name), word(&each.value)))
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Inline(bytes) => f.write_str(&quote_word(bytes)),
            Content::From { path, bytes } => f.write_str(&attached::show(path, bytes)),
        }
    }
}

impl fmt::Display for Healed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Healed::Space => "space",
            Healed::ReadOnly => "read-only",
            Healed::Rules(name) => name,
        })
    }
}

impl fmt::Display for LaunchedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LaunchedBy::SigchldIgnored => "sigchld-ignored",
            LaunchedBy::SigchldDefault => "sigchld-default",
        })
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::Truncate(bytes) => write!(f, "cut {bytes}"),
            Damage::Append(bytes) => {
                f.write_str("append ")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Damage::Zero { offset, len } => write!(f, "zero {offset} {len}"),
            Damage::Empty => f.write_str("empty"),
            Damage::Remove => f.write_str("remove"),
        }
    }
}

impl fmt::Display for Show {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Show::Info(fields) => write!(f, "info{}", words(fields)),
            Show::Log => f.write_str("log"),
            Show::File(role) => write!(f, "file {}", word(&role.role)),
            Show::Files => f.write_str("files"),
            Show::Latency => f.write_str("latency"),
        }
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expect::Reply(reply) => f.write_str(reply),
            Expect::Info { field, value } => write!(f, "info {} {}", word(field), word(value)),
            Expect::RefusesStart => f.write_str("refuses-start"),
            Expect::Verdict(verdict) => write!(f, "verdict {verdict}"),
            // A text may begin as a count does.
            Expect::Log { count, text } => write!(f, "log {count} {text}"),
            Expect::Exit(code) => write!(f, "exit {code}"),
            Expect::File { role, size } => write!(f, "file {} {size}", word(&role.role)),
            Expect::Files { role, count } => write!(f, "files {} {count}", word(&role.role)),
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.least, if self.or_more { "+" } else { "" })
    }
}

impl fmt::Display for Needs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Needs::Role(role) => write!(f, "role {}", word(role)),
            Needs::Command(name) => write!(f, "command {}", word(name)),
            Needs::Version(bounds) => {
                f.write_str("version")?;
                bounds.iter().try_for_each(|bound| write!(f, " {bound}"))
            }
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.relation {
            Relation::StartsWith => "",
            Relation::AtLeast => ">=",
            Relation::Above => ">",
            Relation::AtMost => "<=",
            Relation::Below => "<",
        })?;
        let parts: Vec<String> = self.version.iter().map(u64::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

fn word(text: &str) -> String {
    quote_word(text.as_bytes())
}

fn words(texts: &[String]) -> String {
    texts.iter().map(|text| format!(" {}", word(text))).collect()
}

/// A value that is either one word or, verbatim, the rest of a line, as in redis.conf.
fn line_of_words(value: &str) -> String {
    let verbatim = value.trim() == value && !value.contains(char::is_control);
    match lex::words(value, 0) {
        Ok(words) if verbatim && words.len() > 1 => value.to_string(),
        _ => word(value),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::case::script::{Script, Step};
    use crate::case::{attached, parse};

    /// A verb without the places of its words.
    fn bare(step: &Step) -> String {
        let debug = format!("{:?}", step.verb);
        let mut parts = debug.split("span: ");
        let first = parts.next().unwrap_or_default().to_string();
        parts
            .fold(first, |bare, part| bare + part.trim_start_matches(|c| ".0123456789".contains(c)))
    }

    /// The script with every step printed; what else is in it keeps its lines.
    fn printed(script: &Script) -> String {
        let mut text = String::new();
        let mut at = 0;
        for step in &script.steps {
            text.push_str(&script.source[at..step.span.start]);
            text.push_str(&step.verb.to_string());
            at = step.span.end;
        }
        text + &script.source[at..]
    }

    fn reads_back(name: &str, source: &str) -> usize {
        let script = parse(name, source).unwrap_or_else(|bad| panic!("{bad}"));
        let again = parse(name, &printed(&script)).unwrap_or_else(|bad| panic!("{name}: {bad}"));
        assert_eq!(script.steps.len(), again.steps.len(), "{name}");
        for (step, again) in script.steps.iter().zip(&again.steps) {
            assert_eq!(bare(step), bare(again), "{name}:{}: {}", step.line, step.verb);
        }
        script.steps.len()
    }

    #[test]
    fn every_step_of_every_case_reads_back_as_it_is_printed() {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases")];
        let mut steps = 0;
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir().expect("the cases are there") {
                let path = entry.expect("a readable entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "case") {
                    let text = std::fs::read_to_string(&path).expect("a case is text");
                    let beside = |file: &str| {
                        std::fs::read(path.with_file_name(file)).map_err(|why| why.to_string())
                    };
                    let text = attached::attach("case", &text, beside).expect("it is there");
                    steps += reads_back(&path.display().to_string(), &text);
                }
            }
        }
        assert!(steps > 1000, "{steps}");
    }

    #[test]
    fn what_no_case_says_reads_back_too() {
        let lines = [
            "config save \"\"",
            "config save \"3600 1\" 'a b'",
            "restart with redis-7.0.15",
            "restart with redis-7.0.15 save \"3 1\" requirepass '\"a b\"'",
            "> SET big bytes:4mb#2",
            "> SET big \"bytes:4mb\"",
            "file dump.rdb \"REDIS\\x00\\xff\"",
            "file appendonlydir/a.aof bytes:4kb",
            "file dump.rdb from ../old.rdb = UkVESVM",
            "read-only",
            "heal space",
            "heal read-only",
            "inject write error=EIO as=full\nheal full",
            "clock back 90s",
            "signal bio-fsync SIGUSR1",
            "signal child TERM maybe",
            "orphan exits 3",
            "launch sigchld-ignored",
            "launch sigchld-default",
            "inject write retval=all",
            "config save '3600 1'",
            "config logfile \" a\"",
            "config requirepass \"a\\\"b\"",
            "config requirepass \"a\\nb c\"",
            "config dir \"it's\"",
            "writer> SET \"a b\" \"\\x00\" é \"\u{a0}\" ''",
            "inject sync in=child signal=KILL when=3..7+2 maybe",
            "inject at 2:parent.aof.write#3 power=after:seed:7@posix maybe",
            "inject write,read error=EAGAIN",
            "preempt parent.aof.write#1 for child maybe",
            "await log \"\"",
            "await log 3  changes",
            "await child maybe",
            "shutdown INT maybe",
            "shutdown SIGTERM",
            "restart save \"3 1\" dir x",
            "damage aof append 00ff",
            "damage aof zero 4kb 1mb",
            "expect log 2 changes",
            "expect log 2+ 3 changes",
            "expect log saving",
            "expect files aof 2+",
            "needs version >=6.2 <7 7.0.1 >1 <=2",
        ];
        for line in lines {
            let first = ["config", "launch"].iter().any(|verb| line.starts_with(verb));
            let place = if first { "" } else { "> PING\n" };
            assert!(reads_back(line, &format!("{place}{line}\n> PING\n")) > 1, "{line}");
        }
    }
}
