//! MULTI, EXEC, DISCARD, WATCH, UNWATCH (Redis: multi.c).
//!
//! Must not know: how the queued commands are carried out and propagated.

use super::{Answer, Command, Context, Failure, Flags, Outcome, Request};
use crate::keyspace::Bytes;
use crate::resp::Reply;

/// What a client has queued since MULTI.
#[derive(Default)]
pub struct Transaction {
    pub queued: Vec<(&'static Command, Vec<Bytes>)>,
    /// A command was refused, so EXEC will fail (Redis: `CLIENT_DIRTY_EXEC`).
    pub refused: bool,
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.queued.iter().map(|(command, _)| command.name).collect();
        f.debug_struct("Transaction")
            .field("queued", &names)
            .field("refused", &self.refused)
            .finish()
    }
}

impl Transaction {
    /// Queues a command, unless it would never run (Redis: `queueMultiCommand`).
    pub fn queue(&mut self, command: &'static Command, argv: Vec<Bytes>) {
        if !self.refused {
            self.queued.push((command, argv));
        }
    }

    /// Whether any queued command has none of these flags.
    pub fn lacks(&self, any: Flags) -> bool {
        self.queued.iter().any(|(command, _)| !command.flags.has(any))
    }

    /// Whether any queued command has one of these flags.
    pub fn has(&self, any: Flags) -> bool {
        self.queued.iter().any(|(command, _)| command.flags.has(any))
    }
}

/// MULTI
pub fn multi(ctx: &mut Context<'_>, _argv: &[Bytes]) -> Answer {
    if ctx.session.transaction.is_some() {
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
    ctx.keyspace.interest.unwatch_all(ctx.session.id);
    Ok(Reply::OK)
}

/// WATCH key [key …]
pub fn watch(ctx: &mut Context<'_>, argv: &[Bytes]) -> Answer {
    if ctx.session.transaction.is_some() {
        return Err(Failure::new("WATCH inside MULTI is not allowed"));
    }
    let (client, db) = (ctx.session.id, ctx.session.db);
    for key in &argv[1..] {
        ctx.keyspace.interest.watch(client, db, key);
    }
    Ok(Reply::OK)
}

/// UNWATCH
pub fn unwatch(ctx: &mut Context<'_>, _argv: &[Bytes]) -> Answer {
    ctx.keyspace.interest.unwatch_all(ctx.session.id);
    Ok(Reply::OK)
}

/// EXEC. It fails when a command was refused, and does nothing when a watched key was changed.
pub fn exec(ctx: &mut Context<'_>, _argv: &[Bytes]) -> Result<Outcome, Failure> {
    let Some(transaction) = ctx.session.transaction.take() else {
        return Err(Failure::new("EXEC without MULTI"));
    };
    let interest = &mut ctx.keyspace.interest;
    let touched = interest.is_touched(ctx.session.id);
    interest.unwatch_all(ctx.session.id);
    if transaction.refused {
        let words = "EXECABORT Transaction discarded because of previous errors.";
        return Err(Failure::coded(words));
    }
    if touched {
        return Ok(Reply::NullArray.into());
    }
    Ok(Request::Exec(transaction).into())
}
