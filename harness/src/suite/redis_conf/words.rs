//! The words of one line of a redis.conf.
//!
//! Must not know: what they mean.

/// The words of a line as Redis splits them.
pub fn words(line: &str) -> Result<Vec<String>, &'static str> {
    const UNBALANCED: &str = "a quote is not closed, or something stands right behind it";
    let line = line.trim();
    let mut words = Vec::new();
    if line.starts_with('#') {
        return Ok(words);
    }
    let mut rest = line.chars().peekable();
    while let Some(first) = rest.next() {
        match first {
            ' ' | '\t' => continue,
            quote @ ('"' | '\'') => {
                let mut word = String::new();
                loop {
                    match rest.next().ok_or(UNBALANCED)? {
                        c if c == quote => break,
                        '\\' => {
                            word.push('\\');
                            word.push(rest.next().ok_or(UNBALANCED)?);
                        }
                        c => word.push(c),
                    }
                }
                if rest.peek().is_some_and(|c| !c.is_whitespace()) {
                    return Err(UNBALANCED);
                }
                words.push(word);
            }
            first => {
                let mut word = String::from(first);
                while let Some(c) = rest.next_if(|c| !c.is_whitespace()) {
                    word.push(c);
                }
                words.push(word);
            }
        }
    }
    Ok(words)
}
