//! The fate of each change to one file, and the content that results.
//!
//! Must not know: which fates go together.

use std::collections::BTreeSet;

use super::FsModel;
use crate::kernel::disk::page_cache::{Change, PAGE, PageCache, blocks_end};

/// Bytes that a disk writes as a whole or not at all.
pub const SECTOR: u64 = 512;

/// What becomes of a change at a power cut.
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
        Blocks { allocated: blocks_end(content.durable().len() as u64) }
    }

    pub fn reach(self, offset: u64, bytes: &[u8]) -> Reach {
        Reach { offset, end: offset + bytes.len() as u64, allocated: self.allocated }
    }

    /// The bytes before `landed` have reached the disk.
    pub fn landed(&mut self, landed: u64) {
        self.allocated = self.allocated.max(blocks_end(landed));
    }

    /// The file was resized. Extending it allocates nothing.
    pub fn resized(&mut self, length: u64) {
        self.allocated = self.allocated.min(blocks_end(length));
    }
}

/// The content of the file after these fates, one for each entry of its journal.
pub fn content(content: &PageCache, fates: &[Fate]) -> Vec<u8> {
    let mut bytes = content.durable().to_vec();
    rescue(content, fates, &mut bytes);
    let mut blocks = Blocks::of(content);
    for (entry, fate) in content.journal().iter().zip(fates) {
        match &entry.change {
            Change::Resize { length } if *fate == Fate::Kept => {
                bytes.resize(*length as usize, 0);
                blocks.resized(*length);
            }
            Change::Resize { .. } => {}
            Change::Write { offset, bytes: data } => {
                let reach = blocks.reach(*offset, data);
                let Some((landed, size)) = outcome(reach, *fate) else { continue };
                if (bytes.len() as u64) < size {
                    bytes.resize(size as usize, 0);
                }
                if landed > *offset {
                    let data = &data[..(landed - offset) as usize];
                    bytes[*offset as usize..landed as usize].copy_from_slice(data);
                    blocks.landed(landed);
                }
            }
        }
    }
    bytes
}

/// Up to where the bytes of a write are there, and the least length of the file.
fn outcome(reach: Reach, fate: Fate) -> Option<(u64, u64)> {
    match fate {
        Fate::Dropped => None,
        Fate::Kept => Some((reach.end, reach.end)),
        Fate::Torn { cut, rest } => Some((cut, reach.size(cut, rest))),
        Fate::Sized(rest) => Some((reach.offset, reach.size(reach.offset, rest))),
    }
}

/// A page that reaches the disk brings along what a failed sync had stranded in it.
fn rescue(content: &PageCache, fates: &[Fate], bytes: &mut Vec<u8>) {
    if content.stranded().is_empty() {
        return;
    }
    let mut touched = BTreeSet::new();
    for (entry, fate) in content.journal().iter().zip(fates) {
        let Change::Write { offset, bytes: data } = &entry.change else { continue };
        let landed = match fate {
            Fate::Kept => offset + data.len() as u64,
            Fate::Torn { cut, .. } => *cut,
            _ => *offset,
        };
        if landed > *offset {
            touched.extend(offset / PAGE..landed.div_ceil(PAGE));
        }
    }
    for (page, stranded) in content.stranded() {
        if touched.contains(page) {
            let start = (page * PAGE) as usize;
            let end = start + stranded.len();
            bytes.resize(bytes.len().max(end), 0);
            bytes[start..end].copy_from_slice(stranded);
        }
    }
}
