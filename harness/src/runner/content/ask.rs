//! Asking a server for its content in five turns: which databases and functions, which keys, of
//! what type and until when, their values, and until when fields of hashes.
//!
//! Nothing that is asked changes anything: names come from KEYS, which leaves expired keys alone.
//! Must not know: who asks, and what the content is compared with.

use std::time::Duration;

use super::{Content, Kept, Millis, Part, Place, values};
use crate::observation::Argv;
use crate::runner::resp::{Reply, decode, encode};
use crate::world::{Broken, Directive, World};
use values::command;

/// A user, or the default one without a name, and its password.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Login {
    user: Option<Vec<u8>>,
    password: Vec<u8>,
}

impl Login {
    /// Of a directive `user NAME RULE…`. None: this user may not do everything, or needs no login.
    fn of_user(name: &str, rules: &[&str]) -> Option<Login> {
        let has = |rule: &str| rules.contains(&rule);
        let everything = (has("+@all") || has("allcommands")) && (has("~*") || has("allkeys"));
        if name == "default" || !has("on") || !everything {
            return None;
        }
        let password = rules.iter().find_map(|rule| rule.strip_prefix('>'));
        // Without a password any other will do.
        let password = password.or(has("nopass").then_some("any"))?;
        Some(Login { user: Some(name.into()), password: password.into() })
    }
}

/// How a server with this configuration takes questions.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Whom a connection has to say that it is.
    login: Option<Login>,
    /// Commands with their other names; an empty one: there is none.
    renamed: Vec<(Vec<u8>, Vec<u8>)>,
    /// Users are kept in a file of their own.
    users_in_a_file: bool,
}

impl Access {
    pub fn with(directives: &[Directive]) -> Access {
        let mut access = Access::default();
        for directive in directives {
            access.learn(directive);
        }
        access
    }

    fn learn(&mut self, directive: &Directive) {
        let known = ["requirepass", "user", "rename-command", "aclfile"];
        let Some(name) = known.into_iter().find(|name| directive.is(name)) else { return };
        let words = directive.words().unwrap_or_default();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match (name, words.as_slice()) {
            ("requirepass", [password]) => {
                self.login = Some(Login { user: None, password: password.as_bytes().into() });
            }
            ("user", [name, rules @ ..]) if self.login.is_none() => {
                self.login = Login::of_user(name, rules);
            }
            ("rename-command", [from, rest @ ..]) => {
                let to = rest.first().copied().unwrap_or_default();
                self.renamed.push((from.to_uppercase().into(), to.into()));
            }
            ("aclfile", [file]) => self.users_in_a_file = !file.is_empty(),
            _ => {}
        }
    }

    /// What makes a connection one that may ask everything. None: each is.
    pub fn authentication(&self) -> Option<Argv> {
        let Login { user, password } = self.login.as_ref()?;
        let words = std::iter::once(&b"AUTH"[..]).chain(user.as_deref()).chain([&password[..]]);
        Some(words.map(<[u8]>::to_vec).collect())
    }

    /// The command under the name that this server knows it by.
    fn here(&self, argv: &Argv) -> Argv {
        match self.renamed.iter().find(|(from, _)| *from == argv[0]) {
            Some((_, to)) => std::iter::once(to.clone()).chain(argv[1..].iter().cloned()).collect(),
            None => argv.clone(),
        }
    }
}

/// Why there is no content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoContent {
    /// No server runs, or it has not answered.
    Silent,
    /// It answers this question with something else.
    NotAnAnswer { question: String, answer: String },
}

impl NoContent {
    /// The answer is none to this question.
    pub fn other(question: &Argv, answer: &Reply) -> NoContent {
        let answer = answer.lines().join(" ");
        NoContent::NotAnAnswer { question: crate::case::lex::quote(question), answer }
    }

    /// In words, after "the content is not known: ".
    pub fn why(&self) -> String {
        match self {
            NoContent::Silent => "the server has not answered".to_string(),
            NoContent::NotAnAnswer { question, answer } => {
                format!("the server answers {question} with {answer}")
            }
        }
    }
}

type Answers = Result<Vec<Reply>, NoContent>;

/// Keys with what is kept there.
type Values = Vec<(Vec<u8>, Kept)>;

/// A connection for questions.
pub struct Asker<'a> {
    world: &'a mut dyn World,
    name: &'a str,
    access: &'a Access,
}

