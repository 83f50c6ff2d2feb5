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

use super::template::Template;
use crate::kernel::Clock;

/// How many templates are kept; each is a stopped process.
const KEPT: usize = 16;
/// How many starts that no template fitted are remembered.
const MISSED: usize = 64;

/// What a start is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    pub program: PathBuf,
    pub environment: Vec<(String, String)>,
    pub clock: Clock,
    /// How many random numbers were drawn so far.
    pub drawn: u64,
}

/// Templates, the newest first.
#[derive(Debug)]
pub struct Shelf {
    /// Where templates may put files.
    place: PathBuf,
    kept: RefCell<VecDeque<Rc<Template>>>,
    missed: RefCell<VecDeque<Recipe>>,
    /// Programs that cannot be templates, and why.
    hopeless: RefCell<BTreeMap<PathBuf, String>>,
}

impl Shelf {
    pub fn new(place: &Path) -> Shelf {
        Shelf {
            place: place.to_path_buf(),
            kept: RefCell::default(),
            missed: RefCell::default(),
            hopeless: RefCell::default(),
        }
    }

    /// A template that fits; None: the slow way.
    pub fn template(&self, recipe: &Recipe) -> Option<Rc<Template>> {
        let mut kept = self.kept.borrow_mut();
        if let Some(at) = kept.iter().position(|template| template.fits(recipe)) {
            let template = kept.remove(at)?;
            kept.push_front(Rc::clone(&template));
            return Some(template);
        }
        if self.hopeless.borrow().contains_key(&recipe.program) || !self.missed_before(recipe) {
            return None;
        }
        match Template::new(recipe, &self.place) {
            Ok(template) => {
                let template = Rc::new(template);
                kept.push_front(Rc::clone(&template));
                kept.truncate(KEPT);
                Some(template)
            }
            Err(why) => {
                self.hopeless.borrow_mut().insert(recipe.program.clone(), why);
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
        let why = self.hopeless.borrow().get(program).cloned();
        Some(why.unwrap_or_else(|| "no two starts of it are alike".to_string()))
    }

    /// Whether this start was missed already; from now on it was.
    fn missed_before(&self, recipe: &Recipe) -> bool {
        let mut missed = self.missed.borrow_mut();
        if missed.contains(recipe) {
            return true;
        }
        missed.push_front(recipe.clone());
        missed.truncate(MISSED);
        false
    }
}
