//! Property tests: any dataset survives saving and loading, and any damaged file is refused or
//! loaded without a panic.
//!
//! Files are on a real file system. Damaged ones go to the part of the loader that returns errors,
//! because the rest ends the process.

// The tests damage files without an `Os`.
#![allow(clippy::disallowed_methods)]

use std::collections::VecDeque;

use proptest::prelude::*;

use super::file_source::FileSource;
use super::load::Loader;
use super::source::LoadError;
use super::{LoadOptions, Reader, SaveOptions, ValueRules, rdb_save_rio};
use crate::config::Config;
use crate::generation::{Compact, REDIS_7_0, RdbDefect, StreamForm};
use crate::keyspace::digest::dataset_digest;
use crate::keyspace::stream::Pending;
use crate::keyspace::{Bytes, Hash, Keyspace, Limits, Set, Stream, StreamId, StreamLimits};
use crate::keyspace::{Value, ZSet};
use crate::log::{Level, Log};
use crate::os::linux::LinuxOs;
use crate::os::{OFlag, Os};
use crate::rio::Rio;
use crate::rio::stdio::FileReader;

/// Small, so that both encodings occur often.
const LIMITS: Limits = Limits {
    compact: Compact::Ziplist,
    hash_max_ziplist_entries: 4,
    hash_max_ziplist_value: 30,
    set_max_intset_entries: 4,
    zset_max_ziplist_entries: 4,
    zset_max_ziplist_value: 30,
    list_max_ziplist_size: 3,
    stream: StreamLimits { form: StreamForm::Plain, node_max_bytes: 200, node_max_entries: 3 },
};
const DATABASES: usize = 3;

/// A temporary file that is saved to and loaded from.
struct Scratch(LinuxOs, tempfile::NamedTempFile);

impl Scratch {
    fn new() -> Self {
        Scratch(LinuxOs::new(), tempfile::NamedTempFile::new().expect("a file"))
    }

    fn open(&mut self, flags: OFlag) -> crate::os::Fd {
        let path = self.1.path().to_str().expect("UTF-8").to_string();
        self.0.open(&path, flags, 0).expect("it is there")
    }

    fn save(&mut self, keyspace: &Keyspace, compression: bool) {
        let mut rio = Rio::with_file(self.open(OFlag::O_WRONLY | OFlag::O_TRUNC));
        let config = Config { rdbcompression: compression, ..Config::default() };
        let options = SaveOptions::new(&config);
        rdb_save_rio(&mut self.0, &mut rio, keyspace, &options, &mut |_, _| {})
            .expect("there is room");
        rio.close(&mut self.0).expect("there is room");
    }

    fn load(&mut self) -> Result<Keyspace, LoadError> {
        self.load_with(LIMITS)
    }

    fn load_with(&mut self, limits: Limits) -> Result<Keyspace, LoadError> {
        let mut keyspace = Keyspace { limits, ..empty() };
        let options = LoadOptions::new(&Config::default(), &keyspace).of_any_server();
        let fd = self.open(OFlag::O_RDONLY);
        let size = self.0.fstat(fd).expect("it is open").size;
        let mut file = FileReader::new(fd, size);
        let log = Log { level: Level::Warning, file: "/dev/null".to_string(), role: 'M' };
        let source = FileSource::new(&mut self.0, &mut file, Some(&mut keyspace), true);
        let loaded = Loader::new(source, &log, &options).run();
        file.close(&mut self.0);
        loaded.map(|()| keyspace)
    }

    fn bytes(&self) -> Bytes {
        std::fs::read(self.1.path()).expect("it is there")
    }

    fn replace(&self, bytes: &[u8]) {
        std::fs::write(self.1.path(), bytes).expect("there is room");
    }
}

fn empty() -> Keyspace {
    Keyspace { limits: LIMITS, ..Keyspace::new(DATABASES) }
}

fn string() -> impl Strategy<Value = Bytes> {
    let number = (any::<i64>(), 0u32..64)
        .prop_map(|(number, shift)| (number >> shift).to_string().into_bytes());
    let word = prop::collection::vec(any::<u8>(), 0..40);
    let repeated = (any::<u8>(), 0usize..20_000).prop_map(|(byte, len)| vec![byte; len]);
    prop_oneof![4 => number, 4 => word, 1 => repeated]
}

