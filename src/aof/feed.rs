//! Turns an executed command into the bytes that replay it (Redis: `feedAppendOnlyFile`, aof.c). A
//! SELECT goes before the first command of another database.
//!
//! Must not know: what the commands do, and whether they succeeded.

use super::expiry::{cat_append_only_command, cat_append_only_generic_command};
use super::state::Core;
use crate::clock;
use crate::env::Env;
use crate::keyspace::Bytes;

impl Core {
    /// Appends the bytes of a command that was executed on database `db`.
    pub(super) fn cat_command(
        &mut self,
        env: &mut Env<'_>,
        bytes: &mut Vec<u8>,
        db: usize,
        argv: &[Bytes],
    ) {
        if self.selected_db != Some(db) {
            let select = [b"SELECT".to_vec(), db.to_string().into_bytes()];
            cat_append_only_generic_command(bytes, &select);
            self.selected_db = Some(db);
        }
        let translation = env.config.generation.translation;
        cat_append_only_command(translation, bytes, argv, &mut || clock::mstime(env.os));
    }
}
