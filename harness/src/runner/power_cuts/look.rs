//! Starting the server from an image as a run does, and what is seen of that.
//!
//! Must not know: how the image came onto the disk, and what is promised.

use super::class::{StartShown, disk_hash};
use super::point::Start;
use crate::contract::reason::without_numbers;
use crate::kernel::Image;
use crate::observation::How;
use crate::profile::Profile;
use crate::runner::oracle::Oracle;
use crate::runner::server_log::ServerLog;
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
    let Refused { ends, says } = refused(start, world, profile)?;
    let running = matches!(world.status(), Status::Running);
    let disk = disk_hash(world, profile);
    let content = match running {
        true => Some(start.seen_of(world, image, ends.is_empty(), oracle)?),
        false => None,
    };
    Ok(StartShown { ends, says, running, content, disk })
}

/// Starts that were refused.
#[derive(Default)]
struct Refused {
    /// How each ended.
    ends: Vec<How>,
    /// What the first said.
    says: Option<String>,
}

/// Starts it as a run does, see `Runner::start`.
fn refused(start: &Start, world: &mut dyn World, profile: &Profile) -> Result<Refused, Broken> {
    let mut refused = Refused::default();
    let mut before = disk_hash(world, profile);
    while refused.ends.len() < ATTEMPTS {
        // Nothing comes of this start but what is seen of it.
        world.power_stays_on();
        world.log();
        world.start(&start.directives)?;
        let how = match world.status() {
            Status::Running | Status::Off => break,
            Status::Exited(code) => How::Exited(code),
            Status::Signaled(number) => How::Signaled(number),
        };
        if refused.ends.is_empty() {
            let mut log = ServerLog::default();
            log.pass_over(&world.log());
            refused.says = log.fatal_line().as_deref().map(without_numbers);
        }
        refused.ends.push(how);
        let after = disk_hash(world, profile);
        // The same disk is refused for the same reason.
        if std::mem::replace(&mut before, after) == after {
            refused.ends.resize(ATTEMPTS, how);
        }
    }
    Ok(refused)
}
