//! The baseline of orders of tasks: what the same faults came to in the default order.
//!
//! Must not know: how runs are made.

use std::collections::BTreeMap;

use super::fault::{CallFault, Fault};
use super::pair::OneOrPair;
use super::record::Record;
use super::signature::RunResult;
use super::workload::Ending;
use crate::kernel::Site;

/// What faults came to in the default order of tasks.
#[derive(Debug, Default)]
pub struct Baseline(BTreeMap<(Site, Ending), Vec<(CallFault, RunResult)>>);

impl Baseline {
    /// Adds what these came to.
    pub fn learn<'a>(&mut self, records: impl IntoIterator<Item = &'a Record>) {
        for record in records {
            if let OneOrPair { first: Fault::Call(fault), second: None } = &record.fault {
                let key = (record.site.first.clone(), record.ending);
                self.0.entry(key).or_default().push((*fault, record.result));
            }
        }
    }

    /// Marks the orders that came to the same as the fault they come with, and, in a pair, as the
    /// first fault alone.
    pub fn mark<'a>(&self, records: impl IntoIterator<Item = &'a mut Record>) {
        for record in records {
            let fault = match &record.fault {
                OneOrPair { first: Fault::Order { with, .. }, second: None } => *with,
                OneOrPair { first, second: Some(Fault::Order { .. }) } => first.of_the_call(),
                _ => continue,
            };
            let key = (record.site.first.clone(), record.ending);
            record.same_as_default_order = fault.is_some_and(|fault| {
                self.0.get(&key).is_some_and(|known| known.contains(&(fault, record.result)))
            });
        }
    }
}
