//! When and how often a value was accessed (Redis: the field `lru` of `robj`; evict.c).
//!
//! Nothing is evicted here, but OBJECT shows this data, RESTORE sets it, and snapshots contain it
//! under an LRU or LFU `maxmemory-policy`. A small integer is one object shared by all keys that
//! hold it, so an access to one of these keys counts for all.
//! Must not know: which commands access a value.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use super::random::Random;
use super::value::Value;
use crate::generation::AgedPastTheClock;

/// Where the LRU clock, which counts seconds, wraps around (Redis: `LRU_CLOCK_MAX`).
const LRU_CLOCK_MAX: u32 = (1 << 24) - 1;
/// The counter of a new value, so that it is not evicted at once (Redis: `LFU_INIT_VAL`).
const LFU_INIT_VAL: u32 = 5;
/// Where the minutes of the LFU clock wrap around.
const MINUTES_MAX: u32 = 65535;

/// A value with its access data, which does not count for equality (Redis: `robj`).
#[derive(Clone, Debug)]
pub struct Object {
    pub value: Value,
    /// Under LFU the minute of the last access and, in the lowest byte, the counter; otherwise the
    /// LRU clock at the last access.
    lru: u32,
}

impl From<Value> for Object {
    /// A value without access data.
    fn from(value: Value) -> Object {
        Object { value, lru: 0 }
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        self.value == other.value
    }
}

impl Deref for Object {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.value
    }
}

impl DerefMut for Object {
    fn deref_mut(&mut self) -> &mut Value {
        &mut self.value
    }
}

/// What `maxmemory-policy` is based on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tracking {
    /// Neither; the time of the last access is kept all the same.
    #[default]
    Nothing,
    /// The time of the last access: `*-lru`.
    IdleTime,
    /// The access frequency: `*-lfu`.
    Frequency,
}

/// Access data from a file or a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Seconds.
    pub idle: Option<i64>,
    /// As OBJECT FREQ shows it.
    pub frequency: Option<u8>,
}

/// The directives for access data.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub tracking: Tracking,
    pub aged: AgedPastTheClock,
    /// Minutes after which the counter is decremented; 0 for never.
    pub lfu_decay_time: u32,
    /// The higher, the more accesses it takes to increment the counter.
    pub lfu_log_factor: i64,
    /// Eviction needs access data per key, so integers are not shared.
    pub no_shared_integers: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            tracking: Tracking::Nothing,
            aged: AgedPastTheClock::Half,
            lfu_decay_time: 0,
            lfu_log_factor: 0,
            no_shared_integers: false,
        }
    }
}

/// The clocks, and the access data of shared integers.
#[derive(Clone, Debug, Default)]
pub struct Access {
    pub settings: Settings,
    /// A child is running: accesses are not recorded, because each would copy a page.
    pub frozen: bool,
    /// Redis: `server.lruclock`.
    lruclock: u32,
    /// Redis: `LFUGetTimeInMinutes`.
    minutes: u32,
    shared_at_start: u32,
    shared: BTreeMap<i64, u32>,
}

impl Access {
    pub fn new(settings: Settings) -> Self {
        Access { settings, ..Access::default() }
    }

    /// Sets the access data of the shared integers (Redis: `createSharedObjects`).
    pub fn create_shared_integers(&mut self, now_ms: i64) {
        self.tick(now_ms);
        self.set_unixtime(now_ms / 1000);
        self.shared_at_start = self.initial();
    }

    /// Advances the LRU clock; called by server_cron only.
    pub fn tick(&mut self, now_ms: i64) {
        self.lruclock = (now_ms / 1000) as u32 & LRU_CLOCK_MAX;
    }

    /// Sets the LFU clock from seconds since the epoch.
    pub fn set_unixtime(&mut self, unixtime: i64) {
        self.minutes = (unixtime / 60) as u32 & MINUTES_MAX;
    }

    /// A new value (Redis: `createObject`).
    pub fn object(&self, value: Value) -> Object {
        Object { value, lru: self.initial() }
    }

    fn is_lfu(&self) -> bool {
        self.settings.tracking == Tracking::Frequency
    }

    fn initial(&self) -> u32 {
        if self.is_lfu() { self.minutes << 8 | LFU_INIT_VAL } else { self.lruclock }
    }

    fn shared_integer(&self, object: &Object) -> Option<i64> {
        match &object.value {
            Value::String(string) if !self.settings.no_shared_integers => string.shared_integer(),
            _ => None,
        }
    }

    /// The field `lru` as Redis stores it.
    pub fn lru(&self, object: &Object) -> u32 {
        match self.shared_integer(object) {
            Some(integer) => *self.shared.get(&integer).unwrap_or(&self.shared_at_start),
            None => object.lru,
        }
    }

    fn set_lru(&mut self, object: &mut Object, lru: u32) {
        match self.shared_integer(object) {
            Some(integer) => drop(self.shared.insert(integer, lru)),
            None => object.lru = lru,
        }
    }

    /// Records an access by a command (Redis: `lookupKey`).
    pub fn record_use(&mut self, object: &mut Object, random: &mut Random) {
        if self.frozen {
            return;
        }
        let lru = match self.is_lfu() {
            true => self.minutes << 8 | self.lfu_log_incr(self.frequency(object), random),
            false => self.lruclock,
        };
        self.set_lru(object, lru);
    }

