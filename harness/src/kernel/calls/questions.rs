//! Calls that only ask or advise: stat(2) and its like, getcwd(2), posix_fadvise(2).
//!
//! They change nothing, and servers make many of them. So they are sites only where a case is about
//! them; the others pass the door as if there were no kernel. Must not know: who asks for a site.

use nix::errno::Errno;

use super::files::returned;
use crate::kernel::{CallName, Entered, Kernel};

impl Kernel {
    /// From now on these questions are sites, and no others.
    pub fn watch(&mut self, questions: Vec<CallName>) {
        self.watched = questions;
    }

    /// The questions that are sites.
    pub fn watched(&self) -> &[CallName] {
        &self.watched
    }

    /// A question whose honest answer would be `found`. Returns what the call returns, and whether
    /// the door must make it for real.
    pub fn question(
        &mut self,
        entered: Entered,
        found: Result<(), Errno>,
    ) -> (Result<(), Errno>, bool) {
        let (result, made) = match (entered.error(), entered.lie()) {
            (Some(errno), _) => (Err(errno), false),
            (None, Some(_)) => (Ok(()), false),
            (None, None) => (found, true),
        };
        self.finish(entered, returned(result.map(|()| 0)), 0);
        (result, made)
    }
}
