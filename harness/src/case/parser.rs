//! From text to [`Script`]: one verb per line, every mistake of the file reported at once.
//!
//! Must not know: any verb.

use std::collections::BTreeMap;

use super::error::{BadCase, Wrong};
use super::known_bug;
use super::lex::{self, Line};
use super::order::out_of_place;
use super::script::{Script, Step, Verb};
use super::verbs::verb;

/// Parses a case called `name`.
///
/// # Errors
/// Every mistake of the text, in its order.
pub fn parse(name: &str, source: &str) -> Result<Script, BadCase> {
    Parser::default().parse(name, source)
}

/// Parses scripts that have many lines in common, as those of a sweep have.
#[derive(Debug, Default)]
pub struct Parser {
    /// Lines that mean the same wherever they stand.
    known: BTreeMap<String, Verb>,
}

/// So many lines are remembered.
const REMEMBERED: usize = 4096;

impl Parser {
    /// As [`parse`].
    ///
    /// # Errors
    /// Every mistake of the text, in its order.
    pub fn parse(&mut self, name: &str, source: &str) -> Result<Script, BadCase> {
        let mut steps: Vec<Step> = Vec::new();
        let mut wrongs = Vec::new();
        for line in lex::lines(source) {
            match self.step(&line) {
                Ok(step) => {
                    wrongs.extend(out_of_place(&step, &steps));
                    steps.push(step);
                }
                Err(more) => wrongs.extend(more),
            }
        }
        wrongs.extend(known_bug::mistakes(&steps));
        if wrongs.is_empty() && !steps.iter().any(|step| step.verb.needs_server()) {
            let end = source.trim_end().len();
            let help = "a case needs at least one command, such as `> SET a 1`";
            wrongs.push(Wrong::new(end..end, "no step of this case needs a server", help));
        }
        if wrongs.is_empty() {
            let reads_log = steps.iter().any(|step| step.verb.reads_log());
            Ok(Script { source: source.to_string(), name: name.to_string(), steps, reads_log })
        } else {
            Err(BadCase::new(name, source, wrongs))
        }
    }

    fn step(&mut self, line: &Line<'_>) -> Result<Step, Vec<Wrong>> {
        let at = |verb| Step { line: line.number, span: line.span.clone(), verb };
        if let Some(verb) = self.known.get(line.text) {
            return Ok(at(verb.clone()));
        }
        let verb = verb(line)?;
        if verb.stands_anywhere() {
            if self.known.len() == REMEMBERED {
                self.known.clear();
            }
            self.known.insert(line.text.to_string(), verb.clone());
        }
        Ok(at(verb))
    }
}
