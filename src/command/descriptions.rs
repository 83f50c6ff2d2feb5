//! What COMMAND says of each command since 7.0, subcommands included (Redis: commands.c).
//!
//! `described_7_0.txt` has a line for each: name, arity, flags, keys, categories, tips, and then a
//! field for each key specification: where the keys begin (`@1`, an index; `=STREAMS,1`, after a
//! word that stands there or later; `?`, nobody knows), where they end (`0,1,0`, last, step and
//! limit; `#0,1,1`, after the place of their number; `?`), flags, and a note.
//! Must not know: what the commands do.

use std::sync::LazyLock;

/// One command or subcommand.
pub struct Description {
    /// `get`, `config|get`
    pub name: &'static str,
    /// Number of arguments including the name; -N for N or more.
    pub arity: i32,
    pub flags: Vec<&'static str>,
    /// First and last key, and the step, as far as the table alone can say.
    pub keys: [i64; 3],
    pub categories: Vec<&'static str>,
    pub tips: Vec<&'static str>,
    pub key_specs: Vec<KeySpec>,
}

/// Where some of the keys are.
pub struct KeySpec {
    pub begin: Begin,
    pub find: Find,
    pub flags: Vec<&'static str>,
    pub note: Option<&'static str>,
}

/// Where the keys begin.
#[derive(Clone, Copy)]
pub enum Begin {
    Index(i64),
    /// After this word, which is looked for from an index on.
    After(&'static str, i64),
    Unknown,
}

/// How the keys go on from where they begin.
#[derive(Clone, Copy)]
pub enum Find {
    /// Up to this one, counted from the first, or from the end if it is negative.
    Range {
        last: i64,
        step: i64,
        limit: i64,
    },
    /// Their number is at this index, and the first at that, both counted from the beginning.
    Number {
        at: i64,
        first: i64,
        step: i64,
    },
    Unknown,
}

static ALL: LazyLock<Vec<Description>> =
    LazyLock::new(|| include_str!("described_7_0.txt").lines().map(Description::read).collect());

/// The command of this name, `command` or `command|subcommand`, in any case.
pub fn described(name: &[u8]) -> Option<&'static Description> {
    ALL.iter().find(|description| description.name.as_bytes().eq_ignore_ascii_case(name))
}

/// The subcommands of a command; none of most.
pub fn subcommands(name: &str) -> impl Iterator<Item = &'static Description> {
    let is_of = move |full: &str| full.split_once('|').is_some_and(|(of, _)| of == name);
    ALL.iter().filter(move |description| is_of(description.name))
}

impl Description {
    fn read(line: &'static str) -> Description {
        let mut fields = line.split(';');
        let mut field = || fields.next().unwrap_or_default();
        let words = |text: &'static str| text.split_whitespace().collect();
        let (name, arity, flags) = (field(), field(), field());
        let (keys, categories, tips) = (field(), field(), field());
        Description {
            name,
            arity: arity.parse().unwrap_or_default(),
            flags: words(flags),
            keys: numbers(keys),
            categories: words(categories),
            tips: words(tips),
            key_specs: fields.map(KeySpec::read).collect(),
        }
    }

    /// Whether it accepts this many arguments, the names included.
    pub fn accepts(&self, argc: usize) -> bool {
        let argc = argc as i32;
        if self.arity > 0 { argc == self.arity } else { argc >= -self.arity }
    }
}

impl KeySpec {
    fn read(field: &'static str) -> KeySpec {
        let (head, note) = match field.split_once(" \"") {
            Some((head, note)) => (head, Some(note)),
            None => (field, None),
        };
        let mut words = head.split_whitespace();
        let (begin, find) = (words.next().unwrap_or("?"), words.next().unwrap_or("?"));
        let find = match find.strip_prefix('#') {
            _ if find == "?" => Find::Unknown,
            Some(text) => {
                let [at, first, step] = numbers(text);
                Find::Number { at, first, step }
            }
            None => {
                let [last, step, limit] = numbers(find);
                Find::Range { last, step, limit }
            }
        };
        let begin = match (begin.strip_prefix('@'), begin.strip_prefix('=')) {
            (Some(index), _) => Begin::Index(number(index)),
            (_, Some(word)) => {
                let (word, from) = word.split_once(',').unwrap_or((word, "1"));
                Begin::After(word, number(from))
            }
            _ => Begin::Unknown,
        };
        KeySpec { begin, find, flags: words.collect(), note }
    }

