//! The templates of a worker: which start is made from which, and how many are kept.
//!
//! A program may ask for the time or for random numbers before its entry point, and then a template
//! fits only starts at that time, after so many numbers. A start that no template fits is made the
//! slow way; when it comes a second time, a template is made for it. Must not know: how either is
//! done.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::start_key::StartKey;
use super::template::Template;

/// How many templates are kept; each is a stopped process.
const KEPT: usize = 16;
/// How many starts that no template fitted are remembered.
const MISSED: usize = 64;

/// Templates, the newest first.
#[derive(Debug)]
pub struct TemplateCache {
    /// Where templates may put files.
    place: PathBuf,
    kept: RefCell<VecDeque<Rc<Template>>>,
    missed: RefCell<VecDeque<StartKey>>,
    /// Programs that cannot be templates, and why.
    unsupported: RefCell<BTreeMap<PathBuf, String>>,
}

impl TemplateCache {
    pub fn new(place: &Path) -> TemplateCache {
        TemplateCache {
            place: place.to_path_buf(),
            kept: RefCell::default(),
            missed: RefCell::default(),
            unsupported: RefCell::default(),
        }
    }

    /// A template that fits; None: the slow way.
    pub fn template(&self, key: &StartKey) -> Option<Rc<Template>> {
        let mut kept = self.kept.borrow_mut();
        if let Some(at) = kept.iter().position(|template| template.fits(key)) {
            let template = kept.remove(at)?;
            kept.push_front(Rc::clone(&template));
            return Some(template);
        }
        if self.unsupported.borrow().contains_key(&key.program) || !self.missed_before(key) {
            return None;
        }
        match Template::new(key, &self.place) {
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

    /// Takes down a template that has failed; the next start is made without it.
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

    /// Whether this start was missed already; from now on it was.
    fn missed_before(&self, key: &StartKey) -> bool {
        let mut missed = self.missed.borrow_mut();
        if missed.contains(key) {
            return true;
        }
        missed.push_front(key.clone());
        missed.truncate(MISSED);
        false
    }
}
