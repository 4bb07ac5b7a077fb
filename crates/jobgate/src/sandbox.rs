//! `jobgate sandbox`: the sandbox upstream alone.

use std::net::SocketAddr;

use ::sandbox::{Builder, Injection, Sandbox};
use tokio::signal::unix::{SignalKind, signal};

use crate::output::{self, Ending, Failure};

/// Run the sandbox upstream alone
///
/// A small copy of the Reality Modeling API in memory, with faults on request: by --fault, by the header
/// x-sandbox-fault, or by POST /sandbox/faults. GET /sandbox/journal tells what came.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  jobgate sandbox\n  jobgate sandbox --fault latency=250ms --fault 'cut*3'\n\n\
    Faults: latency=250ms, refuse, reset-before, reset-after, status=503, 429, cut, torn201, garbage, silence, drip=10ms;\n\
    with *3 behind it a fault strikes three times, else until it is cleared."
)]
pub(crate) struct Args {
    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// A fault to begin with; can be given more than once
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Injection>,
}

pub(crate) fn run(args: &Args) -> output::Result {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(args))
}

async fn serve(args: &Args) -> output::Result {
    let faults = args.fault.iter().cloned();
    let builder = faults.fold(Sandbox::builder(), Builder::fault);
    let running = builder.start(args.listen).await.map_err(|error| {
        let what = format!(
            "cannot listen on {}: {error}; free that address or give another one by --listen",
            args.listen
        );
        Failure::new(Ending::Bad, what)
    })?;
    output::say(format_args!("sandbox upstream http://{}   Ctrl-C stops", running.addr()));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    running.stop().await;
    Ok(Ending::Ok)
}
