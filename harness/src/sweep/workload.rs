//! A workload: what a case does without its faults, ready to have others put into it.
//!
//! Left out are the case's own faults and assertions, which hold for its own story only; what may
//! find no server any more gets a `maybe`. The end of a run is always one of a few, see
//! [`Ending`]. Must not know: which faults there are.

use std::ops::Range;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::case::DEFAULT_CLIENT;
use crate::case::script::{Needs, Restart, Script, Step, Verb};
use crate::kernel::disk::power_cut::Mode;
use crate::kernel::plan::Victim;
use crate::kernel::{Cut, Name};

/// How a run ends, once the workload is through.
///
/// Whoever runs a case adds a second look to each: another write, a kill and a start, because some
/// damage shows only then; and a refused start is tried once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// Killed while the fault is still there; it is gone before the restart.
    #[serde(rename = "cut")]
    Killed,
    /// The fault ends first, and the server has 11 s to recover.
    Healed,
    /// As [`Ending::Killed`], but the power is cut and nothing survives that was not synced.
    #[serde(rename = "dark")]
    PowerCut,
    /// As [`Ending::PowerCut`], but names and sizes survive: what was not synced reads as zeros.
    Sizes,
    /// The fault is there until the server has come back once and has written.
    Load,
}

/// Time for a server to recover: longer than the 10 s after which Redis tries a save again.
const RECOVERY: Duration = Duration::from_secs(11);

impl Ending {
    /// All of them.
    pub const ALL: [Ending; 5] =
        [Ending::Killed, Ending::Healed, Ending::PowerCut, Ending::Sizes, Ending::Load];

    /// Those that show what a sync has done.
    pub const POWER_CUTS: [Ending; 2] = [Ending::PowerCut, Ending::Sizes];

    fn steps(self) -> Vec<Verb> {
        let kill = || Verb::Kill(Victim::All).optional();
        let restart = || Verb::Restart(Restart::default());
        let write = || Verb::Send {
            client: Name::known(DEFAULT_CLIENT),
            argv: [b"INCR".to_vec(), b"after".to_vec()].into(),
        };
        match self {
            Ending::Killed => vec![kill(), Verb::Heal, restart()],
            Ending::PowerCut => vec![Verb::PowerCut(Cut::default()), Verb::Heal, restart()],
            Ending::Sizes => {
                let cut = Cut { mode: Mode::Log, ..Cut::default() };
                vec![Verb::PowerCut(cut), Verb::Heal, restart()]
            }
            Ending::Healed => vec![
                Verb::Heal,
                Verb::Advance(RECOVERY),
                write(),
                Verb::Check.optional(),
                kill(),
                restart(),
            ],
            Ending::Load => vec![kill(), restart(), write(), Verb::Heal, kill(), restart()],
        }
    }

    /// What it is, in the middle of a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Ending::Killed => "killed at the end, with the fault still there",
            Ending::PowerCut => "the power cut at the end, with the fault still there",
            Ending::Sizes => "the power cut at the end, with the fault still there, and sizes left",
            Ending::Healed => "healed, and killed 11 s later",
            Ending::Load => "restarted with the fault still there",
        }
    }
}

/// A step that a run adds to its workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// It stands before the start with this number, from 1: a rule counts the calls of that server
    /// alone, and no `heal` comes between.
    pub before_start: u32,
    pub verb: Verb,
}

/// A line of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    text: String,
    restarts: bool,
}

impl Line {
    /// A step in the words of the case.
    fn as_written(script: &Script, step: &Step) -> Line {
        let restarts = matches!(step.verb, Verb::Restart(_));
        Line { text: script.source[step.span.clone()].to_string(), restarts }
    }

    fn of(verb: &Verb) -> Line {
        Line { text: verb.to_string(), restarts: matches!(verb, Verb::Restart(_)) }
    }
}

/// A case without its faults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    pub name: String,
    /// Configuration and needs.
    head: Vec<Line>,
    body: Vec<Line>,
}

impl Workload {
    pub fn of(name: &str, script: &Script) -> Workload {
        let mut workload = Workload { name: name.to_string(), head: Vec::new(), body: Vec::new() };
        for step in &script.steps {
            let line = Line::as_written(script, step);
            match &step.verb {
                Verb::Config(_) | Verb::Needs(Needs::Role(_) | Needs::Version(_)) => {
                    workload.head.push(line);
                }
                Verb::Inject { .. }
                | Verb::Heal
                | Verb::HealOnly(_)
                | Verb::Space(_)
                | Verb::ReadOnly
                | Verb::SyncErrors(_)
                | Verb::Damage { .. }
                | Verb::Repair
                | Verb::Backup(_)
                | Verb::Restore
                | Verb::Show(_)
                | Verb::Known(_)
                | Verb::Symptom(_)
                | Verb::Expect(_) => {}
                Verb::Kill(_)
                | Verb::Signal { .. }
                | Verb::Orphan(_)
                | Verb::Shutdown(_)
                | Verb::Check
                | Verb::AwaitChild
                | Verb::Hold(_) => workload.body.push(Line::of(&step.verb.clone().optional())),
                // Where a fault leads elsewhere, nobody may be there to run first.
                Verb::Preempt { decision, .. } if !decision.maybe => {
                    workload.body.push(Line::of(&step.verb.clone().optional()));
                }
                Verb::Restart(_) => {
                    // What went wrong before is not there any more when the server comes back.
                    let ends = [Verb::Kill(Victim::All).optional(), Verb::Heal];
                    workload.body.extend(ends.iter().map(Line::of));
                    workload.body.push(line);
                }
                _ => workload.body.push(line),
            }
        }
        workload
    }

