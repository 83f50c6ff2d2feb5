//! What of a configuration decides what is promised, and which scripts decide otherwise.
//!
//! Must not know: what is promised.

use std::fmt;

use super::Conf;
use crate::case::Script;
use crate::case::script::Verb;
use crate::world::Directive;

/// Whether and how commands are logged, and whether there are save points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    appendonly: bool,
    appendfsync: String,
    save_points: bool,
}

/// What runs have without a word about it: the harness starts servers without save points.
impl Default for Policy {
    fn default() -> Policy {
        Policy { appendonly: false, appendfsync: "everysec".to_string(), save_points: false }
    }
}

/// `AOF, everysec`, `AOF, always, and snapshots`, `snapshots`.
impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.appendonly, self.save_points) {
            (true, false) => write!(f, "AOF, {}", self.appendfsync),
            (true, true) => write!(f, "AOF, {}, and snapshots", self.appendfsync),
            (false, true) => f.write_str("snapshots"),
            (false, false) => f.write_str("no persistence"),
        }
    }
}

impl Policy {
    /// That of a configuration.
    pub fn of(conf: &Conf) -> Policy {
        Policy::of_lines(conf.kept.iter().map(|given| given.text.as_str()))
    }

    /// The same of its directives, as in redis.conf.
    pub fn of_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Policy {
        let mut policy = Policy::default();
        for (name, value) in lines.into_iter().filter_map(|line| line.split_once(' ')) {
            policy.set(name, value);
        }
        policy
    }

    fn set(&mut self, name: &str, value: &str) {
        let value = value.trim_matches(['"', ' ']);
        match name.to_ascii_lowercase().as_str() {
            "appendonly" => self.appendonly = value.eq_ignore_ascii_case("yes"),
            "appendfsync" => self.appendfsync = value.to_ascii_lowercase(),
            "save" => self.save_points = !value.is_empty(),
            _ => {}
        }
    }

    /// Whether both promise the same: how a log would be synced does not matter where there is
    /// none.
    fn is_like(&self, other: &Policy) -> bool {
        let synced = |policy: &Policy| policy.appendonly.then(|| policy.appendfsync.clone());
        synced(self) == synced(other) && self.save_points == other.save_points
    }

    /// Whether a script has another policy at any time while a server runs.
    pub fn is_overridden_by(&self, script: &Script) -> bool {
        let mut now = self.clone();
        let mut overridden = false;
        for step in &script.steps {
            match &step.verb {
                Verb::Config(directive) => now.take(directive),
                Verb::Restart(restart) => restart.directives.iter().for_each(|it| now.take(it)),
                Verb::Send { argv, .. } => now.hear(argv),
                _ => {}
            }
            let runs = step.verb.needs_server();
            overridden |= runs && !now.is_like(self);
        }
        overridden
    }

    fn take(&mut self, directive: &Directive) {
        self.set(&directive.name, &directive.value);
    }

    /// A command, which may be CONFIG SET with any number of pairs.
    fn hear(&mut self, argv: &[Vec<u8>]) {
        let text = |word: &Vec<u8>| String::from_utf8_lossy(word).into_owned();
        let words: Vec<String> = argv.iter().map(text).collect();
        match words.as_slice() {
            [config, set, pairs @ ..]
                if config.eq_ignore_ascii_case("CONFIG") && set.eq_ignore_ascii_case("SET") =>
            {
                pairs.chunks_exact(2).for_each(|pair| self.set(&pair[0], &pair[1]));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_overrides_a_policy_by_what_it_sets_while_a_server_runs() {
        let policy = Policy::of_lines(["appendonly yes", "appendfsync everysec", "hz 10"]);
        assert_eq!(policy.to_string(), "AOF, everysec");
        for (script, overridden) in [
            ("> SET a 1\n", false),
            ("config appendonly yes\nconfig appendfsync everysec\n> SET a 1\n", false),
            ("config appendfsync no\nconfig appendfsync everysec\n> SET a 1\n", false),
            ("config appendfsync always\n> SET a 1\n", true),
            ("config appendonly no\n> SET a 1\n", true),
            ("config save 900 1\n> SET a 1\n", true),
            ("config save \"\"\n> SET a 1\n", false),
            ("> SET a 1\nkill all\nrestart appendfsync no\n", true),
            ("> config set hz 50 appendfsync no\n", true),
            ("> CONFIG SET appendfsync everysec\n", false),
        ] {
            let parsed = crate::case::parse("test", script).expect(script);
            assert_eq!(policy.is_overridden_by(&parsed), overridden, "{script}");
        }
        let snapshots = Policy::of_lines(["save 900 1"]);
        let off = crate::case::parse("test", "config appendfsync no\n> PING\n").expect("a case");
        assert!(!snapshots.is_overridden_by(&off), "no log is synced anyhow");
        assert_eq!(snapshots.to_string(), "snapshots");
    }
}
