//! Rules of the fault plan as text, after strace's `inject`, and decisions of the schedule.
//!
//! ```text
//! inject CALL[,CALL…] [on=ROLE] [in=TASK] EFFECT [when=FIRST[..LAST][+STEP]] [as=NAME] [maybe]
//! inject at SITE EFFECT [as=NAME] [maybe]
//! EFFECT = error=ERRNO | short=BYTES | retval=N | retval=all | delay=TIME | hold | signal=SIG
//!        | power=before:MODE | power=after:MODE | kill=before:WHO | kill=after:WHO
//!        | sync=before:ROLE | sync=after:ROLE
//! ```
//!
//! The words after the calls may come in any order, each at most once, and exactly one is an
//! effect. A rule that no call could ever meet is refused too, see `possible`. Must not know:
//! when a rule fires.

use super::args::Args;
use super::error::{Span, Wrong, one_of};
use super::lex::Word;
use super::script::{Named, Verb};
use super::{possible, power, values};
use crate::kernel::Decision;
use crate::kernel::call::CallName;
use crate::kernel::plan::{Claim, Effect, Rule, Selector, Window};

const EFFECTS: [&str; 10] =
    ["error", "short", "retval", "delay", "hold", "signal", "power", "kill", "read-only", "sync"];
const SELECTS: [&str; 5] = ["on", "in", "when", "as", "maybe"];
const AN_EFFECT: &str = "expected error=ERRNO, short=BYTES, retval=N, delay=TIME, hold, \
                         signal=SIG, power=, kill=, read-only or sync=";

/// Everything behind the word `inject`; `end` is where the line ends, `line` becomes the rule's
/// origin. With the rule come the roles it names, to be checked once the server is known.
pub fn parse(words: &[Word], end: usize, line: u32) -> Result<(Rule, Vec<Named>), Vec<Wrong>> {
    let Some((first, rest)) = words.split_first() else {
        return Err(vec![Wrong::new(end..end, "which calls?", a_call())]);
    };
    let mut wrongs = Vec::new();
    let (target, rest) = if first.text() == "at" {
        let Some((site, rest)) = rest.split_first() else {
            let help = "expected a site such as parent.aof.write#2";
            return Err(vec![Wrong::new(end..end, "at which site?", help)]);
        };
        (at_site(site, &mut wrongs), rest)
    } else {
        (calls(first, &mut wrongs), rest)
    };
    let mut keys = Keys { at_site: first.text() == "at", ..Keys::default() };
    for word in rest {
        if let Err(wrong) = keys.word(word) {
            wrongs.push(wrong);
        }
    }
    let effect = match keys.effect.take() {
        Some(effect) => Some(effect),
        None if keys.effect_tried => None,
        None => {
            wrongs.push(Wrong::new(end..end, "no effect", AN_EFFECT));
            None
        }
    };
    if let (Some(target), Some((effect, span))) = (&target, &effect) {
        wrongs.extend(possible::objections(&target.calls, effect, span, keys.role.as_ref()));
    }
    match (target, effect) {
        (Some(target), Some((effect, _))) if wrongs.is_empty() => {
            Ok(keys.finish(target, effect, line))
        }
        _ => Err(wrongs),
    }
}

/// `preempt SITE for TASK [maybe]`: a decision of the schedule.
pub fn preempt(args: &Args<'_>) -> Result<Verb, Vec<Wrong>> {
    let maybe = args.words.last().is_some_and(|word| word.bytes == b"maybe" && !word.quoted);
    let words = &args.words[..args.words.len() - usize::from(maybe)];
    let usage = format!("expected `{}`", args.usage);
    let [at, middle, task] = words else {
        return args.wrong(words.get(3), "not a decision of the schedule", &usage);
    };
    if middle.text() != "for" {
        return args.wrong(Some(middle), "`for` comes here", &usage);
    }
    let mut wrongs = Vec::new();
    let Some(Target { selector: Selector::Site(site), role, .. }) = at_site(at, &mut wrongs) else {
        return Err(wrongs);
    };
    let task = task.text();
    if task == site.task {
        return args.wrong(Some(&words[2]), "a task cannot run before itself", &usage);
    }
    let decision = Decision { site, task, maybe, origin: args.line.number };
    Ok(Verb::Preempt { decision, role: role.into_iter().collect() })
}

/// What a rule is about, with each call's place in the text.
struct Target {
    selector: Selector,
    calls: Vec<(CallName, Span)>,
    /// The role in a site.
    role: Option<Named>,
}

fn a_call() -> String {
    format!("expected one of: {}", CallName::words().join(", "))
}

fn at_site(word: &Word, wrongs: &mut Vec<Wrong>) -> Option<Target> {
    match word.text().parse::<crate::kernel::site::Site>() {
        Ok(site) => {
            let calls = vec![(site.call, word.span.clone())];
            let role =
                site.role.clone().map(|role| Named { role: role.into(), span: word.span.clone() });
            Some(Target { selector: Selector::Site(site), calls, role })
        }
        Err(not) => {
            let message = format!("`{}` is not a site", word.text());
            wrongs.push(Wrong::new(word.span.clone(), message, not.to_string()));
            None
        }
    }
}