fn score() -> impl Strategy<Value = f64> {
    let whole = (-1000i32..1000).prop_map(f64::from);
    let any = any::<f64>().prop_filter("NaN is no score", |score| !score.is_nan());
    prop_oneof![whole, any, Just(f64::INFINITY), Just(f64::NEG_INFINITY)]
}

fn value() -> impl Strategy<Value = Value> {
    let strings = || prop::collection::vec(string(), 1..12);
    let set = strings().prop_map(|members| {
        let mut set = Set::new_for(&members[0]);
        for member in members {
            set.insert(member, &LIMITS);
        }
        Value::Set(set)
    });
    let hash = prop::collection::vec((string(), string()), 1..12).prop_map(|pairs| {
        let mut hash = Hash::new();
        for (field, value) in pairs {
            hash.try_conversion(&[field.clone(), value.clone()], &LIMITS);
            hash.set(field, value, &LIMITS);
        }
        Value::Hash(hash)
    });
    let zset = prop::collection::vec((string(), score()), 1..12).prop_map(|members| {
        let mut zset = ZSet::new_for(&members[0].0, &LIMITS);
        for (member, score) in members {
            zset.insert(member, score, &LIMITS);
        }
        Value::ZSet(zset)
    });
    let list = strings().prop_map(|list| Value::List(VecDeque::from(list)));
    prop_oneof![string().prop_map(Value::string), list, set, hash, zset, stream()]
}

/// Entries, of which some are deleted, and a group in which some are pending.
fn stream() -> impl Strategy<Value = Value> {
    let entry = (1u64..4, prop::collection::vec((string(), string()), 1..3), any::<bool>());
    let delivery = (0u64..30, prop::sample::select(&["alice", "bob"][..]), any::<u32>());
    let parts =
        (prop::collection::vec(entry, 0..12), prop::collection::vec(delivery, 0..6), any::<i64>());
    parts.prop_map(|(entries, deliveries, time)| {
        let id = |ms| StreamId { ms, seq: ms % 3 };
        let (mut stream, mut ms) = (Stream::default(), 0);
        let mut deleted = Vec::new();
        for (step, pairs, delete) in entries {
            ms += step;
            let pairs: Vec<Bytes> =
                pairs.into_iter().flat_map(|(field, value)| [field, value]).collect();
            stream.append(id(ms), &pairs, &LIMITS.stream).expect("the id is higher");
            deleted.extend(delete.then_some(id(ms)));
        }
        for id in deleted {
            stream.delete(id);
        }
        stream.update_first_id();
        stream.create_group(b"group", id(ms / 2), time % 9);
        if let Some(group) = stream.groups.get_mut(&b"group"[..]) {
            for (ms, consumer, count) in deliveries {
                group.see_consumer(consumer.as_bytes(), time);
                let consumer = consumer.into();
                let count = count.into();
                group.deliver(id(ms), Pending { consumer, delivered_at: time, count });
            }
        }
        Value::Stream(stream)
    })
}

fn dataset() -> impl Strategy<Value = Keyspace> {
    let far = 4_000_000_000_000i64..i64::MAX;
    let key = (0..DATABASES, string(), value(), prop::option::of(far));
    let compact = prop_oneof![Just(Compact::Ziplist), Just(Compact::Listpack)];
    let forms = prop_oneof![Just(StreamForm::Plain), Just(StreamForm::Counted)];
    (compact, forms, prop::collection::vec(key, 0..8)).prop_map(|(compact, form, keys)| {
        let mut keyspace = empty();
        keyspace.limits.compact = compact;
        keyspace.limits.stream.form = form;
        for (db, key, value, expire) in keys {
            let db = &mut keyspace.dbs[db];
            db.set(&key, value, false);
            if let Some(when) = expire {
                db.set_expire(&key, when);
            }
        }
        keyspace
    })
}

