//! Excuses and their causes: whether a lie, or an announcement, is the reason why a loss is not
//! simply that. Either shows in another run of the same script.
//!
//! Must not know: what is promised.

use std::sync::Arc;

use super::oracle::{Oracle, Point, Rerun};
use super::state::{EarlyEnd, Runner};
use crate::contract::{Going, Judgement, Subject, Verdict};
use crate::world::Broken;

impl Runner<'_> {
    /// Gives a verdict of the contract, once it is certain what caused it.
    pub fn rule_with_causes(&mut self, mut judgement: Judgement) -> Result<(), EarlyEnd> {
        if let Some(lie) = judgement.unless_lied.take()
            && !self.comes_to_the_same_without_lies(&judgement)?
        {
            judgement = judgement.by_lie(&lie);
        }
        if let Some(subject) = judgement.unless_announced
            && self.would_have_been_announced(subject)?
        {
            judgement = judgement.announced();
        }
        self.rule(judgement);
        Ok(())
    }

    /// Whether the run ends with this verdict even if calls do what they claim. Where the policy
    /// allows a loss, that must also be as large.
    fn comes_to_the_same_without_lies(&mut self, judgement: &Judgement) -> Result<bool, EarlyEnd> {
        if self.oracle.is_none() {
            return Ok(false);
        }
        let line = (!self.judgements.ends_here).then_some(self.record.line);
        let verdicts =
            self.again(line, Some(true), |oracle, rerun| oracle.verdicts_in_a_run(rerun))?;
        let allowed = judgement.verdict == Verdict::LostAllowed;
        Ok(verdicts.iter().any(|(verdict, survivors)| {
            *verdict == judgement.verdict && (!allowed || *survivors <= judgement.survivors)
        }))
    }

    /// Has the oracle run this script once more, up to this line; honestly, or as this run is.
    pub fn again<T>(
        &mut self,
        upto: Option<u32>,
        honest: Option<bool>,
        ask: impl FnOnce(&mut dyn Oracle, Rerun<'_>) -> Result<T, Broken>,
    ) -> Result<T, EarlyEnd> {
        let honest = honest.unwrap_or_else(|| self.session.world.kernel().plan.is_honest());
        let represented = self.represented.map(|run| run.script()).transpose()?;
        let script = represented.as_ref().unwrap_or(self.script);
        let oracle = self.oracle.as_deref_mut().expect("only a run with an oracle judges");
        Ok(ask(oracle, Rerun { script, profile: self.profile, upto, honest })?)
    }

    /// Asks in a second run what INFO shows just before the point at which the server ended.
    fn would_have_been_announced(&mut self, subject: Subject) -> Result<bool, EarlyEnd> {
        let Some(end) = Going::of(&self.record.seen).end().copied() else { return Ok(false) };
        let announces = Arc::clone(&self.record.seen.announces);
        let its = announces.info.iter();
        let fields: Vec<_> =
            its.filter(|(field, _)| Subject::of(field, &announces) == subject).cloned().collect();
        let Some(oracle) = &mut self.oracle else { return Ok(false) };
        let point = Point { line: end.line, at: end.at };
        let represented = self.represented.map(|run| run.script()).transpose()?;
        let script = represented.as_ref().unwrap_or(self.script);
        Ok(oracle.would_have_shown(script, self.profile, point, &fields)?)
    }
}
