//! What is known of pasts: a tree in which each path from the root is the beginning of one, with
//! what was answered, configured and held after it.
//!
//! Pasts of one sweep have most of their beginnings in common, and what there is after a beginning
//! does not depend on what comes behind it. Must not know: how any of it is found out.

use std::sync::Arc;
use std::time::Duration;

use super::{Past, Taken};
use crate::kernel::{Name, Time};
use crate::observation::{Argv, Policy};
use crate::runner::content::Content;

/// The place of a beginning in its tree.
pub type Prefix = usize;

/// Replies that came, each with the place of its command.
pub type Arrived = Vec<(usize, String)>;

/// What tells one command from another.
type Step = (Name, Option<Argv>, Option<Moment>);

/// The time, and how far the wall clock is behind.
type Moment = (Time, Duration);

#[derive(Debug, Default)]
struct Node {
    /// What may come next, in order.
    next: Vec<(Step, Prefix)>,
    /// What came between the command before and this one's end.
    arrived: Option<Arrived>,
    /// What came later, by the time up to which was waited.
    later: Vec<(Time, Arrived)>,
    policy: Option<Policy>,
    /// Right after the command.
    content: Option<Arc<Content>>,
    /// By the time up to which was waited.
    content_later: Vec<(Time, Arc<Content>)>,
}

/// All beginnings of all pasts that have their start in common.
#[derive(Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    /// The way that was gone last, with each place that it came to: one run asks for the same past
    /// again and again.
    last: Vec<(Step, Prefix)>,
    /// About how many bytes of contents were learnt.
    weight: usize,
}

impl Default for Tree {
    fn default() -> Tree {
        Tree { nodes: vec![Node::default()], last: Vec::new(), weight: 0 }
    }
}

impl Tree {
    /// The beginnings of a past up to the one with so many commands, the start first.
    pub fn path(&mut self, past: &Past, count: usize) -> Vec<Prefix> {
        let mut path = Vec::with_capacity(count + 1);
        let mut at: Prefix = 0;
        path.push(at);
        for (n, taken) in past.commands[..count].iter().enumerate() {
            let time = past.timed.then_some((taken.at, taken.behind));
            match self.last.get(n) {
                Some((step, next)) if is_the_same(step, taken, time) => at = *next,
                _ => {
                    at = self.next(at, taken, time);
                    self.last.truncate(n);
                    self.last.push(((taken.client.clone(), taken.argv.clone(), time), at));
                }
            }
            path.push(at);
        }
        path
    }

    /// How many beginnings are known.
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// About how many bytes its contents take.
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// Forgets what was held after each beginning. The beginnings keep their places.
    pub fn forget_contents(&mut self) {
        for node in &mut self.nodes {
            node.content = None;
            node.content_later = Vec::new();
        }
        self.weight = 0;
    }

    fn next(&mut self, at: Prefix, taken: &Taken, time: Option<Moment>) -> Prefix {
        let Taken { client, argv, .. } = taken;
        let order = |(known, _): &(Step, Prefix)| {
            known.0.cmp(client).then_with(|| known.1.cmp(argv)).then_with(|| known.2.cmp(&time))
        };
        let place = match self.nodes[at].next.binary_search_by(order) {
            Ok(place) => return self.nodes[at].next[place].1,
            Err(place) => place,
        };
        let new = self.nodes.len();
        self.nodes.push(Node::default());
        // Most have one.
        self.nodes[at].next.reserve_exact(1);
        self.nodes[at].next.insert(place, ((client.clone(), argv.clone(), time), new));
        new
    }

    pub fn arrived(&self, prefix: Prefix) -> Option<&Arrived> {
        self.nodes[prefix].arrived.as_ref()
    }

    /// Replies that came until `time` after the last command.
    pub fn later(&self, prefix: Prefix, time: Time) -> Option<&Arrived> {
        let mut known = self.nodes[prefix].later.iter();
        known.find(|(until, _)| *until == time).map(|(_, arrived)| arrived)
    }

    pub fn policy(&self, prefix: Prefix) -> Option<Policy> {
        self.nodes[prefix].policy
    }

