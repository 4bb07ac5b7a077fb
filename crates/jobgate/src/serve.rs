//! `jobgate serve`: the gateway.

use std::io;
use std::path::PathBuf;

use gateway::config::Level;
use gateway::{Config, Gateway, diagnostics};
use mimalloc::MiMalloc;

use crate::check_config;
use crate::output::{self, Ending, Failure};

/// The whole program's. A request takes a hundred blocks of memory and gives them back, which costs it a tenth less than with
/// the C library's allocator.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Run the gateway
///
/// Access log lines go to stdout, everything else to stderr, both as JSON. SIGTERM, SIGQUIT or Ctrl-C finishes what is
/// under way; a second one ends it at once. SIGHUP, SIGUSR1 and SIGUSR2 are only told of: a changed configuration takes a restart.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jobgate serve --config /etc/jobgate/jobgate.toml")]
pub(crate) struct Args {
    /// The configuration; deploy/jobgate.example.toml has every key
    #[arg(long)]
    config: PathBuf,
}

pub(crate) fn run(args: &Args) -> output::Result {
    let gateway = start(check_config::load(&args.config)?)?;
    log::info!("listening on {}, for operators on {}", gateway.address(), gateway.admin());
    run_to_the_end(gateway)
}

/// Serves until somebody ends it; that it ended otherwise is a failure.
pub(crate) fn run_to_the_end(gateway: Gateway) -> output::Result {
    gateway.run().map_err(|panicked| Failure::new(Ending::Bad, panicked))?;
    Ok(Ending::Ok)
}

/// Starts to log, and binds.
pub(crate) fn start(config: Config) -> Result<Gateway, Failure> {
    diagnostics::start(config.log.level).map_err(|error| Failure::new(Ending::Bad, error))?;
    for warning in config.warnings() {
        log::warn!("{warning}");
    }
    let requests: Option<Box<dyn io::Write + Send>> =
        if config.log.level >= Level::Info { Some(Box::new(io::stdout())) } else { None };
    Gateway::bind(config, requests).map_err(|error| {
        let ending = if error.is_configuration() { Ending::Configuration } else { Ending::Bad };
        Failure::new(ending, error)
    })
}