    /// The indexes of the keys among these arguments, the names included. None: the arguments are
    /// invalid, or nobody knows (Redis: `getKeysUsingKeySpecs`).
    pub fn places(&self, argv: &[Vec<u8>]) -> Option<Vec<usize>> {
        let argc = argv.len() as i64;
        let begin = match self.begin {
            Begin::Index(index) => index,
            Begin::After(word, from) => {
                let is_it = |argument: &Vec<u8>| argument.eq_ignore_ascii_case(word.as_bytes());
                let behind = argv.get(usize::try_from(from).ok()?..)?.iter().position(is_it)?;
                from + behind as i64 + 1
            }
            Begin::Unknown => return None,
        };
        let (first, last, step) = match self.find {
            Find::Unknown => return None,
            Find::Range { last, step, .. } if last >= 0 => (begin, begin + last, step),
            Find::Range { last, step, limit: 0 } => (begin, argc + last, step),
            Find::Range { last, step, limit } => {
                (begin, begin + (argc - begin) / limit + last, step)
            }
            Find::Number { at, first, step } => {
                let number = argv.get(usize::try_from(begin + at).ok()?)?;
                let number = crate::text::parse_integer(number).filter(|number| *number >= 0)?;
                (begin + first, begin + first + number - 1, step)
            }
        };
        let places = (first..=last).step_by(usize::try_from(step).ok()?);
        let valid = first <= last && last < argc;
        valid.then(|| places.map(|place| place as usize).collect())
    }
}

fn number(text: &str) -> i64 {
    text.parse().unwrap_or_default()
}

/// Three numbers with commas.
fn numbers(text: &str) -> [i64; 3] {
    let mut numbers = text.split(',').map(number);
    [(); 3].map(|()| numbers.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::super::flags::Flags;
    use super::super::table_7_0::COMMANDS;
    use super::*;

    #[test]
    fn every_command_is_described_as_it_is() {
        for command in COMMANDS.iter() {
            let found = described(command.name.as_bytes());
            let found = found.unwrap_or_else(|| panic!("{} is not described", command.name));
            assert_eq!(found.arity, command.arity, "{}", command.name);
            if subcommands(command.name).next().is_some() {
                continue;
            }
            for (flag, name) in [
                (Flags::WRITE, "write"),
                (Flags::READONLY, "readonly"),
                (Flags::DENYOOM, "denyoom"),
                (Flags::FAST, "fast"),
                (Flags::LOADING, "loading"),
                (Flags::NO_AUTH, "no_auth"),
            ] {
                let has = command.flags.has(flag);
                assert_eq!(has, found.flags.contains(&name), "{}: {name}", command.name);
            }
        }
    }

    #[test]
    fn keys_are_found_by_their_specification() {
        let places = |name: &str, line: &str| -> Vec<Option<Vec<usize>>> {
            let argv: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            let specs = &described(name.as_bytes()).expect(name).key_specs;
            specs.iter().map(|spec| spec.places(&argv)).collect()
        };
        assert_eq!(places("mset", "MSET a 1 b 2"), [Some(vec![1, 3])]);
        assert_eq!(places("blpop", "BLPOP a b 0"), [Some(vec![1, 2])]);
        let both = [Some(vec![1]), Some(vec![3, 4])];
        assert_eq!(places("zunionstore", "ZUNIONSTORE z 2 a b WEIGHTS 1 2"), both);
        assert_eq!(places("zunionstore", "ZUNIONSTORE z 3 a b"), [Some(vec![1]), None]);
        assert_eq!(places("sort", "SORT a"), [Some(vec![1]), None, None]);
        assert_eq!(places("xread", "XREAD COUNT 2 streams a b 0 0"), [Some(vec![4, 5])]);
        assert_eq!(places("xread", "XREAD COUNT 2 a 0"), [None]);
    }
}
