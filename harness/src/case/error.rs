//! What is wrong in a case, so that it can be fixed: file, line, column, the exact words, and what
//! was expected.
//!
//! Must not know: what any verb means.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};

/// A byte range of the source.
pub type Span = Range<usize>;

/// Something wrong at a place, before it is known in which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub span: Span,
    pub message: String,
    pub help: String,
}

impl Wrong {
    pub fn new(span: Span, message: impl Into<String>, help: impl Into<String>) -> Wrong {
        Wrong { span, message: message.into(), help: help.into() }
    }
}

/// One mistake in a case.
#[derive(Clone, Debug)]
pub struct CaseError {
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    pub message: String,
    /// What was expected.
    pub help: String,
    span: Span,
    source: Arc<NamedSource<String>>,
}

impl CaseError {
    fn new(wrong: Wrong, file: &str, text: &str, source: &Arc<NamedSource<String>>) -> CaseError {
        let before = &text[..wrong.span.start];
        let start_of_line = before.rfind('\n').map_or(0, |newline| newline + 1);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        CaseError {
            file: file.to_string(),
            line: count(before.matches('\n').count() + 1),
            column: count(before[start_of_line..].chars().count() + 1),
            message: wrong.message,
            help: wrong.help,
            span: wrong.span,
            source: Arc::clone(source),
        }
    }

    /// The same with every text as `shown` shows it; the place is still that of the same words.
    #[must_use]
    pub fn shown_as(&self, shown: impl Fn(&str) -> String) -> CaseError {
        let text = self.source.inner();
        let at = |offset: usize| text.get(..offset).map_or(offset, |before| shown(before).len());
        let file = shown(&self.file);
        CaseError {
            line: self.line,
            column: self.column,
            message: shown(&self.message),
            help: shown(&self.help),
            span: at(self.span.start)..at(self.span.end),
            source: Arc::new(NamedSource::new(&file, shown(text))),
            file,
        }
    }
}

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

impl std::error::Error for CaseError {}

impl Diagnostic for CaseError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.help.is_empty()).then(|| Box::new(&self.help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&*self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::new_with_span(Some("here".to_string()), self.span.clone());
        Some(Box::new(std::iter::once(label)))
    }
}

/// Every mistake of one case.
#[derive(Clone, Debug)]
pub struct BadCase {
    pub errors: Vec<CaseError>,
}

impl BadCase {
    /// Puts the mistakes into the file they are in, in the order of the text.
    pub fn new(file: &str, text: &str, mut wrongs: Vec<Wrong>) -> BadCase {
        wrongs.sort_by_key(|wrong| wrong.span.start);
        let source = Arc::new(NamedSource::new(file, text.to_string()));
        let errors =
            wrongs.into_iter().map(|wrong| CaseError::new(wrong, file, text, &source)).collect();
        BadCase { errors }
    }
}

/// One line per mistake, as a compiler prints them.
impl fmt::Display for BadCase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.errors.iter().enumerate() {
            let newline = if n == 0 { "" } else { "\n" };
            write!(f, "{newline}{error}")?;
            if !error.help.is_empty() {
                write!(f, " ({})", error.help)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for BadCase {}

impl Diagnostic for BadCase {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.errors.iter().map(|error| error as &dyn Diagnostic)))
    }
}

/// `did you mean …? ` where one of the known words is near, else the list of them.
pub fn one_of<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(word, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("expected one of: {}", known.join(", ")),
    }
}

/// The known word that is one typing mistake away, or two in a long word.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let allowed = if word.chars().count() > 4 { 2 } else { 1 };
    known
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many typing mistakes (a character too many, missing, wrong, or two swapped) lie between two
/// words, ignoring case.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let above = &rows[i - 1];
            let substituted = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = substituted.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
