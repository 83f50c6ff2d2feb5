//! The fate of each change to one file, and the content that results.
//!
//! Must not know: which fates go together.

use std::collections::BTreeSet;

use super::FsModel;
use crate::kernel::disk::page_cache::{
    Change, ContentEntry, PAGE, PageCache, blocks_end, small_blocks_end,
};

/// Bytes that a disk writes as a whole or not at all.
pub const SECTOR: u64 = 512;

/// What becomes of a change at a power cut.
///
/// The log of the file system and the blocks of a file are two things. A page may be written in its
/// old block before the log says anything of it, and then the new bytes, or the zeros behind a new
/// end, are there under the old size:
///
/// ```text
/// open 0 a creat; write 0 0 50; fsync 0; truncate 0 20; write 0 20 10; sync_file_range 0
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    Dropped,
    Kept,
    /// A write of which the bytes before `cut`, an offset in the file, are there.
    Torn {
        cut: u64,
        rest: Rest,
    },
    /// A write of which only the size is there.
    Sized(Rest),
    /// Of a write, the bytes in blocks that were there before; of a truncation, the zeros behind
    /// the new end in its block. The size does not change.
    InPlace,
}

/// What became of the pages that failed syncs have given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GivenUp {
    /// They reached the disk.
    pub landed: bool,
    pub zeros: Zeros,
}

/// Which bytes of pages in new blocks read as zeros after a failed sync, because the extent says
/// that nothing was written there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Zeros {
    #[default]
    None,
    /// Those in blocks of 1 KiB that the sync wrote; others of the page were allocated later.
    ///
    /// ```text
    /// open 0 a creat; write 0 0 47; full; fsync 0; free; append 0 4096; fsync 0
    /// ```
    SmallBlocks,
    Pages,
}

/// How far the file reaches where bytes of a write are missing; they read as zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rest {
    /// Not at all.
    Nothing,
    /// To the end of the write, or of the allocated block that it begins in.
    InBlock,
    /// To the end of the write.
    Full,
}

/// A fate for every change.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    /// Of the log of names and sizes, what is there: changes before this.
    pub log: u64,
    /// For each change of names, whether it is there.
    pub names: Vec<bool>,
    /// For each unsynced file, the fate of each entry of its journal.
    pub fates: Vec<Vec<Fate>>,
    /// And what became of the pages that failed syncs have given up.
    pub given_up: Vec<GivenUp>,
}

/// Where a write begins and ends, and where the allocated blocks of the file ended before it.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    pub offset: u64,
    pub end: u64,
    pub allocated: u64,
}

impl Reach {
    /// How long the file must be if only the bytes before `landed` were written.
    fn size(self, landed: u64, rest: Rest) -> u64 {
        match rest {
            Rest::Full => self.end,
            Rest::InBlock if self.offset < self.allocated => {
                landed.max(self.end.min(self.allocated))
            }
            Rest::InBlock | Rest::Nothing if landed > self.offset => landed,
            Rest::InBlock | Rest::Nothing => 0,
        }
    }

    /// The ways in which the write may tear under the model.
    pub fn tears(self, fs: FsModel) -> Vec<Fate> {
        let Reach { offset, end, allocated } = self;
        let between = |step: u64, from: u64, to: u64| {
            (from / step + 1..to.div_ceil(step)).map(move |n| n * step)
        };
        if fs != FsModel::Ext4 {
            let cuts = between(SECTOR, offset, end);
            let rests = [Rest::Nothing, Rest::InBlock, Rest::Full];
            return cuts.flat_map(|cut| rests.map(|rest| Fate::Torn { cut, rest })).collect();
        }
        let within = between(SECTOR, offset, end.min(allocated));
        let within = within.map(|cut| Fate::Torn { cut, rest: Rest::InBlock });
        let beyond = between(PAGE, offset, end).filter(|cut| *cut >= allocated);
        within.chain(beyond.map(|cut| Fate::Torn { cut, rest: Rest::Nothing })).collect()
    }
}

/// Where the allocated blocks of a file end, kept up to date change by change.
#[derive(Clone, Copy, Debug)]
pub struct Blocks {
    pub allocated: u64,
}

impl Blocks {
    pub fn of(content: &PageCache) -> Blocks {
        Blocks { allocated: content.allocated() }
    }

    pub fn reach(self, offset: u64, bytes: &[u8]) -> Reach {
        Reach { offset, end: offset + bytes.len() as u64, allocated: self.allocated }
    }

    /// The bytes before `landed` have reached the disk.
    pub fn landed(&mut self, landed: u64) {
        self.allocated = self.allocated.max(blocks_end(landed));
    }

    /// This change was made, all of it.
    pub fn follow(&mut self, change: &Change) {
        match change {
            Change::Write { offset, bytes } => self.landed(offset + bytes.len() as u64),
            Change::Resize { length } => self.resized(*length),
            Change::Extend { .. } => {}
        }
    }

    /// The file was resized. Extending it allocates nothing.
    pub fn resized(&mut self, length: u64) {
        self.allocated = self.allocated.min(blocks_end(length));
    }
}

/// A file while its changes are applied. There may be bytes behind its end: in blocks whose size
/// the log does not have.
struct File {
    bytes: Vec<u8>,
    size: u64,
    blocks: Blocks,
    /// Behind this, blocks were freed and allocated anew, and the log knows the old ones.
    same_blocks: u64,
    /// The same for pages that a failed sync has given up.
    same_pages: u64,
}

/// A page that a failed sync has given up, and that reached the disk all the same.
struct Landed<'a> {
    page: u64,
    bytes: &'a [u8],
    /// Up to which change the sync went.
    since: u64,
    /// A later write to the page brought it along, and the log knows its size.
    rescued: bool,
}

