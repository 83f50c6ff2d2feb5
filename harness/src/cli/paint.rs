//! Colour for verdicts on a terminal: red breaks a promise, yellow is less than kept, green is
//! kept, and magenta says nothing about the server.
//!
//! Only whole cells are painted: what stands between the ends of a line or two spaces, and the
//! word behind `verdict:` or `contract:`. Must not know: whether anybody is looking.

use std::borrow::Cow;

use crate::contract::Verdict;
use crate::report::{cell, matrix};

const RED: &str = "1;31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const MAGENTA: &str = "35";

/// Words of tables that are not verdicts.
const WORDS: [(&str, &str); 11] = [
    ("ok", GREEN),
    ("FAIL", RED),
    ("WORSE", RED),
    ("worse", RED),
    ("better", GREEN),
    ("differs", YELLOW),
    ("bad case", MAGENTA),
    ("not deterministic", MAGENTA),
    ("not measured", MAGENTA),
    ("missing", MAGENTA),
    ("skipped", YELLOW),
];

/// The text with colours; its words stay the same.
pub fn painted(text: &str) -> String {
    text.split_inclusive('\n').map(line).collect()
}

fn line(line: &str) -> Cow<'_, str> {
    for head in ["verdict: ", "contract: "] {
        let found = line.trim_start().strip_prefix(head);
        if let Some(rest) = found {
            let word = rest.split([' ', '\n', ',', ';']).next().unwrap_or_default();
            let Some(colour) = colour(word) else { break };
            let before = &line[..line.len() - rest.len()];
            return format!("{before}{}{}", dyed(word, colour), &rest[word.len()..]).into();
        }
    }
    cells(line)
}

/// Paints each cell that is a verdict and nothing else.
fn cells(line: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = line;
    while !rest.is_empty() {
        let blank = rest.len() - rest.trim_start().len();
        let (space, behind) = rest.split_at(blank);
        let cell = behind.find("  ").unwrap_or_else(|| behind.trim_end().len());
        let (word, behind) = behind.split_at(cell);
        out.push_str(space);
        match colour(word) {
            Some(colour) => out.push_str(&dyed(word, colour)),
            None => out.push_str(word),
        }
        rest = behind;
    }
    out.into()
}

fn dyed(word: &str, colour: &str) -> String {
    format!("\x1b[{colour}m{word}\x1b[0m")
}

/// The colour of a word in a table or a matrix; None: it has none.
fn colour(word: &str) -> Option<&'static str> {
    let word = match word.split_once('/') {
        Some((word, letters)) if cell::are_letters(letters) => word,
        _ => word,
    };
    let by_name = |verdict: &Verdict| {
        verdict.as_str() == word || word.len() > 1 && matrix::word(Some(*verdict)) == word
    };
    let verdict = Verdict::ALL.into_iter().find(by_name);
    let Some(verdict) = verdict else {
        return WORDS.iter().find(|(known, _)| *known == word).map(|(_, colour)| *colour);
    };
    match verdict {
        Verdict::NotApplicable => None,
        Verdict::Kept => Some(GREEN),
        _ if verdict.is_broken_promise() => Some(RED),
        _ if verdict.is_no_measurement() => Some(MAGENTA),
        _ => Some(YELLOW),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        let mut parts = text.split('\x1b');
        let first = parts.next().unwrap_or_default().to_string();
        first + &parts.map(|part| part.split_once('m').map_or("", |it| it.1)).collect::<String>()
    }

    #[test]
    fn whole_cells_are_painted_and_no_word_changes() {
        let text = "case      sim    redis\nfull      kept   LOST\n  torn    lost-allowed\n\
                    FAIL  full\nlost  power cut  xfs (1 run)\n    data was lost\nverdict: died\n  \
                    contract: refused-start — it exited\n";
        let seen = painted(text);
        assert_eq!(plain(&seen), text);
        for painted in [
            "\x1b[32mkept\x1b[0m",
            "\x1b[1;31mLOST\x1b[0m",
            "\x1b[33mlost-allowed\x1b[0m",
            "\x1b[1;31mFAIL\x1b[0m  full",
            "\x1b[1;31mlost\x1b[0m  power cut",
            "    data was lost\n",
            "verdict: \x1b[1;31mdied\x1b[0m",
            "contract: \x1b[1;31mrefused-start\x1b[0m — it",
        ] {
            assert!(seen.contains(painted), "{painted:?} is not in {seen:?}");
        }
    }
}
