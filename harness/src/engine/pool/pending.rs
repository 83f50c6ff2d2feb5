//! Requests under way, as whoever made them sees them: results come in any order, each with the
//! number of its request, and an interrupt ends the waiting.
//!
//! Must not know: what is asked for, and who carries it out.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::workers::WorkerSet;

/// The pool was stopped before the result was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Requests of one kind. Iterating yields each result as it arrives, with the number of its
/// request from 0; after a stop it yields [`Interrupted`] once and ends.
///
/// Which result arrives first is a matter of luck, so nothing may depend on it: put results where
/// their numbers say, or use [`Pending::in_order`].
#[derive(Debug)]
pub struct Pending<T> {
    results: Receiver<(usize, T)>,
    missing: usize,
    workers: Arc<WorkerSet>,
}

/// Where the result of one request goes. Dropping it instead means that there will be none.
pub(super) struct Slot<T> {
    number: usize,
    results: Sender<(usize, T)>,
}

impl<T> Pending<T> {
    /// Hands each request to `order`, together with the place for its result.
    pub(super) fn ordered<R>(
        requests: impl IntoIterator<Item = R>,
        workers: &Arc<WorkerSet>,
        order: impl Fn(R, Slot<T>),
    ) -> Pending<T> {
        let (sender, results) = channel();
        let mut missing = 0;
        for (number, request) in requests.into_iter().enumerate() {
            order(request, Slot { number, results: sender.clone() });
            missing += 1;
        }
        Pending { results, missing, workers: Arc::clone(workers) }
    }

    /// All results in the order of the requests; `arrived` hears of each as it comes.
    ///
    /// # Errors
    /// When the pool was stopped first.
    pub fn in_order(self, mut arrived: impl FnMut(usize, &T)) -> Result<Vec<T>, Interrupted> {
        let mut results: Vec<Option<T>> = Vec::new();
        results.resize_with(self.missing, || None);
        for result in self {
            let (number, result) = result?;
            arrived(number, &result);
            results[number] = Some(result);
        }
        Ok(results.into_iter().flatten().collect())
    }
}

impl<T> Iterator for Pending<T> {
    type Item = Result<(usize, T), Interrupted>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.missing == 0 {
            return None;
        }
        // Managers drop what they do not begin any more, and with it the senders.
        let result = match self.workers.is_stopped() {
            true => Err(Interrupted),
            false => self.results.recv().map_err(|_| Interrupted),
        };
        self.missing = if result.is_ok() { self.missing - 1 } else { 0 };
        Some(result)
    }
}

impl<T> Slot<T> {
    pub fn fill(self, result: T) {
        // Whoever asked may not wait any more.
        let _ = self.results.send((self.number, result));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_put_in_the_order_of_the_requests_whenever_they_come() {
        let workers = Arc::new(WorkerSet::default());
        let slots = std::cell::RefCell::new(Vec::new());
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
}
