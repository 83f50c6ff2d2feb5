//! The words after a verb, and the diagnostics about them that all verbs share.
//!
//! Must not know: what any verb means.

use super::error::{Wrong, nearest};
use super::lex::{Line, Word};
use super::pattern;
use super::script::{Named, Verb};

/// The rest of a line behind its verb.
pub struct Args<'a> {
    pub line: &'a Line<'a>,
    pub raw: &'a str,
    pub words: Vec<Word>,
    pub usage: &'static str,
}

impl Args<'_> {
    pub fn end(&self) -> usize {
        self.line.span.end
    }

    pub fn wrong<T>(
        &self,
        word: Option<&Word>,
        message: &str,
        help: &str,
    ) -> Result<T, Vec<Wrong>> {
        let span = word.map_or(self.end()..self.end(), |word| word.span.clone());
        Err(vec![Wrong::new(span, message, help)])
    }

    /// The words, when there are exactly `count`.
    pub fn exactly(&self, count: usize) -> Result<&[Word], Vec<Wrong>> {
        let usage = format!("expected `{}`", self.usage);
        match self.words.get(count) {
            Some(extra) => self.wrong(Some(extra), "more than this verb takes", &usage),
            None if self.words.len() < count => self.wrong(None, "something is missing", &usage),
            None => Ok(&self.words),
        }
    }

    pub fn nothing(&self, verb: Verb) -> Result<Verb, Vec<Wrong>> {
        self.exactly(0).map(|_| verb)
    }

    /// The first word and how many come after it, for verbs with sub-verbs.
    pub fn sub(&self) -> Result<(&Word, String, &[Word]), Vec<Wrong>> {
        match self.words.split_first() {
            Some((first, rest)) => Ok((first, first.text(), rest)),
            None => self.wrong(None, "something is missing", &format!("expected `{}`", self.usage)),
        }
    }

    pub fn unknown<T>(&self, word: &Word, known: &[&str]) -> Result<T, Vec<Wrong>> {
        let text = word.text();
        let help = match nearest(&text, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("expected `{}`", self.usage),
        };
        self.wrong(Some(word), &format!("`{text}` is not known here"), &help)
    }
}

/// Reads one word with a parser that says what it expected; `what` has its article: `a size`.
pub fn value<T>(
    word: &Word,
    what: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<T, Vec<Wrong>> {
    let text = word.text();
    parse(&text).map_err(|help| {
        vec![Wrong::new(word.span.clone(), format!("`{text}` is not {what}"), help)]
    })
}

pub fn named(word: &Word) -> Named {
    Named { role: word.text(), span: word.span.clone() }
}

/// What a word stands for where `bytes:N` means N bytes.
pub fn content(word: Word) -> Result<Vec<u8>, Vec<Wrong>> {
    let text = word.text();
    match pattern::read(&text).filter(|_| !word.quoted) {
        None => Ok(word.bytes),
        Some(Ok(bytes)) => Ok(bytes),
        Some(Err(help)) => {
            let message = format!("`{text}` is not a number of bytes");
            Err(vec![Wrong::new(word.span, message, help)])
        }
    }
}
