//! Starting the server from an image as a run does, and what is seen of that.
//!
//! Must not know: how the image came onto the disk, and what is promised.

use super::class::{StartShown, disk_hash};
use super::point::Start;
use crate::kernel::Image;
use crate::observation::How;
use crate::profile::Profile;
use crate::runner::oracle::Oracle;
use crate::runner::starts::ATTEMPTS;
use crate::world::{Broken, Status, World};

/// Starts the server in a world that has this image on its disk.
pub fn shown(
    start: &Start,
    world: &mut dyn World,
    image: &Image,
    profile: &Profile,
    oracle: &mut dyn Oracle,
) -> Result<StartShown, Broken> {
    if let Some(server) = &start.server {
        world.use_server(server)?;
    }
    let ends = refused(start, world, profile)?;
    let running = matches!(world.status(), Status::Running);
    let disk = disk_hash(world, profile);
    let content = match running {
        true => Some(start.seen_of(world, image, ends.is_empty(), oracle)?),
        false => None,
    };
    Ok(StartShown { ends, running, content, disk })
}

/// Starts it as a run does, see `Runner::start`. Returns how it ended where it was refused.
fn refused(start: &Start, world: &mut dyn World, profile: &Profile) -> Result<Vec<How>, Broken> {
    let mut ends = Vec::new();
    let mut before = disk_hash(world, profile);
    while ends.len() < ATTEMPTS {
        // Nothing comes of this start but what is seen of it.
        world.power_stays_on();
        world.start(&start.directives)?;
        let how = match world.status() {
            Status::Running | Status::Off => break,
            Status::Exited(code) => How::Exited(code),
            Status::Signaled(number) => How::Signaled(number),
        };
        ends.push(how);
        let after = disk_hash(world, profile);
        // The same disk is refused for the same reason.
        if std::mem::replace(&mut before, after) == after {
            ends.resize(ATTEMPTS, how);
        }
    }
    Ok(ends)
}
