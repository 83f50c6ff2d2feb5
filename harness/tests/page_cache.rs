//! The page cache compared with the simplest model there is: a copy of the file at the moment a
//! sync was called. A failed sync either leaves its pages dirty, or marks them clean as Linux does.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sabot::kernel::disk::page_cache::{Change, Mark, PAGE, PageCache, SyncErrors};

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
    /// It fails.
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

/// Pages by number.
type Pages = BTreeSet<u64>;

/// Pages with changes that no sync has covered. A resize may make a page dirty or drop it, so two
/// sets stand for the one that is not known.
#[derive(Clone, Default)]
struct Dirty {
    surely: Pages,
    perhaps: Pages,
}

/// A sync under way: what it covers, and what has happened since it was called.
struct UnderWay {
    mark: Mark,
    called: u64,
    content: Vec<u8>,
    dirty: Dirty,
    /// Pages that a write has changed since.
    written: Pages,
    /// Pages that anything may have changed since.
    touched: Pages,
}

struct Model {
    errors: SyncErrors,
    file: PageCache,
    content: Vec<u8>,
    sequence: u64,
    dirty: Dirty,
    /// Lengths that the file was resized to, with when, unless a sync has covered that.
    resized: Vec<(u64, u64)>,
    sync: Option<UnderWay>,
    /// Pages that a failed sync has left clean and not durable, with what is durable of them.
    lost: BTreeMap<u64, Vec<u8>>,
    /// Pages of which that may be so.
    perhaps_lost: Pages,
}

impl Model {
    fn new(errors: SyncErrors) -> Model {
        let (file, content, sequence) = (PageCache::default(), Vec::new(), 0);
        let (dirty, resized, sync) = (Dirty::default(), Vec::new(), None);
        let (lost, perhaps_lost) = (BTreeMap::new(), Pages::new());
        Model { errors, file, content, sequence, dirty, resized, sync, lost, perhaps_lost }
    }

    fn take(&mut self, step: Step) {
        self.sequence += 1;
        match step {
            Step::Write { offset, length, byte } => self.write(offset, length, byte),
            Step::Resize(length) => self.resize(length),
            Step::Call if self.sync.is_none() => {
                self.sync = Some(UnderWay {
                    mark: self.file.mark(self.sequence),
                    called: self.sequence,
                    content: self.content.clone(),
                    dirty: self.dirty.clone(),
                    written: Pages::new(),
                    touched: Pages::new(),
                });
            }
            Step::Call => {}
            Step::Succeed => {
                if let Some(sync) = self.sync.take() {
                    let before = self.file.durable().to_vec();
                    self.file.synced(sync.mark);
                    self.check_clean(&sync, &before);
                    self.cleaned(&sync);
                    self.resized.retain(|(sequence, _)| *sequence >= sync.called);
                    self.check_durable(&sync);
                }
            }
            Step::Fail => {
                if let Some(sync) = self.sync.take() {
                    self.fail(&sync);
                }
            }
        }
    }

    fn write(&mut self, offset: u64, length: usize, byte: u8) {
        let end = offset + length as u64;
        self.touch(offset.min(self.content.len() as u64), end);
        for page in offset / PAGE..end.div_ceil(PAGE) {
            self.dirty.surely.insert(page);
            self.dirty.perhaps.insert(page);
            self.lost.remove(&page);
            self.perhaps_lost.remove(&page);
            if let Some(sync) = &mut self.sync {
                sync.written.insert(page);
            }
        }
        self.content.resize(self.content.len().max(end as usize), 0);
        self.content[offset as usize..end as usize].fill(byte);
        self.file.write(self.sequence, offset, &vec![byte; length]);
    }

    fn resize(&mut self, length: u64) {
        let old = self.content.len() as u64;
        let (from, to) = (old.min(length).saturating_sub(1), old.max(length));
        self.touch(from, to);
        for page in from / PAGE..=to / PAGE {
            self.dirty.surely.remove(&page);
            self.dirty.perhaps.insert(page);
            self.lost.remove(&page);
            if let Some(sync) = &mut self.sync {
                sync.dirty.surely.remove(&page);
                sync.written.remove(&page);
            }
        }
        self.resized.push((self.sequence, length));
        self.content.resize(length as usize, 0);
        self.file.resize(self.sequence, length);
    }

    fn touch(&mut self, from: u64, to: u64) {
        if let Some(sync) = &mut self.sync {
            sync.touched.extend(from / PAGE..=to / PAGE);
        }
    }

