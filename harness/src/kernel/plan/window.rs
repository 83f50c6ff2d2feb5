//! Which of the selected calls a rule is for: `when=FIRST[..LAST][+STEP]`, as in strace(1).
//!
//! | written | calls |
//! |---|---|
//! | (nothing) | every one |
//! | `when=3` | the third |
//! | `when=3+` | the third and every one after it |
//! | `when=3+2` | 3, 5, 7 … |
//! | `when=3..5` | 3, 4, 5 |
//! | `when=3..7+2` | 3, 5, 7 |
//!
//! Must not know: what is counted.

use std::fmt;
use std::str::FromStr;

/// A set of positions, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    first: u64,
    last: u64,
    step: u64,
}

impl Window {
    /// Every call.
    pub const EVERY: Window = Window { first: 1, last: u64::MAX, step: 1 };
    /// The first call alone.
    pub const ONCE: Window = Window { first: 1, last: 1, step: 1 };

    /// This call and every one after it; `None` for 0, because calls are counted from 1.
    pub fn from_on(first: u64) -> Option<Window> {
        (first > 0).then_some(Window { first, ..Window::EVERY })
    }

    /// The same with its first call `by` earlier, as where calls before it are no longer made.
    pub fn begun_earlier(self, by: u64) -> Option<Window> {
        let first = self.first.checked_sub(by).filter(|first| *first > 0)?;
        let last = if self.last == self.first { first } else { self.last };
        Some(Window { first, last, ..self })
    }

    /// Its first call alone.
    pub fn once(self) -> Window {
        Window { last: self.first, step: 1, ..self }
    }

    /// Whether the `n`-th call is in it.
    pub fn holds(&self, n: u64) -> bool {
        n >= self.first && n <= self.last && (n - self.first).is_multiple_of(self.step)
    }
}

/// As it is written after `when=`.
impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        let open = self.last == u64::MAX;
        if !open && (self.last != self.first || self.step != 1) {
            write!(f, "..{}", self.last)?;
        }
        match self.step {
            1 if open => f.write_str("+"),
            1 => Ok(()),
            step => write!(f, "+{step}"),
        }
    }
}

/// Why a text does not read as a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAWindow {
    #[error("expected FIRST[..LAST][+STEP], for example 3, 3+, 3+2, 3..5 or 3..7+2")]
    Form,
    #[error("calls are counted from 1")]
    Zero,
    #[error("the last call comes before the first")]
    Backwards,
}

impl FromStr for Window {
    type Err = NotAWindow;

    fn from_str(text: &str) -> Result<Window, NotAWindow> {
        let (range, step) = match text.split_once('+') {
            Some((range, "")) => (range, Some(1)),
            Some((range, step)) => (range, Some(count(step)?)),
            None => (text, None),
        };
        let (first, last) = match range.split_once("..") {
            Some((first, last)) => (count(first)?, count(last)?),
            None => {
                let first = count(range)?;
                (first, if step.is_some() { u64::MAX } else { first })
            }
        };
        if last < first {
            return Err(NotAWindow::Backwards);
        }
        Ok(Window { first, last, step: step.unwrap_or(1) })
    }
}

fn count(text: &str) -> Result<u64, NotAWindow> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NotAWindow::Form);
    }
    match text.parse() {
        Ok(0) => Err(NotAWindow::Zero),
        Ok(n) => Ok(n),
        Err(_) => Err(NotAWindow::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(text: &str) -> Vec<u64> {
        let window: Window = text.parse().expect(text);
        (1..=9).filter(|n| window.holds(*n)).collect()
    }

    #[test]
    fn the_table_holds() {
        assert_eq!(calls("3"), [3]);
        assert_eq!(calls("3+"), [3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(calls("3+2"), [3, 5, 7, 9]);
        assert_eq!(calls("3..5"), [3, 4, 5]);
        assert_eq!(calls("3..7+2"), [3, 5, 7]);
    }

    #[test]
    fn a_window_begins_earlier_and_never_before_the_first_call() {
        let earlier = |text: &str, by| {
            let window: Window = text.parse().expect(text);
            window.begun_earlier(by).map(|window| window.to_string())
        };
        assert_eq!(earlier("4+", 1).as_deref(), Some("3+"));
        assert_eq!(earlier("3", 2).as_deref(), Some("1"));
        assert_eq!(earlier("3..7+2", 1).as_deref(), Some("2..7+2"));
        assert_eq!(earlier("3", 3), None);
        assert_eq!(Window::from_on(3), "3+".parse().ok());
        assert_eq!(Window::from_on(3).map(Window::once), "3".parse().ok());
        assert_eq!((Window::from_on(1), Window::from_on(0)), (Some(Window::EVERY), None));
    }

    #[test]
    fn every_malformed_spelling_is_refused() {
        for text in ["", "+", "..", "x", "-1", "1..", "..2", "1..+2", "1+2+3", "1+x", " 1", "1 +"] {
            assert_eq!(text.parse::<Window>(), Err(NotAWindow::Form), "{text:?}");
        }
        for text in ["0", "0+", "1+0", "0..3"] {
            assert_eq!(text.parse::<Window>(), Err(NotAWindow::Zero), "{text:?}");
        }
        assert_eq!("3..2".parse::<Window>(), Err(NotAWindow::Backwards));
        assert_eq!("99999999999999999999".parse::<Window>(), Err(NotAWindow::Form));
    }
}
