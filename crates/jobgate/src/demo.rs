//! `jobgate demo`: gateway and sandbox upstream in one process, nothing else needed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::sandbox::Sandbox;
use gateway::Config;

use crate::output::{self, Ending, Failure};
use crate::serve;

/// Run the gateway in front of a sandbox upstream
///
/// Everything is in this process: the upstream, its jobs, an illustrative rate card, a budget of 10 units a day for each
/// workspace.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jobgate demo --listen 127.0.0.1:0")]
pub(crate) struct Args {
    /// Where clients connect
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where metrics and health are
    #[arg(long, default_value = "127.0.0.1:9090")]
    admin: SocketAddr,
    /// A folder for the ledger, so that it outlives the demo; without it the ledger is in memory
    #[arg(long)]
    data: Option<PathBuf>,
}

/// Enough for two of the jobs below, and not for a third.
const BUDGET: &str =
    "[[budget]]\nname = 'demo'\nscope = 'workspace'\nlimit = '10'\nwindow = 'day'\ntime_zone = 'UTC'\n";

const JOB: &str = r#"{"type":"Full","name":"Bridge 7","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}],"settings":{"quality":"Extra","outputs":["OBJ"]},"costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5}}"#;

pub(crate) fn run(args: &Args) -> output::Result {
    let upstream = Sandbox::builder()
        .run_time(Duration::from_secs(5))
        .start_blocking(([127, 0, 0, 1], 0).into())
        .map_err(|error| Failure::new(Ending::Bad, format!("the sandbox upstream cannot listen: {error}")))?;
    let ledger = if args.data.is_some() { "sqlite:ledger.db" } else { "memory:" };
    let text = format!(
        "listen.address = '{}'\nadmin.address = '{}'\nupstream.url = 'http://{}'\npricing.rate_card = 'builtin:illustrative'\nledger.url = '{ledger}'\n{BUDGET}",
        args.listen,
        args.admin,
        upstream.addr()
    );
    let config = match &args.data {
        None => Config::parse(&text, Path::new("."), []),
        Some(folder) => Config::load(&write(folder, &text)?, []),
    };
    let config = config.map_err(|problems| Failure::new(Ending::Configuration, problems))?;
    let gateway = serve::start(config)?;
    let (address, admin) = (gateway.address(), gateway.admin());
    output::say(format_args!(
        "gateway http://{address}   operators http://{admin}/metrics   upstream (sandbox) http://{}   Ctrl-C stops\n",
        upstream.addr()
    ));
    output::say("A job that is admitted, priced and forwarded:");
    output::say(curl(address, "/contextcapture/jobs", JOB));
    output::say("\nOne that is refused, with every reason:");
    output::say(curl(
        address,
        "/contextcapture/jobs",
        r#"{"type":"full","name":"","settings":{"quality":"Extra","outputs":["I3S"]}}"#,
    ));
    output::say("\nWhat a job would cost, before it has a workspace:");
    output::say(curl(
        address,
        "/jobgate/v1/estimate",
        r#"{"type":"Full","name":"n","settings":{"quality":"Draft","outputs":["LAS"]},"costEstimationParameters":{"gigaPixels":40}}"#,
    ));
    output::say(format_args!(
        "\nThe job fits the budget twice; the third is refused with its sum. What is held: curl http://{admin}/v1/budgets"
    ));
    if let Some(folder) = &args.data {
        let config = folder.join("jobgate.toml");
        output::say(format_args!("The ledger afterwards: jobgate usage --config {}", config.display()));
    }
    output::say("");
    serve::run_to_the_end(gateway)
}

/// Writes the demo's configuration where `jobgate usage`, `holds` and `ledger` find it afterwards.
fn write(folder: &Path, text: &str) -> Result<PathBuf, Failure> {
    let file = folder.join("jobgate.toml");
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&file, text))
        .map_err(|error| Failure::new(Ending::Bad, format!("--data {}: {error}", folder.display())))?;
    Ok(file)
}

fn curl(address: SocketAddr, path: &str, body: &str) -> String {
    format!(
        "curl -i http://{address}{path} -H 'Authorization: Bearer demo' -H 'Content-Type: application/json' -d '{body}'"
    )
}
