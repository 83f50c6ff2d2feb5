//! Symptoms of a known bug: whether each was seen, and whether that is what is on record.
//!
//! Must not know: how an assertion is made.

use super::outcome::SymptomCheck;
use super::state::{EarlyEnd, Runner};
use crate::case::known_bug::{Recorded, column};
use crate::case::script::{Expect, Verb};

impl Runner<'_> {
    pub fn symptom(&mut self, expect: &Expect) -> Result<(), EarlyEnd> {
        let instead = self.meets(expect)?.err();
        let text = match &instead {
            None => "symptom: shows".to_string(),
            Some(instead) => format!("symptom: absent, {instead}"),
        };
        self.record.remark(text);
        self.judgements.symptoms.push(SymptomCheck { line: self.record.line, instead });
        Ok(())
    }

    /// Every symptom has been looked for: is that what is on record? A server of no record is not
    /// compared with any.
    pub fn compare_with_record(&mut self) {
        let server = column(self.profile);
        let shows = self.judgements.symptoms.iter().all(|check| check.instead.is_none());
        let failure = match (self.script.recorded(&server), shows) {
            (Recorded::Shows, false) => "it is on record that the bug shows, and it does not",
            (Recorded::Absent, true) => "it is on record that the bug does not show, and it does",
            _ => return,
        };
        let mut steps = self.script.steps.iter();
        let known = steps.rfind(|step| matches!(step.verb, Verb::Known(_)));
        self.record.line = known.map_or(self.record.line, |step| step.line);
        self.failed(format!("{server}: {failure}"));
    }
}
