//! `jobgate usage`: what was held and charged.

use ::ledger::{UsageBy, UsageRow};
use clap::ValueEnum;

use crate::book::Place;
use crate::output::{self, Data, Ending};

/// Show what was held and charged
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jobgate usage --by workspace --format csv --config jobgate.toml")]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// What it is added up by
    #[arg(long, default_value = "workspace")]
    by: By,
    /// How it is written
    #[arg(long, default_value = "table")]
    format: Form,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Table,
    Csv,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    Workspace,
    Principal,
    Type,
    Quality,
    Day,
}

const TITLES: [&str; 6] = ["group", "jobs", "unpriced", "held", "settled", "currency"];

pub(crate) fn run(args: &Args) -> output::Result {
    let by = match args.by {
        By::Workspace => UsageBy::Workspace,
        By::Principal => UsageBy::Principal,
        By::Type => UsageBy::Type,
        By::Quality => UsageBy::Quality,
        By::Day => UsageBy::Day,
    };
    let book = args.place.open()?;
    let rows = book.ask(book.ledger.usage(by))?;
    let mut data = Data::new();
    match args.format {
        Form::Table => {
            let mut table = comfy_table::Table::new();
            table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY).set_header(TITLES);
            table.add_rows(rows.iter().map(cells));
            data.line(table)?;
        }
        Form::Csv => {
            data.line(TITLES.join(","))?;
            for row in &rows {
                data.line(output::csv(&cells(row)))?;
            }
        }
        Form::Json => {
            for row in &rows {
                data.line(row.to_json())?;
            }
        }
    }
    data.finish()?;
    Ok(Ending::Ok)
}

fn cells(row: &UsageRow) -> [String; 6] {
    let (jobs, unpriced) = (row.jobs.to_string(), row.unpriced.to_string());
    [row.group.clone(), jobs, unpriced, row.held.to_string(), row.settled.to_string(), row.currency.clone()]
}