fn calls(word: &Word, wrongs: &mut Vec<Wrong>) -> Option<Target> {
    let mut calls: Vec<(CallName, Span)> = Vec::new();
    let mut start = word.span.start;
    for name in word.text().split(',') {
        let span = start..start + name.len();
        start = span.end + 1;
        let Some(selected) = CallName::select(name) else {
            let message = format!("`{name}` is not a system call that can be injected into");
            wrongs.push(Wrong::new(inside(span, word), message, one_of(name, CallName::words())));
            continue;
        };
        for call in selected {
            if calls.iter().any(|(known, _)| *known == call) {
                let message = format!("`{call}` is selected twice");
                wrongs.push(Wrong::new(inside(span.clone(), word), message, "name each call once"));
            } else {
                calls.push((call, inside(span.clone(), word)));
            }
        }
    }
    let names = calls.iter().map(|(call, _)| *call).collect();
    let selector = Selector::Calls { calls: names, role: None, task: None };
    (!calls.is_empty()).then_some(Target { selector, calls, role: None })
}

/// A span within a word whose quotes may have shifted it.
fn inside(span: Span, word: &Word) -> Span {
    if word.quoted || span.end > word.span.end { word.span.clone() } else { span }
}

/// The words behind the target.
#[derive(Default)]
struct Keys {
    at_site: bool,
    role: Option<Named>,
    task: Option<String>,
    window: Option<Window>,
    name: Option<String>,
    maybe: bool,
    /// The role that an effect names.
    synced: Option<Named>,
    effect: Option<(Effect, Span)>,
    /// An effect was there, though a wrong one.
    effect_tried: bool,
    seen: Vec<String>,
}

impl Keys {
    fn word(&mut self, word: &Word) -> Result<(), Wrong> {
        let text = word.text();
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (text.as_str(), None),
        };
        let known = || SELECTS.into_iter().chain(EFFECTS);
        if !known().any(|name| name == key) {
            let message = format!("`{key}` means nothing here");
            return Err(Wrong::new(word.span.clone(), message, one_of(key, known())));
        }
        if self.seen.iter().any(|seen| seen == key) {
            let message = format!("`{key}` is there twice");
            return Err(Wrong::new(word.span.clone(), message, "say it once"));
        }
        self.seen.push(key.to_string());
        let wants_value = !matches!(key, "hold" | "read-only" | "maybe");
        let value = match (value, wants_value) {
            (Some(value), true) if !value.is_empty() => value,
            (None, false) => "",
            (_, true) => {
                self.effect_tried |= EFFECTS.contains(&key);
                let message = format!("`{key}` needs a value");
                return Err(Wrong::new(word.span.clone(), message, help_for(key)));
            }
            (Some(_), false) => {
                self.effect_tried |= EFFECTS.contains(&key);
                let message = format!("`{key}` takes no value");
                return Err(Wrong::new(word.span.clone(), message, format!("write `{key}` alone")));
            }
        };
        let place = word.span.start + key.len() + usize::from(wants_value)..word.span.end;
        let place = if word.quoted || place.is_empty() { word.span.clone() } else { place };
        if EFFECTS.contains(&key) {
            self.set_effect(key, value, word, place)
        } else {
            self.narrow(key, value, word, place)
        }
    }

    fn set_effect(
        &mut self,
        key: &str,
        value: &str,
        word: &Word,
        place: Span,
    ) -> Result<(), Wrong> {
        if self.effect_tried {
            let help = "write another `inject` line for the second effect";
            return Err(Wrong::new(word.span.clone(), "one effect per rule", help));
        }
        self.effect_tried = true;
        let end = place.end;
        let effect = effect(key, value).map_err(|help| {
            Wrong::new(place, format!("`{value}` is not a value for `{key}`"), help)
        })?;
        if let Effect::Sync(_, role) = &effect {
            let span = end.saturating_sub(role.len())..end;
            let span = if word.quoted { word.span.clone() } else { span };
            self.synced = Some(Named { role: role.clone(), span });
        }
        self.effect = Some((effect, word.span.clone()));
        Ok(())
    }

    fn narrow(&mut self, key: &str, value: &str, word: &Word, place: Span) -> Result<(), Wrong> {
        if self.at_site && !matches!(key, "as" | "maybe") {
            let message = format!("a site is one call: `{key}` cannot narrow it");
            let help = format!("leave `{key}` out, or select by call");
            return Err(Wrong::new(word.span.clone(), message, help));
        }
        match key {
            "on" => self.role = Some(Named { role: value.to_string(), span: place }),
            "in" => self.task = Some(task(value, &place)?),
            "as" => self.name = Some(name(value, &place)?),
            "maybe" => self.maybe = true,
            _ => match value.parse() {
                Ok(window) => self.window = Some(window),
                Err(not) => {
                    let message = format!("`{value}` is not a value for `when`");
                    let not: crate::kernel::plan::NotAWindow = not;
                    return Err(Wrong::new(place, message, not.to_string()));
                }
            },
        }
        Ok(())
    }

    fn finish(self, target: Target, effect: Effect, line: u32) -> (Rule, Vec<Named>) {
        let roles = self.role.iter().cloned().chain(target.role).chain(self.synced).collect();
        let (selector, window) = match target.selector {
            Selector::Site(site) => (Selector::Site(site), Window::EVERY),
            Selector::Calls { calls, .. } => {
                let role = self.role.map(|named| named.role);
                let window = self.window.unwrap_or(Window::EVERY);
                (Selector::Calls { calls, role, task: self.task }, window)
            }
        };
        let (name, maybe) = (self.name, self.maybe);
        (Rule { selector, window, effect, name, maybe, origin: line }, roles)
    }
}

