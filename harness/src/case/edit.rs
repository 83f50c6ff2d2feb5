//! Steps in another version, for whoever makes many scripts of one.
//!
//! Must not know: why a script is changed.

use super::script::Verb;
use crate::kernel::plan::{Effect, Halt, Rule, Selector, Window};
use crate::kernel::{Cut, Site};

impl Verb {
    /// A rule for exactly this call.
    pub fn inject_at(site: Site, effect: Effect) -> Verb {
        Verb::inject(Selector::Site(site), Window::EVERY, effect)
    }

    /// A rule that stands nowhere yet.
    pub fn inject(selector: Selector, window: Window, effect: Effect) -> Verb {
        let rule = Rule { selector, window, effect, name: None, maybe: false, origin: 0 };
        Verb::Inject { rule, roles: Vec::new() }
    }

    /// The same step, for a script in which it may have nothing to be about.
    pub fn optional(self) -> Verb {
        match self {
            Verb::Inject { rule, roles } => {
                Verb::Inject { rule: Rule { maybe: true, ..rule }, roles }
            }
            Verb::Preempt { mut decision, role } => {
                decision.maybe = true;
                Verb::Preempt { decision, role }
            }
            verb @ (Verb::Kill(_)
            | Verb::Signal { .. }
            | Verb::Orphan(_)
            | Verb::Shutdown(_)
            | Verb::Check
            | Verb::AwaitChild
            | Verb::Hold(_)) => Verb::Maybe(Box::new(verb)),
            other => other,
        }
    }

    /// A step that cuts the power, with another state left behind; others as they are.
    pub fn leaving(mut self, cut: Cut) -> Verb {
        match &mut self {
            Verb::PowerCut(left)
            | Verb::Inject {
                rule: Rule { effect: Effect::Halt(_, Halt::Power(left)), .. }, ..
            } => {
                *left = cut;
            }
            _ => {}
        }
        self
    }

    /// A rule or decision for a call `by` numbers earlier, as where calls before it are no longer
    /// made; others as they are. None: there is no such call.
    pub fn earlier(mut self, by: u32) -> Option<Verb> {
        let earlier = |number: u32| number.checked_sub(by).filter(|number| *number > 0);
        match &mut self {
            Verb::Inject { rule, .. } => match &mut rule.selector {
                Selector::Site(site) => site.number = earlier(site.number)?,
                // One that is for every call is for every call that is left.
                Selector::Calls { .. } if rule.window == Window::EVERY => {}
                Selector::Calls { .. } => {
                    rule.window = rule.window.begun_earlier(u64::from(by))?;
                }
            },
            Verb::Preempt { decision, .. } => {
                decision.site.number = earlier(decision.site.number)?;
            }
            _ => {}
        }
        Some(self)
    }
}