    /// How often the workload itself starts the server; a start that is refused and tried again is
    /// one.
    pub fn starts(&self) -> u32 {
        let restarts = self.body.iter().filter(|line| line.restarts).count();
        u32::try_from(restarts + 1).unwrap_or(u32::MAX)
    }

    /// The script of a run with these steps added.
    pub fn script(&self, added: &[Added], ending: Ending) -> String {
        self.written(added, ending).0
    }

    /// The script before and after the line of the step that was added last, which stands behind
    /// all others for the same start.
    pub fn around_last(&self, added: &[Added], ending: Ending) -> (String, String) {
        let (script, places) = self.written(added, ending);
        let at = places.last().cloned().unwrap_or(script.len()..script.len());
        (script[..at.start].to_string(), script[at.end..].to_string())
    }

    /// The script, and where in it the added steps stand.
    fn written(&self, added: &[Added], ending: Ending) -> (String, Vec<Range<usize>>) {
        let (mut text, mut places) = (String::new(), vec![0..0; added.len()]);
        let put = |line: &str, text: &mut String| {
            let began = text.len();
            text.push_str(line);
            text.push('\n');
            began..text.len()
        };
        let mut put_added = |start, text: &mut String| {
            let its = added.iter().enumerate().filter(|(_, step)| step.before_start == start);
            for (n, step) in its {
                places[n] = put(&step.verb.to_string(), text);
            }
        };
        for line in &self.head {
            put(&line.text, &mut text);
        }
        let mut start = 1;
        put_added(start, &mut text);
        let ending: Vec<Line> = ending.steps().iter().map(Line::of).collect();
        for line in self.body.iter().chain(&ending) {
            if line.restarts {
                start += 1;
                put_added(start, &mut text);
            }
            put(&line.text, &mut text);
        }
        (text, places)
    }

    /// The script without a fault: what it goes through are the sites.
    pub fn dry(&self) -> String {
        self.script(&[], Ending::Load)
    }
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;
    use crate::kernel::plan::Effect;

    fn workload(source: &str) -> Workload {
        Workload::of("test", &crate::case::parse("test", source).expect("a case"))
    }

    #[test]
    fn faults_and_assertions_of_the_case_are_left_out() {
        let workload = workload(
            "# Words.\nconfig appendonly yes\n\n> SET a 1\ninject write error=EIO when=1\n\
             > SET b 2\nexpect +OK\nheal\nkill all\nrestart\nexpect verdict kept\nshow log\n",
        );
        let texts = |lines: &[Line]| lines.iter().map(|l| l.text.clone()).collect::<Vec<_>>();
        assert_eq!(texts(&workload.head), ["config appendonly yes"]);
        let kill = "kill all maybe";
        let body = ["> SET a 1", "> SET b 2", kill, kill, "heal", "restart"];
        assert_eq!(texts(&workload.body), body);
        assert_eq!(workload.starts(), 2);
    }

    #[test]
    fn steps_are_added_before_the_start_that_they_are_for_and_the_script_is_a_case() {
        let workload = workload("config appendonly yes\n> SET a 1\n");
        let rule = |before_start, site: &str| Added {
            before_start,
            verb: Verb::inject_at(site.parse().expect(site), Effect::Error(Errno::EIO)),
        };
        let added = [rule(1, "parent.aof.write#1"), rule(2, "2:parent.aof.read#1")];
        let texts = added.each_ref().map(|step| step.verb.to_string());
        let others = [Ending::Killed, Ending::Healed, Ending::Load];
        for ending in Ending::POWER_CUTS.into_iter().chain(others) {
            let text = workload.script(&added, ending);
            crate::case::parse("test", &text).expect("an ordinary script");
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines[1], texts[0]);
            let second = lines.iter().position(|line| *line == texts[1]).expect("it is there");
            assert_eq!(lines[second + 1], "restart");
            let (before, after) = workload.around_last(&added, ending);
            assert_eq!(format!("{before}{}\n{after}", texts[1]), text);
        }
    }

    #[test]
    fn endings_are_written_as_they_always_were() {
        let text = |ending: Ending| {
            ending.steps().iter().map(Verb::to_string).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(text(Ending::Killed), "kill all maybe; heal; restart");
        assert_eq!(text(Ending::PowerCut), "power-cut none; heal; restart");
        assert_eq!(text(Ending::Sizes), "power-cut log; heal; restart");
        let healed = "heal; advance 11s; > INCR after; check maybe; kill all maybe; restart";
        assert_eq!(text(Ending::Healed), healed);
        let load = "kill all maybe; restart; > INCR after; heal; kill all maybe; restart";
        assert_eq!(text(Ending::Load), load);
    }
}