    pub fn content(&self, prefix: Prefix) -> Option<Arc<Content>> {
        self.nodes[prefix].content.clone()
    }

    /// What was held at `time`, when nothing but the end of some wait had come since the command.
    pub fn content_later(&self, prefix: Prefix, time: Time) -> Option<Arc<Content>> {
        let mut known = self.nodes[prefix].content_later.iter();
        known.find(|(until, _)| *until == time).map(|(_, content)| Arc::clone(content))
    }

    pub fn learn_arrived(&mut self, prefix: Prefix, mut arrived: Arrived) {
        arrived.shrink_to_fit();
        self.nodes[prefix].arrived = Some(arrived);
    }

    pub fn learn_later(&mut self, prefix: Prefix, until: Time, arrived: Arrived) {
        if self.later(prefix, until).is_none() {
            self.nodes[prefix].later.push((until, arrived));
        }
    }

    pub fn learn_policy(&mut self, prefix: Prefix, policy: Option<Policy>) {
        self.nodes[prefix].policy = policy;
    }

    pub fn learn_content_later(&mut self, prefix: Prefix, time: Time, content: Arc<Content>) {
        if self.content_later(prefix, time).is_none() {
            self.weight += content.weight();
            self.nodes[prefix].content_later.push((time, content));
        }
    }

    pub fn learn_content(&mut self, prefix: Prefix, content: Arc<Content>) {
        self.weight += content.weight();
        self.nodes[prefix].content = Some(content);
    }
}

/// Whether this is one command of one run. An equal one of another run need not be found.
fn is_the_same((client, argv, at): &Step, taken: &Taken, time: Option<Moment>) -> bool {
    let argvs = match (argv, &taken.argv) {
        (Some(one), Some(other)) => Arc::ptr_eq(one, other),
        (one, other) => one.is_none() && other.is_none(),
    };
    argvs && *client == taken.client && *at == time
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Image;
    use crate::runner::oracle::Origin;

    fn past(words: &[(&str, u64)], timed: bool) -> Past {
        let taken = |(word, at): &(&str, u64)| Taken {
            client: Name::known("client"),
            argv: Some([word.as_bytes().to_vec()].into()),
            at: Time(*at),
            behind: Duration::ZERO,
            varies: false,
        };
        let image = Arc::new(Image::default());
        let (directives, at, behind) = (Arc::from([]), Time(0), Duration::ZERO);
        let origin = Origin { image, directives, server: None, at, behind };
        Past {
            origin,
            commands: words.iter().map(taken).collect(),
            until: Time(9),
            timed,
            sets: Vec::new(),
        }
    }

    #[test]
    fn pasts_share_what_they_have_in_common() {
        let mut tree = Tree::default();
        let path = tree.path(&past(&[("a", 1), ("b", 3)], false), 2);
        tree.learn_arrived(path[1], vec![(0, "+OK".to_string())]);
        let other = tree.path(&past(&[("a", 2), ("c", 3)], false), 2);
        assert_eq!(path[1], other[1]);
        assert!(tree.arrived(other[1]).is_some() && tree.arrived(other[2]).is_none());
        assert_ne!(path[2], other[2]);
        let mut timed = Tree::default();
        let early = timed.path(&past(&[("a", 1)], true), 1);
        assert_ne!(early[1], timed.path(&past(&[("a", 2)], true), 1)[1]);
    }
    #[test]
    fn the_way_that_was_gone_last_is_left_where_a_past_differs() {
        let one = past(&[("a", 1), ("b", 2), ("c", 3)], false);
        let mut other = one.clone();
        other.commands[1] = past(&[("x", 2)], false).commands[0].clone();
        let mut tree = Tree::default();
        let path = tree.path(&one, 3);
        let apart = tree.path(&other, 3);
        assert!(apart[..2] == path[..2] && apart[2] != path[2] && apart[3] != path[3]);
        assert_eq!(tree.path(&other, 2), apart[..3]);
        assert_eq!((tree.path(&one, 3), tree.path(&other, 3)), (path, apart));
        assert_eq!(tree.size(), 6);
    }
}
