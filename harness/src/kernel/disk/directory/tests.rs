//! Which names a sync of a directory makes durable, whatever becomes of the changes that it leaves
//! out.

use proptest::prelude::*;

use super::*;

/// Two names in each of two directories.
const NAMES: [&str; 4] = ["a", "b", "d/a", "d/b"];
const DIRS: [&str; 2] = ["", "d"];

#[derive(Clone, Copy, Debug)]
enum Step {
    Link(usize),
    Unlink(usize),
    Rename(usize, usize),
    Sync(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0..NAMES.len();
    prop_oneof![
        2 => name.clone().prop_map(Step::Link),
        1 => name.clone().prop_map(Step::Unlink),
        4 => (name.clone(), name).prop_map(|(from, to)| Step::Rename(from, to)),
        2 => (0..DIRS.len()).prop_map(Step::Sync),
    ]
}

/// Names, and what is known of each whose last change a sync has covered.
#[derive(Default)]
struct History {
    names: Names,
    sequence: u64,
    /// The directories of the last change of each name. A sync of either covers a rename, and then
    /// both its names mean what they mean now, wherever they are.
    changed_in: BTreeMap<&'static str, [&'static str; 2]>,
    certain: BTreeMap<&'static str, Option<Ino>>,
}

impl History {
    fn take(&mut self, step: Step) {
        self.sequence += 1;
        let (names, sequence) = (&mut self.names, self.sequence);
        match step {
            Step::Link(name) if names.get(NAMES[name]).is_none() => {
                names.link(sequence, NAMES[name], sequence);
                self.changed(&[name]);
            }
            Step::Unlink(name) => {
                let ino = names.get(NAMES[name]);
                assert_eq!(names.unlink(sequence, NAMES[name]), ino);
                if ino.is_some() {
                    self.changed(&[name]);
                }
            }
            Step::Rename(from, to) if from != to && names.get(NAMES[from]).is_some() => {
                let replaced = names.get(NAMES[to]);
                assert_eq!(names.rename(sequence, NAMES[from], NAMES[to]), replaced);
                self.changed(&[from, to]);
            }
            Step::Sync(dir) => {
                names.synced(DIRS[dir], sequence);
                let covered = |dirs: &[&str; 2]| dirs.contains(&DIRS[dir]);
                let its = self.changed_in.iter().filter(|(_, dirs)| covered(dirs));
                self.certain.extend(its.map(|(name, _)| (*name, names.get(name))));
            }
            Step::Link(_) | Step::Rename(..) => {}
        }
    }

    fn changed(&mut self, these: &[usize]) {
        let (first, last) = (NAMES[these[0]], NAMES[these[these.len() - 1]]);
        for name in these {
            self.certain.remove(NAMES[*name]);
            self.changed_in.insert(NAMES[*name], [first, last].map(parent_of));
        }
    }

    /// Every table of names that may be found: each change that is left is there or not.
    fn tables(&self) -> Vec<BTreeMap<String, Ino>> {
        let mut tables = vec![self.names.durable().clone()];
        for entry in self.names.journal() {
            let mut changed = tables.clone();
            changed.iter_mut().for_each(|names| apply(names, &entry.change));
            tables.append(&mut changed);
        }
        tables
    }

    /// Files that have a name in some table.
    fn reachable(&self) -> Vec<Ino> {
        let mut inos: Vec<Ino> =
            self.tables().into_iter().flat_map(BTreeMap::into_values).collect();
        inos.sort_unstable();
        inos.dedup();
        inos
    }
}

proptest! {
    #[test]
    fn a_name_is_certain_once_its_last_change_was_synced(
        steps in prop::collection::vec(step(), 1..9)
    ) {
        let mut history = History::default();
        for step in steps {
            history.take(step);
            let tables = history.tables();
            for (name, ino) in &history.certain {
                let same = |table: &BTreeMap<String, Ino>| table.get(*name).copied() == *ino;
                prop_assert!(tables.iter().all(same), "{name} in {tables:?}");
            }
            let live: BTreeMap<String, Ino> =
                history.names.iter().map(|(name, ino)| (name.to_string(), ino)).collect();
            prop_assert!(tables.last() == Some(&live), "all changes make what is there now");
            for ino in history.reachable() {
                prop_assert!(history.names.may_return(ino), "{ino} has a name in {tables:?}");
            }
        }
    }
}

/// The names that are durable, and how many changes are left.
fn state(names: &Names) -> (Vec<&str>, usize) {
    (names.durable().keys().map(String::as_str).collect(), names.journal().len())
}

#[test]
fn a_sync_covers_its_own_directory_and_what_was_changed_before_the_call() {
    let mut names = Names::default();
    names.link(1, "a", 11);
    names.link(2, "d/a", 12);
    names.link(3, "d/b", 13);
    names.synced("d", 3);
    assert_eq!(state(&names), (vec!["d/a"], 2));
    names.synced("", 9);
    assert_eq!(state(&names), (vec!["a", "d/a"], 1));
    names.unlink(10, "a");
    names.synced("d", 11);
    assert_eq!(state(&names), (vec!["a", "d/a", "d/b"], 1));
    names.synced("", 11);
    assert_eq!(state(&names), (vec!["d/a", "d/b"], 0));
}

#[test]
fn a_rename_between_directories_is_durable_with_either() {
    for dir in DIRS {
        let mut names = Names::default();
        names.link(1, "a", 11);
        names.link(2, "b", 12);
        names.synced("", 3);
        names.unlink(3, "b");
        names.rename(4, "a", "d/a");
        names.synced(dir, 5);
        let left = if dir.is_empty() { (vec!["d/a"], 0) } else { (vec!["b", "d/a"], 1) };
        assert_eq!(state(&names), left);
    }
}

#[test]
fn a_file_may_return_while_a_name_of_it_is_durable_or_open() {
    let mut names = Names::default();
    assert!(!names.may_return(11));
    names.link(1, "a", 11);
    names.unlink(2, "a");
    assert!(names.may_return(11) && !names.may_return(12));
    names.synced("", 3);
    assert!(!names.may_return(11));
    names.link(3, "a", 12);
    names.settle(4);
    names.unlink(4, "a");
    assert!(names.may_return(12));
    names.settle(5);
    assert!(!names.may_return(12) && names.journal().is_empty() && names.durable().is_empty());
}

#[test]
fn the_log_only_grows_and_what_is_in_it_may_be() {
    let mut names = Names::default();
    names.may_have_committed(5);
    assert_eq!((names.committed(), names.perhaps_committed()), (0, 5));
    names.commit_log(3);
    assert_eq!((names.committed(), names.perhaps_committed()), (3, 5));
    names.commit_log(7);
    names.commit_log(6);
    names.may_have_committed(4);
    assert_eq!((names.committed(), names.perhaps_committed()), (7, 7));
}

#[test]
fn a_directory_has_children_while_a_name_is_in_it_and_not_below_it() {
    let mut names = Names::default();
    names.link(1, "d", 11);
    assert!(names.has_children("") && !names.has_children("d"));
    names.link(2, "d/e", 12);
    names.link(3, "d/e/f", 13);
    assert!(names.has_children("d") && names.has_children("d/e") && !names.has_children("e"));
}
