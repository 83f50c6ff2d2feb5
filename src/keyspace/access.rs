//! How long ago, or how often, the value of a key was used (Redis: the field `lru` of an object,
//! evict.c).
//!
//! Nothing is evicted here, but OBJECT shows it, RESTORE sets it, and a snapshot keeps it under
//! those values of `maxmemory-policy` that go by it. Small integers are one object for all keys
//! that hold them, so the use of one of these keys is a use of them all.
//! Must not know: what makes a use of it.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use super::random::Random;
use super::value::Value;

/// Where the clock of uses, which counts seconds, begins again (Redis: `LRU_CLOCK_MAX`).
const LRU_CLOCK_MAX: u32 = (1 << 24) - 1;
/// What a new value counts as, so that it is not the first to go (Redis: `LFU_INIT_VAL`).
const LFU_INIT_VAL: u32 = 5;
/// Minutes are counted up to here.
const MINUTES_MAX: u32 = 65535;

/// A value, and when it was used. Two are equal when their values are.
#[derive(Clone, Debug)]
pub struct Object {
    pub value: Value,
    /// The clock of uses at the last of them; or, when uses are counted, the minute of the last
    /// one, and in the lowest byte how many.
    lru: u32,
}

impl From<Value> for Object {
    /// A value whose uses nobody looks at.
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

/// What `maxmemory-policy` goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tracking {
    /// Neither; the time of the last use is known all the same.
    #[default]
    Nothing,
    /// The time of the last use: `*-lru`.
    IdleTime,
    /// How often it was used: `*-lfu`.
    Frequency,
}

/// What a file or a command says of a value's uses before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Seconds.
    pub idle: Option<i64>,
    /// As OBJECT FREQ shows it.
    pub frequency: Option<u8>,
}

/// The directives that uses depend on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    pub tracking: Tracking,
    /// Minutes after which one use is forgotten; 0 for never.
    pub lfu_decay_time: u32,
    /// How much more often a value has to be used than it is counted.
    pub lfu_log_factor: i64,
    /// Uses decide what is evicted, so each key has an integer of its own.
    pub no_shared_integers: bool,
}

/// The clock of uses, and those of the integers that are shared.
#[derive(Clone, Debug, Default)]
pub struct Access {
    pub settings: Settings,
    /// A child shares the memory: a use is not noted, or each read would copy a page.
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

    /// The moment at which the integers that are shared come to be.
    pub fn start(&mut self, now_ms: i64) {
        self.tick(now_ms);
        self.see_time(now_ms / 1000);
        self.shared_at_start = self.initial();
    }

    /// server_cron moves the clock on, and nothing else does.
    pub fn tick(&mut self, now_ms: i64) {
        self.lruclock = (now_ms / 1000) as u32 & LRU_CLOCK_MAX;
    }

    /// The server looked at the time, in seconds since the epoch.
    pub fn see_time(&mut self, unixtime: i64) {
        self.minutes = (unixtime / 60) as u32 & MINUTES_MAX;
    }

    /// A value that is new now (Redis: `createObject`).
    pub fn object(&self, value: Value) -> Object {
        Object { value, lru: self.initial() }
    }

    fn counts(&self) -> bool {
        self.settings.tracking == Tracking::Frequency
    }

    fn initial(&self) -> u32 {
        if self.counts() { self.minutes << 8 | LFU_INIT_VAL } else { self.lruclock }
    }

    fn shared_integer(&self, object: &Object) -> Option<i64> {
        match &object.value {
            Value::String(string) if !self.settings.no_shared_integers => string.shared_integer(),
            _ => None,
        }
    }

    /// The field as Redis keeps it.
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

    /// A command looked the value up (Redis: `lookupKey`).
    pub fn used(&mut self, object: &mut Object, random: &mut Random) {
        if self.frozen {
            return;
        }
        let lru = match self.counts() {
            true => self.minutes << 8 | self.increased(self.frequency(object), random),
            false => self.lruclock,
        };
        self.set_lru(object, lru);
    }

