//! What a command asks of the server when the dataset alone is not enough.
//!
//! Must not know: how the server carries a request out.

use super::lists::End;
use super::transaction::Transaction;
use crate::keyspace::{Bytes, Value};
use crate::resp::Reply;

/// The answer of a command that may need the server.
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
/// What a command asks of the server.
#[derive(Debug)]
pub enum Request {
    Exec(Transaction),
    Info(String),
    Auth {
        credentials: Credentials,
        /// The user was named rather than meant.
        named: bool,
    },
    Hello(Option<Credentials>),
    /// Wait for a key.
    Block(Blocked),
    ClientList {
        /// Of a type that this server does not have.
        nobody: bool,
    },
    ClientKill(KillFilter),
    ClientUnblock {
        id: u64,
        /// Tell it that it was unblocked rather than that the time is over.
        error: bool,
    },
    Latency(LatencyRequest),
    /// DUMP, of this value.
    Dump(Value),
    ConfigGet(Bytes),
    ConfigSet {
        name: String,
        value: String,
    },
    ConfigResetStat,
    ConfigRewrite,
    BgRewriteAof,
    Save,
    /// Whether to put it off rather than to refuse while another child is at work.
    BgSave {
        schedule: bool,
    },
    LastSave,
    Shutdown(Shutdown),
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
    /// DEBUG SET-ACTIVE-EXPIRE
    SetActiveExpire(bool),
    /// DEBUG LOG
    Log(String),
}

/// What SHUTDOWN was told about saving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Save if there are save points.
    Default,
    Save,
    NoSave,
}

/// What DEBUG RELOAD was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reload {
    /// Save before loading.
    pub save: bool,
    /// Empty the dataset before loading.
    pub flush: bool,
    /// Keys that are there are replaced rather than an error.
    pub merge: bool,
}

/// What a client says about itself.
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
    /// Clients of types that this server does not have, so none.
    pub nobody: bool,
    pub skip_me: bool,
    /// Given as an address alone: the answer is no number.
    pub old_form: bool,
}

/// What LATENCY asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LatencyRequest {
    /// The samples of one event.
    History(String),
    /// The same in words, with advice.
    Doctor,
    /// The last sample of each event.
    Latest,
    /// Forget these events, or all of them.
    Reset(Vec<String>),
}

/// What is done as soon as there is something at a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockingOp {
    Pop(End),
    /// To the head of the list at this key.
    Move(Bytes),
    ZPop {
        highest: bool,
    },
}

/// A client that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    pub keys: Vec<Bytes>,
    pub op: BlockingOp,
    /// Until when, in milliseconds since the epoch; 0 for ever.
    pub timeout: i64,
}
