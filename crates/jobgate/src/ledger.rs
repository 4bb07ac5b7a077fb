//! `jobgate ledger`: adds the ledger up again, or writes its entries out.

use ::ledger::Ledger;
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use crate::book::{Book, PAGE, Place, date};
use crate::output::{self, Data, Ending, Failure};

/// Add the ledger up again, or write its entries out
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  jobgate ledger verify --config jobgate.toml\n  jobgate ledger export --config jobgate.toml > entries.csv"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Re-derive every balance and every hold from the entries
    Verify(Place),
    /// Write every entry as a line of CSV or JSON
    Export {
        #[command(flatten)]
        place: Place,
        /// The form of a line
        #[arg(long, default_value = "csv")]
        format: Lines,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Lines {
    Csv,
    Json,
}

pub(crate) fn run(args: &Args) -> output::Result {
    match &args.what {
        What::Verify(place) => verify(place),
        What::Export { place, format } => export(&place.open()?, *format),
    }
}

fn verify(place: &Place) -> output::Result {
    match Ledger::verify_file(&place.url()?).map_err(|error| Failure::new(Ending::Bad, error))? {
        Ok(verified) => {
            output::say(format_args!(
                "{} entries follow from one another; {} balances and {} holds re-derive from them",
                verified.entries, verified.balances, verified.holds
            ));
            Ok(Ending::Ok)
        }
        Err(faults) => {
            for fault in faults.0 {
                output::say(format_args!("jobgate: {fault}"));
            }
            Ok(Ending::Bad)
        }
    }
}

fn export(book: &Book, format: Lines) -> output::Result {
    let mut data = Data::new();
    if matches!(format, Lines::Csv) {
        data.line("number,time,hold,happened,state,held_change,settled_change,amount,entry")?;
    }
    let mut after = 0;
    loop {
        let page = book.ask(book.ledger.entries(after, PAGE))?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        for row in &page {
            let time = date(row.time);
            match format {
                Lines::Csv => data.line(format_args!(
                    "{},{time},{},{},{},{},{},{},{}",
                    row.seq, row.hold, row.kind, row.state, row.held, row.settled, row.amount, row.id
                ))?,
                Lines::Json => data.line(json!({
                    "number": row.seq, "time": time, "hold": row.hold, "happened": row.kind, "state": row.state,
                    "heldChange": row.held, "settledChange": row.settled, "amount": row.amount, "entry": row.id,
                }))?,
            }
        }
    }
    data.finish()?;
    Ok(Ending::Ok)
}
