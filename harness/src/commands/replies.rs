//! Replies as a transcript prints them, taken apart again.
//!
//! Must not know: what was asked.

/// What is nested in a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    Leaf(String),
    List(Vec<Node>),
}

impl Node {
    pub fn items(&self) -> &[Node] {
        match self {
            Node::List(items) => items,
            Node::Leaf(_) => &[],
        }
    }

    /// The text of a leaf without its quotes or its plus.
    pub fn text(&self) -> &str {
        match self {
            Node::Leaf(text) => text.trim_start_matches('+').trim_matches('"'),
            Node::List(_) => "",
        }
    }
}

/// The lines of each command's reply, in the order of the script; none where none came at once.
pub fn of(transcript: &str, script: &str) -> Vec<Vec<String>> {
    let mut lines = transcript.lines().peekable();
    let mut replies = Vec::new();
    // What the start brings stands before the first line.
    while lines.next_if(|line| line.starts_with("  ")).is_some() {}
    for step in script.lines() {
        if lines.next() != Some(step) {
            break;
        }
        let mut reply = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with("  ")) {
            // What the machine saw and what was logged stands deeper and comes first.
            if !reply.is_empty() || !line.starts_with("   ") || is_item(&line[2..]) {
                reply.push(line[2..].to_string());
            }
        }
        if step.contains("> ") {
            replies.push(reply);
        }
    }
    replies
}

/// Whether the line begins with the number of an item.
fn is_item(line: &str) -> bool {
    head(line).is_some()
}

/// How wide the number in front of an item is.
fn head(line: &str) -> Option<usize> {
    let digits = line.trim_start();
    let rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    let marked = rest.len() < digits.len() && (rest.starts_with(") ") || rest.starts_with("~ "));
    marked.then(|| line.len() - rest.len() + 2)
}

/// A reply as a tree.
pub fn tree(lines: &[String]) -> Node {
    let Some(first) = lines.first() else { return Node::Leaf(String::new()) };
    let Some(width) = head(first) else { return Node::Leaf(first.clone()) };
    let mut items: Vec<Vec<String>> = Vec::new();
    for line in lines {
        let (number, rest) = line.split_at(width.min(line.len()));
        if !number.trim().is_empty() {
            items.push(Vec::new());
        }
        if let Some(item) = items.last_mut() {
            item.push(rest.to_string());
        }
    }
    Node::List(items.iter().map(|item| tree(item)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::resp::Reply;

    #[test]
    fn what_is_printed_reads_back() {
        let bulk = |text: &str| Reply::Bulk(text.into());
        let flags = Reply::Array(vec![Reply::Simple("write".into()), Reply::Simple("fast".into())]);
        let get = Reply::Array(vec![bulk("get"), Reply::Integer(2), flags]);
        let all = Reply::Array(vec![get; 12]);
        let node = tree(&all.lines());
        assert_eq!(node.items().len(), 12);
        let last = &node.items()[11];
        assert_eq!(last.items()[0].text(), "get");
        assert_eq!(last.items()[2].items()[1].text(), "fast");
    }

    #[test]
    fn each_command_has_its_reply() {
        let script = "> SET a 1\nsettle\n> LRANGE l 0 -1\n";
        let transcript = [
            "    the server starts",
            "> SET a 1",
            "    parent.aof.write#1  27 bytes → 27",
            "  +OK",
            "settle",
            "> LRANGE l 0 -1",
            "  1) \"a\"",
            "  2) \"b\"",
            "",
            "verdict: kept",
        ];
        let transcript = transcript.join("\n");
        let replies = of(&transcript, script);
        assert_eq!(replies, [vec!["+OK"], vec!["1) \"a\"", "2) \"b\""]]);
    }
}
