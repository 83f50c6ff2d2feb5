//! Libraries of functions, which are kept as text and never run (Redis: functions.c).
//!
//! Must not know: how they get here, and the language they are written in.

use std::collections::BTreeMap;

use super::bytes::Bytes;

/// The languages that there are.
const ENGINE: &[u8] = b"lua";

/// Code by the name of its library.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Functions {
    libraries: BTreeMap<Bytes, Bytes>,
}

impl Functions {
    /// Adds a library and returns its name. Fails with the reason (Redis:
    /// `functionsCreateWithLibraryCtx`).
    pub fn load(&mut self, code: Bytes, replace: bool) -> Result<Bytes, String> {
        let name = library_name(&code)?;
        if self.libraries.contains_key(&name) && !replace {
            return Err(format!("Library '{}' already exists", String::from_utf8_lossy(&name)));
        }
        self.libraries.insert(name.clone(), code);
        Ok(name)
    }

    /// Adds libraries, all or none. Fails with the reason (Redis: `functionRestoreCommand`).
    pub fn restore(&mut self, code: Vec<Bytes>, policy: RestorePolicy) -> Result<(), String> {
        let mut new = Functions::default();
        for code in code {
            new.load(code, false)?;
        }
        if policy == RestorePolicy::Flush {
            *self = new;
            return Ok(());
        }
        let known = new.libraries.keys().find(|name| self.libraries.contains_key(*name));
        if let Some(name) = known.filter(|_| policy == RestorePolicy::Append) {
            return Err(format!("Library {} already exists", String::from_utf8_lossy(name)));
        }
        self.libraries.append(&mut new.libraries);
        Ok(())
    }

    /// Returns whether there was such a library.
    pub fn delete(&mut self, name: &[u8]) -> bool {
        self.libraries.remove(name).is_some()
    }

    pub fn clear(&mut self) {
        self.libraries.clear();
    }

    pub fn is_empty(&self) -> bool {
        self.libraries.is_empty()
    }

    /// The libraries, with their code.
    pub fn libraries(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.libraries.iter()
    }

    /// The code of each library.
    pub fn code(&self) -> impl Iterator<Item = &Bytes> {
        self.libraries.values()
    }
}

/// What becomes of the libraries that are there when others are restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestorePolicy {
    /// None may have the name of a new one.
    Append,
    /// Those with the name of a new one go.
    Replace,
    /// All go.
    Flush,
}

/// The name from the first line, `#!lua name=NAME` (Redis: `functionExtractLibMetaData`).
fn library_name(code: &[u8]) -> Result<Bytes, String> {
    let end = code.iter().position(|&byte| byte == b'\n');
    let first = code.strip_prefix(b"#!").and(end).map(|end| &code[2..end]);
    let first = first.ok_or("Missing library metadata")?;
    let mut words = first.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let engine = words.next().unwrap_or_default();
    let mut name = None;
    for word in words {
        match word.strip_prefix(b"name=") {
            Some(_) if name.is_some() => {
                return Err("Invalid metadata value, name argument was given multiple times".into());
            }
            Some(given) => name = Some(given),
            None => {
                let word = String::from_utf8_lossy(word);
                return Err(format!("Invalid metadata value given: {word}"));
            }
        }
    }
    let name = name.ok_or("Library name was not given")?;
    let good = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    if name.is_empty() || !name.iter().all(good) {
        return Err(
            "Library names can only contain letters, numbers, or underscores(_) and must be at \
             least one character long"
                .into(),
        );
    }
    if !engine.eq_ignore_ascii_case(ENGINE) {
        return Err(format!("Engine '{}' not found", String::from_utf8_lossy(engine)));
    }
    Ok(name.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_known_by_the_name_in_its_first_line() {
        let mut functions = Functions::default();
        let code = b"#!lua name=lib\nredis.register_function('f', f)".to_vec();
        assert_eq!(functions.load(code.clone(), false), Ok(b"lib".to_vec()));
        assert!(functions.load(code.clone(), false).is_err());
        assert!(functions.load(code, true).is_ok());
        assert!(functions.delete(b"lib") && functions.is_empty());
        for (policy, left) in [
            (RestorePolicy::Append, None),
            (RestorePolicy::Replace, Some(2)),
            (RestorePolicy::Flush, Some(1)),
        ] {
            let mut functions = Functions::default();
            for name in ["a", "b"] {
                assert!(functions.load(format!("#!lua name={name}\n").into(), false).is_ok());
            }
            let restored = functions.restore(vec![b"#!lua name=a\nnew".to_vec()], policy);
            let count = restored.ok().map(|()| functions.libraries().count());
            assert_eq!(count, left, "{policy:?}");
        }
        for wrong in ["", "#!lua name=lib", "#!lua\n", "#!js name=a\n", "#!lua name=a-b\n"] {
            assert!(functions.load(wrong.into(), false).is_err(), "{wrong}");
        }
    }
}
