//! The connection itself: PING, ECHO, SELECT, TIME, CLIENT, COMMAND.
//!
//! Must not know: sockets.

use super::table::COMMANDS;
use super::{Answer, Command, Context, Failure, Outcome, Request, lookup};
use crate::keyspace::Bytes;
use crate::resp::Reply;
use crate::text::parse_integer;

/// PING [message]
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

/// TIME
pub fn time(ctx: &mut Context<'_>, _argv: &[Bytes]) -> Answer {
    let parts = [ctx.now_us / 1_000_000, ctx.now_us % 1_000_000];
    Ok(Reply::Array(parts.into_iter().map(Reply::bulk).collect()))
}

/// CLIENT ID | GETNAME | SETNAME name | LIST
pub fn client(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let reply = match (argv[1].to_ascii_lowercase().as_slice(), &argv[2..]) {
        (b"id", []) => Reply::Integer(ctx.session.id as i64),
        (b"getname", []) if ctx.session.name.is_empty() => Reply::Null,
        (b"getname", []) => Reply::Bulk(ctx.session.name.clone()),
        (b"setname", [name]) => set_name(ctx, name)?,
        (b"list", []) => return Ok(Request::ClientList.into()),
        (b"list", _) => return Err(Failure::syntax()),
        _ => {
            // The one command whose words lack the full stop.
            let mut failure = Failure::subcommand(argv);
            failure.0.pop();
            return Err(failure);
        }
    };
    Ok(reply.into())
}

fn set_name(ctx: &mut Context<'_>, name: &Bytes) -> Answer {
    if !name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Err(Failure::new(
            "Client names cannot contain spaces, newlines or special characters.",
        ));
    }
    ctx.session.name = name.clone();
    Ok(Reply::OK)
}

/// COMMAND [COUNT | INFO name …]
pub fn command(_ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    match argv.get(1).map(|word| word.to_ascii_lowercase()).as_deref() {
        None => Ok(Reply::Array(COMMANDS.iter().map(describe).collect())),
        Some(b"count") if argv.len() == 2 => Ok(Reply::Integer(COMMANDS.len() as i64)),
        Some(b"info") => {
            let named = argv[2..].iter().map(|name| lookup(name).map_or(Reply::Null, describe));
            Ok(Reply::Array(named.collect()))
        }
        Some(_) => Err(Failure::subcommand(argv)),
    }
}

/// Name, arity, flags, keys, and no ACL categories.
fn describe(command: &Command) -> Reply {
    let (first, last, step) = command.keys;
    Reply::Array(vec![
        Reply::bulk(command.name),
        Reply::Integer(command.arity.into()),
        Reply::Array(command.flags.names().map(Reply::status).collect()),
        Reply::Integer(first.into()),
        Reply::Integer(last.into()),
        Reply::Integer(step.into()),
        Reply::Array(Vec::new()),
    ])
}
