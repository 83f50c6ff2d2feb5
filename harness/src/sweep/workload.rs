//! A workload: what a case does without its faults, ready to have others put into it.
//!
//! Left out are the case's own faults and assertions, which hold for its own story only; what may
//! find no server any more gets a `maybe`. The end of a run is always one of a few, see
//! [`Ending`]. Must not know: which faults there are.

use serde::{Deserialize, Serialize};

use crate::case::Script;
use crate::case::script::{Needs, Verb};

/// How a run ends, once the workload is through.
///
/// Whoever runs a case adds a second look to each: another write, a kill and a start, because some
/// damage shows only then; and a refused start is tried once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Killed while the fault is still there; it is gone before the restart.
    Cut,
    /// The fault ends first, and the server has 11 s to recover.
    Healed,
    /// As [`Ending::Cut`], but the power is cut and nothing survives that was not synced.
    Dark,
    /// The fault is there until the server has come back once and has written.
    Load,
}

impl Ending {
    fn lines(self) -> &'static [&'static str] {
        const KILL: &str = "kill all maybe";
        const WRITE: &str = "> INCR after";
        match self {
            Ending::Cut => &[KILL, "heal", "restart"],
            Ending::Dark => &["power-cut none", "heal", "restart"],
            Ending::Healed => &["heal", "advance 11s", WRITE, "check maybe", KILL, "restart"],
            Ending::Load => &[KILL, "restart", WRITE, "heal", KILL, "restart"],
        }
    }

    /// What it is, in the middle of a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Ending::Cut => "killed at the end, with the fault still there",
            Ending::Dark => "the power cut at the end, with the fault still there",
            Ending::Healed => "healed, and killed 11 s later",
            Ending::Load => "restarted with the fault still there",
        }
    }
}

/// Where a line is added: rules stand before the start of the server whose call they are for, so
/// that they count its calls alone and no `heal` comes between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before the first start.
    Front,
    /// Before the start with this number, from 2.
    BeforeStart(u32),
}

/// A case without its faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    pub name: String,
    /// Configuration and needs.
    head: Vec<String>,
    body: Vec<String>,
}

impl Workload {
    pub fn of(name: &str, script: &Script) -> Workload {
        let mut workload = Workload { name: name.to_string(), head: Vec::new(), body: Vec::new() };
        for step in &script.steps {
            let text = script.source[step.span.clone()].to_string();
            match &step.verb {
                Verb::Config(_) | Verb::Needs(Needs::Role(_) | Needs::Version(_)) => {
                    workload.head.push(text);
                }
                Verb::Inject { .. }
                | Verb::Heal
                | Verb::Space(_)
                | Verb::SyncErrors(_)
                | Verb::Damage { .. }
                | Verb::Show(_)
                | Verb::Known(_)
                | Verb::Symptom(_)
                | Verb::Expect(_) => {}
                Verb::Kill(_)
                | Verb::Shutdown(_)
                | Verb::Check
                | Verb::AwaitChild
                | Verb::Hold(_) => {
                    workload.body.push(format!("{text} maybe"));
                }
                // Where a fault leads elsewhere, nobody may be there to run first.
                Verb::Preempt { decision, .. } if !decision.maybe => {
                    workload.body.push(format!("{text} maybe"));
                }
                Verb::Restart(_) => {
                    // What went wrong before is not there any more when the server comes back.
                    workload.body.extend(["kill all maybe", "heal"].map(String::from));
                    workload.body.push(text);
                }
                _ => workload.body.push(text),
            }
        }
        workload
    }

    /// How often the workload itself starts the server; a start that is refused and tried again is
    /// one.
    pub fn starts(&self) -> u32 {
        let restarts = self.body.iter().filter(|line| is_restart(line)).count();
        u32::try_from(restarts + 1).unwrap_or(u32::MAX)
    }

    /// The script of a run with these lines added.
    pub fn script(&self, added: &[(Place, String)], ending: Ending) -> String {
        let mut text = String::new();
        let mut push = |line: &str| {
            text.push_str(line);
            text.push('\n');
        };
        let at = |place: Place| added.iter().filter(move |(other, _)| *other == place);
        self.head.iter().for_each(|line| push(line));
        at(Place::Front).for_each(|(_, line)| push(line));
        let mut starts = 1;
        let ending = ending.lines().iter().copied();
        for line in self.body.iter().map(String::as_str).chain(ending) {
            if is_restart(line) {
                starts += 1;
                at(Place::BeforeStart(starts)).for_each(|(_, line)| push(line));
            }
            push(line);
        }
        text
    }

    /// The script without a fault: what it goes through are the sites.
    pub fn dry(&self) -> String {
        self.script(&[], Ending::Load)
    }
}

fn is_restart(line: &str) -> bool {
    line.split_whitespace().next() == Some("restart")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(source: &str) -> Workload {
        Workload::of("test", &crate::case::parse("test", source).expect("a case"))
    }

    #[test]
    fn faults_and_assertions_of_the_case_are_left_out() {
        let workload = workload(
            "# Words.\nconfig appendonly yes\n\n> SET a 1\ninject write error=EIO when=1\n\
             > SET b 2\nexpect +OK\nheal\nkill all\nrestart\nexpect verdict kept\nshow log\n",
        );
        assert_eq!(workload.head, ["config appendonly yes"]);
        let kill = "kill all maybe";
        let body = ["> SET a 1", "> SET b 2", kill, kill, "heal", "restart"];
        assert_eq!(workload.body, body);
        assert_eq!(workload.starts(), 2);
    }

    #[test]
    fn lines_are_added_before_the_start_that_they_are_for_and_the_script_is_a_case() {
        let workload = workload("config appendonly yes\n> SET a 1\n");
        let rule = |site: &str| format!("inject at {site} error=EIO");
        let added = [
            (Place::Front, rule("parent.aof.write#1")),
            (Place::BeforeStart(2), rule("2:parent.aof.read#1")),
        ];
        for ending in [Ending::Cut, Ending::Dark, Ending::Healed, Ending::Load] {
            let text = workload.script(&added, ending);
            crate::case::parse("test", &text).expect("an ordinary script");
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines[1], added[0].1);
            let second = lines.iter().position(|line| *line == added[1].1).expect("it is there");
            assert_eq!(lines[second + 1], "restart");
        }
    }
}
