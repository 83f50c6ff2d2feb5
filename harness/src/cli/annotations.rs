//! Annotations of GitHub Actions: a broken promise stands beside the line of the case in a pull
//! request.
//!
//! They are printed where `GITHUB_ACTIONS` is `true`, and nowhere else. Must not know: what a
//! promise is.

use super::screen;

/// Where annotations are wanted.
const VARIABLE: &str = "GITHUB_ACTIONS";

/// One annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation<'a> {
    pub file: &'a str,
    /// From 1; 0 stands for no line.
    pub line: u32,
    /// A verdict.
    pub title: &'a str,
    pub message: &'a str,
}

/// Prints annotations, if this runs in GitHub Actions.
pub fn print<'a>(annotations: impl IntoIterator<Item = Annotation<'a>>) {
    if std::env::var(VARIABLE).is_ok_and(|value| value == "true") {
        annotations.into_iter().for_each(|annotation| screen::line(&annotation.text()));
    }
}

impl Annotation<'_> {
    /// As a workflow command; what would end one of its parts is escaped as GitHub asks for.
    fn text(&self) -> String {
        let message =
            |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
        let property = |text: &str| message(text).replace(':', "%3A").replace(',', "%2C");
        let line = match self.line {
            0 => String::new(),
            line => format!(",line={line}"),
        };
        let (file, title) = (property(self.file), property(self.title));
        format!("::error file={file}{line},title={title}::{}", message(self.message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_an_annotation_can_end_it() {
        let annotation = Annotation {
            file: "a,b.case",
            line: 3,
            title: "lost",
            message: "1 of 2\n::error::100%",
        };
        let expected = "::error file=a%2Cb.case,line=3,title=lost::1 of 2%0A::error::100%25";
        assert_eq!(annotation.text(), expected);
        let nowhere = Annotation { line: 0, ..annotation };
        assert!(nowhere.text().starts_with("::error file=a%2Cb.case,title=lost::"));
    }
}
