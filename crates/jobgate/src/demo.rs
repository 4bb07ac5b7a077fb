//! `jobgate demo`: gateway and sandbox upstream in one process, nothing else needed.

use std::net::SocketAddr;
use std::path::Path;

use ::sandbox::Sandbox;
use gateway::Config;

use crate::output::{self, Ending, Failure};
use crate::serve;

/// Run the gateway in front of a sandbox upstream
///
/// Everything is in this process and in memory: the upstream, its jobs, an illustrative rate card.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jobgate demo --listen 127.0.0.1:0")]
pub(crate) struct Args {
    /// Where clients connect
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Where metrics and health are
    #[arg(long, default_value = "127.0.0.1:9090")]
    admin: SocketAddr,
}

const JOB: &str = r#"{"type":"Full","name":"Bridge 7","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}],"settings":{"quality":"Extra","outputs":["OBJ"]},"costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5}}"#;

pub(crate) fn run(args: &Args) -> output::Result {
    let upstream = Sandbox::builder()
        .start_blocking(([127, 0, 0, 1], 0).into())
        .map_err(|error| Failure::new(Ending::Bad, format!("the sandbox upstream cannot listen: {error}")))?;
    let text = format!(
        "listen.address = '{}'\nadmin.address = '{}'\nupstream.url = 'http://{}'\npricing.rate_card = 'builtin:illustrative'",
        args.listen,
        args.admin,
        upstream.addr()
    );
    let config = Config::parse(&text, Path::new("."), [])
        .map_err(|problems| Failure::new(Ending::Configuration, problems))?;
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
    output::say("");
    gateway.run();
    Ok(Ending::Ok)
}

fn curl(address: SocketAddr, path: &str, body: &str) -> String {
    format!(
        "curl -i http://{address}{path} -H 'Authorization: Bearer demo' -H 'Content-Type: application/json' -d '{body}'"
    )
}
