//! `expect`: a comparison, and what is written down when it fails.
//!
//! Must not know: how an expectation is written.

use super::outcome::Standing;
use super::state::{EarlyEnd, Runner};
use crate::case::expectation;
use crate::case::script::{Count, Expect};
use crate::contract::Verdict;
use crate::observation::How;

impl Runner<'_> {
    pub fn expect(&mut self, expect: &Expect) -> Result<(), EarlyEnd> {
        if let Err(seen) = self.meets(expect)? {
            self.failed(seen);
        }
        Ok(())
    }

    /// Whether the assertion holds; if not, what was expected and what was seen.
    pub fn meets(&mut self, expect: &Expect) -> Result<Result<(), String>, EarlyEnd> {
        Ok(match expect {
            Expect::Reply(expected) => self.meets_reply(expected),
            Expect::Info { field, value } => self.meets_info(field, value)?,
            Expect::RefusesStart => self.meets_refusal(),
            Expect::Verdict(verdict) => self.meets_verdict(*verdict),
            Expect::Log { count, text } => {
                let lines = self.record.log.lines().iter();
                let lines = lines.filter(|line| line.message.contains(text)).count();
                meets_count(*count, lines, &format!("lines of the log with `{text}`"))
            }
            Expect::Exit(code) => self.meets_exit(*code),
            Expect::File { role, size } => {
                let file = self.session.files_of(&role.role).pop();
                let actual = file.map(|(_, content)| content.len() as u64);
                let found = || actual.map_or("none".to_string(), |size| format!("{size} bytes"));
                met(actual == Some(*size), || {
                    format!("expected a file {} of {size} bytes, got {}", role.role, found())
                })
            }
            Expect::Files { role, count } => {
                let files = self.session.files_of(&role.role).len();
                meets_count(*count, files, &format!("files with the role {}", role.role))
            }
        })
    }

    fn meets_reply(&mut self, expected: &str) -> Result<(), String> {
        let actual = self.record.last.reply.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        met(expectation::matches(expected, &actual), || {
            format!("expected {expected}, got {actual}")
        })
    }

    fn meets_info(&mut self, field: &str, value: &str) -> Result<Result<(), String>, EarlyEnd> {
        let actual = match self.info()? {
            Some(fields) => Self::info_field(&fields, field),
            None => self.session.silence(),
        };
        Ok(met(actual == value, || format!("expected {field}:{value}, got {actual}")))
    }

    fn meets_refusal(&mut self) -> Result<(), String> {
        match self.judgements.refusal() {
            Some(refusal) => {
                refusal.standing = Standing::Expected;
                Ok(())
            }
            None => Err("expected that the server refuses to start, and it started".into()),
        }
    }

    fn meets_verdict(&mut self, expected: Verdict) -> Result<(), String> {
        match self.judgements.rulings.last_mut() {
            Some(last) if last.verdict == expected => {
                last.standing = Standing::Expected;
                Ok(())
            }
            Some(last) => Err(format!("expected the verdict {expected}, got {}", last.verdict)),
            None => Err(format!("expected the verdict {expected}, and there is none yet")),
        }
    }

    fn meets_exit(&self, expected: i32) -> Result<(), String> {
        let last_end = self.record.seen.ends.last().map(|end| end.how);
        let actual = match (self.session.has_server(), last_end) {
            (true, _) | (false, None) => "the server runs".to_string(),
            (false, Some(How::Exited(code) | How::Shutdown(code))) => format!("exit code {code}"),
            (false, Some(How::Signaled(number))) => format!("signal {number}"),
            (false, Some(How::Killed)) => "it was killed".to_string(),
            (false, Some(How::PowerCut)) => "the power was cut".to_string(),
        };
        met(actual == format!("exit code {expected}"), || {
            format!("expected exit code {expected}, got: {actual}")
        })
    }
}

fn met(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn meets_count(expected: Count, actual: usize, of: &str) -> Result<(), String> {
    let more = if expected.or_more { " or more" } else { "" };
    met(expected.holds(actual), || format!("expected {}{more} {of}, got {actual}", expected.least))
}
