//! The configuration: one TOML file and the environment, read once, every problem told at once.

mod budgets;
mod cards;
mod effective;
mod env;
mod identity;
mod keys;
mod limits;
pub(crate) mod pem;
mod problems;
mod rates;
mod reader;
mod roots;
mod rows;
mod running;
mod sections;
mod sinks;
mod slips;
mod suggest;
mod types;
mod url;
mod validation;
mod value;
mod warnings;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use toml::Table;

pub use cards::read_card;
pub use problems::{ConfigProblem, ConfigProblems};
pub(crate) use running::Running;
pub use suggest::nearest;
pub use types::{
    CardSource, Config, Counts, EventSink, Holds, Identity, Jwt, KeySource, Ledger, Level, Limits, Listen,
    Log, RateRule, Scope, Secret, SettleBy, Shutdown, SinkTo, Tls, Upstream, Valid,
};

pub use crate::identity::KeySet;
use reader::Reader;

impl Config {
    /// Reads a file and puts `JOBGATE_SECTION__KEY` variables over it.
    ///
    /// # Errors
    /// Every problem there is, each with its key.
    pub fn load(
        path: &Path,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigProblems> {
        Self::parse(&text_of(path)?, folder_of(path), env)
    }

    /// Where the ledger is, and where its gateway tells of it, for whoever only looks at that: what is wrong with other keys keeps
    /// nobody from it.
    ///
    /// # Errors
    /// Every problem of its own keys; where no key names a file, those of others behind them: one may be meant to.
    pub fn find_ledger(
        path: &Path,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Ledger, SocketAddr), ConfigProblems> {
        let (config, problems) = read(&text_of(path)?, folder_of(path), env)?;
        let (mut told, others): (Vec<_>, Vec<_>) = problems.into_iter().partition(|problem| {
            let key = problem.key();
            key == "ledger" || key.starts_with("ledger.") || key.starts_with("JOBGATE_LEDGER__")
        });
        if config.ledger == Ledger::Memory {
            told.extend(others);
        }
        ConfigProblems::check(told).map(|()| (config.ledger, config.admin))
    }

    /// Reads a text; files that it names are looked for from `base`.
    ///
    /// ```
    /// use std::path::Path;
    /// use gateway::config::Config;
    /// let config = Config::parse("limits.body_bytes = '1MiB'", Path::new("."), []).unwrap();
    /// assert_eq!(config.limits.body_bytes, 1024 * 1024);
    /// let problems = Config::parse("[limits]\nbody_byte = '1MiB'", Path::new("."), []).unwrap_err();
    /// assert_eq!(problems.to_string(), "limits.body_byte: unknown key; did you mean \"body_bytes\"?");
    /// ```
    ///
    /// # Errors
    /// Every problem there is, each with its key.
    pub fn parse(
        text: &str,
        base: &Path,
        env: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigProblems> {
        let (config, problems) = read(text, base, env)?;
        ConfigProblems::check(problems).map(|()| config)
    }

    /// The path of every key, except the ids of rules under `validation.severity`.
    pub fn keys() -> impl Iterator<Item = &'static str> {
        keys::KEYS.iter().map(|(path, _)| *path)
    }
}

fn text_of(path: &Path) -> Result<String, ConfigProblems> {
    std::fs::read_to_string(path)
        .map_err(|fault| ConfigProblems::one(path.display().to_string(), format!("cannot be read: {fault}")))
}

/// Files that a configuration names are looked for from here.
fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// What can be read of a text, and what is wrong with the rest, which is as if it was not there.
fn read(
    text: &str,
    base: &Path,
    env: impl IntoIterator<Item = (String, String)>,
) -> Result<(Config, Vec<ConfigProblem>), ConfigProblems> {
    let mut table = text.parse::<Table>().map_err(|fault| syntax(text, &fault))?;
    let mut problems = Vec::new();
    let variables: BTreeMap<String, String> = env.into_iter().collect();
    let origin = env::apply(&mut table, &variables, &mut problems);
    keys::check(&table, &mut problems);
    let mut reader = Reader { table: &table, base, variables, origin, problems };
    let config = sections::read(&mut reader);
    Ok((config, reader.problems))
}

/// The place and the parser's own words. The line itself is not repeated: what stands there may be anything.
fn syntax(text: &str, fault: &toml::de::Error) -> ConfigProblems {
    let before = fault.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let message = fault.message().lines().collect::<Vec<_>>().join("; ");
    ConfigProblems::one(format!("line {line}, column {column}"), format!("not valid TOML: {message}"))
}
