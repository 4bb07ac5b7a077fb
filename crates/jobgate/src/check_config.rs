//! `jobgate check-config`: what a configuration comes to, or every problem with it.

use std::path::PathBuf;

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

#[expect(clippy::disallowed_methods, reason = "the environment is read here and given to the configuration")]
pub(crate) fn load(file: &std::path::Path) -> Result<Config, Failure> {
    let variables = std::env::vars_os();
    let text =
        variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Config::load(file, text).map_err(|problems| Failure::new(Ending::Configuration, problems))
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
