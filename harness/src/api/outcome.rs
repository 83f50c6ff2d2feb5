//! What a test asks of an outcome.

use crate::runner::Outcome;
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

    /// The failures of one of the two kinds of [`crate::runner::Failure`], in words.
    pub(super) fn unmet(&self, bad_case: bool) -> Vec<String> {
        let these = self.failures.iter().filter(|failure| failure.bad_case == bad_case);
        these.map(|failure| format!("line {}: {}", failure.line, failure.message)).collect()
    }
}
