//! How many cases came out alike on two servers, and the table of it.
//!
//! Must not know: how the cases were run.

use super::reviewed_list::List;
use super::{Compared, Kind};

/// How the cases came out on one pair of servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub identical: usize,
    /// Different in lines that are on the reviewed list, and in no others.
    pub listed: usize,
    pub differing: usize,
    /// One of the servers lacks what the case needs.
    pub one_only: usize,
    pub neither: usize,
}

impl Counts {
    /// Whether nothing differs but what is on the list.
    pub fn are_alike(&self) -> bool {
        self.differing + self.one_only == 0
    }
}

/// Counts the cases; returns those that differ, without what is on the list.
pub fn unlisted(
    compared: impl IntoIterator<Item = (String, Compared)>,
    list: &mut List,
) -> (Counts, Vec<(String, Compared)>) {
    let mut counts = Counts::default();
    let mut unlisted = Vec::new();
    for (name, compared) in compared {
        let Compared::Differs(mut hunks) = compared else {
            match compared {
                Compared::Neither => counts.neither += 1,
                _ => counts.identical += 1,
            }
            continue;
        };
        hunks.retain(|hunk| !list.covers(hunk));
        match hunks.first().map(|hunk| hunk.kind) {
            None => counts.listed += 1,
            Some(Kind::Applies) => counts.one_only += 1,
            Some(_) => counts.differing += 1,
        }
        if !hunks.is_empty() {
            unlisted.push((name, Compared::Differs(hunks)));
        }
    }
    (counts, unlisted)
}

/// Servers down, counts across, each line ended.
pub fn table(first: &str, rows: &[(String, Counts)]) -> String {
    let headings = ["identical", "listed", "differing", "for one only", "for neither"];
    let head = format!("against {first}");
    let names = rows.iter().map(|(name, _)| name.chars().count());
    let width = names.chain([head.chars().count()]).max().unwrap_or(0);
    let mut text = format!("{head:width$}  {}\n", headings.join("  "));
    for (name, counts) in rows {
        let Counts { identical, listed, differing, one_only, neither } = counts;
        text.push_str(&format!("{name:width$}"));
        for (count, heading) in
            [identical, listed, differing, one_only, neither].into_iter().zip(headings)
        {
            text.push_str(&format!("  {count:>wide$}", wide = heading.len()));
        }
        text.push('\n');
    }
    text
}
