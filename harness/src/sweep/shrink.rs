//! Shrinking: the smallest script with the same verdict at the same kind of site.
//!
//! Lines are taken out in halves, quarters and so on down to single ones. Rules of the plan stay,
//! because they are the fault; when lines before them go, the call that they are for may have an
//! earlier number, so each smaller script is tried with every number. What counts as the same is
//! decided by [`Wanted`], strictly: a smaller script that fails in another way is no smaller
//! reproducer. Must not know: how a script is run.

use super::Came;
use super::result::judged;
use crate::contract::Reason;
use crate::runner::{RunSummary, decisive};

/// What a smaller script must still come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    came: Came,
    reason: Option<Reason>,
}

impl Wanted {
    pub fn of(summary: &RunSummary) -> Wanted {
        let reason = decisive(&summary.rulings).map(|ruling| ruling.reason.clone());
        Wanted { came: judged(summary).came, reason }
    }

    pub fn is_met(&self, summary: &RunSummary) -> bool {
        *self == Wanted::of(summary)
    }
}

/// Makes a script smaller as long as `try_all` finds one among the proposals that will do; it
/// returns the place of the first.
pub fn shrink(script: &str, mut try_all: impl FnMut(&[String]) -> Option<usize>) -> Vec<String> {
    let mut lines: Vec<String> = script.lines().map(str::to_string).collect();
    let mut size = lines.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        let mut smaller = false;
        while at < lines.len() {
            let proposals = without(&lines, at, size);
            let texts: Vec<String> = proposals.iter().map(|lines| text(lines)).collect();
            match if texts.is_empty() { None } else { try_all(&texts) } {
                Some(found) => {
                    lines.clone_from(&proposals[found]);
                    smaller = true;
                }
                None => at += size,
            }
        }
        if !smaller {
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
    }
    lines
}

/// Lines as a script.
pub fn text(lines: &[String]) -> String {
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

/// The script without these lines, with each number that its rules might have then.
fn without(lines: &[String], at: usize, size: usize) -> Vec<Vec<String>> {
    let goes = |n: usize, line: &String| (at..at + size).contains(&n) && !is_rule(line);
    if !lines.iter().enumerate().any(|(n, line)| goes(n, line)) {
        return Vec::new();
    }
    let rest = || lines.iter().enumerate().filter(|(n, line)| !goes(*n, line)).map(|(_, l)| l);
    let mut proposals = Vec::new();
    for back in 0.. {
        let moved: Option<Vec<String>> = rest().map(|line| earlier(line, back)).collect();
        match moved {
            Some(lines) if back == 0 || proposals.last() != Some(&lines) => proposals.push(lines),
            _ => break,
        }
    }
    proposals
}

/// The fault itself, which stays.
fn is_rule(line: &str) -> bool {
    line.starts_with("inject ") || line.starts_with("sync-errors ") || line.starts_with("space ")
}

/// A rule for a call `back` numbers earlier; None: there is no such call. Other lines stay.
fn earlier(line: &str, back: u64) -> Option<String> {
    let at = match line.split_once(' ') {
        Some(("inject", rest)) if rest.starts_with("at ") => line.find('#').map(|at| at + 1),
        Some(("preempt", _)) => line.find('#').map(|at| at + 1),
        Some(("inject", _)) => line.find(" when=").map(|at| at + 6),
        _ => None,
    };
    let Some(at) = at else { return Some(line.to_string()) };
    let digits = line[at..].bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = line[at..at + digits].parse().ok()?;
    let moved = number.checked_sub(back).filter(|number| *number > 0)?;
    Some(format!("{}{moved}{}", &line[..at], &line[at + digits..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_do_not_matter_go_and_the_rule_follows_its_call() {
        let script = "config appendonly yes\nconfig hz 10\ninject at parent.aof.write#3 error=EIO\n\
                      > SET a 1\n> SET b 2\n> SET c 3\nadvance 1s\nkill all\nrestart\n";
        // Fails when the rule's number is that of some SET, and the server is restarted.
        let fails = |text: &String| {
            let sets = text.lines().filter(|line| line.starts_with("> SET")).count();
            let needed = ["config appendonly yes", "kill all", "restart"];
            needed.iter().all(|line| text.contains(line))
                && text.contains(&format!("write#{sets} "))
        };
        let small = shrink(script, |texts| texts.iter().position(fails));
        let expected = [
            "config appendonly yes",
            "inject at parent.aof.write#1 error=EIO",
            "> SET c 3",
            "kill all",
            "restart",
        ];
        assert_eq!(small, expected);
    }

    #[test]
    fn a_rule_never_moves_before_the_first_call() {
        assert_eq!(earlier("inject at a.b.write#2 error=EIO", 2), None);
        let from = "inject write on=aof in=parent error=EIO when=4+ maybe";
        assert_eq!(earlier(from, 1).unwrap(), from.replace('4', "3"));
        assert_eq!(earlier("> SET a#1", 5).unwrap(), "> SET a#1");
    }
}
