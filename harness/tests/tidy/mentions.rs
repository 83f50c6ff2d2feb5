//! What a file of Rust says about modules: what it imports and defines, and the paths in its code.
//!
//! Read from tokens, so comments and strings say nothing. Code under `#[cfg(test)]` is left out.

use std::collections::BTreeSet;

use proc_macro2::{Spacing, TokenStream, TokenTree};

/// A path of modules and names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    /// Whether it begins at the root of the package; else where it is written.
    pub from_root: bool,
    pub names: Vec<String>,
}

impl Path {
    pub fn join<'a>(&self, names: impl IntoIterator<Item = &'a String>) -> Path {
        let mut joined = self.clone();
        joined.names.extend(names.into_iter().cloned());
        joined
    }
}

/// One name that a `use` brings in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// None where it is all there is: `*`.
    pub name: Option<String>,
    pub path: Path,
    pub public: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Mentions {
    pub imports: Vec<Import>,
    /// The names of items, without those inside of bodies.
    pub defined: BTreeSet<String>,
    /// Paths of at least two names outside of `use`.
    pub paths: BTreeSet<Path>,
    /// Every name outside of `use`, without those of methods and fields.
    pub names: BTreeSet<String>,
    /// Modules in files of their own that are declared for tests.
    pub tests: BTreeSet<String>,
}

/// Reads `text`, the file of the module `here` of a package whose library is called `library`.
pub fn mentions(text: &str, here: &[String], library: &str) -> Result<Mentions, String> {
    let tokens: TokenStream = text.parse().map_err(|e| format!("not Rust: {e}"))?;
    let mut reader = Reader { here, library, depth: 0, mentions: Mentions::default() };
    reader.read(tokens, true);
    Ok(reader.mentions)
}

struct Reader<'a> {
    here: &'a [String],
    library: &'a str,
    /// How many modules without a file of their own are open.
    depth: usize,
    mentions: Mentions,
}