    /// What a sync covered is clean, unless it was changed since.
    fn cleaned(&mut self, sync: &UnderWay) {
        self.dirty.surely.retain(|page| sync.written.contains(page));
        self.dirty.perhaps.retain(|page| sync.touched.contains(page));
    }

    fn fail(&mut self, sync: &UnderWay) {
        self.file.sync_failed(sync.mark, self.errors);
        if self.errors == SyncErrors::Dirty {
            return;
        }
        self.cleaned(sync);
        self.perhaps_lost.extend(sync.dirty.perhaps.difference(&sync.written));
        // What was cut off before does not come back with the page.
        let durable = self.file.durable();
        let shortest = self.resized.iter().map(|(_, length)| *length as usize).min();
        let durable = &durable[..shortest.unwrap_or(durable.len()).min(durable.len())];
        for page in sync.dirty.surely.difference(&sync.touched) {
            self.lost.insert(*page, page_of(durable, *page).to_vec());
        }
    }

    /// Every page that was left alone since the call is durable as it was at the call.
    fn check_durable(&self, sync: &UnderWay) {
        self.check_length(sync.content.len());
        for page in 0..(sync.content.len() as u64).div_ceil(PAGE) {
            if !sync.touched.contains(&page) && !self.perhaps_lost.contains(&page) {
                let same = self.durable_page(page, &sync.content);
                assert!(same == page_of(&sync.content, page), "page {page} differs");
            }
        }
    }

    /// A page that was clean at the call is as it was, but for zeros behind an old end. What a
    /// resize has cut off may be gone with the next sync.
    fn check_clean(&self, sync: &UnderWay, before: &[u8]) {
        if self.resized.iter().any(|(sequence, _)| *sequence < sync.called) {
            return;
        }
        for page in 0..(before.len() as u64).div_ceil(PAGE) {
            if !sync.dirty.perhaps.contains(&page) {
                let found = page_of(self.file.durable(), page);
                let zeros = found.strip_prefix(page_of(before, page));
                let same = zeros.is_some_and(|zeros| zeros.iter().all(|byte| *byte == 0));
                assert!(same, "page {page} was clean");
            }
        }
    }

    /// Two quiet syncs make everything durable but what a failed one has lost.
    fn check_end(&mut self) {
        self.take(Step::Succeed);
        self.take(Step::Call);
        self.take(Step::Succeed);
        self.check_length(self.content.len());
        for page in 0..(self.content.len() as u64).div_ceil(PAGE) {
            let found = &*self.durable_page(page, &self.content);
            if !self.perhaps_lost.contains(&page) {
                assert!(found == page_of(&self.content, page), "page {page} is not durable");
            }
            if let Some(before) = self.lost.get(&page) {
                let mut before = before.clone();
                before.resize(found.len(), 0);
                assert!(found == before, "page {page} was lost and is back");
            }
        }
        let open = |change: &Change| matches!(change, Change::Extend { .. });
        assert!(self.file.journal().iter().all(|entry| open(&entry.change)));
    }

    /// A page of the durable content, with zeros where its size is open.
    fn durable_page(&self, page: u64, content: &[u8]) -> Vec<u8> {
        let mut found = page_of(self.file.durable(), page).to_vec();
        found.resize(page_of(content, page).len(), 0);
        found
    }

    /// A file is as long as it was, unless a failed sync has given up its end; then its size is
    /// open.
    fn check_length(&self, length: usize) {
        let durable = self.file.durable().len();
        let is_open = self.file.journal().iter().any(
            |entry| matches!(entry.change, Change::Extend { end, .. } if end as usize > durable),
        );
        assert!(durable == length || durable < length && is_open, "{durable} of {length}");
    }
}

fn page_of(content: &[u8], page: u64) -> &[u8] {
    let start = ((page * PAGE) as usize).min(content.len());
    &content[start..(start + PAGE as usize).min(content.len())]
}

proptest! {
    #[test]
    fn a_sync_makes_durable_what_was_there_when_it_was_called(
        steps in prop::collection::vec(step(), 1..40),
        errors in prop::sample::select(&[SyncErrors::Dirty, SyncErrors::Clean][..]),
    ) {
        let mut model = Model::new(errors);
        for step in steps {
            model.take(step);
            prop_assert!(model.file.live() == model.content);
        }
        model.check_end();
    }
}
