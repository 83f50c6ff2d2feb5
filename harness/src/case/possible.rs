//! Rules that no call could ever meet, or whose effect no call could have, refused before anything
//! runs: a short `fsync`, a role for `fork`, a lie about a descriptor that does not exist.
//!
//! Must not know: how a rule is written, and which calls a server makes.

use super::error::{Span, Wrong};
use super::script::Named;
use crate::kernel::call::CallName;
use crate::kernel::plan::{Claim, Effect};

/// Rules that no call can ever meet.
pub fn objections(
    calls: &[(CallName, Span)],
    effect: &Effect,
    span: &Span,
    on: Option<&Named>,
) -> Vec<Wrong> {
    let mut wrongs = Vec::new();
    for (call, place) in calls {
        if let Some(on) = on.filter(|_| !has_file(*call)) {
            let message = format!("`{call}` is about no file: `on={}` never holds", on.role);
            wrongs.push(Wrong::new(on.span.clone(), message, "leave `on=` out, or use `in=TASK`"));
        }
        let moves_bytes = matches!(call, CallName::Read | CallName::Write);
        match effect {
            Effect::Short(_) if !moves_bytes => {
                let message = format!("`{call}` moves no bytes: it cannot be short");
                wrongs.push(Wrong::new(place.clone(), message, "`short` is for read and write"));
            }
            Effect::Short(0) if *call == CallName::Read => {
                let message = "a `read` of 0 bytes says that the file ends".to_string();
                wrongs.push(Wrong::new(span.clone(), message, "write retval=0: it is a lie"));
            }
            Effect::Retval(_) if !can_lie(*call) => {
                let message = format!("`{call}` cannot claim what it did not do");
                let help =
                    "it would have to invent a descriptor, a process or an answer; use error=";
                wrongs.push(Wrong::new(place.clone(), message, help));
            }
            Effect::Retval(claim) if *claim != Claim::Exactly(0) && *call == CallName::Read => {
                let message = "`read` cannot claim bytes that it did not get".to_string();
                wrongs.push(Wrong::new(span.clone(), message, "retval=0 is an early end of file"));
            }
            Effect::Retval(Claim::Exactly(n)) if *n != 0 && *call != CallName::Write => {
                let message = format!("`{call}` returns 0 when it succeeds, never {n}");
                wrongs.push(Wrong::new(span.clone(), message, "write retval=0"));
            }
            Effect::ReadOnly if !may_change(*call) => {
                let message = format!("`{call}` changes nothing on a disk");
                let help = "choose a call that fails where the file system is read-only";
                wrongs.push(Wrong::new(place.clone(), message, help));
            }
            _ => {}
        }
    }
    wrongs
}

/// Whether a site of this call has a role.
fn has_file(call: CallName) -> bool {
    !matches!(call, CallName::Pipe | CallName::Fork | CallName::Wait4 | CallName::Getcwd)
}

/// Whether it can fail because nothing may be changed.
fn may_change(call: CallName) -> bool {
    let harmless = matches!(call, CallName::Read | CallName::Close | CallName::Dup);
    has_file(call) && !harmless && !call.is_question()
}

/// Whether success can be claimed without the deed.
fn can_lie(call: CallName) -> bool {
    let invents =
        matches!(call, CallName::Open | CallName::Close | CallName::Stat | CallName::Fstat);
    has_file(call) && !invents
}
