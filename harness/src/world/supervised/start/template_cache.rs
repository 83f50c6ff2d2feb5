//! The templates of a worker: which one fits a start, and how many are kept.
//!
//! A program may ask for the time before its entry point. Then a template fits only starts at the
//! same time. The first start that no template fits is made the slow way; for a second one like it
//! a template is made. Must not know: how either is done.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::start_key::StartKey;
use super::template::Template;
use super::time_page::TimePage;
use super::view::View;

/// How many templates are kept; each is a stopped process.
const KEPT: usize = 16;
/// How many keys without a fitting template are remembered.
const MISSED: usize = 64;

/// Templates, the newest first.
#[derive(Debug, Default)]
pub struct TemplateCache {
    kept: RefCell<VecDeque<Rc<Template>>>,
    missed: RefCell<VecDeque<StartKey>>,
    /// Programs that cannot be templates, and why.
    unsupported: RefCell<BTreeMap<PathBuf, String>>,
}

impl TemplateCache {
    /// A template that fits the start; None: it is to be made the slow way.
    pub fn template(&self, key: &StartKey, view: &View, time: &TimePage) -> Option<Rc<Template>> {
        let mut kept = self.kept.borrow_mut();
        if let Some(at) = kept.iter().position(|template| template.fits(key)) {
            let template = kept.remove(at)?;
            kept.push_front(Rc::clone(&template));
            return Some(template);
        }
        if self.unsupported.borrow().contains_key(&key.program) || !self.missed_already(key) {
            return None;
        }
        match Template::new(key, view, time) {
            Ok(template) => {
                let template = Rc::new(template);
                kept.push_front(Rc::clone(&template));
                kept.truncate(KEPT);
                Some(template)
            }
            Err(why) => {
                self.unsupported.borrow_mut().insert(key.program.clone(), why);
                None
            }
        }
    }

    /// Drops a template that has failed.
    pub fn discard(&self, template: &Rc<Template>) {
        self.kept.borrow_mut().retain(|other| !Rc::ptr_eq(other, template));
    }

    /// Why a program that was started twice has no template; None: it has one.
    pub fn why_slow(&self, program: &Path) -> Option<String> {
        let kept = self.kept.borrow();
        if kept.iter().any(|template| template.program() == program) {
            return None;
        }
        let why = self.unsupported.borrow().get(program).cloned();
        Some(why.unwrap_or_else(|| "no two starts of it are alike".to_string()))
    }

    /// Whether no template fitted this key once before; remembers that none does now.
    fn missed_already(&self, key: &StartKey) -> bool {
        let mut missed = self.missed.borrow_mut();
        if missed.contains(key) {
            return true;
        }
        missed.push_front(key.clone());
        missed.truncate(MISSED);
        false
    }
}
