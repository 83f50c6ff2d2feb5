//! Shrinking: the smallest script that fails in the same way, at the same kind of site.
//!
//! Lines are taken out in halves, quarters and so on down to single ones. Rules of the plan stay,
//! because they are the fault; when lines before them go, the call that they are for may have an
//! earlier number, so each smaller script is tried with every number. What the same way is, the
//! [`Signature`](super::signature::Signature) decides, strictly: a smaller script that fails in
//! another way does not reproduce anything. Must not know: how a script is run.

use crate::case;
use crate::case::script::Verb;

/// A line of a script, with what it does if it does something.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    text: String,
    verb: Option<Verb>,
}

impl Line {
    /// The fault itself, which stays.
    fn is_fault(&self) -> bool {
        matches!(&self.verb, Some(Verb::Inject { .. } | Verb::SyncErrors(_) | Verb::Space(_)))
    }

    /// The line where its call has a number that is `by` smaller. None: there is no such call.
    fn earlier(&self, by: u32) -> Option<Line> {
        let Some(verb) = &self.verb else { return Some(self.clone()) };
        let moved = verb.clone().earlier(by)?;
        // What stays keeps its words.
        let text = if moved == *verb { self.text.clone() } else { moved.to_string() };
        Some(Line { text, verb: Some(moved) })
    }
}

/// The lines of a script. A text that is not a case has lines that do nothing.
fn lines(script: &str) -> Vec<Line> {
    let line = |text: &str| Line { text: text.to_string(), verb: None };
    let mut lines: Vec<Line> = script.lines().map(line).collect();
    let steps = case::parse("script", script).map(|script| script.steps).unwrap_or_default();
    for step in steps {
        let place = usize::try_from(step.line).ok().and_then(|line| line.checked_sub(1));
        if let Some(line) = place.and_then(|place| lines.get_mut(place)) {
            line.verb = Some(step.verb);
        }
    }
    lines
}

/// Makes a script smaller as long as `try_all` finds one among the proposals that will do; it
/// returns the place of the first.
pub fn shrink(script: &str, mut try_all: impl FnMut(&[String]) -> Option<usize>) -> Vec<String> {
    let mut lines = lines(script);
    let mut size = lines.len().div_ceil(2);
    while size > 0 {
        let mut at = 0;
        let mut smaller = false;
        while at < lines.len() {
            let proposals = without(&lines, at, size);
            let scripts: Vec<String> = proposals.iter().map(|lines| text(&texts(lines))).collect();
            match if scripts.is_empty() { None } else { try_all(&scripts) } {
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
    texts(&lines)
}

fn texts(lines: &[Line]) -> Vec<String> {
    lines.iter().map(|line| line.text.clone()).collect()
}

/// Lines as a script.
pub fn text(lines: &[String]) -> String {
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

/// The script without these lines, with each number that its rules might have then.
fn without(lines: &[Line], at: usize, size: usize) -> Vec<Vec<Line>> {
    let goes = |n: usize, line: &Line| (at..at + size).contains(&n) && !line.is_fault();
    if !lines.iter().enumerate().any(|(n, line)| goes(n, line)) {
        return Vec::new();
    }
    let rest = || lines.iter().enumerate().filter(|(n, line)| !goes(*n, line)).map(|(_, l)| l);
    let mut proposals = Vec::new();
    for by in 0.. {
        let moved: Option<Vec<Line>> = rest().map(|line| line.earlier(by)).collect();
        match moved {
            Some(lines) if by == 0 || proposals.last() != Some(&lines) => proposals.push(lines),
            _ => break,
        }
    }
    proposals
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
        let earlier = |text: &str, by| {
            let line = lines(&format!("{text}\n> PING\n")).remove(0);
            line.earlier(by).map(|line| line.text)
        };
        assert_eq!(earlier("inject at a.b.write#2 error=EIO", 2), None);
        assert_eq!(
            earlier("preempt a.b.write#2 for child", 1).unwrap(),
            "preempt a.b.write#1 for child"
        );
        let from = "inject write on=aof in=parent error=EIO when=4+ maybe";
        assert_eq!(earlier(from, 1).unwrap(), from.replace('4', "3"));
        for stays in ["> SET a#1", "inject  write error=EIO", "# inject at a.b.write#2 error=EIO"] {
            assert_eq!(earlier(stays, 5).unwrap(), stays);
        }
    }
}
