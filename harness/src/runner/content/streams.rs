//! A stream from XINFO STREAM … FULL: entries, ids, counters, groups with their consumers and
//! pending entries.
//!
//! Left out are how it is stored (`radix-tree-*`), what follows from the rest (`length`, `lag`,
//! counts), and when a consumer was last seen or active, which an append-only file does not hold.
//! Must not know: how it was asked for.

use super::Part;
use crate::runner::resp::Reply;

/// Fields that say nothing about the content.
const LEFT_OUT: &[&str] = &[
    "radix-tree-keys",
    "radix-tree-nodes",
    "length",
    "recorded-first-entry-id",
    // XREADGROUP counts what a group has read; in the file stands an XCLAIM, which does not.
    "entries-read",
    "lag",
    "pel-count",
    "seen-time",
    "active-time",
];

/// One part for each entry, group, pending entry and consumer.
pub fn parts(answer: &Reply) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    flatten("", answer, &mut parts)?;
    Some(parts)
}

/// Fields by name, each item of a list of its own.
fn flatten(path: &str, fields: &Reply, parts: &mut Vec<Part>) -> Option<()> {
    for pair in fields.items()?.chunks(2) {
        let [name, value] = pair else { return None };
        let name = name.text()?;
        if LEFT_OUT.contains(&name.as_str()) {
            continue;
        }
        let path = format!("{path}{name}");
        match (name.as_str(), value) {
            ("groups" | "consumers", list) => {
                for one in list.items()? {
                    let of = one.items()?.chunks(2).find_map(|pair| match pair {
                        [key, its] if key.text().as_deref() == Some("name") => its.text(),
                        _ => None,
                    });
                    flatten(&format!("{path} {} ", of?), one, parts)?;
                }
            }
            ("entries" | "pel" | "pending", list) => {
                // Of a pending entry: id, consumer, time of delivery, number of deliveries.
                let items = list.items()?.iter();
                parts.extend(items.map(|item| part(format!("{path} {}", one_line(item)))));
            }
            (_, value) => parts.push(part(format!("{path} {}", one_line(value)))),
        }
    }
    Some(())
}

fn one_line(item: &Reply) -> String {
    item.lines().join(" ")
}

fn part(text: String) -> Part {
    Part { text: text.into_bytes(), expires_at: None }
}
