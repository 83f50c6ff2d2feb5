//! The shell script that does the same to a server of one's own, where kills and damaged files
//! suffice.
//!
//! It needs the server, its redis-cli, and coreutils. Faults of calls, power cuts and moments
//! between two calls it cannot do. Must not know: how a case is run.

use crate::case::DEFAULT_CLIENT;
use crate::case::script::{Damage, Expect, Restart, Script, Step, Verb};
use crate::world::{Directive, Victim};

/// What comes before the steps.
const HEAD: &str = r#"#!/bin/sh
# Usage: sh this.sh [/path/to/redis-server]; works in a new directory.
server=${1:-redis-server}
cd "$(mktemp -d)" || exit 1
trap 'kill -9 "$pid" 2>/dev/null' EXIT
cli() { redis-cli -s "$PWD/redis.sock" "$@"; }
start() {
    "$server" --port 0 --unixsocket "$PWD/redis.sock" --save '' "$@" >>log 2>&1 &
    pid=$!
    until cli ping >/dev/null 2>&1; do
        kill -0 "$pid" 2>/dev/null || { echo "it refuses to start:"; tail -n 3 log; return 1; }
        sleep 0.1
    done
}
aof() { ls -1 appendonlydir/*.incr.aof 2>/dev/null | tail -n 1 | grep . || echo appendonly.aof; }
base() { ls -1 appendonlydir/*.base.* | tail -n 1; }
manifest() { ls -1 appendonlydir/*.manifest | tail -n 1; }
rdb() { echo dump.rdb; }
"#;

/// The script; None: it takes more than that.
pub fn script(script: &Script) -> Option<String> {
    let mut text = HEAD.to_string();
    let mut directives: Vec<Directive> = Vec::new();
    let mut started = false;
    let mut steps = script.steps.as_slice();
    while let Some(step) = steps.first() {
        if !started && step.verb.needs_server() {
            text.push_str(&start(&directives));
            started = true;
        }
        // Commands in a row go over one connection, as a transaction must.
        let commands = steps.iter().take_while(|step| matches!(step.verb, Verb::Send { .. }));
        let commands: Vec<&Step> = commands.collect();
        match &step.verb {
            Verb::Config(directive) => directives.push(directive.clone()),
            Verb::Needs(_) | Verb::Known(_) | Verb::Show(_) => {}
            Verb::Restart(Restart { server: Some(_), .. }) => return None,
            Verb::Restart(restart) => {
                directives.extend(restart.directives.iter().cloned());
                text.push_str(&start(&directives));
            }
            Verb::Send { .. } => text.push_str(&sent(script, &commands)?),
            verb => text.push_str(&line(verb)?),
        }
        steps = &steps[commands.len().max(1)..];
    }
    Some(text)
}

fn start(directives: &[Directive]) -> String {
    let words = directives.iter().map(|each| format!(" --{} {}", each.name, each.value));
    format!("start{}\n", words.collect::<String>())
}

/// One command, or several, as the case has them: redis-cli reads the same quoting.
fn sent(script: &Script, steps: &[&Step]) -> Option<String> {
    let mut lines = String::new();
    let mut transaction = false;
    for step in steps {
        let Verb::Send { client, argv } = &step.verb else { return None };
        transaction |= argv[0].eq_ignore_ascii_case(b"MULTI");
        // What a connection remembers would be gone with the next one.
        if client != DEFAULT_CLIENT || argv[0].eq_ignore_ascii_case(b"SELECT") {
            return None;
        }
        let text = script.source[step.span.clone()].trim_start_matches('>').trim();
        lines.push_str(&format!("{text}\n"));
    }
    if transaction && !lines.to_uppercase().contains("EXEC") {
        return None;
    }
    Some(format!("cli <<'.'\n{lines}.\n"))
}

fn line(verb: &Verb) -> Option<String> {
    Some(match verb {
        Verb::Advance(time) => format!("sleep {}\n", time.as_secs_f64()),
        Verb::AwaitChild => "while cli info persistence | grep -Eq \
             '(aof_rewrite|rdb_bgsave)_in_progress:1'; do sleep 0.1; done\n"
            .to_string(),
        Verb::Kill(Victim::All | Victim::Parent) => {
            "kill -9 \"$pid\"; wait \"$pid\" 2>/dev/null\n".to_string()
        }
        Verb::Damage { role, damage } => damaged(&role.role, damage)?,
        Verb::Expect(Expect::Reply(reply)) => format!("# expected: {reply}\n"),
        Verb::Symptom(Expect::Reply(reply)) => format!("# the bug shows as: {reply}\n"),
        Verb::Symptom(Expect::RefusesStart) => {
            "# the bug shows as: the server refuses to start\n".to_string()
        }
        Verb::Symptom(Expect::Log { text, .. }) => format!("# the log says: {text}\n"),
        Verb::Expect(_) | Verb::Symptom(_) => String::new(),
        _ => return None,
    })
}

fn damaged(role: &str, damage: &Damage) -> Option<String> {
    if !["aof", "base", "manifest", "rdb"].contains(&role) {
        return None;
    }
    let file = format!("\"$({role})\"");
    Some(match damage {
        Damage::Truncate(bytes) => format!("truncate -s -{bytes} {file}\n"),
        Damage::Empty => format!("truncate -s 0 {file}\n"),
        Damage::Remove => format!("rm {file}\n"),
        Damage::Append(bytes) => {
            let octal: String = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
            format!("printf '{octal}' >>{file}\n")
        }
        Damage::Zero { offset, len } => format!(
            "dd if=/dev/zero of={file} bs=1 seek={offset} count={len} conv=notrunc 2>/dev/null\n"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        let script = script(&crate::case::parse("test", text).expect("a case"))?;
        Some(script.strip_prefix(HEAD).expect("it begins so").to_string())
    }

    #[test]
    fn damage_and_kills_are_a_script_and_faults_are_none() {
        let text = "config appendonly yes\n> SET a \"it's 1\"\n> PING\nkill all\ndamage aof cut 7\n\
                    restart appendfsync no\n> DBSIZE\nexpect :0\n";
        let expected = "start --appendonly yes\ncli <<'.'\nSET a \"it's 1\"\nPING\n.\n\
                        kill -9 \"$pid\"; wait \"$pid\" 2>/dev/null\ntruncate -s -7 \"$(aof)\"\n\
                        start --appendonly yes --appendfsync no\n\
                        cli <<'.'\nDBSIZE\n.\n# expected: :0\n";
        assert_eq!(of(text).as_deref(), Some(expected));
        for fault in ["inject write on=aof error=EIO", "power-cut", "hold child", "space 4kb"] {
            assert_eq!(of(&format!("> SET a 1\n{fault}\nrestart\n")), None, "{fault}");
        }
    }
}
