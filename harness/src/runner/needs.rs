//! What a case asks of a server before it runs: roles that must exist, `needs`.
//!
//! Must not know: how a server is run.

use crate::case::error::{BadCase, Wrong, one_of};
use crate::case::script::{Expect, Named, Needs, Script, Show, Verb};
use crate::kernel::role::Roles;
use crate::profile::Profile;

/// Roles that the kernel gives to what no table knows.
const ALWAYS: [&str; 3] = ["dir", "other", "pipe"];

/// What people take this role for, behind a complaint about it.
pub fn meant(role: &str) -> &'static str {
    match role {
        "incr" => "; `incr` are older increments, the one that writes go to is `aof`",
        _ => "",
    }
}

/// Why the case does not apply to this server; None: it does, as far as can be said before it runs.
pub fn unmet(script: &Script, roles: &Roles, profile: &Profile) -> Option<String> {
    script.steps.iter().find_map(|step| match &step.verb {
        Verb::Needs(Needs::Role(role)) => (!roles.all().contains(&role.as_str()))
            .then(|| format!("{} has no file role `{role}`", profile.name)),
        Verb::Needs(Needs::Version(bounds)) => {
            let version = version(profile);
            let met = bounds.iter().all(|bound| bound.holds(&version));
            (!met).then(|| format!("the server's version is {version}"))
        }
        _ => None,
    })
}

/// The version that counts.
fn version(profile: &Profile) -> String {
    profile.counts_as().map_or(profile.from, |server| server.version).to_string()
}

/// Refuses roles that this server's files can never have.
pub fn check_roles(script: &Script, roles: &Roles) -> Result<(), BadCase> {
    let mut named = script.steps.iter().flat_map(|step| named(&step.verb)).peekable();
    if named.peek().is_none() {
        return Ok(());
    }
    let known: Vec<&str> = roles.all().into_iter().chain(ALWAYS).collect();
    let wrongs: Vec<Wrong> = named
        .filter(|named| !known.contains(&named.role.as_str()))
        .map(|named| {
            let message = format!("this server has no file role `{}`", named.role);
            let help = format!(
                "{}; where only some servers have it, say `needs role {}`{}",
                one_of(&named.role, known.iter().copied()),
                named.role,
                meant(&named.role)
            );
            Wrong::new(named.span.clone(), message, help)
        })
        .collect();
    if wrongs.is_empty() { Ok(()) } else { Err(BadCase::new(&script.name, &script.source, wrongs)) }
}

fn named(verb: &Verb) -> &[Named] {
    match verb {
        Verb::Inject { roles, .. } | Verb::Preempt { role: roles, .. } => roles,
        Verb::Backup(roles) => roles,
        Verb::Damage { role, .. } | Verb::Show(Show::File(role)) => std::slice::from_ref(role),
        Verb::Expect(expect) | Verb::Symptom(expect) => match expect {
            Expect::File { role, .. } | Expect::Files { role, .. } => std::slice::from_ref(role),
            _ => &[],
        },
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::parse;

    #[test]
    fn roles_that_a_server_does_not_have_are_pointed_at() {
        let roles = crate::profile::Profile::named("redis-7").unwrap().roles();
        let source =
            "inject write on=pipe:ack-to-child retval=1\n> PING\ninject fsync on=aoff hold\n";
        let bad = check_roles(&parse("x", source).unwrap(), &roles).unwrap_err();
        let shown: Vec<String> = bad.errors.iter().map(|error| error.to_string()).collect();
        let expected = [
            "x:1:17: this server has no file role `pipe:ack-to-child`",
            "x:3:17: this server has no file role `aoff`",
        ];
        assert_eq!(shown, expected);
        assert!(bad.errors[1].help.starts_with("did you mean `aof`?"), "{}", bad.errors[1].help);
    }
}
