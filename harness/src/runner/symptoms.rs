//! Symptoms of a known bug: whether each was seen, and whether that is what is on record.
//!
//! Must not know: how an assertion is made.

use super::outcome::Sight;
use super::state::Stop;
use super::steps::Runner;
use crate::case::known_bug::{Recorded, column};
use crate::case::script::{Expect, Verb};

impl Runner<'_> {
    pub fn symptom(&mut self, expect: &Expect) -> Result<(), Stop> {
        let instead = self.meets(expect)?.err();
        let text = match &instead {
            None => "symptom: shows".to_string(),
            Some(instead) => format!("symptom: absent, {instead}"),
        };
        self.remark(text);
        self.state.sights.push(Sight { line: self.state.line, instead });
        Ok(())
    }

    /// Every symptom has been looked for: is that what is on record? A server of no record is not
    /// compared with any.
    pub fn compare_with_record(&mut self) {
        let server = column(self.profile);
        let shows = self.sights.iter().all(|sight| sight.instead.is_none());
        let failure = match (self.script.recorded(&server), shows) {
            (Recorded::Shows, false) => "it is on record that the bug shows, and it does not",
            (Recorded::Absent, true) => "it is on record that the bug does not show, and it does",
            _ => return,
        };
        let mut steps = self.script.steps.iter();
        let known = steps.rfind(|step| matches!(step.verb, Verb::Known(_)));
        self.line = known.map_or(self.line, |step| step.line);
        self.failed(format!("{server}: {failure}"));
    }
}
