//! Requests about snapshots and files: SAVE, BGSAVE, DEBUG RELOAD, LOADAOF and OBJECT (Redis:
//! `saveCommand`, `bgsaveCommand`, rdb.c; `debugCommand`, debug.c).
//!
//! Must not know: how the commands are spelled.

use super::Server;
use crate::aof::{CannotLoad, LoadResult, State};
use crate::command::{Failure, Reload};
use crate::keyspace::Value;
use crate::os::{Fd, Os};
use crate::rdb::{quicklist, saved_object_len};
use crate::resp::Reply;

/// The reply when the reason is in the log (Redis: `shared.err`).
fn bare_error() -> Reply {
    Failure::coded("ERR").into()
}

impl Server {
    /// SAVE. With the reply +OK the snapshot has its final name.
    pub(super) fn save(&mut self, os: &mut dyn Os) -> Reply {
        if self.children.rdb.is_some() {
            return Failure::new("Background save already in progress").into();
        }
        if self.rdb_save(os) { Reply::OK } else { bare_error() }
    }

    /// BGSAVE. The reply only says that the save was started.
    pub(super) fn bgsave(&mut self, os: &mut dyn Os, schedule: bool) -> Reply {
        if self.children.rdb.is_some() {
            return Failure::new("Background save already in progress").into();
        }
        if self.children.any() || self.forks_later() {
            if schedule || self.forks_later() {
                self.rdb.bgsave_scheduled = true;
                return Reply::status("Background saving scheduled");
            }
            return Failure::new(
                "Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE \
                 SCHEDULE in order to schedule a BGSAVE whenever possible.",
            )
            .into();
        }
        if self.rdb_save_background(os) {
            return Reply::status("Background saving started");
        }
        bare_error()
    }

    /// DEBUG RELOAD: saves a snapshot and reloads the dataset from it.
    pub(super) fn debug_reload(&mut self, os: &mut dyn Os, fd: Fd, reload: Reload) -> Reply {
        if reload.save && !self.rdb_save(os) {
            return bare_error();
        }
        if reload.flush {
            self.keyspace.clear();
            self.keyspace.functions.clear();
        }
        let loaded = self.with_protected_client(fd, |server| server.rdb_load(os, reload.merge));
        if loaded.is_err() {
            return Failure::new("Error trying to load the RDB dump").into();
        }
        self.warning(os, "DB reloaded by DEBUG RELOAD");
        Reply::OK
    }

    /// DEBUG LOADAOF: flushes the buffer and reloads the dataset from the AOF.
    pub(super) fn debug_loadaof(&mut self, os: &mut dyn Os, fd: Fd) -> Reply {
        if self.aof.state != State::Off {
            self.flush_append_only_file(os, true);
        }
        self.keyspace.clear();
        self.keyspace.functions.clear();
        let (aof, _, mut env) = self.persistence(os);
        aof.before_reload(&mut env);
        match self.with_protected_client(fd, |server| server.load_append_only_file(os)) {
            Ok(LoadResult::Loaded) => {}
            Ok(LoadResult::Empty) => return bare_error(),
            Ok(LoadResult::NotExist) | Err(CannotLoad) => os.exit(1),
        }
        self.rdb.dirty = 0;
        self.warning(os, "Append Only File loaded by DEBUG LOADAOF");
        Reply::OK
    }

    /// Serves other clients during `work`, but not this one, whose command is running (Redis:
    /// `protectClient`).
    fn with_protected_client<T>(&mut self, fd: Fd, work: impl FnOnce(&mut Server) -> T) -> T {
        self.clients.protected = Some(fd);
        let done = work(self);
        self.clients.protected = None;
        done
    }

    /// DEBUG OBJECT: encoding, serialized length, and the nodes of a list. The address is always 0.
    pub(super) fn debug_object(&mut self, fd: Fd, key: &[u8]) -> Reply {
        let db = self.clients.expect_mut(fd).session.db;
        let Some(object) = self.keyspace.dbs[db].dict.get(key) else {
            return Failure::new("no such key").into();
        };
        let (value, access) = (&object.value, &self.keyspace.access);
        let fill = self.config.list_max_ziplist_size;
        let mut extra = String::new();
        if let Value::List(list) = value {
            let nodes = quicklist::nodes(list.iter(), &self.keyspace.limits);
            let size: usize = nodes.iter().map(|node| node.blob_len()).sum();
            let average = list.len() as f64 / nodes.len() as f64;
            extra = format!(
                " ql_nodes:{} ql_avg_node:{average:.2} ql_ziplist_max:{fill} ql_compressed:0 \
                 ql_uncompressed_size:{size}",
                nodes.len()
            );
        }
        Reply::status(format!(
            "Value at:0x0 refcount:{} encoding:{} serializedlength:{} lru:{} \
             lru_seconds_idle:{}{extra}",
            value.refcount(),
            value.encoding(self.keyspace.limits.compact),
            saved_object_len(value, &self.keyspace.limits, self.config.rdbcompression),
            access.lru(object),
            access.idle_seconds(object),
        ))
    }
}
