//! Everything that is remembered about snapshots.
//!
//! Must not know: the format.

use super::receiver::KeysLoaded;
use crate::config::Config;
use crate::env::Status;

/// Seconds between a failed background save and the next attempt.
const CONFIG_BGSAVE_RETRY_DELAY: i64 = 5;

/// The state of snapshots. Fields have Redis' names without `rdb_`.
#[derive(Debug)]
pub struct Rdb {
    /// Changes since the last snapshot; negative if a foreground save finished during a background
    /// save.
    pub dirty: i64,
    /// `dirty` at the start of the last background save.
    pub(super) dirty_before_bgsave: i64,
    /// When the last save succeeded, or the server started, in seconds since the epoch.
    pub lastsave: i64,
    /// When the last background save was attempted, in seconds since the epoch.
    pub(super) lastbgsave_try: i64,
    pub lastbgsave_status: Status,
    /// Duration of the last background save in seconds; -1 if there was none.
    pub save_time_last: i64,
    /// Start of the current background save, in seconds since the epoch; -1 if there is none.
    pub save_time_start: i64,
    /// Start a background save as soon as no child is running (BGSAVE SCHEDULE).
    pub bgsave_scheduled: bool,
    /// The keys of the last file that was loaded.
    pub last_load: KeysLoaded,
    /// Background saves that were tried.
    pub stat_saves: u64,
    /// Copy-on-write memory of the last background save, in bytes.
    pub stat_rdb_cow_bytes: u64,
}

impl Rdb {
    /// The state at a start at `now`, in seconds since the epoch, which counts as the last save.
    pub fn new(now: i64) -> Self {
        Rdb {
            dirty: 0,
            dirty_before_bgsave: 0,
            lastsave: now,
            lastbgsave_try: 0,
            lastbgsave_status: Status::Ok,
            save_time_last: -1,
            save_time_start: -1,
            bgsave_scheduled: false,
            last_load: KeysLoaded::default(),
            stat_saves: 0,
            stat_rdb_cow_bytes: 0,
        }
    }

    /// The first save point that has been reached, as (seconds, changes).
    pub fn save_point_reached(&self, config: &Config, unixtime: i64) -> Option<(u64, u64)> {
        let mut points = config.save.iter().copied();
        points.find(|&(seconds, changes)| {
            self.dirty >= changes as i64
                && unixtime - self.lastsave > seconds as i64
                && self.may_try(unixtime)
        })
    }

    /// Whether the save of BGSAVE SCHEDULE should start, if no child is running.
    pub fn scheduled_save_due(&self, unixtime: i64) -> bool {
        self.bgsave_scheduled && self.may_try(unixtime)
    }

    /// After a failure the next attempt is delayed, so as not to hammer a full disk.
    fn may_try(&self, unixtime: i64) -> bool {
        self.lastbgsave_status == Status::Ok
            || unixtime - self.lastbgsave_try > CONFIG_BGSAVE_RETRY_DELAY
    }

    /// Whether writes are refused because the last background save failed (part of Redis'
    /// `writeCommandsDeniedByDiskError`).
    pub fn denies_writes(&self, config: &Config) -> bool {
        config.stop_writes_on_bgsave_error
            && !config.save.is_empty()
            && self.lastbgsave_status == Status::Err
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_save_point_needs_changes_and_time_and_patience_after_a_failure() {
        let config = Config { save: vec![(900, 1), (60, 10)], ..Config::default() };
        let mut rdb = Rdb::new(1000);
        assert_eq!(rdb.save_point_reached(&config, 5000), None);
        rdb.dirty = 1;
        assert_eq!(rdb.save_point_reached(&config, 1900), None);
        assert_eq!(rdb.save_point_reached(&config, 1901), Some((900, 1)));
        rdb.dirty = 10;
        assert_eq!(rdb.save_point_reached(&config, 1061), Some((60, 10)));
        rdb.lastbgsave_status = Status::Err;
        rdb.lastbgsave_try = 1061;
        assert_eq!(rdb.save_point_reached(&config, 1066), None);
        assert_eq!(rdb.save_point_reached(&config, 1067), Some((60, 10)));
        assert!(rdb.denies_writes(&config));
        let tolerant = Config { stop_writes_on_bgsave_error: false, ..config.clone() };
        let without = Config { save: Vec::new(), ..config };
        assert!(!rdb.denies_writes(&tolerant) && !rdb.denies_writes(&without));
    }
}
