//! Trimming a stream from its start (Redis: `streamTrim`, t_stream.c).
//!
//! Must not know: how the command asks for it.

use super::{Node, Stream, StreamId};

/// Where trimming ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrimTo {
    /// At most this many entries are left.
    Length(u64),
    /// This is the lowest id that may be left.
    Id(StreamId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    pub to: TrimTo,
    /// Remove whole nodes only.
    pub whole_nodes: bool,
    /// Stop before more than this many entries are removed; 0 for no limit. Only whole nodes count.
    pub limit: u64,
}

impl Stream {
    /// Returns how many entries were removed.
    pub fn trim(&mut self, trim: &Trim) -> u64 {
        let mut deleted = 0u64;
        while let Some(mut first) = self.nodes.first_entry() {
            let live = first.get().live;
            let enough = matches!(trim.to, TrimTo::Length(length) if self.length <= length);
            if enough || (trim.limit != 0 && deleted.saturating_add(live) > trim.limit) {
                break;
            }
            if goes_as_a_whole(first.get(), self.length, trim.to) {
                first.remove();
                self.length = self.length.wrapping_sub(live);
                deleted = deleted.wrapping_add(live);
                continue;
            }
            if !trim.whole_nodes {
                deleted += trim_node(first.get_mut(), &mut self.length, trim.to);
            }
            break;
        }
        if self.length == 0 || deleted > 0 {
            self.update_first_id();
        }
        deleted
    }
}

fn goes_as_a_whole(node: &Node, length: u64, to: TrimTo) -> bool {
    match to {
        TrimTo::Length(wanted) => length.wrapping_sub(node.live) >= wanted,
        TrimTo::Id(lowest) => node.entries().last().is_some_and(|last| last.id < lowest),
    }
}

/// Marks entries as deleted up to the end of the trimming. Returns how many.
fn trim_node(node: &mut Node, length: &mut u64, to: TrimTo) -> u64 {
    let mut deleted = 0;
    for place in 0..node.entries().len() {
        let entry = &node.entries()[place];
        let ends = match to {
            TrimTo::Length(wanted) => *length <= wanted,
            TrimTo::Id(lowest) => entry.id >= lowest,
        };
        if ends {
            break;
        }
        if !entry.deleted {
            node.delete(place);
            *length = length.wrapping_sub(1);
            deleted += 1;
        }
    }
    deleted
}
