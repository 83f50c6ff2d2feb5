//! FUNCTION: libraries are kept, not run (Redis: functions.c).
//!
//! Must not know: the language they are written in.

use super::arguments::is;
use super::context::Context;
use super::failure::{Answer, Failure};
use super::request::{Outcome, Request};
use crate::keyspace::{Bytes, RestorePolicy};
use crate::rdb::load_functions_payload;
use crate::resp::Reply;
use crate::text::glob_match;

/// `FUNCTION LOAD [REPLACE] code | DELETE library | FLUSH [ASYNC|SYNC] | LIST [LIBRARYNAME pattern]
/// [WITHCODE] | DUMP | RESTORE payload [FLUSH|APPEND|REPLACE]`
pub fn function(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    match argv {
        [_, word] if is(word, "dump") => Ok(Request::DumpFunctions.into()),
        _ => on_libraries(ctx, argv).map(Outcome::from),
    }
}

fn on_libraries(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    match (argv[1].to_ascii_lowercase().as_slice(), &argv[2..]) {
        (b"load", [options @ .., code]) => load(ctx, options, code),
        (b"delete", [library]) => {
            if !ctx.keyspace.functions.delete(library) {
                return Err(Failure::new("Library not found"));
            }
            ctx.changed(1);
            Ok(Reply::OK)
        }
        (b"flush", rest) if rest.iter().all(|word| is(word, "async") || is(word, "sync")) => {
            ctx.keyspace.functions.clear();
            ctx.changed(1);
            Ok(Reply::OK)
        }
        (b"list", options) => list(ctx, options),
        (b"restore", [payload, policy @ ..]) if policy.len() <= 1 => restore(ctx, payload, policy),
        _ => Err(Failure::subcommand(ctx.keyspace.generation, argv)),
    }
}

fn load(ctx: &mut Context<'_>, options: &[Bytes], code: &Bytes) -> Answer {
    if let Some(other) = options.iter().find(|option| !is(option, "replace")) {
        return Err(Failure::new([b"Unknown option given: ", other.as_slice()].concat()));
    }
    let loaded = ctx.keyspace.functions.load(code.clone(), !options.is_empty());
    let name = loaded.map_err(Failure::new)?;
    ctx.changed(1);
    Ok(Reply::Bulk(name))
}

fn restore(ctx: &mut Context<'_>, payload: &[u8], policy: &[Bytes]) -> Answer {
    let policy = match policy {
        [] => RestorePolicy::Append,
        [word, ..] if is(word, "append") => RestorePolicy::Append,
        [word, ..] if is(word, "replace") => RestorePolicy::Replace,
        [word, ..] if is(word, "flush") => RestorePolicy::Flush,
        _ => {
            return Err(Failure::new(
                "Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            ));
        }
    };
    let newest = ctx.keyspace.generation.rdb.version;
    let code = load_functions_payload(payload, newest).map_err(Failure::new)?;
    ctx.keyspace.functions.restore(code, policy).map_err(Failure::new)?;
    ctx.changed(1);
    Ok(Reply::OK)
}

/// The functions in a library are not known, as its code is not run, so it seems to have none.
fn list(ctx: &mut Context<'_>, mut options: &[Bytes]) -> Answer {
    let (mut with_code, mut pattern) = (false, None);
    loop {
        options = match options {
            [] => break,
            [word, rest @ ..] if is(word, "withcode") && !with_code => {
                with_code = true;
                rest
            }
            [word, given, rest @ ..] if is(word, "libraryname") && pattern.is_none() => {
                pattern = Some(given);
                rest
            }
            [word] if is(word, "libraryname") && pattern.is_none() => {
                return Err(Failure::new("library name argument was not given"));
            }
            [word, ..] => {
                return Err(Failure::new([b"Unknown argument ", word.as_slice()].concat()));
            }
        };
    }
    let matches = |name: &[u8]| pattern.is_none_or(|pattern| glob_match(pattern, name, true));
    let libraries = ctx.keyspace.functions.libraries().filter(|(name, _)| matches(name));
    let describe = |(name, code): (&Bytes, &Bytes)| {
        let mut fields = vec![
            Reply::bulk("library_name"),
            Reply::Bulk(name.clone()),
            Reply::bulk("engine"),
            Reply::bulk("LUA"),
            Reply::bulk("functions"),
            Reply::EMPTY_ARRAY,
        ];
        if with_code {
            fields.extend([Reply::bulk("library_code"), Reply::Bulk(code.clone())]);
        }
        Reply::Array(fields)
    };
    Ok(Reply::Array(libraries.map(describe).collect()))
}
