//! Another machine in the place of this one: its kernel, and the real files that belong to it.
//!
//! No process may live in either. Must not know: why machines are swapped.

use super::Supervised;
use super::start::filter::FIRST_FD;
use crate::kernel::{Cut, Image, Kernel};
use crate::world::{Broken, PoweredOff, Status, no_such_image};

impl Supervised {
    /// Only if its files are those of its kernel: nobody will look at them any more.
    pub(super) fn take_out(&mut self) -> Option<PoweredOff> {
        self.directory.compare(&self.kernel.borrow().disk).ok()?;
        self.directory.replace(&Image::default()).ok()?;
        let empty = Kernel::new(self.program.profile.roles(), FIRST_FD);
        Some(PoweredOff(self.kernel.replace(empty)))
    }

    /// Has this kernel from now on, and these files.
    pub(super) fn have(&mut self, kernel: Kernel, image: &Image) -> Result<(), Broken> {
        self.nobody_is_left();
        self.log.read_new();
        self.status = Status::Off;
        self.kernel.replace(kernel);
        self.directory.replace(image)
    }

    /// Has the files of its kernel, which has become another one.
    pub(super) fn have_files_of_kernel(&mut self) -> Result<(), Broken> {
        self.nobody_is_left();
        let kernel = self.kernel.borrow();
        match self.directory.compare(&kernel.disk) {
            Ok(()) => Ok(()),
            Err(_) => self.directory.replace(&Image::of(&kernel.disk)),
        }
    }

    /// Keeps of its files what a power cut leaves.
    pub(super) fn lose_power(&mut self, cut: Cut) -> Result<(), Broken> {
        let image = self.kernel.borrow_mut().cut_power(cut).map_err(no_such_image)?;
        self.directory.replace(&image)
    }

    /// Changes a file in both places, or removes it.
    pub(super) fn put_file(&mut self, name: &str, content: Option<&[u8]>) -> Result<(), Broken> {
        let set = self.kernel.borrow_mut().disk.set_file(name, content);
        set.map_err(|errno| Broken::Harness(format!("set {name}: {errno}")))?;
        self.directory.set(name, content)
    }

    fn nobody_is_left(&mut self) {
        self.clients.disconnect();
        self.switch_off();
    }
}
