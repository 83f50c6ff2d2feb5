//! How an unusable file is reported.
//!
//! Must not know: what is in it.

use std::path::Path;

/// A file could not be used: its path, and what the system says.
pub fn cannot(verb: &str, path: &Path, why: &std::io::Error) -> String {
    format!("cannot {verb} {}: {why}", path.display())
}
