//! Requests under way, as whoever made them sees them: results come in any order, each with the
//! number of its request, and an interrupt ends the waiting.
//!
//! Must not know: what is asked for, and who carries it out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::workers::WorkerSet;

/// The pool was stopped before the result was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// How many requests are in the queue at most, so that the memory for them does not grow with
/// their number.
const AHEAD: usize = 64;

/// Requests of one kind. Iterating yields each result as it arrives, with the number of its
/// request from 0; after a stop it yields [`Interrupted`] once and ends.
///
/// Which result arrives first is a matter of luck, so nothing may depend on it: put results where
/// their numbers say, or use [`Pending::in_order`].
pub struct Pending<'a, T> {
    requests: Box<dyn Iterator<Item = Request<'a, T>> + 'a>,
    made: usize,
    missing: usize,
    slots: Sender<(usize, Option<T>)>,
    results: Receiver<(usize, Option<T>)>,
    workers: Arc<WorkerSet>,
    stopped: bool,
}

/// Puts one request into the queue.
type Request<'a, T> = Box<dyn FnOnce(Slot<T>) + 'a>;

/// Where the result of one request goes. Dropping it instead means that there will be none.
pub(super) struct Slot<T> {
    number: usize,
    filled: bool,
    results: Sender<(usize, Option<T>)>,
}

impl<'a, T: 'a> Pending<'a, T> {
    /// Hands each request to `order`, together with the place for its result: a few at once, and
    /// each of the others when a result has come.
    pub(super) fn ordered<R: 'a>(
        requests: impl IntoIterator<Item = R, IntoIter: 'a>,
        workers: &Arc<WorkerSet>,
        order: impl Fn(R, Slot<T>) + Copy + 'a,
    ) -> Pending<'a, T> {
        let (slots, results) = channel();
        let requests = requests
            .into_iter()
            .map(move |request| Box::new(move |slot| order(request, slot)) as Request<'a, T>);
        let (requests, workers) = (Box::new(requests), Arc::clone(workers));
        let mut pending =
            Pending { requests, made: 0, missing: 0, slots, results, workers, stopped: false };
        pending.order_more();
        pending
    }

    fn order_more(&mut self) {
        while self.missing < AHEAD {
            let Some(order) = self.requests.next() else { return };
            order(Slot { number: self.made, filled: false, results: self.slots.clone() });
            self.made += 1;
            self.missing += 1;
        }
    }

    /// All results in the order of the requests; `arrived` hears of each as it comes.
    ///
    /// # Errors
    /// When the pool was stopped first.
    pub fn in_order(self, mut arrived: impl FnMut(usize, &T)) -> Result<Vec<T>, Interrupted> {
        let mut results: BTreeMap<usize, T> = BTreeMap::new();
        for result in self {
            let (number, result) = result?;
            arrived(number, &result);
            results.insert(number, result);
        }
        Ok(results.into_values().collect())
    }
}

impl<'a, T: 'a> Iterator for Pending<'a, T> {
    type Item = Result<(usize, T), Interrupted>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.missing == 0 || self.stopped {
            return None;
        }
        let result = match self.workers.is_stopped() {
            true => None,
            // Managers drop the slots of what they do not begin any more.
            false => self.results.recv().ok(),
        };
        let Some((number, Some(result))) = result else {
            self.stopped = true;
            return Some(Err(Interrupted));
        };
        self.missing -= 1;
        self.order_more();
        Some(Ok((number, result)))
    }
}

impl<T> Slot<T> {
    pub fn fill(mut self, result: T) {
        self.filled = true;
        // Whoever asked may not wait any more.
        let _ = self.results.send((self.number, Some(result)));
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        if !self.filled {
            let _ = self.results.send((self.number, None));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    #[test]
    fn results_are_put_in_the_order_of_the_requests_whenever_they_come() {
        let workers = Arc::new(WorkerSet::default());
        let slots = RefCell::new(Vec::new());
        let ask = || Pending::ordered(["a", "b"], &workers, |r, s| slots.borrow_mut().push((r, s)));
        let answer = || slots.take().into_iter().rev().for_each(|(r, slot)| slot.fill(r));
        let pending = ask();
        answer();
        let mut arrived = Vec::new();
        let results = pending.in_order(|number, result| arrived.push((number, *result)));
        assert_eq!((results, arrived), (Ok(vec!["a", "b"]), vec![(1, "b"), (0, "a")]));

        let mut pending = ask();
        answer();
        assert_eq!(pending.next(), Some(Ok((1, "b"))));
        workers.stop();
        assert_eq!((pending.next(), pending.next()), (Some(Err(Interrupted)), None));
    }
    #[test]
    fn requests_are_made_as_results_come_and_one_that_is_dropped_interrupts() {
        let workers = Arc::new(WorkerSet::default());
        let (made, slots) = (Cell::new(0), RefCell::new(Vec::new()));
        let requests = (0..AHEAD + 2).inspect(|_| made.set(made.get() + 1));
        let mut pending =
            Pending::ordered(requests, &workers, |r, s| slots.borrow_mut().push((r, s)));
        assert_eq!(made.get(), AHEAD);
        let (first, slot) = slots.borrow_mut().remove(0);
        slot.fill(first);
        assert_eq!((pending.next(), made.get()), (Some(Ok((0, 0))), AHEAD + 1));
        slots.borrow_mut().clear();
        assert_eq!((pending.next(), pending.next()), (Some(Err(Interrupted)), None));
    }
}
