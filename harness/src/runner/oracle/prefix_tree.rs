//! What is known of histories: a tree in which each path from the root is a prefix, with its state.
//!
//! Histories of one sweep have most of their prefixes in common, and what the state after a prefix
//! is does not depend on what comes behind it. Must not know: how a state is found out.

use std::cmp::Ordering;

use crate::contract::Unit;

/// The place of a prefix in its tree.
pub type Prefix = usize;

#[derive(Debug, Default)]
struct Node {
    /// What may come next, in order.
    next: Vec<(Unit, Prefix)>,
    digest: Option<String>,
}

/// All prefixes of all histories that were asked about under the same circumstances.
#[derive(Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    /// Whether two units at different times are different.
    timed: bool,
}

impl Tree {
    /// Knows the empty history.
    pub fn new(timed: bool) -> Tree {
        Tree { nodes: vec![Node::default()], timed }
    }

    /// Every prefix of a history, the empty one first.
    pub fn path(&mut self, units: &[&Unit]) -> Vec<Prefix> {
        let mut path = Vec::with_capacity(units.len() + 1);
        let mut at: Prefix = 0;
        path.push(at);
        for unit in units {
            at = self.next(at, unit);
            path.push(at);
        }
        path
    }

    fn next(&mut self, at: Prefix, unit: &Unit) -> Prefix {
        let timed = self.timed;
        let found = self.nodes[at].next.binary_search_by(|(known, _)| compare(known, unit, timed));
        let place = match found {
            Ok(place) => return self.nodes[at].next[place].1,
            Err(place) => place,
        };
        let new = self.nodes.len();
        self.nodes.push(Node::default());
        self.nodes[at].next.insert(place, (unit.clone(), new));
        new
    }

    /// The state after a prefix, if it is known.
    pub fn digest(&self, prefix: Prefix) -> Option<&str> {
        self.nodes[prefix].digest.as_deref()
    }

    pub fn learn(&mut self, prefix: Prefix, digest: String) {
        self.nodes[prefix].digest = Some(digest);
    }
}

fn compare(a: &Unit, b: &Unit, timed: bool) -> Ordering {
    let same = (&a.commands, &a.client).cmp(&(&b.commands, &b.client));
    if timed { same.then(a.at.cmp(&b.at)) } else { same }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Time;

    fn unit(word: &str, at: u64) -> Unit {
        let commands = vec![[word.as_bytes().to_vec()].into()];
        Unit { client: (1, "client".into()), commands, at: Time(at), may_wait: false }
    }

    #[test]
    fn histories_share_what_they_have_in_common() {
        let (a, later, b, c) = (unit("a", 1), unit("a", 2), unit("b", 3), unit("c", 3));
        let mut tree = Tree::new(false);
        let path = tree.path(&[&a, &b]);
        tree.learn(path[1], "after a".to_string());
        let other = tree.path(&[&later, &c]);
        assert_eq!((path[1], tree.digest(other[1])), (other[1], Some("after a")));
        assert_ne!(path[2], other[2]);
        assert_eq!(tree.digest(other[2]), None);
        let mut timed = Tree::new(true);
        assert_ne!(timed.path(&[&a])[1], timed.path(&[&later])[1]);
    }
}
