//! What a command asks of the server when the dataset alone is not enough.
//!
//! Must not know: how the server carries a request out.

use super::lists::End;
use super::streams::StreamRead;
use super::transaction::Transaction;
use crate::keyspace::{Bytes, Value};
use crate::resp::Reply;

/// What a handler returns that may need the server.
pub enum Outcome {
    Reply(Reply),
    Request(Request),
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Outcome {
        Outcome::Reply(reply)
    }
}

impl From<Request> for Outcome {
    fn from(request: Request) -> Outcome {
        Outcome::Request(request)
    }
}
/// What a command asks the server to do.
#[derive(Debug)]
pub enum Request {
    Exec(Transaction),
    Info(String),
    Auth {
        credentials: Credentials,
        /// The user was given explicitly.
        named: bool,
    },
    Hello(Option<Credentials>),
    /// RESET
    ResetConnection,
    /// Block the client on keys.
    Block(Blocked),
    ClientList {
        /// A type that no client of this server has.
        matches_none: bool,
    },
    ClientKill(KillFilter),
    ClientUnblock {
        id: u64,
        /// Reply with -UNBLOCKED instead of a timeout.
        error: bool,
    },
    Latency(LatencyRequest),
    /// DUMP of this value.
    Dump(Value),
    /// FUNCTION DUMP
    DumpFunctions,
    ConfigGet(Bytes),
    /// CONFIG SET of these names and values, all or none.
    ConfigSet(Vec<(String, String)>),
    ConfigResetStat,
    ConfigRewrite,
    BgRewriteAof,
    Save,
    /// While another child is running, schedule the save instead of refusing it.
    BgSave {
        schedule: bool,
    },
    LastSave,
    Shutdown(Shutdown),
    /// SHUTDOWN ABORT
    AbortShutdown,
    /// DEBUG RELOAD
    Reload(Reload),
    /// DEBUG OBJECT, by key.
    DebugObject(Bytes),
    /// DEBUG LOADAOF
    LoadAof,
    /// DEBUG SLEEP, in microseconds.
    Sleep(u64),
    /// DEBUG AOF-FLUSH-SLEEP, in microseconds.
    AofFlushSleep(u64),
    /// DEBUG PAUSE-CRON
    PauseCron(bool),
    /// DEBUG SET-ACTIVE-EXPIRE
    SetActiveExpire(bool),
    /// DEBUG LOG
    Log(String),
}

/// The options of SHUTDOWN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shutdown {
    pub snapshot: FinalSnapshot,
    /// Exit even if something fails.
    pub force: bool,
}

/// Whether a snapshot is saved before a shutdown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FinalSnapshot {
    /// If there are save points.
    #[default]
    BySavePoints,
    Save,
    NoSave,
}

/// The options of DEBUG RELOAD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    /// Save before loading.
    pub save: bool,
    /// Empty the dataset before loading.
    pub flush: bool,
    /// Existing keys are replaced; otherwise they are an error.
    pub merge: bool,
}

/// User and password as a client sent them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub user: Bytes,
    pub password: Bytes,
}

/// Which clients to close (CLIENT KILL).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KillFilter {
    pub address: Option<String>,
    pub id: Option<u64>,
    /// Only client types that this server does not have, so nothing matches.
    pub matches_none: bool,
    pub skip_me: bool,
    /// The form with a single address, which does not reply with a count.
    pub old_form: bool,
}

/// The subcommands of LATENCY.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LatencyRequest {
    /// The samples of one event.
    History(String),
    /// A report with advice.
    Doctor,
    /// The last sample of each event.
    Latest,
    /// Resets these events; all of them if the list is empty.
    Reset(Vec<String>),
}

/// What a blocked client wants done when its key has something for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockingOp {
    Pop(End),
    PopMany {
        end: End,
        count: usize,
    },
    /// Move the element to the list at this key.
    Move {
        destination: Bytes,
        ends: [End; 2],
        /// The command of that name for it: RPOPLPUSH says no ends.
        by: MoveBy,
    },
    ZPop {
        highest: bool,
    },
    ZPopMany {
        highest: bool,
        count: usize,
    },
    /// Read what comes after some id.
    Read(StreamRead),
}

/// How a move of an element is propagated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveBy {
    Rpoplpush,
    /// LMOVE with these words.
    Lmove([Bytes; 2]),
}

/// Why a client is blocked (Redis: `blockingState`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    pub keys: Vec<Bytes>,
    pub op: BlockingOp,
    /// Deadline in milliseconds since the epoch; 0 for none.
    pub timeout: i64,
}
