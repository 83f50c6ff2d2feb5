//! How one generation's stream commands differ from another's.
//!
//! Must not know: how they work.

use super::options::{Asked, Options, counted_options, plain_options};
use super::subcommands::{counted_subcommand, plain_subcommand};
use crate::command::context::Context;
use crate::command::failure::Failure;
use crate::generation::StreamForm;
use crate::keyspace::{Bytes, Keyspace};

pub struct Dialect {
    /// Parses the options of XADD or XTRIM.
    pub options: fn(&[Bytes], Asked, &Context<'_>) -> Result<Options, Failure>,
    /// The error for a subcommand, or its arguments, that are not known.
    pub subcommand: fn(&[Bytes]) -> Failure,
    /// XTRIM looks for its key before it looks at its options.
    pub key_before_options: bool,
    /// An id is propagated as it is kept, even if it was given.
    pub completes_ids: bool,
    /// `(` before an id excludes it from an interval.
    pub excludes_ends: bool,
    /// Groups know how many entries they have read, and commands say so.
    pub counts_reads: bool,
    /// What is pending of a deleted entry is forgotten when somebody claims it.
    pub forgets_deleted: bool,
    /// A new consumer is a change by itself.
    pub creates_consumers: bool,
    /// XPENDING takes a minimum idle time.
    pub filters_idle: bool,
    /// XGROUP DELCONSUMER of nobody is a change.
    pub deletes_nobody: bool,
    /// Who waits in a group of a stream that is deleted is told so.
    pub tells_of_deletion: bool,
}

static PLAIN: Dialect = Dialect {
    options: plain_options,
    subcommand: plain_subcommand,
    key_before_options: true,
    completes_ids: true,
    excludes_ends: false,
    counts_reads: false,
    forgets_deleted: false,
    creates_consumers: false,
    filters_idle: false,
    deletes_nobody: true,
    tells_of_deletion: false,
};

static COUNTED: Dialect = Dialect {
    options: counted_options,
    subcommand: counted_subcommand,
    key_before_options: false,
    completes_ids: false,
    excludes_ends: true,
    counts_reads: true,
    forgets_deleted: true,
    creates_consumers: true,
    filters_idle: true,
    deletes_nobody: false,
    tells_of_deletion: true,
};

pub fn dialect(ctx: &Context<'_>) -> &'static Dialect {
    dialect_of(ctx.keyspace)
}

pub fn dialect_of(keyspace: &Keyspace) -> &'static Dialect {
    match keyspace.limits.stream.form {
        StreamForm::Plain => &PLAIN,
        StreamForm::Counted => &COUNTED,
    }
}
