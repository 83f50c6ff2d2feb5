//! A plan: fault rules by themselves, to be put into a case.

use std::fmt;
use std::str::FromStr;

use super::{Error, Rule};
use crate::case;
use crate::case::script::Verb;

/// An ordered list of rules, one per line, in the language of cases: `inject …`, `space BYTES`,
/// `sync-errors clean` or `dirty`. The first rule that matches a call decides.
///
/// A rule that never fires makes the run an [`Error::WrongCase`], unless it says `maybe`: a test
/// whose fault did not happen is no test.
///
/// ```
/// use sabot::{Case, Plan, Verdict, World};
///
/// let case = Case::parse("refused", "config appendonly yes\n\
///     > SET a 1\n> SET b 2\nheal\nadvance 1s\n> SET b 2\nkill all\nrestart\n")?;
/// let plan = Plan::parse("inject write on=aof error=ENOSPC")?;
/// let outcome = case.with(&plan)?.run(&World::sim()?)?;
/// assert!(outcome.transcript.contains("-MISCONF"), "{}", outcome.transcript);
/// assert_eq!(outcome.verdict, Verdict::Kept);
///
/// let never = Plan::parse("inject write on=rdb error=ENOSPC")?;
/// assert!(case.with(&never)?.run(&World::sim()?).is_err());
/// # Ok::<(), sabot::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    lines: Vec<String>,
}

impl Plan {
    /// Parses rules; empty lines and comments are left out.
    ///
    /// ```
    /// let plan = sabot::Plan::parse("inject fsync error=EIO when=1\n\nsync-errors dirty")?;
    /// assert_eq!(plan.rules().len(), 2);
    /// assert!(sabot::Plan::parse("restart").is_err());
    /// # Ok::<(), sabot::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::BadCase`], also for a line of a case that is not a rule.
    pub fn parse(text: &str) -> Result<Plan, Error> {
        // A case needs a command.
        let mut script = case::parse("plan", &format!("{text}\n> PING\n"))?;
        script.steps.pop();
        let rule = |verb: &Verb| {
            matches!(
                verb,
                Verb::Inject { .. } | Verb::Space(Some(_)) | Verb::ReadOnly | Verb::SyncErrors(_)
            )
        };
        if let Some(step) = script.steps.iter().find(|step| !rule(&step.verb)) {
            let words = &script.source[step.span.clone()];
            let expected = "expected inject, space, read-only or sync-errors";
            return Err(Error::BadCase(format!("plan:{}: {words} ({expected})", step.line)));
        }
        let line = |step: &case::script::Step| script.source[step.span.clone()].to_string();
        Ok(Plan { lines: script.steps.iter().map(line).collect() })
    }

    /// The same of rules that were put together.
    ///
    /// # Errors
    /// [`Error::BadCase`], where a rule has a call, an error or the like that does not exist.
    pub fn of(rules: impl IntoIterator<Item = Rule>) -> Result<Plan, Error> {
        let lines: Vec<String> = rules.into_iter().map(|rule| rule.to_string()).collect();
        Plan::parse(&lines.join("\n"))
    }

    /// The rules, in the order in which they are tried.
    pub fn rules(&self) -> &[String] {
        &self.lines
    }
}

impl FromStr for Plan {
    type Err = Error;

    fn from_str(text: &str) -> Result<Plan, Error> {
        Plan::parse(text)
    }
}

/// One rule per line, each line ended.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
