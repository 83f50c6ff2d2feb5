//! What the documentation of Redis promises, quoted, for a script that relies on it.
//!
//! Must not know: what a server does.

use crate::case::script::{Script, Verb};

/// A directive or command, and what the documentation says of it.
const QUOTES: [(&str, &str, &str); 5] = [
    (
        "appendfsync always",
        "redis.conf",
        "fsync after every write to the append only log. Slow, Safest.",
    ),
    ("appendfsync everysec", "redis.conf", "fsync only one time every second. Compromise."),
    (
        "appendfsync no",
        "redis.conf",
        "don't fsync, just let the OS flush the data when it wants. Faster.",
    ),
    ("bgrewriteaof", "redis.io, Persistence", "The rewrite is completely safe."),
    (
        "aof-load-truncated",
        "redis.conf",
        "If aof-load-truncated is set to yes, a truncated AOF file is loaded",
    ),
];

/// The quotes that a script relies on, each with its place.
pub fn quotes(script: &Script) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    for step in &script.steps {
        let words = match &step.verb {
            Verb::Config(directive) => format!("{} {}", directive.name, directive.value),
            Verb::Send { argv, .. } => String::from_utf8_lossy(&argv[0]).into_owned(),
            _ => continue,
        };
        let words = words.to_ascii_lowercase();
        for (what, place, quote) in QUOTES {
            let line = format!("{quote} ({place})");
            if words.starts_with(what) && !said.contains(&line) {
                said.push(line);
            }
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_held_against_what_it_relies_on() {
        let text = "config appendonly yes\nconfig appendfsync everysec\n> BGREWRITEAOF\n";
        let script = crate::case::parse("test", text).expect("a case");
        let said = quotes(&script);
        assert_eq!(said.len(), 2);
        assert!(said[1].starts_with("The rewrite is completely safe."), "{said:?}");
    }
}