    /// Redis: `LFULogIncr`.
    fn lfu_log_incr(&self, count: u8, random: &mut Random) -> u32 {
        let count = u32::from(count);
        let base = i64::from(count.saturating_sub(LFU_INIT_VAL));
        let one_in = base.saturating_mul(self.settings.lfu_log_factor).saturating_add(1);
        let counted = one_in <= 1 || random.below(one_in as usize) == 0;
        if count < 255 && counted { count + 1 } else { count }
    }

    /// Replaces a value; under LFU the access data is kept (Redis: `dbOverwrite`).
    pub fn overwrite(&mut self, old: &mut Object, value: Value) {
        let lru = if self.is_lfu() { self.lru(old) } else { self.initial() };
        old.value = value;
        // A shared integer has access data of its own, except under LFU.
        if self.is_lfu() || self.shared_integer(old).is_none() {
            self.set_lru(old, lru);
        }
    }

    /// Seconds since the last access (Redis: `estimateObjectIdleTime`).
    pub fn idle_seconds(&self, object: &Object) -> i64 {
        let (now, lru) = (self.lruclock, self.lru(object));
        i64::from(if now >= lru { now - lru } else { now + (LRU_CLOCK_MAX - lru) })
    }

    /// The counter, decremented for the time elapsed (Redis: `LFUDecrAndReturn`).
    pub fn frequency(&self, object: &Object) -> u8 {
        let lru = self.lru(object);
        let (last, count) = (lru >> 8, lru as u8);
        let elapsed = match self.minutes >= last {
            true => self.minutes - last,
            false => MINUTES_MAX - last + self.minutes,
        };
        let forgotten = elapsed.checked_div(self.settings.lfu_decay_time).unwrap_or(0);
        u32::from(count).saturating_sub(forgotten) as u8
    }

    /// Sets access data from outside; the kind that is not tracked is ignored (Redis:
    /// `objectSetLRUOrLFU`).
    pub fn set_lru_or_lfu(&mut self, object: &mut Object, usage: Usage) {
        if self.is_lfu() {
            if let Some(frequency) = usage.frequency {
                self.set_lru(object, self.minutes << 8 | u32::from(frequency));
            }
        } else if let Some(idle) = usage.idle.filter(|&idle| idle >= 0) {
            let lru = match (i64::from(self.lruclock).wrapping_sub(idle), self.settings.aged) {
                (lru @ 0.., _) => lru as u32 & LRU_CLOCK_MAX,
                (_, AgedPastTheClock::Half) => (self.lruclock + LRU_CLOCK_MAX / 2) % LRU_CLOCK_MAX,
                (lru, AgedPastTheClock::Wraps) => {
                    lru.wrapping_add(LRU_CLOCK_MAX.into()) as u32 & LRU_CLOCK_MAX
                }
            };
            self.set_lru(object, lru);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(tracking: Tracking) -> Access {
        let settings = Settings { tracking, lfu_decay_time: 1, ..Settings::default() };
        let mut access = Access { settings, ..Access::default() };
        access.create_shared_integers(1_000_000);
        access
    }

    #[test]
    fn a_use_is_noted_unless_a_child_shares_the_memory() {
        let (mut access, random) = (access(Tracking::Nothing), &mut Random::default());
        let mut object = access.object(Value::string(*b"text"));
        access.tick(1_010_000);
        assert_eq!(access.idle_seconds(&object), 10);
        access.frozen = true;
        access.record_use(&mut object, random);
        assert_eq!(access.idle_seconds(&object), 10);
        access.frozen = false;
        access.record_use(&mut object, random);
        assert_eq!(access.idle_seconds(&object), 0);
    }

    #[test]
    fn keys_with_the_same_small_integer_are_used_together() {
        let (mut access, random) = (access(Tracking::Nothing), &mut Random::default());
        access.tick(1_010_000);
        let mut one = access.object(Value::string(*b"7"));
        let other = one.clone();
        assert_eq!(access.idle_seconds(&other), 10);
        access.record_use(&mut one, random);
        assert_eq!(access.idle_seconds(&other), 0);
    }

    #[test]
    fn uses_are_counted_and_forgotten() {
        let (mut access, random) = (access(Tracking::Frequency), &mut Random::default());
        let mut object = access.object(Value::string(*b"text"));
        assert_eq!(access.frequency(&object), 5);
        access.record_use(&mut object, random);
        access.overwrite(&mut object, Value::string(*b"other"));
        assert_eq!(access.frequency(&object), 6);
        access.set_unixtime(1000 + 4 * 60);
        assert_eq!(access.frequency(&object), 2);
        access.set_lru_or_lfu(&mut object, Usage { idle: Some(9), frequency: Some(255) });
        access.record_use(&mut object, random);
        assert_eq!(access.frequency(&object), 255);
    }

    #[test]
    fn an_idle_time_beyond_the_clock_is_half_of_its_way_or_wraps() {
        let mut access = access(Tracking::IdleTime);
        let mut object = access.object(Value::string(*b"text"));
        access.set_lru_or_lfu(&mut object, Usage { idle: Some(1000), frequency: None });
        assert_eq!(access.idle_seconds(&object), 1000);
        access.set_lru_or_lfu(&mut object, Usage { idle: Some(1001), frequency: None });
        assert_eq!(access.idle_seconds(&object), i64::from(LRU_CLOCK_MAX - LRU_CLOCK_MAX / 2));
        access.settings.aged = AgedPastTheClock::Wraps;
        access.set_lru_or_lfu(&mut object, Usage { idle: Some(1001), frequency: None });
        assert_eq!(access.idle_seconds(&object), 1001);
    }
}
