//! Connection commands: PING, ECHO, SELECT, TIME, CLIENT (Redis: networking.c, server.c).
//!
//! Must not know: sockets.

use super::arguments::{integer, is};
use super::context::Context;
use super::failure::{Answer, Failure};
use super::request::{KillFilter, Outcome, Request};
use super::session::ReplyMode;
use crate::keyspace::Bytes;
use crate::resp::Reply;
use crate::text::parse_integer;

/// `PING [message]`
pub fn ping(_ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    match argv {
        [_] => Ok(Reply::status("PONG")),
        [_, message] => Ok(Reply::Bulk(message.clone())),
        _ => Err(Failure::wrong_arity("ping")),
    }
}

/// ECHO message
pub fn echo(_ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    Ok(Reply::Bulk(argv[1].clone()))
}

/// SELECT index
pub fn select(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    let index = parse_integer(&argv[1]).ok_or_else(|| Failure::new("invalid DB index"))?;
    match usize::try_from(index) {
        Ok(index) if index < ctx.keyspace.dbs.len() => {
            ctx.session.db = index;
            Ok(Reply::OK)
        }
        _ => Err(Failure::new("DB index is out of range")),
    }
}

/// RESET
pub fn reset(_ctx: &mut Context<'_>, _argv: &[Bytes]) -> Result<Outcome, Failure> {
    Ok(Request::ResetConnection.into())
}

/// TIME
pub fn time(ctx: &mut Context<'_>, _argv: &[Bytes]) -> Answer {
    let parts = [ctx.now_us / 1_000_000, ctx.now_us % 1_000_000];
    Ok(Reply::Array(parts.into_iter().map(Reply::bulk).collect()))
}

/// CLIENT ID | GETNAME | SETNAME name | LIST [TYPE type] | KILL … | REPLY ON|OFF|SKIP
///   | UNBLOCK id [TIMEOUT|ERROR]
pub fn client(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let reply = match (argv[1].to_ascii_lowercase().as_slice(), &argv[2..]) {
        (b"id", []) => Reply::Integer(ctx.session.id as i64),
        (b"getname", []) if ctx.session.name.is_empty() => Reply::Null,
        (b"getname", []) => Reply::Bulk(ctx.session.name.clone()),
        (b"setname", [name]) => set_name(ctx, name)?,
        (b"list", []) => return Ok(Request::ClientList { matches_none: false }.into()),
        (b"list", [word, name]) if is(word, "type") => {
            return Ok(Request::ClientList { matches_none: !is_normal(name)? }.into());
        }
        (b"list", _) => return Err(Failure::syntax()),
        (b"kill", words) => return Ok(Request::ClientKill(kill_filter(words)?).into()),
        (b"reply", [mode]) => set_reply_mode(ctx, mode)?,
        (b"unblock", [id]) => return unblock(id, false),
        (b"unblock", [id, how]) if is(how, "timeout") => return unblock(id, false),
        (b"unblock", [id, how]) if is(how, "error") => return unblock(id, true),
        (b"unblock", [_, _]) => {
            return Err(Failure::new("CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
        }
        _ => {
            let sub = String::from_utf8_lossy(&argv[1]);
            return Err(Failure::new(format!(
                "Unknown subcommand or wrong number of arguments for '{sub}'. Try CLIENT HELP"
            )));
        }
    };
    Ok(reply.into())
}

pub fn set_name(ctx: &mut Context<'_>, name: &Bytes) -> Answer {
    if !name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Err(Failure::new(
            "Client names cannot contain spaces, newlines or special characters.",
        ));
    }
    ctx.session.name = name.clone();
    Ok(Reply::OK)
}

/// Whether a client type is `normal`, the only one here. Redis' other types are valid too.
fn is_normal(name: &[u8]) -> Result<bool, Failure> {
    match name.to_ascii_lowercase().as_slice() {
        b"normal" => Ok(true),
        b"slave" | b"replica" | b"pubsub" | b"master" => Ok(false),
        _ => {
            let name = String::from_utf8_lossy(name);
            Err(Failure::new(format!("Unknown client type '{name}'")))
        }
    }
}

fn kill_filter(words: &[Bytes]) -> Result<KillFilter, Failure> {
    let text = |word: &Bytes| Some(String::from_utf8_lossy(word).into_owned());
    if let [address] = words {
        return Ok(KillFilter { address: text(address), old_form: true, ..KillFilter::default() });
    }
    let mut filter = KillFilter { skip_me: true, ..KillFilter::default() };
    if words.is_empty() {
        return Err(Failure::syntax());
    }
    for pair in words.chunks(2) {
        let [name, value] = pair else { return Err(Failure::syntax()) };
        match name.to_ascii_lowercase().as_slice() {
            b"id" => filter.id = Some(integer(value)? as u64).filter(|&id| id != 0),
            b"type" => filter.matches_none |= !is_normal(value)?,
            b"addr" => filter.address = text(value),
            b"user" if value == b"default" => {}
            b"user" => {
                let user = String::from_utf8_lossy(value);
                return Err(Failure::new(format!("No such user '{user}'")));
            }
            b"skipme" if is(value, "yes") => filter.skip_me = true,
            b"skipme" if is(value, "no") => filter.skip_me = false,
            _ => return Err(Failure::syntax()),
        }
    }
    Ok(filter)
}

fn set_reply_mode(ctx: &mut Context<'_>, mode: &[u8]) -> Answer {
    let replies = &mut ctx.session.replies;
    match mode.to_ascii_lowercase().as_slice() {
        b"on" => {
            *replies = ReplyMode::On;
            return Ok(Reply::OK);
        }
        b"off" => *replies = ReplyMode::Off,
        b"skip" if *replies == ReplyMode::Off => {}
        b"skip" => *replies = ReplyMode::SkipNext,
        _ => return Err(Failure::syntax()),
    }
    Ok(Reply::Nothing)
}

fn unblock(id: &[u8], error: bool) -> Result<Outcome, Failure> {
    Ok(Request::ClientUnblock { id: integer(id)? as u64, error }.into())
}
