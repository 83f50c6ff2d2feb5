//! What a test asks of an outcome.

use crate::case::lex;
use crate::runner::Outcome;
use crate::runner::resp::Reply;
use crate::suite::check;

impl Outcome {
    /// What is wrong, in sentences with their lines: each broken promise that no `expect verdict`
    /// of the case covers, and each other `expect` that was not met. Empty when all is as the case
    /// says.
    ///
    /// ```
    /// use sabot::{Case, World};
    ///
    /// let case = Case::parse("wrong", "config appendonly yes\n> SET a 1\nexpect +NO\n")?;
    /// let complaints = case.run(&World::sim()?)?.complaints();
    /// assert!(complaints[0].starts_with("line 3: "), "{complaints:?}");
    /// # Ok::<(), sabot::Error>(())
    /// ```
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = check::unexpected(self);
        complaints.extend(self.unmet(false));
        complaints
    }

    /// The last reply to a command, which is written as in a case: `GET a`, `SET b "two words"`.
    /// None: it was never sent, or no reply came.
    ///
    /// ```
    /// use sabot::{Case, Reply, World};
    ///
    /// let case = Case::parse("typed", "> RPUSH l a b\n> LRANGE l 0 -1\n> GET l\n> GET no\n")?;
    /// let outcome = case.run(&World::sim()?)?;
    /// assert_eq!(outcome.reply_to("RPUSH l a b").and_then(Reply::integer), Some(2));
    /// let list = outcome.reply_to("LRANGE l 0 -1").and_then(Reply::items).unwrap();
    /// assert_eq!(list[1], Reply::Bulk(b"b".to_vec()));
    /// assert!(outcome.reply_to("GET l").unwrap().is_error());
    /// assert_eq!(outcome.reply_to("GET no"), Some(&Reply::Nil));
    /// assert_eq!(outcome.replies[3].text(), "GET no");
    /// # Ok::<(), sabot::Error>(())
    /// ```
    pub fn reply_to(&self, command: &str) -> Option<&Reply> {
        let words = lex::words(command, 0).ok()?;
        let words: Vec<Vec<u8>> = words.into_iter().map(|word| word.bytes).collect();
        let sent = self.replies.iter().rev().find(|exchange| exchange.command == words);
        sent.and_then(|exchange| exchange.reply.as_ref())
    }

    /// The failures of one of the two kinds of [`crate::runner::Failure`], in words.
    pub(super) fn unmet(&self, bad_case: bool) -> Vec<String> {
        let these = self.failures.iter().filter(|failure| failure.bad_case == bad_case);
        these.map(|failure| format!("line {}: {}", failure.line, failure.message)).collect()
    }
}
