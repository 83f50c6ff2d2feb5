//! The command line of strace(1) that does the same to a server of one's own, where one exists.
//!
//! strace counts for each thread by itself, as sites do, and `-P` narrows it to one file. It knows
//! errors, claimed results and delays; a short count, a kill in the middle, a failed sync that
//! keeps its pages, pipes and restarts it cannot do. Must not know: how a case is run.

use crate::case::script::{Script, Verb};
use crate::kernel::plan::{Claim, Effect, Rule, Selector, Window};
use crate::kernel::{CallName, Site};

/// Whether servers of this family append to one file under one name. From 7.0 on the name changes
/// with every rewrite, and strace follows a name.
pub fn has_one_aof(family: &str) -> bool {
    family == "sabot" || family.starts_with("redis-6")
}

/// The command, for a server called `server` of this family; None: strace cannot do what the script
/// does.
pub fn command(script: &Script, server: &str, family: &str) -> Option<String> {
    let mut rules = Vec::new();
    let mut directives = Vec::new();
    for step in &script.steps {
        match &step.verb {
            Verb::Inject { rule, .. } => rules.push(rule),
            Verb::Config(directive) => {
                directives.push(format!("--{} {}", directive.name, directive.value));
            }
            Verb::SyncErrors(_)
            | Verb::Space(_)
            | Verb::ReadOnly
            | Verb::HealOnly(_)
            | Verb::ClockBack(_)
            | Verb::File { .. }
            | Verb::Restore
            | Verb::Hold(_) => return None,
            _ => {}
        }
    }
    let [rule] = rules[..] else { return None };
    let (call, role, window) = target(rule)?;
    let name = system_call(call)?;
    let path = match role {
        Some(role) if role == "aof" && !has_one_aof(family) => return None,
        Some(role) => format!(" -P {}", file(&role)?),
        None => String::new(),
    };
    let effect = effect(&rule.effect)?;
    let when = if window == Window::EVERY { String::new() } else { format!(":when={window}") };
    let directives = directives.join(" ");
    Some(format!("strace -f{path} -e inject={name}:{effect}{when} {server} {directives}"))
}

/// Call, role, and which of them.
fn target(rule: &Rule) -> Option<(CallName, Option<String>, Window)> {
    match &rule.selector {
        Selector::Site(Site { incarnation: 1, role, call, number, .. }) => {
            Some((*call, role.clone().map(String::from), number.to_string().parse().ok()?))
        }
        Selector::Calls { calls, role, .. } => match calls[..] {
            [call] => Some((call, role.clone(), rule.window)),
            _ => None,
        },
        Selector::Site(_) => None,
    }
}

/// As x86-64 and today's C library make it.
fn system_call(call: CallName) -> Option<&'static str> {
    Some(match call {
        CallName::Open => "openat",
        CallName::Pipe => "pipe2",
        CallName::Fork => "clone",
        CallName::Wait4 => "wait4",
        CallName::Stat => "newfstatat",
        CallName::Fadvise => "fadvise64",
        CallName::Close => return None,
        other => other.as_str(),
    })
}

fn file(role: &str) -> Option<&'static str> {
    match role {
        "aof" => Some("appendonly.aof"),
        "rdb" => Some("dump.rdb"),
        _ => None,
    }
}

fn effect(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Error(errno) => Some(format!("error={errno:?}")),
        Effect::Retval(Claim::Exactly(claimed)) => Some(format!("retval={claimed}")),
        Effect::Delay(time) => Some(format!("delay_enter={}", time.as_micros())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rule: &str) -> Option<String> {
        of_family(rule, "sabot")
    }

    fn of_family(rule: &str, family: &str) -> Option<String> {
        let text = format!("config appendonly yes\n{rule}\n> SET a 1\nrestart\n");
        command(&crate::case::parse("test", &text).expect("a case"), "redis-server", family)
    }

    #[test]
    fn a_file_whose_name_changes_cannot_be_followed() {
        let rule = "inject at parent.aof.write#3 error=ENOSPC";
        assert!(of_family(rule, "redis-6.2").is_some());
        assert_eq!(of_family(rule, "redis-7.0"), None);
        assert!(of_family("inject at parent.fork#1 error=EAGAIN", "redis-7.0").is_some());
    }

    #[test]
    fn what_strace_can_do_has_a_command_and_the_rest_has_none() {
        let cases = [
            (
                "inject at parent.aof.write#3 error=ENOSPC",
                " -P appendonly.aof -e inject=write:error=ENOSPC:when=3",
            ),
            (
                "inject write on=aof in=parent error=EIO when=3+",
                " -P appendonly.aof -e inject=write:error=EIO:when=3+",
            ),
            ("inject at parent.fork#1 error=EAGAIN", " -e inject=clone:error=EAGAIN:when=1"),
            (
                "inject at bio-fsync.aof.fdatasync#1 delay=3s",
                " -P appendonly.aof -e inject=fdatasync:delay_enter=3000000:when=1",
            ),
        ];
        for (rule, words) in cases {
            let expected = format!("strace -f{words} redis-server --appendonly yes");
            assert_eq!(of(rule), Some(expected), "{rule}");
        }
        for rule in [
            "inject at parent.aof.write#3 short=1",
            "inject at 2:parent.aof.read#1 error=EIO",
            "inject at parent.pipe:diff.write#1 error=EPIPE",
            "sync-errors dirty\ninject at bio-fsync.aof.fdatasync#1 error=EIO",
            "inject at parent.aof.write#1 error=EIO\ninject at parent.aof.write#2 error=EIO",
        ] {
            assert_eq!(of(rule), None, "{rule}");
        }
    }
}
