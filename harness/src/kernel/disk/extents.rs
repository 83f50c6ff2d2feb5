//! Which pages of a file hold data, and where its holes are, as lseek(2) tells them.
//!
//! A page holds data from its first write until a truncation takes it away; what a file is extended
//! by, and what a write leaves out, is a hole. Must not know: what the data is.

use std::ops::Range;

use super::page_cache::PAGE;

/// The pages of one file that hold data: ranges in order, with gaps between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extents(Vec<Range<u64>>);

impl Extents {
    /// A file of this length without holes.
    pub fn without_holes(length: u64) -> Extents {
        let mut extents = Extents::default();
        extents.write(0, length);
        extents
    }

    /// Bytes were written from `from` to `to`.
    pub fn write(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        let mut new = from / PAGE..to.div_ceil(PAGE);
        let first = self.0.partition_point(|old| old.end < new.start);
        let behind = self.0.partition_point(|old| old.start <= new.end);
        if let Some(touched) = self.0.get(first..behind).filter(|old| !old.is_empty()) {
            new.start = new.start.min(touched[0].start);
            new.end = new.end.max(touched[touched.len() - 1].end);
        }
        self.0.splice(first..behind, [new]);
    }

    /// The file was resized to this length.
    pub fn resize(&mut self, length: u64) {
        let pages = length.div_ceil(PAGE);
        self.0.retain(|range| range.start < pages);
        if let Some(last) = self.0.last_mut() {
            last.end = last.end.min(pages);
        }
    }

    /// Where data begins at or after `offset`; None: there is none.
    pub fn data(&self, offset: u64) -> Option<u64> {
        let page = offset / PAGE;
        let range = self.0.iter().find(|range| range.end > page)?;
        Some(offset.max(range.start * PAGE))
    }

    /// Where a hole begins at or after `offset`; it may be behind the end of the file.
    pub fn hole(&self, offset: u64) -> u64 {
        let page = offset / PAGE;
        match self.0.iter().find(|range| range.contains(&page)) {
            Some(range) => range.end * PAGE,
            None => offset,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn writes_join_and_a_truncation_takes_pages_away() {
        let mut extents = Extents::default();
        extents.write(PAGE, PAGE + 1);
        extents.write(5 * PAGE, 6 * PAGE);
        assert_eq!((extents.data(0), extents.hole(0)), (Some(PAGE), 0));
        assert_eq!((extents.data(PAGE + 7), extents.hole(PAGE + 7)), (Some(PAGE + 7), 2 * PAGE));
        assert_eq!(extents.data(3 * PAGE), Some(5 * PAGE));
        extents.write(2 * PAGE - 1, 5 * PAGE);
        assert_eq!(extents.0, [Range { start: 1, end: 6 }]);
        extents.resize(3 * PAGE + 1);
        extents.resize(9 * PAGE);
        assert_eq!(extents.0, [Range { start: 1, end: 4 }]);
        assert_eq!(extents.data(4 * PAGE), None);
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Write(u64, u64),
        Resize(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => (0..9 * PAGE, 0..3 * PAGE).prop_map(|(from, n)| Step::Write(from, from + n)),
            1 => (0..9 * PAGE).prop_map(Step::Resize),
            1 => (0..9u64).prop_map(|page| Step::Resize(page * PAGE)),
        ]
    }

    proptest! {
        #[test]
        fn extents_are_the_pages_that_were_written_and_not_cut_off(
            steps in prop::collection::vec(step(), 1..12)
        ) {
            let mut extents = Extents::default();
            let mut holds = [false; 16];
            for step in steps {
                match step {
                    Step::Write(from, to) => {
                        extents.write(from, to);
                        if from < to {
                            holds[(from / PAGE) as usize..to.div_ceil(PAGE) as usize].fill(true);
                        }
                    }
                    Step::Resize(length) => {
                        extents.resize(length);
                        holds[length.div_ceil(PAGE) as usize..].fill(false);
                    }
                }
                prop_assert!(extents.0.windows(2).all(|pair| pair[0].end < pair[1].start));
            }
            for offset in (0..15 * PAGE).step_by(PAGE as usize / 4) {
                let page = (offset / PAGE) as usize;
                let first = |wanted: bool| holds[page..].iter().position(|data| *data == wanted);
                let from = |pages: usize| offset.max((page + pages) as u64 * PAGE);
                prop_assert_eq!(extents.data(offset), first(true).map(from));
                prop_assert_eq!(Some(extents.hole(offset)), first(false).map(from));
            }
        }
    }
}