    /// Redis: `LFULogIncr`.
    fn increased(&self, count: u8, random: &mut Random) -> u32 {
        let count = u32::from(count);
        let base = i64::from(count.saturating_sub(LFU_INIT_VAL));
        let one_in = base.saturating_mul(self.settings.lfu_log_factor).saturating_add(1);
        let counted = one_in <= 1 || random.below(one_in as usize) == 0;
        if count < 255 && counted { count + 1 } else { count }
    }

    /// A new value takes the place of an old one, whose uses count on (Redis: `dbOverwrite`).
    pub fn overwrite(&mut self, old: &mut Object, value: Value) {
        let lru = if self.counts() { self.lru(old) } else { self.initial() };
        old.value = value;
        // An integer that is shared has uses of its own, but for those that are counted.
        if self.counts() || self.shared_integer(old).is_none() {
            self.set_lru(old, lru);
        }
    }

    /// Seconds since the last use (Redis: `estimateObjectIdleTime`).
    pub fn idle_seconds(&self, object: &Object) -> i64 {
        let (now, lru) = (self.lruclock, self.lru(object));
        i64::from(if now >= lru { now - lru } else { now + (LRU_CLOCK_MAX - lru) })
    }

    /// How often it was used, less what is forgotten (Redis: `LFUDecrAndReturn`).
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

    /// Takes what is known from before; the other of the two is passed over (Redis:
    /// `objectSetLRUOrLFU`).
    pub fn restore(&mut self, object: &mut Object, usage: Usage) {
        if self.counts() {
            if let Some(frequency) = usage.frequency {
                self.set_lru(object, self.minutes << 8 | u32::from(frequency));
            }
        } else if let Some(idle) = usage.idle.filter(|&idle| idle >= 0) {
            let now = i64::from(self.lruclock);
            // Longer ago than the clock reaches back: as old as it can tell.
            let lru = match now.wrapping_sub(idle) {
                lru @ 0.. => lru as u32 & LRU_CLOCK_MAX,
                _ => (self.lruclock + LRU_CLOCK_MAX / 2) % LRU_CLOCK_MAX,
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
        access.start(1_000_000);
        access
    }

    #[test]
    fn a_use_is_noted_unless_a_child_shares_the_memory() {
        let (mut access, random) = (access(Tracking::Nothing), &mut Random::default());
        let mut object = access.object(Value::string(*b"text"));
        access.tick(1_010_000);
        assert_eq!(access.idle_seconds(&object), 10);
        access.frozen = true;
        access.used(&mut object, random);
        assert_eq!(access.idle_seconds(&object), 10);
        access.frozen = false;
        access.used(&mut object, random);
        assert_eq!(access.idle_seconds(&object), 0);
    }

    #[test]
    fn keys_with_the_same_small_integer_are_used_together() {
        let (mut access, random) = (access(Tracking::Nothing), &mut Random::default());
        access.tick(1_010_000);
        let mut one = access.object(Value::string(*b"7"));
        let other = one.clone();
        assert_eq!(access.idle_seconds(&other), 10);
        access.used(&mut one, random);
        assert_eq!(access.idle_seconds(&other), 0);
    }

    #[test]
    fn uses_are_counted_and_forgotten() {
        let (mut access, random) = (access(Tracking::Frequency), &mut Random::default());
        let mut object = access.object(Value::string(*b"text"));
        assert_eq!(access.frequency(&object), 5);
        access.used(&mut object, random);
        access.overwrite(&mut object, Value::string(*b"other"));
        assert_eq!(access.frequency(&object), 6);
        access.see_time(1000 + 4 * 60);
        assert_eq!(access.frequency(&object), 2);
        access.restore(&mut object, Usage { idle: Some(9), frequency: Some(255) });
        access.used(&mut object, random);
        assert_eq!(access.frequency(&object), 255);
    }

    #[test]
    fn an_idle_time_beyond_the_clock_is_half_of_its_way() {
        let mut access = access(Tracking::IdleTime);
        let mut object = access.object(Value::string(*b"text"));
        access.restore(&mut object, Usage { idle: Some(1000), frequency: None });
        assert_eq!(access.idle_seconds(&object), 1000);
        access.restore(&mut object, Usage { idle: Some(1001), frequency: None });
        assert_eq!(access.idle_seconds(&object), i64::from(LRU_CLOCK_MAX - LRU_CLOCK_MAX / 2));
    }
}
