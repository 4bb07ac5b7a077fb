//! The jobgate command line: takes the words apart and gives them to their subcommand.

mod book;
mod check_config;
mod demo;
mod estimate;
mod files;
mod holds;
mod ledger;
mod lint;
mod output;
mod rules;
mod sandbox;
mod serve;
mod usage;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::output::Ending;

/// A gate in front of the Reality Modeling API: no malformed, unaffordable or uncounted job gets past it.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, after_help = output::EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Serve(serve::Args),
    Sandbox(sandbox::Args),
    CheckConfig(check_config::Args),
    Lint(lint::Args),
    Estimate(estimate::Args),
    Rules(rules::Args),
    Ledger(ledger::Args),
    Holds(holds::Args),
    Usage(usage::Args),
}

fn main() -> ExitCode {
    let ending = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Sandbox(args) => sandbox::run(&args),
        Command::CheckConfig(args) => check_config::run(&args),
        Command::Lint(args) => lint::run(&args),
        Command::Estimate(args) => estimate::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Ledger(args) => ledger::run(&args),
        Command::Holds(args) => holds::run(&args),
        Command::Usage(args) => usage::run(&args),
    };
    // What it had to say comes before why it ended.
    gateway::diagnostics::flush();
    ending.unwrap_or_else(Ending::from).into()
}
