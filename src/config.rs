//! The configuration: the directives of redis.conf, their values, CONFIG GET and CONFIG SET (Redis:
//! config.c).
//!
//! Must not know: what a directive does to the rest of the server.

mod accepted;
mod directive;
pub mod directives;
pub mod load;
pub mod rewrite;
mod settings;

use crate::generation::ConfigRefused;
use crate::text::glob_match;
pub use directive::Directive;
pub use settings::{AppendFsync, Config, MaxmemoryPolicy, ProtectedAction};

impl Config {
    /// Sets one directive from the words after its name. The error is the sentence that Redis
    /// prints below the line in "FATAL CONFIG FILE ERROR" (Redis: `loadServerConfigFromString`).
    pub fn set(&mut self, directive: &Directive, values: &[String]) -> Result<(), String> {
        directive.set(self, values)
    }

    /// Whether protected directives cannot be changed (`enable-protected-configs`).
    fn protects_configs(&self) -> bool {
        self.enable_protected_configs == ProtectedAction::No
    }

    /// The directives whose names match a pattern, with their values (Redis: `configGetCommand`).
    pub fn matching(&self, pattern: &[u8]) -> Vec<(&'static str, String)> {
        directives::of(self.generation)
            .iter()
            .filter(|directive| glob_match(pattern, directive.name.as_bytes(), true))
            .map(|directive| (directive.name, directive.get(self)))
            .collect()
    }
}

/// Sets one directive as CONFIG SET does, and returns its canonical name. On an error the
/// configuration may have changed: work on a copy.
///
/// # Errors
/// Why it is refused; the generation words it.
pub fn config_set(
    config: &mut Config,
    name: &str,
    value: &str,
) -> Result<&'static str, ConfigRefused> {
    let name_given = || name.to_string();
    let directive = directives::find(config.generation, name)
        .ok_or_else(|| ConfigRefused::Unknown { name: name_given() })?;
    if !directive.modifiable {
        return Err(ConfigRefused::Immutable { name: name_given() });
    }
    if directive.protected && config.protects_configs() {
        return Err(ConfigRefused::Protected { name: name_given() });
    }
    if directive.name == "save" {
        config.save.clear();
    }
    let set = directive.set(config, &directive.split_value(value));
    set.map(|()| directive.name).map_err(|reason| ConfigRefused::Invalid {
        name: name_given(),
        value: value.to_string(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_get_matches_names_without_case() {
        let config = Config::default();
        assert_eq!(config.matching(b"APPENDONLY"), [("appendonly", "no".to_string())]);
        assert_eq!(config.matching(b"save"), [("save", "3600 1 300 100 60 10000".to_string())]);
        let rewrite = config.matching(b"auto-aof-rewrite-*");
        assert_eq!(rewrite[0], ("auto-aof-rewrite-percentage", "100".to_string()));
        assert_eq!(rewrite[1], ("auto-aof-rewrite-min-size", "67108864".to_string()));
    }

    #[test]
    fn config_set_answers_in_the_words_of_redis() {
        let config = Config::default();
        let refused = |name, value| {
            let refused = config_set(&mut config.clone(), name, value).expect_err("refused");
            config.generation.words.config_refused(&refused)
        };
        assert_eq!(refused("nonsense", "1"), "Unsupported CONFIG parameter: nonsense");
        assert_eq!(refused("port", "1"), "Unsupported CONFIG parameter: port");
        assert_eq!(
            refused("appendfsync", "often"),
            "Invalid argument 'often' for CONFIG SET 'appendfsync' - argument must be one of the \
             following: everysec, always, no"
        );
        assert_eq!(
            refused("auto-aof-rewrite-min-size", "x"),
            "Invalid argument 'x' for CONFIG SET 'auto-aof-rewrite-min-size' - argument must be a \
             memory value"
        );
        assert!(refused("cluster-enabled", "yes").contains("cluster mode"));
        let mut changed = config.clone();
        config_set(&mut changed, "hz", "9000").expect("hz is capped");
        assert_eq!(changed.hz, 500);
    }
}
