//! MULTI, EXEC, DISCARD, WATCH, UNWATCH (Redis: multi.c).
//!
//! Must not know: how queued commands run and are propagated.

use super::context::Context;
use super::failure::{Answer, Failure};
use super::request::{Outcome, Request};
use super::transaction::Transaction;
use crate::keyspace::Bytes;
use crate::resp::Reply;

/// MULTI
pub fn multi(ctx: &mut Context<'_>, _argv: &[Bytes]) -> Answer {
    // While a file is loaded, MULTI is queued like other commands, and comes here during EXEC.
    if ctx.session.transaction.is_some() || ctx.session.executing {
        return Err(Failure::new("MULTI calls can not be nested"));
    }
    ctx.session.transaction = Some(Transaction::default());
    Ok(Reply::OK)
}

/// DISCARD
pub fn discard(ctx: &mut Context<'_>, _argv: &[Bytes]) -> Answer {
    if ctx.session.transaction.take().is_none() {
        return Err(Failure::new("DISCARD without MULTI"));
    }
    ctx.keyspace.interest.unwatch_all_keys(ctx.session.id);
    Ok(Reply::OK)
}

/// WATCH key [key …]
pub fn watch(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    if ctx.session.transaction.is_some() {
        return Err(Failure::new("WATCH inside MULTI is not allowed"));
    }
    let (client, db) = (ctx.session.id, ctx.session.db);
    for key in &argv[1..] {
        ctx.keyspace.interest.watch_for_key(client, db, key);
    }
    Ok(Reply::OK)
}

/// UNWATCH
pub fn unwatch(ctx: &mut Context<'_>, _argv: &[Bytes]) -> Answer {
    ctx.keyspace.interest.unwatch_all_keys(ctx.session.id);
    Ok(Reply::OK)
}

/// EXEC. Fails if a queued command was refused; does nothing if a watched key was changed.
pub fn exec(ctx: &mut Context<'_>, _argv: &[Bytes]) -> Result<Outcome, Failure> {
    let Some(transaction) = ctx.session.transaction.take() else {
        return Err(Failure::new("EXEC without MULTI"));
    };
    let interest = &mut ctx.keyspace.interest;
    let touched = interest.is_dirty_cas(ctx.session.id);
    interest.unwatch_all_keys(ctx.session.id);
    if transaction.refused {
        let words = "EXECABORT Transaction discarded because of previous errors.";
        return Err(Failure::coded(words));
    }
    if touched {
        return Ok(Reply::NullArray.into());
    }
    Ok(Request::Exec(transaction).into())
}
