//! A case put together step by step, instead of as text.
//!
//! Each step becomes one line of the language, so what is built is an ordinary case. Must not know:
//! what a step does.

use std::time::Duration;

use super::{Case, Error, Rule};
use crate::case::lex;
use crate::contract::Verdict;

/// Steps of a case, in order. Nothing is checked before [`CaseBuilder::build`], which names the
/// line of a mistake.
///
/// ```
/// use std::time::Duration;
/// use sabot::{Case, Rule, Verdict, World};
///
/// let case = Case::builder("full disk")
///     .config("appendonly", "yes")
///     .config("appendfsync", "everysec")
///     .rule(Rule::error("write", "ENOSPC").on("aof").between(2, 3))
///     .command(["SET", "a", "1"])
///     .command(["SET", "b", "two words"])
///     .heal()
///     .advance(Duration::from_secs(1))
///     .kill_all()
///     .restart()
///     .build()?;
/// assert!(case.text().contains("> SET b \"two words\"\n"));
/// assert_eq!(case.run(&World::sim()?)?.verdict, Verdict::Kept);
/// # Ok::<(), sabot::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct CaseBuilder {
    name: String,
    text: String,
}

impl Case {
    /// A case step by step, see [`CaseBuilder`].
    pub fn builder(name: &str) -> CaseBuilder {
        CaseBuilder { name: name.to_string(), text: String::new() }
    }
}

impl CaseBuilder {
    /// A line as `cases/README.md` describes it: for a step that has no function here.
    pub fn line(mut self, line: &str) -> CaseBuilder {
        self.text.push_str(line);
        self.text.push('\n');
        self
    }

    /// A directive of the configuration; an empty value is `""`.
    pub fn config(self, directive: &str, value: &str) -> CaseBuilder {
        let words: Vec<Vec<u8>> = value.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        let value = if value.is_empty() { "\"\"".to_string() } else { lex::quote(&words) };
        self.line(&format!("config {directive} {value}"))
    }

    /// A command of the usual client, word by word; a word may hold any bytes.
    pub fn command<W: AsRef<[u8]>>(self, words: impl IntoIterator<Item = W>) -> CaseBuilder {
        self.command_of("", words)
    }

    /// The same from a client of another name, over a connection of its own.
    pub fn command_of<W: AsRef<[u8]>>(
        self,
        client: &str,
        words: impl IntoIterator<Item = W>,
    ) -> CaseBuilder {
        let words: Vec<Vec<u8>> = words.into_iter().map(|word| word.as_ref().to_vec()).collect();
        self.line(&format!("{client}> {}", lex::quote(&words)))
    }

    /// From here on the disk, or whatever the rule is about, misbehaves.
    pub fn rule(self, rule: Rule) -> CaseBuilder {
        let line = rule.to_string();
        self.line(&line)
    }

    /// So many bytes are left on the disk.
    pub fn space(self, bytes: u64) -> CaseBuilder {
        self.line(&format!("space {bytes}"))
    }

    /// Every fault is over.
    pub fn heal(self) -> CaseBuilder {
        self.line("heal")
    }

    /// Moves the clock, in steps of a microsecond.
    pub fn advance(self, time: Duration) -> CaseBuilder {
        self.line(&format!("advance {}us", time.as_micros()))
    }

    /// Waits for the end of the background save or rewrite.
    pub fn await_child(self) -> CaseBuilder {
        self.line("await child")
    }

    /// SIGKILL to the server and its children.
    pub fn kill_all(self) -> CaseBuilder {
        self.line("kill all")
    }

    /// SIGKILL to the server alone.
    pub fn kill_parent(self) -> CaseBuilder {
        self.line("kill parent")
    }

    /// SIGTERM to the server.
    pub fn shutdown(self) -> CaseBuilder {
        self.line("shutdown")
    }

    /// The power goes off: what was not synced may be gone.
    pub fn power_cut(self) -> CaseBuilder {
        self.line("power-cut")
    }

    /// Starts the server again and judges what is there.
    pub fn restart(self) -> CaseBuilder {
        self.line("restart")
    }

    /// Judges what is there now.
    pub fn check(self) -> CaseBuilder {
        self.line("check")
    }

    /// The last command's reply, as `redis-cli` prints it: `+OK`, `"text"`, `:1`.
    pub fn expect_reply(self, reply: &str) -> CaseBuilder {
        self.line(&format!("expect {reply}"))
    }

    /// The last verdict: a promise that is broken as expected is no complaint.
    pub fn expect_verdict(self, verdict: Verdict) -> CaseBuilder {
        self.line(&format!("expect verdict {verdict}"))
    }

    /// The case.
    ///
    /// # Errors
    /// [`Error::BadCase`], with every mistake and the number of its step.
    pub fn build(self) -> Result<Case, Error> {
        Case::parse(&self.name, &self.text)
    }
}