/// What people call the server's main thread.
const MAIN: [&str; 3] = ["main", "server", "main-thread"];

pub fn task(name: &str, place: &Span) -> Result<String, Wrong> {
    if MAIN.contains(&name) {
        let message = format!("no task is called `{name}`");
        let help = "the server's main thread is `parent`";
        return Err(Wrong::new(place.clone(), message, help));
    }
    Ok(name.to_string())
}

/// What `heal` ends by a word of its own.
pub const HEALED_BY_WORD: [&str; 2] = ["space", "read-only"];

fn name(name: &str, place: &Span) -> Result<String, Wrong> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.chars().all(plain) {
        let message = format!("`{name}` is not a name");
        let help = "a name consists of letters, digits, `-` and `_`";
        return Err(Wrong::new(place.clone(), message, help));
    }
    if HEALED_BY_WORD.contains(&name) {
        let message = format!("`{name}` is what `heal {name}` means already");
        return Err(Wrong::new(place.clone(), message, "choose another name"));
    }
    Ok(name.to_string())
}

fn help_for(key: &str) -> &'static str {
    match key {
        "on" => "expected on=ROLE, for example on=aof",
        "in" => "expected in=TASK, for example in=child",
        "as" => "expected as=NAME, a name for `heal NAME`",
        "when" => "expected when=FIRST[..LAST][+STEP], for example when=1",
        _ => AN_EFFECT,
    }
}

fn effect(key: &str, value: &str) -> Result<Effect, String> {
    match key {
        "error" => values::errno(value).map(Effect::Error),
        "short" => values::size(value).map(Effect::Short),
        "retval" if value == "all" => Ok(Effect::Retval(Claim::All)),
        "retval" => match values::number(value).and_then(|n| i64::try_from(n).ok()) {
            Some(n) => Ok(Effect::Retval(Claim::Exactly(n))),
            None => Err("expected what the call claims, from 0 up, or `all`; for failure use \
                         error="
                .into()),
        },
        "delay" => values::time(value).map(Effect::Delay),
        "hold" => Ok(Effect::Hold),
        "read-only" => Ok(Effect::ReadOnly),
        "signal" => values::signal(value).map(Effect::Signal),
        "kill" => power::kill(value),
        "sync" => power::sync(value),
        _ => power::power(value),
    }
}

/// A rule as it would be written, without the word `inject`. A rule for calls of a kind always says
/// which of them.
pub fn show(rule: &Rule) -> String {
    let mut words = match &rule.selector {
        Selector::Site(site) => vec![format!("at {site}")],
        Selector::Calls { calls, role, task } => {
            let names: Vec<&str> = calls.iter().map(|call| call.as_str()).collect();
            let mut words = vec![names.join(",")];
            words.extend(role.iter().map(|role| format!("on={role}")));
            words.extend(task.iter().map(|task| format!("in={task}")));
            words
        }
    };
    words.push(match &rule.effect {
        Effect::Error(errno) => format!("error={errno:?}"),
        Effect::Short(bytes) => format!("short={bytes}"),
        Effect::Retval(Claim::All) => "retval=all".to_string(),
        Effect::Retval(Claim::Exactly(n)) => format!("retval={n}"),
        Effect::Delay(time) => format!("delay={}", values::show_time(*time)),
        Effect::Hold => "hold".to_string(),
        Effect::ReadOnly => "read-only".to_string(),
        Effect::Signal(signal) => format!("signal={signal}"),
        Effect::Halt(when, halt) => power::show(*when, *halt),
        Effect::Sync(when, role) => format!("sync={}:{role}", when.as_str()),
    });
    if let Selector::Calls { .. } = rule.selector {
        words.push(format!("when={}", rule.window));
    }
    words.extend(rule.name.iter().map(|name| format!("as={name}")));
    words.extend(rule.maybe.then(|| "maybe".to_string()));
    words.join(" ")
}
