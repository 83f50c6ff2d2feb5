//! A stream as the commands that rebuild it (Redis: `rewriteStreamObject`, aof.c).
//!
//! A consumer for whom nothing is pending is left out in the plain form. What is pending of an
//! entry that was deleted is written, but the command that reads it leaves it out.
//! Must not know: where the bytes go.

use crate::generation::StreamForm;
use crate::keyspace::stream::{Consumer, EntryRef, Group};
use crate::keyspace::{Bytes, Stream, StreamId};
use crate::os::{Errno, Os};
use crate::rio::Rio;

type Written = Result<(), Errno>;

pub(super) fn rewrite_stream(
    os: &mut dyn Os,
    aof: &mut Rio,
    key: &Bytes,
    stream: &Stream,
    form: StreamForm,
) -> Written {
    let mut rewrite = Rewrite { os, aof, key, form };
    rewrite.entries(stream)?;
    rewrite.metadata(stream)?;
    stream.groups.iter().try_for_each(|(name, group)| rewrite.group(name, group))
}

struct Rewrite<'a> {
    os: &'a mut dyn Os,
    aof: &'a mut Rio,
    key: &'a Bytes,
    form: StreamForm,
}

impl Rewrite<'_> {
    fn count(&mut self, arguments: usize) -> Written {
        self.aof.write_bulk_count(self.os, '*', arguments)
    }

    fn word(&mut self, word: impl AsRef<[u8]>) -> Written {
        self.aof.write_bulk_string(self.os, word.as_ref())
    }

    fn words<const N: usize>(&mut self, words: [&[u8]; N]) -> Written {
        words.into_iter().try_for_each(|word| self.word(word))
    }

    fn number(&mut self, number: i64) -> Written {
        self.aof.write_bulk_long_long(self.os, number)
    }

    fn id(&mut self, id: StreamId) -> Written {
        self.word(id.to_string())
    }

    fn entries(&mut self, stream: &Stream) -> Written {
        if stream.length == 0 {
            // An entry that is trimmed at once leaves an empty stream.
            self.count(7)?;
            self.words([b"XADD", self.key, b"MAXLEN", b"0"])?;
            self.id(StreamId { ms: 0, seq: 1 })?;
            return self.words([b"x", b"y"]);
        }
        stream.range(StreamId::MIN, StreamId::MAX).try_for_each(|entry| self.entry(entry))
    }

    fn entry(&mut self, entry: EntryRef<'_>) -> Written {
        let pairs = entry.pairs();
        self.count(3 + 2 * pairs.len())?;
        self.words([b"XADD", self.key])?;
        self.id(entry.id())?;
        pairs.into_iter().flatten().try_for_each(|item| self.word(item))
    }

    fn metadata(&mut self, stream: &Stream) -> Written {
        let counted = self.form == StreamForm::Counted;
        self.count(if counted { 7 } else { 3 })?;
        self.words([b"XSETID", self.key])?;
        self.id(stream.last_id)?;
        if counted {
            self.word(b"ENTRIESADDED")?;
            self.number(stream.entries_added as i64)?;
            self.word(b"MAXDELETEDID")?;
            self.id(stream.max_deleted_id)?;
        }
        Ok(())
    }

    fn group(&mut self, name: &Bytes, group: &Group) -> Written {
        let counted = self.form == StreamForm::Counted;
        self.count(if counted { 7 } else { 5 })?;
        self.words([b"XGROUP", b"CREATE", self.key, name])?;
        self.id(group.last_id)?;
        if counted {
            self.word(b"ENTRIESREAD")?;
            self.number(group.entries_read)?;
        }
        group.consumers().iter().try_for_each(|(consumer, state)| {
            if state.pending.is_empty() && counted {
                self.count(5)?;
                self.words([b"XGROUP", b"CREATECONSUMER", self.key, name, consumer])
            } else {
                self.pending(name, group, consumer, state)
            }
        })
    }

    fn pending(
        &mut self,
        name: &Bytes,
        group: &Group,
        consumer: &Bytes,
        state: &Consumer,
    ) -> Written {
        let pending = state.pending.iter().filter_map(|id| Some((*id, group.pending().get(id)?)));
        for (id, delivery) in pending {
            self.count(12)?;
            self.words([b"XCLAIM", self.key, name, consumer, b"0"])?;
            self.id(id)?;
            self.word(b"TIME")?;
            self.number(delivery.delivered_at)?;
            self.word(b"RETRYCOUNT")?;
            self.number(delivery.count as i64)?;
            self.words([b"JUSTID", b"FORCE"])?;
        }
        Ok(())
    }
}
