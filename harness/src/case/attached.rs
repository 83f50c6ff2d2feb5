//! `file`: what a case puts into the data directory before a start, written in the line or taken
//! from a file beside the case.
//!
//! ```text
//! file NAME CONTENT
//! file NAME from PATH
//! ```
//!
//! A script is sent around as text, so whoever reads one from a folder has the content put behind
//! such a line ([`attach`]), in base64: `file NAME from PATH = CONTENT`. A transcript leaves that
//! out ([`without_content`]). Must not know: where the files are.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::args::{Args, content};
use super::error::{BadCase, Wrong};
use super::lex::{self, Word};
use super::script::{Content, Verb};

const VERB: &str = "file";

/// What stands between a path and the content that was found there.
const MARK: &str = " = ";

/// Puts the content behind each line that takes it from a file, which `read` finds by its path.
///
/// # Errors
/// Names each file that cannot be read, with the line that wants it.
pub fn attach(
    name: &str,
    text: &str,
    read: impl Fn(&str) -> Result<Vec<u8>, String>,
) -> Result<String, BadCase> {
    let (mut whole, mut wrongs, mut at) = (String::new(), Vec::new(), 0);
    for line in lex::lines(text).filter(|line| line.text.starts_with(VERB)) {
        let words = lex::words(line.text, line.span.start).unwrap_or_default();
        let [verb, _, from, path] = words.as_slice() else { continue };
        if verb.bytes != VERB.as_bytes() || !is_from(from) {
            continue;
        }
        match read(&path.text()) {
            Ok(bytes) => {
                whole.push_str(&text[at..line.span.end]);
                whole.push_str(MARK);
                URL_SAFE_NO_PAD.encode_string(bytes, &mut whole);
                at = line.span.end;
            }
            Err(why) => {
                let message = format!("cannot read {}: {why}", path.text());
                let help = "a path begins in the folder of the case";
                wrongs.push(Wrong::new(path.span.clone(), message, help));
            }
        }
    }
    whole.push_str(&text[at..]);
    if wrongs.is_empty() { Ok(whole) } else { Err(BadCase::new(name, text, wrongs)) }
}

/// A line as its author wrote it.
pub fn without_content(line: &str) -> &str {
    let text = line.trim_start();
    if !text.starts_with(VERB) {
        return line;
    }
    let content = match lex::words(text, 0).as_deref() {
        Ok([verb, _, from, path, ..]) if verb.bytes == VERB.as_bytes() && is_from(from) => {
            path.span.end
        }
        _ => return line,
    };
    &line[..line.len() - text.len() + content]
}

/// Behind the name of the file.
pub(super) fn show(path: &str, bytes: &[u8]) -> String {
    let path = lex::quote_word(path.as_bytes());
    format!("from {path}{MARK}{}", URL_SAFE_NO_PAD.encode(bytes))
}

fn is_from(word: &Word) -> bool {
    word.bytes == b"from" && !word.quoted
}

pub(super) fn parse(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    let Some((name, rest)) = args.words.split_first() else {
        return args.wrong(None, "which file?", &format!("expected `{}`", args.usage));
    };
    let file = name_of(name)?;
    let content = match rest {
        [] => return args.wrong(None, "without content", &format!("expected `{}`", args.usage)),
        [from] if is_from(from) => {
            return args.wrong(None, "from which file?", "expected its path");
        }
        [from, path, ..] if is_from(from) => taken_from(args, path, &rest[2..])?,
        [word] => Content::Inline(content(word.clone())?),
        [_, extra, ..] => {
            let help = "put the content into quotes, or write `from PATH`";
            return args.wrong(Some(extra), "the content is one word", help);
        }
    };
    Ok(Verb::File { name: file, content })
}

fn taken_from(args: &Args<'_>, path: &Word, rest: &[Word]) -> Result<Content, Vec<Wrong>> {
    let [mark, content] = rest else {
        let message = format!("`{}` cannot be read from here", path.text());
        let help = "a case given as text has no files beside it: write the content in the line";
        return args.wrong(Some(path), &message, help);
    };
    match URL_SAFE_NO_PAD.decode(&content.bytes) {
        Ok(bytes) if mark.bytes == MARK.trim().as_bytes() => {
            Ok(Content::From { path: path.text(), bytes })
        }
        _ => args.wrong(Some(mark), "more than this verb takes", "expected `file NAME from PATH`"),
    }
}

/// A file in the data directory, or in a directory there.
fn name_of(word: &Word) -> Result<String, Vec<Wrong>> {
    let name = word.text();
    let odd = |part: &str| part.is_empty() || part == "." || part == "..";
    if !name.split('/').any(odd) {
        return Ok(name);
    }
    let message = format!("`{name}` is not a file in the data directory");
    let help = "expected a name such as dump.rdb or appendonlydir/appendonly.aof.manifest";
    Err(vec![Wrong::new(word.span.clone(), message, help)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> Result<Vec<u8>, String> {
        match path {
            "old.rdb" => Ok(b"REDIS\0\xff".to_vec()),
            _ => Err("no such file".to_string()),
        }
    }

    #[test]
    fn content_is_put_behind_the_line_and_a_transcript_leaves_it_out() {
        let text = "# file a from b\n  file dump.rdb from old.rdb\n> PING\nfile a \"from b\"\n";
        let whole = attach("x", text, read).expect("it is there");
        let script = crate::case::parse("x", &whole).expect("a case");
        let Verb::File { name, content } = &script.steps[0].verb else { panic!("{script:?}") };
        assert_eq!((name.as_str(), content.bytes()), ("dump.rdb", &b"REDIS\0\xff"[..]));
        let shown: Vec<&str> = whole.lines().map(without_content).collect();
        assert_eq!(shown, text.lines().collect::<Vec<_>>());
    }

    #[test]
    fn a_file_that_is_not_there_is_named_with_its_line() {
        let text = "> PING\nfile dump.rdb from new.rdb\n";
        let bad = attach("x.case", text, read).expect_err("it is not there").to_string();
        assert!(bad.starts_with("x.case:2:20: cannot read new.rdb: no such file"), "{bad}");
    }
}
