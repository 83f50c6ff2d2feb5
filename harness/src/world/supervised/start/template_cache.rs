//! The templates of a worker: which one fits a start, and how many are kept.
//!
//! A program may ask for the time before its entry point, and nearly every server does at its
//! beginning. Then a template fits only starts at the same time. The first start that no template
//! fits is made the slow way; for a second one like it a template is made, at the entry point or,
//! where there is one already, after the beginning. Must not know: how either is done.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::start_key::StartKey;
use super::template::{Begins, Template};
use super::time_page::TimePage;
use super::view::View;

/// How many templates are kept; each is a stopped process.
const KEPT: usize = 16;
/// How many keys without a fitting template are remembered.
const MISSED: usize = 256;

/// A start, for the choice of its template.
#[derive(Clone, Debug)]
pub struct Start<'a> {
    pub key: StartKey,
    pub begins: Begins,
    pub directory: &'a Path,
    pub view: &'a View,
}

/// A start that no template fitted; None: not even one at the entry point.
type Missed = (StartKey, Option<Begins>);

/// Templates, the newest first.
#[derive(Debug, Default)]
pub struct TemplateCache {
    kept: RefCell<VecDeque<Rc<Template>>>,
    missed: RefCell<VecDeque<Missed>>,
    /// Programs that cannot be templates, and why.
    unsupported: RefCell<BTreeMap<PathBuf, String>>,
    /// Programs whose beginning cannot be copied, and why.
    begin_anew: RefCell<BTreeMap<PathBuf, String>>,
}

impl TemplateCache {
    /// A template that fits the start; None: it is to be made the slow way.
    pub fn template(&self, start: &Start<'_>, time: &TimePage) -> Option<Rc<Template>> {
        let Start { key, begins, directory, view } = start;
        if let Some(begun) = self.fitting(key, Some(begins)) {
            return Some(begun);
        }
        let second = self.missed_already(key, Some(begins));
        let linked = match self.fitting(key, None) {
            Some(linked) => linked,
            None => return self.link(key, view, time),
        };
        if !second || self.begin_anew.borrow().contains_key(&key.program) {
            return Some(linked);
        }
        Some(match linked.begin(key, begins, directory, view, time) {
            Ok(begun) => self.keep(begun),
            Err(why) => {
                self.begin_anew.borrow_mut().insert(key.program.clone(), why);
                linked
            }
        })
    }

    /// Drops a template that has failed.
    pub fn discard(&self, template: &Rc<Template>) {
        self.kept.borrow_mut().retain(|other| !Rc::ptr_eq(other, template));
    }

    /// Why a program that was started three times in the same way has no template after its
    /// beginning, or none at all; None: it has one.
    pub fn why_slow(&self, program: &Path) -> Option<String> {
        let kept = self.kept.borrow();
        let mut ours = kept.iter().filter(|template| template.program() == program).peekable();
        if ours.peek().is_none() {
            let why = self.unsupported.borrow().get(program).cloned();
            let why = why.unwrap_or_else(|| "no two starts of it are alike".to_string());
            return Some(format!("each start executes it anew: {why}"));
        }
        if ours.any(|template| template.has_begun()) {
            return None;
        }
        let why = self.begin_anew.borrow().get(program).cloned();
        let why = why.unwrap_or_else(|| "no two starts of it begin alike".to_string());
        Some(format!("each start begins anew: {why}"))
    }

    /// A template that fits, which is the newest from now on.
    fn fitting(&self, key: &StartKey, begins: Option<&Begins>) -> Option<Rc<Template>> {
        let mut kept = self.kept.borrow_mut();
        let at = kept.iter().position(|template| template.fits(key, begins))?;
        let template = kept.remove(at)?;
        kept.push_front(Rc::clone(&template));
        Some(template)
    }

    /// Makes a template at the entry point, if this is the second start like it.
    fn link(&self, key: &StartKey, view: &View, time: &TimePage) -> Option<Rc<Template>> {
        if self.unsupported.borrow().contains_key(&key.program) || !self.missed_already(key, None) {
            return None;
        }
        match Template::new(key, view, time) {
            Ok(template) => Some(self.keep(template)),
            Err(why) => {
                self.unsupported.borrow_mut().insert(key.program.clone(), why);
                None
            }
        }
    }

    fn keep(&self, template: Template) -> Rc<Template> {
        let template = Rc::new(template);
        let mut kept = self.kept.borrow_mut();
        kept.push_front(Rc::clone(&template));
        kept.truncate(KEPT);
        template
    }

    /// Whether no template fitted this start once before; remembers that none does now.
    fn missed_already(&self, key: &StartKey, begins: Option<&Begins>) -> bool {
        let mut missed = self.missed.borrow_mut();
        let now = (key.clone(), begins.cloned());
        if missed.contains(&now) {
            return true;
        }
        missed.push_front(now);
        missed.truncate(MISSED);
        false
    }
}
