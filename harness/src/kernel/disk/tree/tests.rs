//! What the calls that change names say about paths, in the order in which Linux finds errors.

use super::*;

/// Directories end with a slash.
fn tree(paths: &[&str]) -> Disk {
    let mut disk = Disk::new();
    for path in paths {
        disk.create(path.trim_end_matches('/'), path.ends_with('/')).expect(path);
    }
    disk
}

fn names(disk: &Disk) -> Vec<&str> {
    disk.names.iter().map(|(name, _)| name).collect()
}

#[test]
fn a_path_leads_through_directories_to_a_name() {
    let disk = tree(&["f", "d/", "d/e/", "d/e/f"]);
    let inos = ["", "f", "d", "d/e", "d/e/f"].map(|path| disk.lookup(path).expect(path));
    assert!(inos.windows(2).all(|pair| pair[0] < pair[1]), "each is another inode: {inos:?}");
    assert_eq!(disk.lookup("g"), Err(Errno::ENOENT));
    assert_eq!(disk.lookup("d/g"), Err(Errno::ENOENT));
    assert_eq!(disk.lookup("g/f"), Err(Errno::ENOENT));
    assert_eq!(disk.lookup("f/g"), Err(Errno::ENOTDIR));
    assert_eq!(disk.lookup("d/e/f/g/h"), Err(Errno::ENOTDIR));
}

#[test]
fn a_name_has_at_most_255_bytes_and_a_path_more() {
    let (longest, longer) = ("n".repeat(255), "n".repeat(256));
    let mut disk = tree(&[]);
    assert_eq!(disk.lookup(&longest), Err(Errno::ENOENT));
    assert_eq!(disk.lookup(&longer), Err(Errno::ENAMETOOLONG));
    assert_eq!(disk.create(&longer, false), Err(Errno::ENAMETOOLONG));
    disk.create(&longest, true).unwrap();
    let below = format!("{longest}/{longest}");
    disk.create(&below, false).unwrap();
    assert!(disk.lookup(&below).is_ok());
    assert_eq!(disk.rename(&below, &longer), Err(Errno::ENAMETOOLONG));
}

#[test]
fn a_name_is_made_once() {
    let mut disk = tree(&["f", "d/"]);
    let first = disk.lookup("f").unwrap();
    for (path, is_dir) in [("f", false), ("f", true), ("d", false), ("d", true)] {
        assert_eq!(disk.create(path, is_dir), Err(Errno::EEXIST));
    }
    assert_eq!(disk.create("f/g", false), Err(Errno::ENOTDIR));
    assert_eq!(disk.create("g/g", false), Err(Errno::ENOENT));
    assert_eq!(disk.lookup("f"), Ok(first));
    disk.unlink("f").unwrap();
    assert_ne!(disk.create("f", false), Ok(first), "a number is not given twice");
}

#[test]
fn a_rename_moves_one_name_and_the_file_keeps_its_number() {
    let mut disk = tree(&["f", "g", "d/"]);
    let (f, g) = (disk.lookup("f").unwrap(), disk.lookup("g").unwrap());
    disk.rename("f", "f").unwrap();
    disk.rename("f", "d/h").unwrap();
    assert_eq!(names(&disk), ["d", "d/h", "g"]);
    assert_eq!((disk.lookup("d/h"), disk.inode(f).name.as_str()), (Ok(f), "d/h"));
    disk.rename("d/h", "g").unwrap();
    assert_eq!((names(&disk), disk.lookup("g")), (vec!["d", "g"], Ok(f)));
    assert!(!disk.inodes.contains_key(&g), "nothing holds the one that was replaced");
}

#[test]
fn what_a_rename_refuses_stays_as_it_was() {
    let mut disk = tree(&["f", "d/", "d/f", "empty/", "d/e/"]);
    let before: Vec<String> = names(&disk).into_iter().map(str::to_string).collect();
    let refused = [
        ("", "g", Errno::EBUSY),
        ("f", "", Errno::EBUSY),
        ("g", "h", Errno::ENOENT),
        ("f", "g/h", Errno::ENOENT),
        ("f/g", "h", Errno::ENOTDIR),
        ("f", "f/g", Errno::ENOTDIR),
        ("d", "d/g", Errno::EINVAL),
        ("d", "d/e/g", Errno::EINVAL),
        ("d/f", "d", Errno::ENOTEMPTY),
        ("f", "d", Errno::EISDIR),
        ("empty", "f", Errno::ENOTDIR),
        ("empty", "d", Errno::ENOTEMPTY),
        ("d", "empty", Errno::EXDEV),
    ];
    for (from, to, errno) in refused {
        assert_eq!(disk.rename(from, to), Err(errno), "{from} to {to}");
    }
    assert_eq!(names(&disk), before);
    let dir = disk.lookup("empty").unwrap();
    disk.rename("empty", "d/e").unwrap();
    assert_eq!(disk.lookup("d/e"), Ok(dir));
}

#[test]
fn unlink_takes_files_and_rmdir_empty_directories() {
    let mut disk = tree(&["f", "d/", "d/f"]);
    assert_eq!(disk.unlink("d"), Err(Errno::EISDIR));
    assert_eq!(disk.unlink("g"), Err(Errno::ENOENT));
    assert_eq!(disk.rmdir("f"), Err(Errno::ENOTDIR));
    assert_eq!(disk.rmdir("d"), Err(Errno::ENOTEMPTY));
    assert_eq!(disk.rmdir("g"), Err(Errno::ENOENT));
    assert_eq!(disk.rmdir(""), Err(Errno::EINVAL));
    disk.unlink("d/f").unwrap();
    disk.rmdir("d").unwrap();
    assert_eq!(names(&disk), ["f"]);
}
