//! Streams by themselves.

use super::*;
use crate::generation::StreamForm;
use crate::keyspace::limits::StreamLimits;

fn id(ms: u64) -> StreamId {
    StreamId { ms, seq: 0 }
}

/// Entries 1-0 to `count`-0, four in a node.
fn stream(count: u64, form: StreamForm) -> Stream {
    let limits = StreamLimits { form, node_max_bytes: 4096, node_max_entries: 4 };
    let mut stream = Stream::default();
    for ms in 1..=count {
        let pairs = [b"f".to_vec(), ms.to_string().into_bytes()];
        assert_eq!(stream.append(id(ms), &pairs, &limits), Ok(()));
    }
    stream
}

fn ids(stream: &Stream) -> Vec<u64> {
    stream.range(StreamId::MIN, StreamId::MAX).map(|entry| entry.id().ms).collect()
}

#[test]
fn ids_grow() {
    let mut some = stream(3, StreamForm::Counted);
    let limits = StreamLimits::default();
    let pairs = [b"f".to_vec(), b"v".to_vec()];
    assert_eq!(some.append(id(3), &pairs, &limits), Err(NotAdded::IdTooSmall));
    assert_eq!((some.next_id(2), some.next_id(7)), (StreamId { ms: 3, seq: 1 }, id(7)));
}

#[test]
fn ranges_go_both_ways_and_leave_out_what_was_deleted() {
    let mut some = stream(10, StreamForm::Counted);
    assert!(some.delete(id(5)) && some.delete(id(10)) && !some.delete(id(5)));
    let found: Vec<u64> = some.range(id(3), id(7)).rev().map(|entry| entry.id().ms).collect();
    assert_eq!(found, [7, 6, 4, 3]);
    assert_eq!(some.range(id(7), id(3)).count(), 0);
    assert_eq!((some.last_valid_id(), some.last_id), (id(9), id(10)));
    assert!(some.contains(id(4)) && !some.contains(id(5)));
}

#[test]
fn a_node_goes_with_its_last_entry() {
    let mut some = stream(5, StreamForm::Counted);
    assert!((1..=4).all(|ms| some.delete(id(ms))));
    assert_eq!((some.nodes().len(), some.length), (1, 1));
}

#[test]
fn deleted_entries_fill_a_node_in_the_counted_form_only() {
    for (form, nodes) in [(StreamForm::Plain, 1), (StreamForm::Counted, 2)] {
        let mut some = stream(4, form);
        some.delete(id(1));
        let limits = StreamLimits { form, node_max_bytes: 4096, node_max_entries: 4 };
        some.append(id(5), &[b"f".to_vec(), b"v".to_vec()], &limits).expect("the id is higher");
        assert_eq!(some.nodes().len(), nodes);
    }
}

#[test]
fn trimming_ends_where_it_should() {
    let trim = |to, whole_nodes, limit| {
        let mut some = stream(10, StreamForm::Counted);
        let deleted = some.trim(&Trim { to, whole_nodes, limit });
        assert_eq!(some.length, 10 - deleted);
        assert_eq!(some.first_id, ids(&some).first().map_or(StreamId::MIN, |&ms| id(ms)));
        deleted
    };
    assert_eq!(trim(TrimTo::Length(3), false, 0), 7);
    assert_eq!(trim(TrimTo::Length(3), true, 0), 4);
    assert_eq!(trim(TrimTo::Length(0), true, 7), 4);
    assert_eq!(trim(TrimTo::Length(0), false, 0), 10);
    assert_eq!(trim(TrimTo::Id(id(6)), false, 0), 5);
    assert_eq!(trim(TrimTo::Id(id(6)), true, 0), 4);
    assert_eq!(trim(TrimTo::Id(id(99)), true, 0), 10);
}

#[test]
fn a_lag_is_told_only_if_it_is_known() {
    let mut some = stream(10, StreamForm::Counted);
    let group = |last, read| Group::new(id(last), read);
    assert_eq!(some.lag(&group(4, 4)), Some(6));
    assert_eq!(some.lag(&group(0, UNKNOWN_ENTRIES_READ)), Some(10));
    assert_eq!(some.lag(&group(4, UNKNOWN_ENTRIES_READ)), None);
    some.delete(id(6));
    some.max_deleted_id = id(6);
    assert_eq!(some.lag(&group(4, 4)), None, "6-0 is missing");
    assert_eq!(some.lag(&group(7, 7)), Some(3));
    assert_eq!(some.lag(&group(10, UNKNOWN_ENTRIES_READ)), Some(0));
}

#[test]
fn an_entry_is_pending_once() {
    let mut group = Group::new(StreamId::MIN, 0);
    assert!(group.see_consumer(b"a", 1) && group.create_consumer(b"b", 1));
    let pending = |name: &[u8]| Pending { consumer: name.to_vec(), delivered_at: 5, count: 1 };
    group.deliver(id(1), pending(b"a"));
    group.deliver(id(2), pending(b"a"));
    group.deliver(id(1), pending(b"b"));
    assert_eq!(group.consumers()[&b"a"[..]].pending.len(), 1);
    assert!(group.acknowledge(id(1)) && !group.acknowledge(id(1)));
    assert_eq!((group.delete_consumer(b"a"), group.delete_consumer(b"a")), (Some(1), None));
    assert!(group.pending().is_empty());
}
