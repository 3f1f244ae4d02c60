//! What was set, by whom, before it is understood; and how each kind of setting is taken from it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use super::error::ConfigError;
use super::setting::{Empty, Setting};
use super::value::{self, Memory, Value};

/// Who set a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag, without its dashes.
    Flag(String),
    /// An environment variable.
    Environment(String),
    /// A variable in a `.env` file.
    DotEnv(String, PathBuf),
    /// A key in the TOML file.
    Toml(String, PathBuf),
    /// Nobody: the setting's own default.
    Default,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "the flag --{flag}"),
            Self::Environment(name) => write!(f, "the environment variable {name}"),
            Self::DotEnv(name, path) => write!(f, "{name} in {}", path.display()),
            Self::Toml(key, path) => write!(f, "'{key}' in {}", path.display()),
            Self::Default => f.write_str("its default"),
        }
    }
}

/// The text of one setting. Has no `Debug`: it may be a secret.
#[derive(Clone)]
pub struct Given {
    /// As it was written.
    pub text: String,
    /// Who wrote it.
    pub origin: Origin,
}

/// The settings that somebody set: for each, the one value that counts.
#[derive(Clone, Default)]
pub struct Values {
    given: BTreeMap<&'static str, Given>,
    secret_names: BTreeSet<String>,
    warnings: Vec<String>,
}

impl Values {
    /// Sets a setting unless it is set already, so that the source with the highest precedence comes first.
    /// An empty value that means "unset" is passed over.
    pub fn offer(&mut self, setting: &'static Setting, text: &str, origin: Origin) {
        let text = text.trim();
        if text.is_empty() && setting.empty == Empty::Unset {
            return;
        }
        self.given.entry(setting.name).or_insert_with(|| Given { text: text.to_owned(), origin });
    }

    /// Says that there is a secret of this name (`MCP_SECRET_<NAME>`).
    pub fn offer_secret_name(&mut self, name: &str) {
        self.secret_names.insert(name.to_owned());
    }

    /// Adds a sentence to log at the start.
    pub fn warn(&mut self, sentence: String) {
        self.warnings.push(sentence);
    }

    pub(super) const fn secret_names(&self) -> &BTreeSet<String> {
        &self.secret_names
    }

    pub(super) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether it was set to this word.
    pub(super) fn is_word(&self, setting: &Setting, word: &str) -> bool {
        self.given.get(setting.name).is_some_and(|given| given.text.eq_ignore_ascii_case(word))
    }

    /// Who set it, if anybody did.
    pub fn origin(&self, setting: &Setting) -> Option<&Origin> {
        self.given.get(setting.name).map(|given| &given.origin)
    }

    /// Checks a value, whether or not anything uses it.
    pub(super) fn check(&self, setting: &Setting) -> Result<(), ConfigError> {
        self.get(setting).map(drop)
    }

    /// A yes or no.
    pub(super) fn switch(&self, setting: &Setting, default: bool) -> Result<bool, ConfigError> {
        Ok(match self.get(setting)? {
            Some(Value::Switch(on)) => on,
            _ => default,
        })
    }

    /// An integer, thousandths or bytes.
    pub(super) fn number<N: TryFrom<u64> + Default>(
        &self,
        setting: &Setting,
    ) -> Result<N, ConfigError> {
        let Some(Value::Number(number)) = self.get(setting)? else {
            return Ok(N::default());
        };
        N::try_from(number).map_err(|_| self.invalid(setting, &number.to_string()))
    }

    /// An amount of memory.
    pub(super) fn memory(&self, setting: &Setting) -> Result<Memory, ConfigError> {
        self.number(setting).map(Memory::from_bytes)
    }

    /// Seconds.
    pub(super) fn seconds(&self, setting: &Setting) -> Result<Duration, ConfigError> {
        self.number(setting).map(Duration::from_secs)
    }

    /// Milliseconds.
    pub(super) fn millis(&self, setting: &Setting) -> Result<Duration, ConfigError> {
        self.number(setting).map(Duration::from_millis)
    }

    /// One of the setting's words, as the setting spells it.
    pub(super) fn word(&self, setting: &Setting) -> Result<&'static str, ConfigError> {
        Ok(match self.get(setting)? {
            Some(Value::Word(word)) => word,
            _ => "",
        })
    }

    /// A list.
    pub(super) fn list(&self, setting: &Setting) -> Result<Vec<String>, ConfigError> {
        Ok(match self.get(setting)? {
            Some(Value::List(list)) => list,
            _ => Vec::new(),
        })
    }

    /// A text that has a default.
    pub(super) fn text(&self, setting: &Setting) -> Result<String, ConfigError> {
        Ok(self.optional_text(setting)?.unwrap_or_default())
    }

    /// A text, if there is one.
    pub(super) fn optional_text(&self, setting: &Setting) -> Result<Option<String>, ConfigError> {
        Ok(match self.get(setting)? {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        })
    }

    /// A URL, if there is one.
    pub(super) fn url(&self, setting: &Setting) -> Result<Option<Url>, ConfigError> {
        Ok(self.optional_text(setting)?.as_deref().and_then(value::web_url))
    }

    /// A secret, if there is one.
    pub(super) fn secret(&self, setting: &Setting) -> Result<Option<SecretString>, ConfigError> {
        Ok(self.optional_text(setting)?.map(SecretString::from))
    }

    fn get(&self, setting: &Setting) -> Result<Option<Value>, ConfigError> {
        let text = match (self.given.get(setting.name), setting.default) {
            (Some(given), _) => given.text.as_str(),
            (None, Some(default)) => default,
            (None, None) => return Ok(None),
        };
        if text.is_empty() && setting.empty == Empty::Refused {
            return Err(ConfigError::Empty { name: setting.name, origin: self.who(setting) });
        }
        let value = value::parse(setting.kind, text).ok_or_else(|| self.invalid(setting, text))?;
        Ok(Some(value))
    }

    fn who(&self, setting: &Setting) -> Origin {
        self.origin(setting).cloned().unwrap_or(Origin::Default)
    }

    fn invalid(&self, setting: &Setting, text: &str) -> ConfigError {
        let shown = if setting.secret {
            "what it is".to_owned()
        } else {
            format!("{:?}", text.chars().take(120).collect::<String>())
        };
        ConfigError::Invalid {
            name: setting.name,
            allowed: setting.allowed(),
            shown,
            origin: self.who(setting),
        }
    }
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.given.iter().map(|(name, given)| (name, &given.origin))).finish()
    }
}
