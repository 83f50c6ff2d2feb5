//! The page cache held against the simplest model there is: a copy of the file at the moment a sync
//! was called.

use proptest::prelude::*;
use sabot::kernel::disk::page_cache::{Mark, PAGE, PageCache, SyncErrors};

#[derive(Clone, Debug)]
enum Step {
    Write {
        offset: u64,
        length: usize,
        byte: u8,
    },
    Resize(u64),
    /// A sync is called, if none is under way.
    Call,
    /// The sync that is under way succeeds.
    Succeed,
    /// It fails, and the pages stay dirty.
    Fail,
}

fn step() -> impl Strategy<Value = Step> {
    let length = 0..3 * PAGE;
    prop_oneof![
        4 => (length.clone(), 1..6000usize, 1..=255u8)
            .prop_map(|(offset, length, byte)| Step::Write { offset, length, byte }),
        1 => length.prop_map(Step::Resize),
        2 => Just(Step::Call),
        2 => Just(Step::Succeed),
        1 => Just(Step::Fail),
    ]
}

/// A sync under way: what it covers, and which pages were changed since.
struct UnderWay {
    mark: Mark,
    content: Vec<u8>,
    changed: Vec<u64>,
}

#[derive(Default)]
struct Model {
    file: PageCache,
    content: Vec<u8>,
    sequence: u64,
    sync: Option<UnderWay>,
}

impl Model {
    fn touch(&mut self, from: u64, to: u64) {
        if let Some(sync) = &mut self.sync {
            sync.changed.extend(from / PAGE..=to / PAGE);
        }
    }

    fn take(&mut self, step: Step) {
        self.sequence += 1;
        match step {
            Step::Write { offset, length, byte } => {
                let end = offset as usize + length;
                self.touch(offset.min(self.content.len() as u64), end as u64);
                self.content.resize(self.content.len().max(end), 0);
                self.content[offset as usize..end].fill(byte);
                self.file.write(self.sequence, offset, &vec![byte; length]);
            }
            Step::Resize(length) => {
                let old = self.content.len() as u64;
                self.touch(old.min(length).saturating_sub(1), old.max(length));
                self.content.resize(length as usize, 0);
                self.file.resize(self.sequence, length);
            }
            Step::Call if self.sync.is_none() => {
                let mark = self.file.mark(self.sequence);
                let content = self.content.clone();
                self.sync = Some(UnderWay { mark, content, changed: Vec::new() });
            }
            Step::Succeed => {
                if let Some(sync) = self.sync.take() {
                    self.file.synced(sync.mark);
                    self.check_durable(&sync);
                }
            }
            Step::Fail => {
                if let Some(sync) = self.sync.take() {
                    self.file.sync_failed(sync.mark, SyncErrors::Dirty);
                }
            }
            Step::Call => {}
        }
    }

    /// Every page that was left alone since the call is durable as it was at the call.
    fn check_durable(&self, sync: &UnderWay) {
        assert_eq!(self.file.durable().len(), sync.content.len());
        let pages =
            sync.content.chunks(PAGE as usize).zip(self.file.durable().chunks(PAGE as usize));
        for (number, (expected, durable)) in pages.enumerate() {
            if !sync.changed.contains(&(number as u64)) {
                assert!(expected == durable, "page {number} differs");
            }
        }
    }
}

proptest! {
    #[test]
    fn a_sync_makes_durable_what_was_there_when_it_was_called(
        steps in prop::collection::vec(step(), 1..40)
    ) {
        let mut model = Model::default();
        for step in steps {
            model.take(step);
            prop_assert!(model.file.live() == model.content);
        }
        model.take(Step::Succeed);
        model.take(Step::Call);
        model.take(Step::Succeed);
        prop_assert!(model.file.durable() == model.content, "two quiet syncs make all durable");
        prop_assert!(model.file.journal().is_empty());
    }
}
