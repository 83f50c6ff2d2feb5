//! Where two texts part. Must not know: what the texts are.

use std::fmt;

/// The first line in which two texts differ; None stands for the end of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// From 1.
    pub line: usize,
    pub left: Option<String>,
    pub right: Option<String>,
}

impl Difference {
    /// Compares line by line; None: the texts are the same.
    pub fn between(left: &str, right: &str) -> Option<Difference> {
        let (mut lefts, mut rights) = (left.lines(), right.lines());
        for line in 1.. {
            match (lefts.next(), rights.next()) {
                (None, None) => break,
                (left, right) if left == right => {}
                (left, right) => {
                    let (left, right) = (left.map(String::from), right.map(String::from));
                    return Some(Difference { line, left, right });
                }
            }
        }
        None
    }

    /// Two lines of text, each opening with the name of its side.
    pub fn shown(&self, left: &str, right: &str) -> String {
        let width = left.len().max(right.len());
        let text = |line: &Option<String>| line.clone().unwrap_or_else(|| "(the end)".into());
        format!(
            "line {}\n  {left:width$}  {}\n  {right:width$}  {}",
            self.line,
            text(&self.left),
            text(&self.right)
        )
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown("first", "second"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_named_also_when_one_text_ends() {
        assert_eq!(Difference::between("a\nb\n", "a\nb"), None);
        let found = Difference::between("a\nb", "a\nc").expect("they differ");
        assert_eq!(found.to_string(), "line 2\n  first   b\n  second  c");
        let found = Difference::between("a", "a\nc").expect("they differ");
        assert_eq!(found.shown("sim", "server"), "line 2\n  sim     (the end)\n  server  c");
    }
}