/// The content of the file after these fates, one for each entry of its journal.
pub fn content(content: &PageCache, fates: &[Fate], given_up: GivenUp) -> Vec<u8> {
    let (durable, live) = (content.durable(), content.live());
    let mut bytes = Vec::with_capacity(durable.len().max(live.len()));
    bytes.extend_from_slice(durable);
    let size = bytes.len() as u64;
    let blocks = Blocks::of(content);
    let mut file = File { bytes, size, blocks, same_blocks: u64::MAX, same_pages: u64::MAX };
    let mut landed = landed(content, fates, given_up).into_iter().peekable();
    for (entry, fate) in content.journal().iter().zip(fates) {
        while let Some(page) = landed.next_if(|page| page.since <= entry.sequence) {
            file.bring(&page);
        }
        file.apply(entry, *fate);
    }
    landed.for_each(|page| file.bring(&page));
    file.bytes.resize(file.size as usize, 0);
    for (page, length) in content.unwritten() {
        let start = page * PAGE;
        match given_up.zeros {
            Zeros::None => {}
            Zeros::SmallBlocks => file.zero(start, start + small_blocks_end(*length)),
            Zeros::Pages => file.zero(start, start + PAGE),
        }
    }
    file.bytes
}

impl File {
    fn apply(&mut self, entry: &ContentEntry, fate: Fate) {
        match &entry.change {
            Change::Resize { length } => match fate {
                Fate::Kept => {
                    self.bytes.truncate(*length as usize);
                    self.size = *length;
                    self.blocks.resized(*length);
                }
                fate => {
                    self.same_pages = self.same_pages.min(blocks_end(*length));
                    if fate == Fate::InPlace {
                        self.zero(*length, blocks_end(*length).min(self.same_blocks));
                        self.same_blocks = self.same_blocks.min(blocks_end(*length));
                    }
                }
            },
            Change::Extend { offset, end } => {
                let allocated = self.blocks.allocated;
                let reach = Reach { offset: *offset, end: *end, allocated };
                if let Fate::Sized(rest) = fate {
                    self.size = self.size.max(reach.size(*offset, rest));
                }
            }
            Change::Write { offset, bytes } => self.write(*offset, bytes, fate),
        }
    }

    fn write(&mut self, offset: u64, data: &[u8], fate: Fate) {
        let reach = self.blocks.reach(offset, data);
        if fate == Fate::InPlace {
            let end = reach.end.min(reach.allocated).min(self.same_blocks);
            self.put(offset, &data[..end.saturating_sub(offset) as usize]);
            return;
        }
        let Some((landed, size)) = outcome(reach, fate) else { return };
        self.size = self.size.max(size);
        if landed > offset {
            self.put(offset, &data[..(landed - offset) as usize]);
            self.blocks.landed(landed);
        }
    }

    fn put(&mut self, offset: u64, data: &[u8]) {
        let (start, end) = (offset as usize, offset as usize + data.len());
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[start..end].copy_from_slice(data);
    }

    fn zero(&mut self, from: u64, to: u64) {
        let length = self.bytes.len();
        let to = (to as usize).min(length);
        self.bytes[(from as usize).min(to)..to].fill(0);
    }

    /// A page is there that was written by a failed sync.
    fn bring(&mut self, landed: &Landed<'_>) {
        let offset = landed.page * PAGE;
        if offset < self.same_pages {
            self.put(offset, landed.bytes);
        }
        if landed.rescued {
            self.size = self.size.max(offset + landed.bytes.len() as u64);
        }
    }
}

/// The pages that failed syncs have given up and that are there, in the order of those syncs. One
/// that reaches the disk by a later write brings along what was stranded in it.
fn landed<'a>(content: &'a PageCache, fates: &[Fate], given_up: GivenUp) -> Vec<Landed<'a>> {
    if content.stranded().is_empty() {
        return Vec::new();
    }
    let (mut touched, mut in_place) = (BTreeSet::new(), BTreeSet::new());
    let mut blocks = Blocks::of(content);
    for (entry, fate) in content.journal().iter().zip(fates) {
        match &entry.change {
            Change::Write { offset, bytes } => {
                let reach = blocks.reach(*offset, bytes);
                if *fate == Fate::InPlace {
                    in_place.extend(offset / PAGE..reach.end.min(reach.allocated).div_ceil(PAGE));
                } else if let Some((landed, _)) = outcome(reach, *fate)
                    && landed > *offset
                {
                    touched.extend(offset / PAGE..landed.div_ceil(PAGE));
                    blocks.landed(landed);
                }
            }
            Change::Resize { length } if *fate == Fate::Kept => blocks.resized(*length),
            Change::Resize { .. } | Change::Extend { .. } => {}
        }
    }
    let mut landed = Vec::new();
    for (page, bytes) in content.stranded() {
        let rescued = touched.contains(page);
        if rescued || in_place.contains(page) || given_up.landed {
            let since = content.given_up_at(*page);
            landed.push(Landed { page: *page, bytes, since, rescued });
        }
    }
    landed.sort_by_key(|page| page.since);
    landed
}

/// Up to where the bytes of a write are there, and the least length of the file.
pub(super) fn outcome(reach: Reach, fate: Fate) -> Option<(u64, u64)> {
    match fate {
        Fate::Dropped | Fate::InPlace => None,
        Fate::Kept => Some((reach.end, reach.end)),
        Fate::Torn { cut, rest } => Some((cut, reach.size(cut, rest))),
        Fate::Sized(rest) => Some((reach.offset, reach.size(reach.offset, rest))),
    }
}
