//! Snapshots: the whole dataset in one file, written by a child or, while everybody waits, by the
//! server itself.
//!
//! In reading order: [`save`] writes a file, [`background`] has a child do it, [`load`] reads one
//! at the start, and [`check`] says where a broken one is broken. The format is in [`mod@format`],
//! values in [`save_value`] and [`load_value`], and the blocks in which short values are kept in
//! [`ziplist`] (cut for lists by [`quicklist`]), [`intset`], [`listpack`] and [`zipmap`].
//!
//! What a snapshot promises: when SAVE has answered +OK, or the log has said "Background saving
//! terminated with success", the file at its final name holds the dataset as of the start of the
//! save, and its contents were synced before they got that name. The directory is not synced, so
//! after a power cut the name may stand for the snapshot before. At no moment does the name stand
//! for half a file.
//!
//! Must not know: the AOF, clients, and what commands do.

mod background;
mod check;
mod dump;
mod file_source;
mod format;
mod intset;
mod listpack;
mod load;
mod load_value;
mod lzf;
pub mod quicklist;
mod receiver;
#[cfg(test)]
mod round_trip;
mod save;
mod save_value;
mod source;
mod state;
mod ziplist;
mod zipmap;

pub use dump::{BadPayload, create_dump_payload, load_dump_payload};
pub use load::{rdb_load, rdb_load_rio};
pub use receiver::{LoadOptions, LoadedKey, Receiver};
pub use save::{AfterKey, SaveFailed, SaveOptions, rdb_remove_temp_file_from_signal, rdb_save_rio};
pub use save_value::saved_object_len;
pub use source::{LoadError, Reader, Source};
pub use state::Rdb;
