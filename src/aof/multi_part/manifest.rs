//! The manifest: which parts there are, and its text (Redis: `aofManifest`, aof.c).
//!
//! ```text
//! file appendonly.aof.2.base.rdb seq 2 type b
//! file appendonly.aof.3.incr.aof seq 3 type h
//! file appendonly.aof.4.incr.aof seq 4 type i
//! ```
//!
//! The base stands first, then history, then the increments, of which the last is appended to.
//! Must not know: where the text is kept.

use std::fmt;

use crate::text::{atoi, quote, split_args};

/// Longest line in bytes, the line end included.
pub(super) const MANIFEST_MAX_LINE: usize = 1024;

/// One part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its file, in the directory.
    pub(super) name: String,
    pub(super) seq: i64,
}

/// All parts, and the numbers last given away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) base: Option<Part>,
    pub(super) history: Vec<Part>,
    pub(super) increments: Vec<Part>,
    base_seq: i64,
    incr_seq: i64,
    /// It is not on disk as it is here.
    pub(super) dirty: bool,
}

/// Why a text is no manifest, in Redis' words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadManifest {
    /// The line and its number, unless the line itself could not be read.
    pub(super) at: Option<(usize, String)>,
    pub(super) reason: &'static str,
}

const BAD_FORMAT: &str = "Invalid AOF manifest file format";

impl Manifest {
    /// Whether it lists nothing that could be loaded.
    pub(super) fn is_empty(&self) -> bool {
        self.base.is_none() && self.increments.is_empty()
    }

    /// The parts to load, in order.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.base.iter().chain(&self.increments)
    }

    /// Takes the next line of a manifest, which is the `number`th (Redis:
    /// `aofLoadManifestFromFile`).
    pub(super) fn add_line(&mut self, number: usize, line: &[u8]) -> Result<(), BadManifest> {
        if line.first() == Some(&b'#') {
            return Ok(());
        }
        // C's strings end at a zero byte.
        let line = line.split(|&byte| byte == 0).next().unwrap_or_default();
        if !line.contains(&b'\n') {
            let reason = "The AOF manifest file contains too long line";
            return Err(BadManifest { at: None, reason });
        }
        let line = line.trim_ascii();
        let at = (number, String::from_utf8_lossy(line).into_owned());
        self.add_entry(line).map_err(|reason| BadManifest { at: Some(at), reason })
    }

    fn add_entry(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let (part, kind) = entry(line)?;
        match kind {
            b'b' if self.base.is_some() => Err("Found duplicate base file information"),
            b'b' => {
                self.base_seq = part.seq;
                self.base = Some(part);
                Ok(())
            }
            b'h' => {
                self.history.push(part);
                Ok(())
            }
            b'i' if part.seq <= self.increments.last().map_or(0, |last| last.seq) => {
                Err("Found a non-monotonic sequence number")
            }
            b'i' => {
                self.incr_seq = part.seq;
                self.increments.push(part);
                Ok(())
            }
            _ => Err("Unknown AOF file type"),
        }
    }

    /// Makes a file of an older layout, called `name`, the base.
    pub(super) fn adopt(&mut self, name: &str) {
        self.base = Some(Part { name: name.to_string(), seq: 1 });
        self.base_seq = 1;
        self.dirty = true;
    }

    /// Adds a base; the one before becomes history. Returns its name (Redis:
    /// `getNewBaseFileNameAndMarkPreAsHistory`).
    pub(super) fn new_base(&mut self, appendfilename: &str, is_rdb: bool) -> String {
        self.history.splice(0..0, self.base.take());
        self.base_seq += 1;
        let format = if is_rdb { "rdb" } else { "aof" };
        let name = format!("{appendfilename}.{}.base.{format}", self.base_seq);
        self.base = Some(Part { name: name.clone(), seq: self.base_seq });
        self.dirty = true;
        name
    }

    /// Adds an increment. Returns its name (Redis: `getNewIncrAofName`).
    pub(super) fn new_increment(&mut self, appendfilename: &str) -> String {
        self.incr_seq += 1;
        let name = format!("{appendfilename}.{}.incr.aof", self.incr_seq);
        self.increments.push(Part { name: name.clone(), seq: self.incr_seq });
        self.dirty = true;
        name
    }

    /// The increment to append to, a new one if there is none (Redis: `getLastIncrAofName`).
    pub(super) fn last_increment(&mut self, appendfilename: &str) -> String {
        match self.increments.last() {
            Some(last) => last.name.clone(),
            None => self.new_increment(appendfilename),
        }
    }

    /// The increments that a new base has made superfluous become history: all of them, but the
    /// last one if it is being appended to (Redis: `markRewrittenIncrAofAsHistory`).
    pub(super) fn mark_rewritten_as_history(&mut self, last_in_use: bool) {
        if self.increments.is_empty() {
            return;
        }
        let kept = usize::from(last_in_use);
        let rewritten = self.increments.drain(..self.increments.len() - kept);
        self.history.splice(0..0, rewritten);
        self.dirty = true;
    }
}

