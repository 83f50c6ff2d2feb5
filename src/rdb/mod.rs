//! Snapshots: the whole dataset in one file, written by a child or, blocking, by the server itself
//! (Redis: rdb.c).
//!
//! In reading order: `state` is what the server remembers about them; `save` writes a file,
//! `background` does it in a child, `load` reads one at start and hands the keys to a
//! `receiver`, `check` prints where a damaged one is damaged. The format is in `format`,
//! values in `save_value` and `load_value`, and the blocks for short values in `ziplist`
//! (split into nodes for lists by `quicklist`), `intset` and `zipmap`.
//!
//! What a snapshot guarantees: once SAVE has replied +OK, or the log says "Background saving
//! terminated with success", the file `dbfilename` holds the dataset as of the start of the save,
//! and its contents were synced before the rename. The directory is not synced, so after a power
//! cut the name may refer to the previous snapshot, but never to an incomplete file.
//!
//! Must not know: the AOF, clients, and what commands do.

mod background;
mod block;
mod check;
mod dump;
mod file_source;
mod format;
pub mod install;
mod intset;
mod load;
mod load_stream;
mod load_value;
mod lzf;
mod modules;
pub mod quicklist;
mod receiver;
#[cfg(test)]
mod round_trip;
mod save;
mod save_stream;
mod save_value;
mod source;
mod state;
mod ziplist;
mod zipmap;

pub use dump::{
    BadPayload, create_dump_payload, create_functions_payload, load_dump_payload,
    load_functions_payload,
};
pub use format::Versions;
pub use load::{rdb_load, rdb_load_rio};
pub use load_value::ValueRules;
pub use receiver::{KeysLoaded, LoadOptions, LoadedKey, Receiver};
pub use save::{
    AfterKey, Reached, SaveFailed, SaveOptions, rdb_remove_temp_file_from_signal, rdb_save_rio,
};
pub use save_value::saved_object_len;
pub use source::{LoadError, Reader, Source};
pub use state::Rdb;