impl<'a> Asker<'a> {
    pub fn new(world: &'a mut dyn World, name: &'a str, access: &'a Access) -> Asker<'a> {
        Asker { world, name, access }
    }

    /// Sends questions at once. The clock moves only if the server does not answer before.
    pub fn ask(&mut self, questions: &[Argv]) -> Result<Answers, Broken> {
        if questions.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        let bytes: Vec<u8> =
            questions.iter().flat_map(|argv| encode(&self.access.here(argv))).collect();
        if !self.world.send(self.name, &bytes)? {
            return Ok(Err(NoContent::Silent));
        }
        let until = self.world.kernel().now() + PATIENCE;
        let mut received = Vec::new();
        loop {
            self.world.settle()?;
            received.extend(self.world.receive(self.name).bytes);
            let answers = answers(questions, &received);
            // A server that sleeps, as one that saves with a delay for each key, answers later.
            let next = self.world.next_deadline().filter(|next| *next <= until);
            match (answers, next) {
                (Ok(None), Some(next)) => {
                    let now = self.world.kernel().now();
                    self.world.kernel().advance_to(next.max(now));
                }
                (Ok(None), None) => return Ok(Err(NoContent::Silent)),
                (Ok(Some(answers)), _) => return Ok(Ok(answers)),
                (Err(other), _) => return Ok(Err(other)),
            }
        }
    }

    /// Makes itself known where the configuration asks for that.
    pub fn authenticate(&mut self) -> Result<(), Broken> {
        if let Some(auth) = self.access.authentication() {
            // With another answer the next question fails, and says so.
            self.ask(&[auth])?.ok();
        }
        Ok(())
    }

    /// All that a client can read now.
    pub fn content(&mut self) -> Result<Result<Content, NoContent>, Broken> {
        self.authenticate()?;
        let mut content = Content::default();
        if self.access.users_in_a_file {
            // Promised is what ACL SAVE has written, and no server tells that from what it holds.
            content.not_looked_at.insert("users of the aclfile".to_string());
        }
        let libraries = command(&[b"FUNCTION", b"LIST", b"WITHCODE"]);
        let turn = [command(&[b"INFO", b"keyspace"]), libraries.clone()];
        let [keyspace, functions] = match self.ask(&turn)? {
            Ok(answers) => <[Reply; 2]>::try_from(answers).expect("one answer to each"),
            Err(none) => return Ok(Err(none)),
        };
        let Some(databases) = databases(&keyspace) else {
            return Ok(Err(NoContent::other(&turn[0], &keyspace)));
        };
        if take_libraries(&functions, &mut content).is_none() {
            return Ok(Err(NoContent::other(&libraries, &functions)));
        }
        for db in databases {
            if let Err(none) = self.database(db, &mut content)? {
                return Ok(Err(none));
            }
        }
        Ok(Ok(content))
    }

    fn database(
        &mut self,
        db: u32,
        content: &mut Content,
    ) -> Result<Result<(), NoContent>, Broken> {
        let select = command(&[b"SELECT", db.to_string().as_bytes()]);
        let names = command(&[b"KEYS", b"*"]);
        let answers = match self.ask(&[select, names.clone()])? {
            Ok(answers) => answers,
            Err(none) => return Ok(Err(none)),
        };
        let Some(keys) = answers[1].items().map(|keys| keys.iter().map(values::text)) else {
            return Ok(Err(NoContent::other(&names, &answers[1])));
        };
        let Some(mut keys) = keys.collect::<Option<Vec<_>>>() else {
            return Ok(Err(NoContent::other(&names, &answers[1])));
        };
        keys.sort();
        let typed = match self.types(&keys)? {
            Ok(typed) => typed,
            Err(none) => return Ok(Err(none)),
        };
        let read = match self.values(typed, content)? {
            Ok(read) => read,
            Err(none) => return Ok(Err(none)),
        };
        for (key, kept) in read {
            content.keep(Place::Key { db, key }, kept);
        }
        Ok(Ok(()))
    }

    /// Type and expiry of each key that is still there.
    fn types(&mut self, keys: &[Vec<u8>]) -> Result<Result<Vec<Typed>, NoContent>, Broken> {
        let of = |key: &Vec<u8>| [command(&[b"TYPE", key]), command(&[b"PTTL", key])];
        let questions: Vec<Argv> = keys.iter().flat_map(of).collect();
        let answers = match self.ask(&questions)? {
            Ok(answers) => answers,
            Err(none) => return Ok(Err(none)),
        };
        let now = self.now();
        let mut typed = Vec::new();
        for ((key, pair), question) in keys.iter().zip(answers.chunks(2)).zip(questions.chunks(2)) {
            match pair {
                [Reply::Simple(kind), Reply::Integer(-1)] => {
                    typed.push(Typed { key: key.clone(), kind: kind.clone(), expires_at: None });
                }
                [Reply::Simple(kind), Reply::Integer(left @ 0..)] => {
                    let expires_at = Some(now + left.unsigned_abs());
                    typed.push(Typed { key: key.clone(), kind: kind.clone(), expires_at });
                }
                [_, Reply::Integer(-2)] => {}
                [Reply::Simple(_), other] => return Ok(Err(NoContent::other(&question[1], other))),
                [other, ..] => return Ok(Err(NoContent::other(&question[0], other))),
                [] => {}
            }
        }
        Ok(Ok(typed))
    }

    /// The values, with expiries.
    fn values(
        &mut self,
        typed: Vec<Typed>,
        content: &mut Content,
    ) -> Result<Result<Values, NoContent>, Broken> {
        let ask = |typed: &Typed| values::question(&typed.kind, &typed.key);
        let questions: Vec<Argv> = typed.iter().filter_map(ask).collect();
        let mut answers = match self.ask(&questions)? {
            Ok(answers) => answers.into_iter().zip(questions),
            Err(none) => return Ok(Err(none)),
        };
        let mut all = Vec::new();
        for Typed { key, kind, expires_at } in typed {
            let kept = if values::question(&kind, &key).is_some() {
                let (answer, question) = answers.next().expect("one answer to each");
                match values::kept(&kind, &answer) {
                    Some(kept) => kept,
                    None => return Ok(Err(NoContent::other(&question, &answer))),
                }
            } else {
                content.not_looked_at.insert(kind.clone());
                Kept { kind, parts: Vec::new(), expires_at: None }
            };
            all.push((key, Kept { expires_at, ..kept }));
        }
        Ok(self.elements(&mut all)?.map(|()| all))
    }

    /// What else there is to ask about elements.
    fn elements(&mut self, all: &mut [(Vec<u8>, Kept)]) -> Result<Result<(), NoContent>, Broken> {
        let questions: Vec<Vec<Argv>> =
            all.iter().map(|(key, kept)| values::more(key, kept)).collect();
        let answers = match self.ask(&questions.concat())? {
            Ok(answers) => answers,
            Err(none) => return Ok(Err(none)),
        };
        let mut rest = answers.as_slice();
        for ((_, kept), questions) in all.iter_mut().zip(&questions) {
            let (its, others) = rest.split_at(questions.len());
            values::take_more(kept, its);
            rest = others;
        }
        Ok(Ok(()))
    }

    fn now(&self) -> Millis {
        millis(self.world.kernel().clock.realtime())
    }
}

/// How long a server may take to answer, on its own clock.
const PATIENCE: Duration = Duration::from_secs(60);

/// The answer to each question; None while some are missing.
fn answers(questions: &[Argv], received: &[u8]) -> Result<Option<Vec<Reply>>, NoContent> {
    let (mut at, mut answers) = (0, Vec::with_capacity(questions.len()));
    for question in questions {
        match decode(&received[at..]) {
            Ok(Some((reply, length))) => {
                at += length;
                answers.push(reply);
            }
            Ok(None) => return Ok(None),
            Err(_) => return Err(not_an_answer(question, &received[at..])),
        }
    }
    Ok(Some(answers))
}

/// A key that is there.
struct Typed {
    key: Vec<u8>,
    kind: String,
    expires_at: Option<Millis>,
}

/// Nanoseconds since 1970 as servers tell them.
pub fn millis(realtime: u64) -> Millis {
    realtime / 1_000_000
}

/// Databases that are not empty, from `db0:keys=1,…`.
fn databases(keyspace: &Reply) -> Option<Vec<u32>> {
    let text = keyspace.text().filter(|text| text.starts_with("# Keyspace"))?;
    let lines = text.lines().filter_map(|line| line.strip_prefix("db")?.split_once(':'));
    lines.map(|(number, _)| number.parse().ok()).collect()
}

/// None: the answer is none. A server without functions answers with an error.
fn take_libraries(answer: &Reply, content: &mut Content) -> Option<()> {
    if matches!(answer, Reply::Error(_)) {
        return Some(());
    }
    for library in answer.items()? {
        let field = |name: &str| {
            library.items()?.chunks(2).find_map(|pair| match pair {
                [key, value] if key.text().as_deref() == Some(name) => values::text(value),
                _ => None,
            })
        };
        let parts = vec![Part { text: field("library_code")?, expires_at: None }];
        let kept = Kept { kind: "function".to_string(), parts, expires_at: None };
        content.keep(Place::Library(field("library_name")?), kept);
    }
    Some(())
}

fn not_an_answer(question: &Argv, bytes: &[u8]) -> NoContent {
    let answer = crate::case::lex::escaped(bytes);
    NoContent::NotAnAnswer { question: crate::case::lex::quote(question), answer }
}
