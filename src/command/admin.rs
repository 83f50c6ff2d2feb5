//! INFO, CONFIG, SAVE, BGSAVE, BGREWRITEAOF, SHUTDOWN: their arguments, turned into requests to the
//! server.
//!
//! Must not know: how the server carries a request out.

use super::auth::Credentials;
use super::blocking::Blocked;
use super::{Context, Failure, KillFilter, LatencyRequest, Outcome, Transaction};
use crate::keyspace::{Bytes, Value};

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

/// INFO [section]
pub fn info(_ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let section = match argv {
        [_] => "default".to_string(),
        [_, section] => String::from_utf8_lossy(section).to_ascii_lowercase(),
        _ => return Err(Failure::syntax()),
    };
    Ok(Request::Info(section).into())
}

/// CONFIG GET pattern | SET name value | RESETSTAT | REWRITE
pub fn config(_ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let text = |word: &Bytes| String::from_utf8_lossy(word).into_owned();
    let request = match (argv[1].to_ascii_lowercase().as_slice(), &argv[2..]) {
        (b"get", [pattern]) => Request::ConfigGet(pattern.clone()),
        (b"set", [name, value]) => Request::ConfigSet { name: text(name), value: text(value) },
        (b"resetstat", []) => Request::ConfigResetStat,
        (b"rewrite", []) => Request::ConfigRewrite,
        _ => return Err(Failure::subcommand(argv)),
    };
    Ok(request.into())
}

/// BGREWRITEAOF
pub fn bgrewriteaof(_ctx: &mut Context<'_>, _argv: &[Bytes]) -> Result<Outcome, Failure> {
    Ok(Request::BgRewriteAof.into())
}

/// SAVE
pub fn save(_ctx: &mut Context<'_>, _argv: &[Bytes]) -> Result<Outcome, Failure> {
    Ok(Request::Save.into())
}

/// BGSAVE [SCHEDULE]
pub fn bgsave(_ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let schedule = match &argv[1..] {
        [] => false,
        [word] if word.eq_ignore_ascii_case(b"schedule") => true,
        _ => return Err(Failure::syntax()),
    };
    Ok(Request::BgSave { schedule }.into())
}

/// LASTSAVE
pub fn lastsave(_ctx: &mut Context<'_>, _argv: &[Bytes]) -> Result<Outcome, Failure> {
    Ok(Request::LastSave.into())
}

/// SHUTDOWN [SAVE | NOSAVE]
pub fn shutdown(_ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let how = match &argv[1..] {
        [] => Shutdown::Default,
        [word] if word.eq_ignore_ascii_case(b"nosave") => Shutdown::NoSave,
        [word] if word.eq_ignore_ascii_case(b"save") => Shutdown::Save,
        _ => return Err(Failure::syntax()),
    };
    Ok(Request::Shutdown(how).into())
}
