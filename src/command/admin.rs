//! INFO, CONFIG, SAVE, BGSAVE, BGREWRITEAOF, SHUTDOWN: turns their arguments into requests to the
//! server (Redis: server.c, config.c, rdb.c, aof.c, db.c).
//!
//! Must not know: how the server carries a request out.

use super::arguments::is;
use super::context::Context;
use super::failure::Failure;
use super::request::{FinalSnapshot, Outcome, Request, Shutdown};
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
pub fn config(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let text = |word: &Bytes| String::from_utf8_lossy(word).into_owned();
    let request = match (argv[1].to_ascii_lowercase().as_slice(), &argv[2..]) {
        (b"get", [pattern]) => Request::ConfigGet(pattern.clone()),
        (b"set", [name, value]) => Request::ConfigSet(vec![(text(name), text(value))]),
        (b"resetstat", []) => Request::ConfigResetStat,
        (b"rewrite", []) => Request::ConfigRewrite,
        _ => return Err(Failure::subcommand(ctx.keyspace.generation, argv)),
    };
    Ok(request.into())
}

/// The same with `CONFIG GET pattern …` and `CONFIG SET name value …`.
pub fn config_of_many(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let text = |word: &Bytes| String::from_utf8_lossy(word).into_owned();
    match (argv[1].to_ascii_lowercase().as_slice(), &argv[2..]) {
        (b"set", pairs @ [_, _, ..]) if pairs.len() % 2 == 0 => {
            let pairs = pairs.chunks_exact(2).map(|pair| (text(&pair[0]), text(&pair[1])));
            Ok(Request::ConfigSet(pairs.collect()).into())
        }
        (b"set", [_, _, ..]) => Err(Failure::syntax()),
        (b"get", [_]) | (b"resetstat" | b"rewrite", []) => config(ctx, argv),
        (sub @ (b"set" | b"get" | b"resetstat" | b"rewrite"), _) => {
            let sub = String::from_utf8_lossy(sub);
            Err(Failure::wrong_arity(&format!("config|{sub}")))
        }
        _ => Err(Failure::subcommand(ctx.keyspace.generation, argv)),
    }
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
    let snapshot = match &argv[1..] {
        [] => FinalSnapshot::BySavePoints,
        [word] if word.eq_ignore_ascii_case(b"nosave") => FinalSnapshot::NoSave,
        [word] if word.eq_ignore_ascii_case(b"save") => FinalSnapshot::Save,
        _ => return Err(Failure::syntax()),
    };
    Ok(Request::Shutdown(Shutdown { snapshot, force: false }).into())
}

/// `SHUTDOWN [SAVE | NOSAVE] [NOW] [FORCE]`, or `SHUTDOWN ABORT`. There are no replicas to wait
/// for, so NOW changes nothing but that it is allowed in a transaction.
pub fn abortable_shutdown(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let (mut how, mut now, mut abort) = (Shutdown::default(), false, false);
    let mut saves = [false; 2];
    for word in &argv[1..] {
        match word.to_ascii_lowercase().as_slice() {
            b"nosave" => saves[0] = true,
            b"save" => saves[1] = true,
            b"now" => now = true,
            b"force" => how.force = true,
            b"abort" => abort = true,
            _ => return Err(Failure::syntax()),
        }
    }
    how.snapshot = match saves {
        [false, false] => FinalSnapshot::BySavePoints,
        [true, false] => FinalSnapshot::NoSave,
        [false, true] => FinalSnapshot::Save,
        [true, true] => return Err(Failure::syntax()),
    };
    if abort {
        let alone = argv.len() == 2 || argv[1..].iter().all(|word| is(word, "abort"));
        return if alone { Ok(Request::AbortShutdown.into()) } else { Err(Failure::syntax()) };
    }
    if !now && ctx.session.executing {
        let words = "SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client";
        return Err(Failure::new(words));
    }
    Ok(Request::Shutdown(how).into())
}
