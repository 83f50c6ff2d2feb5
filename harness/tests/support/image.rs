//! Files and directories as an image of the model's disk.

use std::collections::BTreeMap;

use sabot::kernel::{Disk, Image};

/// The image that holds these; a directory comes after the one that it is in.
pub fn image(dirs: &[String], files: &BTreeMap<String, Vec<u8>>) -> Image {
    let mut disk = Disk::new();
    for dir in dirs {
        disk.create(dir, true).expect("each comes after what it is in");
    }
    for (name, content) in files {
        disk.set_file(name, Some(content)).expect("its directory is there");
    }
    Image::of(&disk)
}