proptest! {
    #[test]
    fn any_dataset_comes_back(keyspace in dataset(), compression: bool) {
        let mut scratch = Scratch::new();
        scratch.save(&keyspace, compression);
        let loaded = scratch.load_with(keyspace.limits).expect("it was just written");
        prop_assert_eq!(dataset_digest(&loaded), dataset_digest(&keyspace));
        for (before, after) in keyspace.dbs.iter().zip(&loaded.dbs) {
            prop_assert_eq!(&before.expires, &after.expires);
        }
        // A loaded dataset has fresh encodings, which have to survive exactly.
        scratch.save(&loaded, compression);
        let again = scratch.load_with(keyspace.limits).expect("it was just written");
        for (before, after) in loaded.dbs.iter().zip(&again.dbs) {
            prop_assert_eq!(&before.dict, &after.dict);
        }
    }

    #[test]
    fn a_damaged_file_is_refused_or_loaded(
        keyspace in dataset(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut scratch = Scratch::new();
        scratch.save(&keyspace, true);
        let whole = scratch.bytes();
        let mut bytes = whole.clone();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        scratch.replace(&bytes);
        let _ = scratch.load();
        // With the checksum off, other damage has to be found.
        let end = bytes.len() - 8;
        bytes[end..].fill(0);
        scratch.replace(&bytes);
        let _ = scratch.load();
        scratch.replace(&whole[..cut.index(whole.len())]);
        let error = scratch.load().expect_err("it is cut");
        let of_a_stream =
            matches!(error, LoadError::Corrupt { defect: RdbDefect::Stream(_), .. });
        prop_assert!(of_a_stream || error == LoadError::ShortRead, "{error:?}");
    }

    #[test]
    fn any_bytes_are_refused_or_loaded(bytes: Vec<u8>) {
        let mut scratch = Scratch::new();
        for header in ["", "REDIS0003", "REDIS0009", "REDIS0011"] {
            scratch.replace(&[header.as_bytes(), &bytes].concat());
            let _ = scratch.load();
        }
    }

    #[test]
    fn any_bytes_are_a_value_or_not(
        kind in 0u8..22,
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0u8..8, 0xc0u8..], 0..64),
    ) {
        let rules = ValueRules::of(&REDIS_7_0, &LIMITS);
        let _ = Reader::new(&mut &bytes[..]).value(kind, &rules);
    }
}

/// What `dump.rdb` holds of `keyspace`, loaded again.
fn loaded(bytes: &[u8]) -> Result<Keyspace, LoadError> {
    let mut scratch = Scratch::new();
    scratch.replace(bytes);
    scratch.load()
}

#[test]
fn lengths_beyond_the_file_are_short_reads_and_take_no_memory() {
    for rest in [
        &b"\0\x01k\x81\x7f\xff\xff\xff\xff\xff\xff\xff"[..],
        b"\x01\x01k\x81\x7f\xff\xff\xff\xff\xff\xff\xff\x01a",
        b"\x04\x01k\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01a",
        b"\0\x01k\xc3\x81\x7f\xff\xff\xff\xff\xff\xff\xff\x05",
    ] {
        let error = loaded(&[b"REDIS0009\xfe\0", rest].concat()).expect_err("it is short");
        assert_eq!(error, LoadError::ShortRead);
    }
    let lzf = b"REDIS0009\xfe\0\0\x01k\xc3\x02\x81\x7f\xff\xff\xff\xff\xff\xff\xff\0a";
    assert!(matches!(loaded(lzf), Err(LoadError::Corrupt { .. })));
}

#[test]
fn keys_past_their_time_are_left_out() {
    let keyspace = loaded(b"REDIS0004\xfe\0\xfd\x01\0\0\0\0\x01a\x01b\xff").expect("it is good");
    assert_eq!(keyspace.dbs[0].dict.len(), 0);
    let keyspace = loaded(b"REDIS0004\xfe\x01\0\x01a\x01b\xff").expect("it is good");
    assert_eq!(keyspace.dbs[1].dict.len(), 1);
}

#[test]
fn what_is_not_served_is_named() {
    for (rest, word) in [
        (&b"\xfe\x03"[..], "databases"),
        (b"\x07\x01k\0", "module"),
        (b"\xf7\0\x02\0", "module"),
        (b"\0\x01a\x01b\0\x01a\x01b", "Duplicated key"),
    ] {
        match loaded(&[b"REDIS0009", rest].concat()) {
            Err(LoadError::Fatal(line) | LoadError::Panic(line)) => {
                assert!(line.contains(word), "{line}")
            }
            other => panic!("{word}: {:?}", other.map(drop)),
        }
    }
    for header in [b"REDIS0014", b"REDIS0080", b"VALKEY079", b"VALKEY081"] {
        assert!(matches!(loaded(header), Err(LoadError::Refused(_))));
    }
    assert_eq!(loaded(b"VALKEY080").map(drop), Err(LoadError::ShortRead));
    assert!(matches!(loaded(b"RODIS0009"), Err(LoadError::Refused(_))));
}