impl Reader<'_> {
    fn read(&mut self, tokens: TokenStream, items: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut rest = tokens.as_slice();
        while !rest.is_empty() {
            rest = &rest[self.step(rest, items)..];
        }
    }

    /// Reads what comes first; how many tokens that were.
    fn step(&mut self, rest: &[TokenTree], items: bool) -> usize {
        if is_for_tests(rest) {
            return self.pass_over(rest);
        }
        let visibility = visibility(rest);
        if word(rest.get(visibility)) == Some("use".into()) && !is(rest.get(visibility + 1), '<') {
            let end = rest.iter().position(|token| is(Some(token), ';')).unwrap_or(rest.len());
            self.import(&rest[visibility + 1..end], Vec::new(), visibility > 0);
            return (end + 1).min(rest.len());
        }
        match &rest[0] {
            TokenTree::Group(group) => self.read(group.stream(), false),
            TokenTree::Ident(_) => return self.name(rest, items),
            _ if separates(rest) => return 2 + path(&rest[2..]).1,
            _ if is(rest.first(), '.') && word(rest.get(1)).is_some() => return 2,
            _ if is(rest.first(), '.') && is(rest.get(1), '.') => return 2,
            _ => {}
        }
        1
    }

    /// Reads what begins with a name: a module, an item, or a path.
    fn name(&mut self, rest: &[TokenTree], items: bool) -> usize {
        let (names, length) = path(rest);
        if let ("mod", Some(TokenTree::Group(body))) = (names[0].as_str(), rest.get(2)) {
            self.depth += 1;
            self.read(body.stream(), true);
            self.depth -= 1;
            return 3;
        }
        const ITEMS: [&str; 8] =
            ["fn", "struct", "enum", "trait", "type", "const", "static", "union"];
        if ITEMS.contains(&names[0].as_str()) && items {
            self.mentions.defined.extend(word(rest.get(1)));
            return 1;
        }
        self.mentions.names.insert(names[0].clone());
        if names.len() > 1 {
            let path = self.resolve_climbs(names);
            self.mentions.paths.insert(path);
        }
        length
    }

    /// Reads a tree of imports, all of which begin with `names`.
    fn import(&mut self, tree: &[TokenTree], mut names: Vec<String>, public: bool) {
        let mut renamed = None;
        for (at, token) in tree.iter().enumerate() {
            match token {
                TokenTree::Group(group) => {
                    let inside: Vec<TokenTree> = group.stream().into_iter().collect();
                    for part in inside.split(|token| is(Some(token), ',')) {
                        if !part.is_empty() {
                            self.import(part, names.clone(), public);
                        }
                    }
                    return;
                }
                TokenTree::Ident(name) if name == "as" => {
                    renamed = word(tree.get(at + 1));
                    break;
                }
                TokenTree::Ident(name) => names.push(name.to_string()),
                _ => {}
            }
        }
        if names.len() > 1 && names.last().is_some_and(|name| name == "self") {
            names.pop();
        }
        let all = is(tree.last(), '*');
        let name = if all { None } else { renamed.or_else(|| names.last().cloned()) };
        let path = self.resolve_climbs(names);
        self.mentions.imports.push(Import { name, path, public });
    }

    /// The path without `crate`, `self` and `super`.
    fn resolve_climbs(&self, names: Vec<String>) -> Path {
        if ["crate", self.library].contains(&names[0].as_str()) {
            return Path { from_root: true, names: names[1..].to_vec() };
        }
        let own = usize::from(names[0] == "self");
        let climbs = names[own..].iter().take_while(|name| *name == "super").count();
        if own + climbs == 0 {
            return Path { from_root: false, names };
        }
        let kept = self.here.len().saturating_sub(climbs.saturating_sub(self.depth));
        Path { from_root: true, names: [&self.here[..kept], &names[own + climbs..]].concat() }
    }

    /// The length of the item that comes first.
    fn pass_over(&mut self, rest: &[TokenTree]) -> usize {
        let ends = |token: &TokenTree| match token {
            TokenTree::Group(group) => group.delimiter() == proc_macro2::Delimiter::Brace,
            token => is(Some(token), ';'),
        };
        let end = rest.iter().position(ends).unwrap_or(rest.len() - 1);
        if end > 1 && word(rest.get(end - 2)) == Some("mod".into()) && is(rest.get(end), ';') {
            self.mentions.tests.extend(word(rest.get(end - 1)));
        }
        end + 1
    }
}

/// Whether an attribute comes first that keeps the next item for tests.
fn is_for_tests(rest: &[TokenTree]) -> bool {
    match rest {
        [hash, TokenTree::Group(attribute), ..] if is(Some(hash), '#') => {
            let text = attribute.stream().to_string().replace(' ', "");
            text == "cfg(test)" || text.starts_with("cfg(all(test,")
        }
        _ => false,
    }
}

/// How many tokens say who may see what follows.
fn visibility(rest: &[TokenTree]) -> usize {
    match rest {
        [first, TokenTree::Group(_), ..] if word(Some(first)) == Some("pub".into()) => 2,
        [first, ..] if word(Some(first)) == Some("pub".into()) => 1,
        _ => 0,
    }
}

/// The names joined by `::` that come first, and how many tokens those are.
fn path(rest: &[TokenTree]) -> (Vec<String>, usize) {
    let mut names: Vec<String> = word(rest.first()).into_iter().collect();
    let mut length = names.len();
    while length > 0 && separates(&rest[length..]) {
        let Some(name) = word(rest.get(length + 2)) else { break };
        names.push(name);
        length += 3;
    }
    (names, length)
}

/// Whether `::` comes first.
fn separates(rest: &[TokenTree]) -> bool {
    match rest {
        [TokenTree::Punct(first), TokenTree::Punct(second), ..] => {
            let joint = first.spacing() == Spacing::Joint;
            first.as_char() == ':' && joint && second.as_char() == ':'
        }
        _ => false,
    }
}

fn is(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

fn word(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}
