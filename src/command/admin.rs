//! INFO, CONFIG, SAVE, BGSAVE, BGREWRITEAOF, SHUTDOWN: turns their arguments into requests to the
//! server (Redis: server.c, config.c, rdb.c, aof.c, db.c).
//!
//! Must not know: how the server carries a request out.

use super::context::Context;
use super::failure::Failure;
use super::request::{Outcome, Request, Shutdown};
use crate::keyspace::Bytes;

/// `INFO [section]`
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

/// `BGSAVE [SCHEDULE]`
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
