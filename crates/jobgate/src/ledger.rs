//! `jobgate ledger`: adds the ledger up again, or writes its entries out.

use ::ledger::{EntryRow, Ledger, Place as EntryPlace};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

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

/// What stands above the columns of CSV. Every sum of `held_change` and `settled_change`, over all lines or those of a budget, is
/// what is held and settled there.
const TITLES: [&str; 16] = [
    "number",
    "time",
    "hold",
    "happened",
    "state",
    "held_change",
    "settled_change",
    "amount",
    "entry",
    "currency",
    "job",
    "workspace",
    "principal",
    "budgets",
    "rate_card",
    "rule_set",
];

fn export(book: &Book, format: Lines) -> output::Result {
    let mut data = Data::new();
    if matches!(format, Lines::Csv) {
        data.line(output::csv(&TITLES))?;
    }
    let mut after = 0;
    loop {
        let page = book.ask(book.ledger.entries(after, PAGE))?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        for row in &page {
            match format {
                Lines::Csv => data.line(output::csv(&cells(row)))?,
                Lines::Json => data.line(object(row))?,
            }
        }
    }
    data.finish()?;
    Ok(Ending::Ok)
}

/// A row in the order of the titles.
fn cells(row: &EntryRow) -> [String; 16] {
    // A principal may have anything in it; what is between budgets must not be.
    let budget = |place: &EntryPlace| {
        let words = [&place.budget, &place.period, &place.key];
        words.map(|word| word.replace(';', "%3B")).join(" ").trim_end().to_owned()
    };
    [
        row.seq.to_string(),
        date(row.time),
        row.hold.clone(),
        row.kind.clone(),
        row.state.clone(),
        row.held.to_string(),
        row.settled.to_string(),
        row.amount.to_string(),
        row.id.clone(),
        row.currency.clone(),
        row.job.clone().unwrap_or_default(),
        row.workspace.clone(),
        row.principal.clone(),
        row.places.iter().map(budget).collect::<Vec<_>>().join("; "),
        row.terms.card.clone(),
        row.terms.rules.to_string(),
    ]
}

fn object(row: &EntryRow) -> Value {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let budget =
        |place: &EntryPlace| json!({"name": place.budget, "period": place.period, "key": text(&place.key)});
    json!({
        "number": row.seq, "time": date(row.time), "hold": row.hold, "happened": row.kind, "state": row.state,
        "heldChange": row.held, "settledChange": row.settled, "amount": row.amount, "entry": row.id,
        "currency": text(&row.currency), "job": row.job, "workspace": row.workspace,
        "principal": text(&row.principal), "budgets": row.places.iter().map(budget).collect::<Vec<_>>(),
        "rateCard": text(&row.terms.card), "ruleSet": text(&row.terms.rules),
    })
}
