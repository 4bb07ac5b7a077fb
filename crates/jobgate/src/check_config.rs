//! `jobgate check-config`: what a configuration comes to, or every problem with it.

use std::path::{Path, PathBuf};

use gateway::Config;

use crate::output::{self, Data, Ending, Failure};

/// Check a configuration and print what it comes to
///
/// Loads everything that `serve` loads, the environment's JOBGATE_ variables included, and prints the effective
/// configuration without secrets; or every problem with its key, and ends with exit code 78.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jobgate check-config /etc/jobgate/jobgate.toml")]
pub(crate) struct Args {
    /// The configuration
    file: PathBuf,
}

/// The environment.
///
/// # Errors
/// When a variable of ours for which `is_needed` is no text. Others may be anything.
#[expect(clippy::disallowed_methods, reason = "the environment is read here and given to the configuration")]
pub(crate) fn environment(is_needed: impl Fn(&str) -> bool) -> Result<Vec<(String, String)>, Failure> {
    let mut texts = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Ok(name) = name.into_string() else { continue };
        match value.into_string() {
            Ok(text) => texts.push((name, text)),
            Err(_) if name.starts_with("JOBGATE_") && name.contains("__") && is_needed(&name) => {
                return Err(Failure::new(Ending::Configuration, format!("{name}: is not UTF-8")));
            }
            Err(_) => {}
        }
    }
    Ok(texts)
}

pub(crate) fn load(file: &Path) -> Result<Config, Failure> {
    Config::load(file, environment(|_| true)?)
        .map_err(|problems| Failure::new(Ending::Configuration, problems))
}

pub(crate) fn run(args: &Args) -> output::Result {
    let config = load(&args.file)?;
    for warning in config.warnings() {
        output::say(format_args!("warning: {warning}"));
    }
    let mut data = Data::new();
    data.line(config.effective().trim_end())?;
    data.finish()?;
    Ok(Ending::Ok)
}
