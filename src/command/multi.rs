//! MULTI, EXEC, DISCARD (Redis: multi.c). There is no WATCH, so no transaction fails for a changed
//! key.
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
    match ctx.session.transaction.take() {
        Some(_) => Ok(Reply::OK),
        None => Err(Failure::new("DISCARD without MULTI")),
    }
}

/// EXEC
pub fn exec(ctx: &mut Context<'_>, _argv: &[Bytes]) -> Result<Outcome, Failure> {
    match ctx.session.transaction.take() {
        None => Err(Failure::new("EXEC without MULTI")),
        Some(transaction) if transaction.refused => {
            Err(Failure::coded("EXECABORT Transaction discarded because of previous errors."))
        }
        Some(transaction) => Ok(Request::Exec(transaction).into()),
    }
}
