//! Profiles of the user's: a TOML file that names a program and says how it differs from a known
//! server.
//!
//! What the file leaves out comes from the profile that it is `like`, or else from the one for the
//! version that the program answers with. Must not know: where such files lie.

use std::path::{Path, PathBuf};

use super::source::Source;
use super::{NoServer, Profile, Server, builtin, pick};

impl Profile {
    /// The profile for a path, and the program to run, from the root on, because a server starts in
    /// a directory of its own: for a file that ends in `.toml` what it says, for any other file the
    /// profile of its version.
    pub fn of(path: &Path) -> Result<(Profile, PathBuf), NoServer> {
        if path.extension().is_some_and(|ending| ending == "toml") {
            return own(path);
        }
        let profile = Profile::for_server(path)?;
        let lost = |why: std::io::Error| NoServer::CannotRun {
            path: path.display().to_string(),
            why: why.to_string(),
        };
        Ok((profile, std::path::absolute(path).map_err(lost)?))
    }
}

fn own(file: &Path) -> Result<(Profile, PathBuf), NoServer> {
    let shown = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|why| match why.kind() {
        std::io::ErrorKind::NotFound => NoServer::Missing { path: shown.clone() },
        _ => NoServer::BadProfile { place: shown.clone(), why: why.to_string() },
    })?;
    let bad = |offset: usize, why: String| {
        let line = text.get(..offset).unwrap_or_default().matches('\n').count() + 1;
        NoServer::BadProfile { place: format!("{shown}:{line}"), why }
    };
    let source: Source = toml::from_str(&text).map_err(|error| {
        bad(error.span().map_or(0, |span| span.start), error.message().to_string())
    })?;
    if let Some((key, offset)) = source.not_for_users() {
        return Err(bad(offset, format!("`{key}` is for profiles that are part of sabot")));
    }
    let Some(path) = &source.path else {
        return Err(bad(0, "no `path`: where is the server?".to_string()));
    };
    let place = path.span().start;
    let binary = file.parent().unwrap_or(Path::new("")).join(path.get_ref());
    let binary = std::path::absolute(&binary).map_err(|why| bad(place, why.to_string()))?;
    let profile = match &source.like {
        Some(like) => named_or(like.get_ref(), |known| {
            let why = format!("`like` names no profile: there are {known}");
            bad(like.span().start, why)
        })?,
        None => pick(&asked(&binary, &source)?, &binary)?,
    };
    let server = asked(&binary, &source)?;
    let family = source.name.clone();
    Ok((Profile { family, server: Some(server), ..source.over(profile) }, binary))
}

fn named_or(name: &str, bad: impl FnOnce(String) -> NoServer) -> Result<Profile, NoServer> {
    let all = builtin();
    let known = all.iter().map(|profile| profile.name.as_str()).collect::<Vec<_>>().join(", ");
    all.into_iter().find(|profile| profile.name == name).ok_or_else(|| bad(known))
}

/// What the program says of itself, or what the file says in its place.
fn asked(binary: &Path, source: &Source) -> Result<Server, NoServer> {
    match source.version {
        None => Server::ask(binary),
        Some(version) => {
            super::version::can_run(binary)?;
            let name = source.name.clone().unwrap_or_else(|| "Redis server".to_string());
            Ok(Server { line: format!("{name} v={version}"), name, version })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The profile, or the complaint without the folder, for a file with this text.
    fn read(text: &str) -> Result<Profile, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("mine.toml");
        std::fs::write(&file, text).expect("a new file");
        let prefix = format!("{}/", folder.path().display());
        let found = Profile::of(&file).map_err(|why| why.to_string().replace(&prefix, ""));
        found.map(|(profile, _)| profile)
    }

    #[test]
    fn what_is_left_out_comes_from_the_profile_it_is_like() {
        let text = "path = \"/bin/true\"\nlike = \"redis-6\"\nversion = \"6.2.99\"\n\
                    name = \"mine\"\n[threads]\nmy_sync = \"bio-fsync\"\n\
                    [announces]\nreplies = [\"READONLY\"]\n";
        let mine = read(text).expect("a good profile");
        let base = Profile::named("redis-6").expect("it is part of the program");
        assert_eq!((mine.family().as_str(), &*mine.thread("my_sync")), ("mine", "bio-fsync"));
        assert_eq!(mine.thread("bio_aof_fsync"), "bio-fsync");
        assert_eq!((&mine.files, &mine.args), (&base.files, &base.args));
        assert_eq!(mine.announces.replies, ["READONLY"]);
        assert_eq!(mine.announces.info, base.announces.info);
    }

    #[test]
    fn a_program_is_told_from_the_root_on() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir_in(".").expect("a temporary folder");
        let program = folder.path().join("server");
        let text = "#!/bin/sh\necho 'Redis server v=7.0.15 sha=0:0 malloc=libc bits=64 build=0'\n";
        std::fs::write(&program, text).expect("a new file");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&program, executable).expect("a file of ours");
        let here = Path::new(folder.path().file_name().expect("it has a name")).join("server");
        let (_, found) = Profile::of(&here).expect("a server");
        assert!(here.is_relative() && found.is_absolute() && found.ends_with(&here), "{found:?}");
    }

    #[test]
    fn a_bad_file_is_refused_with_its_line() {
        let cases = [
            ("", "mine.toml:1: no `path`: where is the server?"),
            ("path = \"x\"\nport = 1\n", "mine.toml:2: unknown field `port`"),
            ("path = 3\n", "mine.toml:1: invalid type: integer `3`"),
            ("path = \"x\"\n\nlike = \"redis-5\"\n", "mine.toml:3: `like` names no profile"),
            ("path = \"x\"\nfrom = \"6.0\"\n", "mine.toml:2: `from` is for profiles"),
            ("path = \"x\"\nversion = \"new\"\n", "mine.toml:2: new is not MAJOR.MINOR.PATCH"),
            ("path = \"x\"\n= 1\n", "mine.toml:2: "),
            ("path = \"x\"\n", "x: there is no such file"),
        ];
        for (text, complaint) in cases {
            let found = read(text).expect_err(text);
            assert!(found.starts_with(complaint), "{text:?} gave {found}");
        }
    }
}
