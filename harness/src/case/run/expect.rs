//! `expect`: a comparison, and what is written down when it fails.
//!
//! Must not know: how an expectation is written.

use super::runner::{Runner, Stop};
use crate::case::expectation;
use crate::case::script::Expect;
use crate::contract::Verdict;

impl Runner<'_> {
    pub fn expect(&mut self, expect: &Expect) -> Result<(), Stop> {
        match expect {
            Expect::Reply(expected) => self.expect_reply(expected),
            Expect::Info { field, value } => self.expect_info(field, value)?,
            Expect::RefusesStart => self.expect_refusal(),
            Expect::Verdict(verdict) => self.expect_verdict(*verdict),
        }
        Ok(())
    }

    fn expect_reply(&mut self, expected: &str) {
        let actual = self.last_reply.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        if !expectation::matches(expected, &actual) {
            self.failed(format!("expected {expected}, got {actual}"));
        }
    }

    fn expect_info(&mut self, field: &str, value: &str) -> Result<(), Stop> {
        let actual = match self.info()? {
            Some(fields) => Self::info_field(&fields, field),
            None => self.silence(),
        };
        if actual != value {
            self.failed(format!("expected {field}:{value}, got {actual}"));
        }
        Ok(())
    }

    fn expect_refusal(&mut self) {
        let given = self.verdicts.iter().enumerate().skip(self.verdicts_before);
        let refusals = given.filter(|(_, (_, verdict, _))| *verdict == Verdict::RefusedStart);
        match refusals.map(|(place, _)| place).next_back() {
            Some(place) => {
                self.expected.insert(place);
            }
            None => self.failed("expected that the server refuses to start, and it started".into()),
        }
    }

    fn expect_verdict(&mut self, expected: Verdict) {
        match self.verdicts.len().checked_sub(1) {
            Some(last) if self.verdicts[last].1 == expected => {
                self.expected.insert(last);
            }
            Some(last) => {
                let actual = self.verdicts[last].1;
                self.failed(format!("expected the verdict {expected}, got {actual}"));
            }
            None => self.failed(format!("expected the verdict {expected}, and there is none yet")),
        }
    }
}
