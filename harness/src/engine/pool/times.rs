//! How long requests took, in real time, for whoever wants to know what more cores would bring.
//!
//! A file of lines, one for each request: the number of the question that it was a part of, when it
//! began, and how long it took, in microseconds; a last line says how many managers there were, and
//! how long all took together. The requests of one question wait for nothing else, but the next
//! question may wait for all of its answers. No result of a run depends on it. Must not know: what
//! a request is about.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How the last line begins.
pub const ALL: &str = "all";

/// A file of times, while requests are made.
#[derive(Debug)]
pub struct Times {
    file: Mutex<BufWriter<File>>,
    began: Instant,
    managers: AtomicUsize,
}

impl Times {
    /// A new file.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn create(path: &Path) -> std::io::Result<Times> {
        let file = Mutex::new(BufWriter::new(File::create(path)?));
        Ok(Times { file, began: Instant::now(), managers: AtomicUsize::new(0) })
    }

    pub(super) fn has_managers(&self, count: usize) {
        self.managers.store(count, Relaxed);
    }

    /// A request that was begun then is done.
    pub(super) fn note(&self, question: usize, began: Instant) {
        let [begun, took] = [began.duration_since(self.began), began.elapsed()];
        self.line(&format!("{question} {} {}", begun.as_micros(), took.as_micros()));
    }

    /// A file that cannot be written any more has no last line, and is refused by its reader.
    fn line(&self, line: &str) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = writeln!(file, "{line}");
    }
}

impl Drop for Times {
    fn drop(&mut self) {
        let managers = self.managers.load(Relaxed);
        self.line(&format!("{ALL} {managers} {}", self.began.elapsed().as_micros()));
    }
}
