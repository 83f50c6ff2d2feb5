//! AUTH and HELLO: authentication and the choice of protocol (Redis: acl.c, networking.c).
//!
//! There is one user, `default`, and one protocol, RESP2. Must not know: the password.

use super::arguments::is;
use super::connection::set_name;
use super::context::Context;
use super::failure::Failure;
use super::request::{Credentials, Outcome, Request};
use crate::keyspace::Bytes;
use crate::resp::Reply;
use crate::text::parse_integer;

/// `AUTH [user] password`
pub fn auth(_ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let (user, password) = match &argv[1..] {
        [password] => (None, password),
        [user, password] => (Some(user), password),
        _ => return Err(Failure::syntax()),
    };
    let named = user.is_some();
    let user = user.cloned().unwrap_or_else(|| b"default".to_vec());
    let credentials = Credentials { user, password: password.clone() };
    Ok(Request::Auth { credentials, named }.into())
}

/// HELLO version [AUTH user password] [SETNAME name]
///
/// Version 3 is refused with Redis' error for an unknown version.
pub fn hello(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    if parse_integer(&argv[1]) != Some(2) {
        return Err(no_such_version());
    }
    greet(ctx, &argv[2..])
}

/// The same since 6.2, where the version may be missing.
pub fn hello_of_any_version(ctx: &mut Context<'_>, argv: &[Bytes]) -> Result<Outcome, Failure> {
    let Some((version, options)) = argv[1..].split_first() else { return greet(ctx, &[]) };
    match parse_integer(version) {
        Some(2) => greet(ctx, options),
        Some(_) => Err(no_such_version()),
        None => Err(Failure::new("Protocol version is not an integer or out of range")),
    }
}

fn no_such_version() -> Failure {
    Failure::coded("NOPROTO unsupported protocol version")
}

fn greet(ctx: &mut Context<'_>, mut words: &[Bytes]) -> Result<Outcome, Failure> {
    let mut credentials = None;
    loop {
        words = match words {
            [] => break,
            [word, user, password, rest @ ..] if is(word, "auth") => {
                let (user, password) = (user.clone(), password.clone());
                credentials = Some(Credentials { user, password });
                rest
            }
            [word, name, rest @ ..] if is(word, "setname") => {
                set_name(ctx, name)?;
                rest
            }
            [word, ..] => {
                let word = String::from_utf8_lossy(word);
                return Err(Failure::new(format!("Syntax error in HELLO option '{word}'")));
            }
        };
    }
    Ok(Request::Hello(credentials).into())
}

/// The reply of HELLO to an authenticated client.
pub fn greeting(version: &'static str, client: u64) -> Reply {
    let text = |text: &'static str| Reply::bulk(text);
    let pairs = [
        (text("server"), text("redis")),
        (text("version"), text(version)),
        (text("proto"), Reply::Integer(2)),
        (text("id"), Reply::Integer(client as i64)),
        (text("mode"), text("standalone")),
        (text("role"), text("master")),
        (text("modules"), Reply::EMPTY_ARRAY),
    ];
    Reply::Array(pairs.into_iter().flat_map(|(name, value)| [name, value]).collect())
}
