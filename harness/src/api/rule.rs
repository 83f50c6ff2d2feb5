//! One fault rule put together part by part, instead of as text.
//!
//! Must not know: what the plan does with it.

use std::fmt;
use std::time::Duration;

/// A rule of a fault plan: which calls, and what becomes of them. Without [`Rule::nth`] and the
/// like it is about every such call.
///
/// ```
/// use sabot::{Plan, Rule};
///
/// let rule = Rule::error("write", "ENOSPC").on("aof").from(2).maybe();
/// assert_eq!(rule.to_string(), "inject write on=aof error=ENOSPC when=2+ maybe");
/// assert_eq!(Plan::of([rule])?.rules().len(), 1);
/// assert!(Plan::of([Rule::error("wriet", "ENOSPC")]).is_err());
/// # Ok::<(), sabot::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Rule {
    call: String,
    role: Option<String>,
    task: Option<String>,
    effect: String,
    when: Option<String>,
    maybe: bool,
}

impl Rule {
    fn new(call: &str, effect: String) -> Rule {
        let (role, task, when) = (None, None, None);
        Rule { call: call.to_string(), role, task, effect, when, maybe: false }
    }

    /// The call fails with this error: `Rule::error("fsync", "EIO")`. Several calls have commas
    /// between them.
    pub fn error(call: &str, errno: &str) -> Rule {
        Rule::new(call, format!("error={errno}"))
    }

    /// A read or write moves at most so many bytes, and says so.
    pub fn short(call: &str, bytes: u64) -> Rule {
        Rule::new(call, format!("short={bytes}"))
    }

    /// A lie: nothing is done, and the call returns this.
    pub fn lie(call: &str, returned: i64) -> Rule {
        Rule::new(call, format!("retval={returned}"))
    }

    /// The call takes so long, in steps of a microsecond.
    pub fn delay(call: &str, time: Duration) -> Rule {
        Rule::new(call, format!("delay={}us", time.as_micros()))
    }

    /// The signal arrives with the call: `Rule::signal("write", "KILL")`.
    pub fn signal(call: &str, signal: &str) -> Rule {
        Rule::new(call, format!("signal={signal}"))
    }

    /// Only on files with this role: `aof`, `rdb`, `rewrite`.
    pub fn on(self, role: &str) -> Rule {
        Rule { role: Some(role.to_string()), ..self }
    }

    /// Only by this task: `parent`, `child`, `bio-fsync`.
    pub fn by(self, task: &str) -> Rule {
        Rule { task: Some(task.to_string()), ..self }
    }

    /// Only the `n`th such call, from 1.
    pub fn nth(self, n: u32) -> Rule {
        Rule { when: Some(n.to_string()), ..self }
    }

    /// Only from the `n`th such call on.
    pub fn from(self, n: u32) -> Rule {
        Rule { when: Some(format!("{n}+")), ..self }
    }

    /// Only from the `first` to the `last` such call.
    pub fn between(self, first: u32, last: u32) -> Rule {
        Rule { when: Some(format!("{first}..{last}")), ..self }
    }

    /// It need not happen.
    pub fn maybe(self) -> Rule {
        Rule { maybe: true, ..self }
    }
}

/// As a line of a case.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inject {}", self.call)?;
        let parts = [("on", &self.role), ("in", &self.task)];
        for (name, value) in parts {
            value.iter().try_for_each(|value| write!(f, " {name}={value}"))?;
        }
        write!(f, " {}", self.effect)?;
        self.when.iter().try_for_each(|when| write!(f, " when={when}"))?;
        f.write_str(if self.maybe { " maybe" } else { "" })
    }
}