/// One line as a part and the letter of its type.
fn entry(line: &[u8]) -> Result<(Part, u8), &'static str> {
    let words = split_args(line).filter(|words| words.len() >= 6 && words.len() % 2 == 0);
    let words = words.ok_or(BAD_FORMAT)?;
    let (mut name, mut seq, mut kind) = (None, 0, 0);
    for pair in words.chunks_exact(2) {
        match pair[0].to_ascii_lowercase().as_slice() {
            b"file" if pair[1].contains(&b'/') || pair[1].contains(&b'\\') => {
                return Err("File can't be a path, just a filename");
            }
            b"file" => name = Some(String::from_utf8_lossy(&pair[1]).into_owned()),
            b"seq" => seq = atoi(&pair[1]),
            b"type" => kind = pair[1].first().copied().unwrap_or(0),
            // Keys that a later version may add.
            _ => {}
        }
    }
    match name {
        Some(name) if seq != 0 && kind != 0 => Ok((Part { name, seq }, kind)),
        _ => Err(BAD_FORMAT),
    }
}

impl fmt::Display for Manifest {
    /// Redis: `getAofManifestAsString`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            (self.base.as_slice(), 'b'),
            (self.history.as_slice(), 'h'),
            (self.increments.as_slice(), 'i'),
        ];
        for (parts, kind) in kinds {
            for Part { name, seq } in parts {
                writeln!(f, "file {} seq {seq} type {kind}", quoted_if_needed(name))?;
            }
        }
        Ok(())
    }
}

/// Redis: `sdsneedsrepr`.
fn quoted_if_needed(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\' && byte != b'"';
    match name.bytes().all(plain) {
        true => name.to_string(),
        false => quote(name.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BAD_FORMAT, Manifest};

    fn parsed(text: &str) -> Result<Manifest, &'static str> {
        let mut manifest = Manifest::default();
        for (n, line) in text.split_inclusive('\n').enumerate() {
            manifest.add_line(n + 1, line.as_bytes()).map_err(|bad| bad.reason)?;
        }
        Ok(manifest)
    }

    #[test]
    fn defects_are_told_apart() {
        let refused = |text: &str, reason| assert_eq!(parsed(text), Err(reason), "{text}");
        refused("file a.1 seq 1\n", BAD_FORMAT);
        refused("file a.1 seq 1 type\n", BAD_FORMAT);
        refused("file a.1 seq x type i\n", BAD_FORMAT);
        refused("\n", BAD_FORMAT);
        refused("file a.1 seq 1 type \"\"\n", BAD_FORMAT);
        refused("file a.1 seq 1 type x\n", "Unknown AOF file type");
        refused("file d/a.1 seq 1 type i\n", "File can't be a path, just a filename");
        refused("file a seq 1 type i", "The AOF manifest file contains too long line");
        let twice = "file a seq 1 type b\nfile b seq 2 type b\n";
        refused(twice, "Found duplicate base file information");
        let falling = "file a seq 2 type i\nfile b seq 2 type i\n";
        refused(falling, "Found a non-monotonic sequence number");
    }

    #[test]
    fn unknown_keys_and_comments_are_skipped() {
        let manifest = parsed("# c\n  SEQ 3 file \"a b\" x y type incremental\n").expect("good");
        assert_eq!(manifest.to_string(), "file \"a b\" seq 3 type i\n");
    }

    #[test]
    fn a_rewrite_makes_history_of_what_it_replaces() {
        let mut manifest =
            parsed("file a.1 seq 1 type b\nfile a.1.i seq 1 type i\n").expect("good");
        assert_eq!(manifest.new_increment("a"), "a.2.incr.aof");
        assert_eq!(manifest.new_base("a", true), "a.2.base.rdb");
        manifest.mark_rewritten_as_history(true);
        assert_eq!(
            manifest.to_string(),
            "file a.2.base.rdb seq 2 type b\nfile a.1.i seq 1 type h\nfile a.1 seq 1 type h\n\
             file a.2.incr.aof seq 2 type i\n"
        );
        manifest.mark_rewritten_as_history(false);
        assert!(manifest.increments.is_empty());
    }

    /// What may happen to a manifest.
    #[derive(Clone, Debug)]
    enum Change {
        Base(bool),
        Increment,
        Rewritten(bool),
        Deleted,
    }

    fn changes() -> impl Strategy<Value = Vec<Change>> {
        let change = prop_oneof![
            any::<bool>().prop_map(Change::Base),
            Just(Change::Increment),
            any::<bool>().prop_map(Change::Rewritten),
            Just(Change::Deleted),
        ];
        prop::collection::vec(change, 0..20)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(name in "[ -~]{1,12}", changes in changes()) {
            // Redis does not quote a name with an apostrophe either, and cannot read it back.
            let name = name.replace(['/', '\\', '\''], "_");
            let mut manifest = Manifest::default();
            for change in changes {
                match change {
                    Change::Base(is_rdb) => drop(manifest.new_base(&name, is_rdb)),
                    Change::Increment => drop(manifest.new_increment(&name)),
                    Change::Rewritten(in_use) => manifest.mark_rewritten_as_history(in_use),
                    Change::Deleted => manifest.history.clear(),
                }
            }
            let read = parsed(&manifest.to_string()).expect("it was written by us");
            prop_assert_eq!(read.to_string(), manifest.to_string());
            let names = |manifest: &Manifest| manifest.parts().cloned().collect::<Vec<_>>();
            prop_assert_eq!(names(&read), names(&manifest));
            // A number is not given away twice while its part is listed.
            let mut next = read;
            let fresh = next.new_increment(&name);
            prop_assert!(manifest.increments.iter().all(|part| part.name != fresh));
        }
    }
}
