//! INFO, CONFIG, BGREWRITEAOF, SHUTDOWN: their arguments, turned into requests to the server.
//!
//! Must not know: how the server carries a request out.

use super::{Context, Failure, Outcome, Transaction};
use crate::keyspace::Bytes;

/// What SHUTDOWN was told about saving. This server has no snapshots, so the difference is only
/// kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    Default,
    Save,
    NoSave,
}

/// What a command asks of the server.
#[derive(Debug)]
pub enum Request {
    Exec(Transaction),
    Info(String),
    ClientList,
    ConfigGet(Bytes),
    ConfigSet {
        name: String,
        value: String,
    },
    ConfigResetStat,
    BgRewriteAof,
    Shutdown(Shutdown),
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

/// CONFIG GET pattern | SET name value | RESETSTAT
pub fn config(_ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let text = |word: &Bytes| String::from_utf8_lossy(word).into_owned();
    let request = match (argv[1].to_ascii_lowercase().as_slice(), &argv[2..]) {
        (b"get", [pattern]) => Request::ConfigGet(pattern.clone()),
        (b"set", [name, value]) => Request::ConfigSet { name: text(name), value: text(value) },
        (b"resetstat", []) => Request::ConfigResetStat,
        _ => return Err(Failure::subcommand(argv)),
    };
    Ok(request.into())
}

/// BGREWRITEAOF
pub fn bgrewriteaof(_ctx: &mut Context<'_>, _argv: &[Bytes]) -> Result<Outcome, Failure> {
    Ok(Request::BgRewriteAof.into())
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
