//! Parts of a machine that copies of it share until one of them changes them.
//!
//! Must not know: what is in a part, and why a machine is copied.

use std::ops::{Deref, DerefMut};
use std::rc::Rc;

/// A value that is copied when one of those who share it changes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part<T>(Rc<T>);

impl<T> Part<T> {
    pub fn new(value: T) -> Part<T> {
        Part(Rc::new(value))
    }

    /// Whether both are one value, so that neither was changed since it was shared.
    pub fn is(&self, other: &Part<T>) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> From<T> for Part<T> {
    fn from(value: T) -> Part<T> {
        Part::new(value)
    }
}

impl<T> Deref for Part<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Clone> DerefMut for Part<T> {
    fn deref_mut(&mut self) -> &mut T {
        Rc::make_mut(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Part;

    #[test]
    fn a_part_is_copied_when_it_is_changed_and_not_before() {
        let mut one = Part::new(vec![1]);
        let other = one.clone();
        assert!(one.is(&other) && one.len() == other.len());
        one.push(2);
        assert!(!one.is(&other));
        assert_eq!((one.len(), other.len()), (2, 1));
    }
}
