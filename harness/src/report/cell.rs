//! What the runs of one cell of a matrix came to: the worst verdict, and which endings it is from.
//!
//! A fault is tried with several endings, and a cell has room for one word. Where some of them
//! came to better, letters behind the word say which ones it is from. Must not know: how a matrix
//! is laid out.

use std::collections::BTreeSet;

use crate::contract::Verdict;
use crate::sweep::Ending;

/// The runs of one cell, as far as it shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Worst {
    verdict: Option<Verdict>,
    from: BTreeSet<Ending>,
    /// Endings in which anything was injected.
    tried: BTreeSet<Ending>,
}

impl Worst {
    /// Whether it is worse than all before. A run that injected nothing never is.
    pub fn add(&mut self, verdict: Option<Verdict>, ending: Ending) -> bool {
        let Some(new) = verdict else { return false };
        self.tried.insert(ending);
        let is_worse = self.verdict.is_none_or(|known| rank(new) < rank(known));
        if is_worse {
            (self.verdict, self.from) = (verdict, BTreeSet::new());
        }
        if self.verdict == verdict {
            self.from.insert(ending);
        }
        is_worse
    }

    /// None: nothing was injected.
    pub fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    /// A letter for each ending that the word is from; none if it is from all that were tried.
    pub fn letters(&self) -> String {
        let from = self.from.iter().filter(|_| self.from != self.tried);
        from.map(|ending| letter(*ending)).collect()
    }
}

/// What counts of two: a broken promise before everything else.
fn rank(verdict: Verdict) -> (bool, Verdict) {
    (!verdict.is_broken_promise(), verdict)
}

fn letter(ending: Ending) -> char {
    match ending {
        Ending::Killed => 'k',
        Ending::Healed => 'h',
        Ending::PowerCut => 'p',
        Ending::Sizes => 'z',
        Ending::Load => 'r',
    }
}

/// Whether a text could stand behind a word to say which endings it is from.
pub fn are_letters(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|it| Ending::ALL.into_iter().any(|end| letter(end) == it))
}

/// The letters with what each stands for.
pub fn letters() -> [(char, &'static str); 5] {
    Ending::ALL.map(|ending| (letter(ending), ending.words()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(runs: &[(Option<Verdict>, Ending)]) -> (Option<Verdict>, String) {
        let mut worst = Worst::default();
        for (verdict, ending) in runs {
            worst.add(*verdict, *ending);
        }
        (worst.verdict(), worst.letters())
    }

    #[test]
    fn letters_say_which_endings_the_word_is_from_where_others_came_to_better() {
        let (kept, lost) = (Some(Verdict::Kept), Some(Verdict::Lost));
        let (killed, healed, cut) = (Ending::Killed, Ending::Healed, Ending::PowerCut);
        let both = [(lost, cut), (kept, healed), (lost, killed)];
        assert_eq!(shown(&both), (lost, "kp".to_string()));
        assert_eq!(shown(&[(kept, killed), (lost, healed)]), (lost, "h".to_string()));
        assert_eq!(shown(&[(lost, killed), (lost, healed)]), (lost, String::new()));
        // What injected nothing came to nothing better.
        assert_eq!(shown(&[(None, killed), (lost, healed)]), (lost, String::new()));
        assert_eq!(shown(&[(None, killed)]), (None, String::new()));
    }

    #[test]
    fn nothing_hides_a_broken_promise() {
        let cut = Ending::PowerCut;
        for broken in Verdict::ALL.into_iter().filter(|it| it.is_broken_promise()) {
            for other in Verdict::ALL.into_iter().filter(|it| !it.is_broken_promise()) {
                let runs = [(Some(other), Ending::Killed), (Some(broken), cut)];
                assert_eq!(shown(&runs), (Some(broken), "p".to_string()), "{other}");
            }
        }
    }

    #[test]
    fn each_ending_has_a_letter_of_its_own() {
        let all: BTreeSet<char> = letters().into_iter().map(|(letter, _)| letter).collect();
        assert_eq!(all.len(), Ending::ALL.len());
        assert!(are_letters("kp") && !are_letters("") && !are_letters("no"));
    }
}
