//! `jobgate usage`: what was held and charged.

use ::ledger::{UsageBy, UsageRow};
use clap::ValueEnum;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::book::Place;
use crate::output::{self, Data, Ending, Failure};

/// Show what was held and charged
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  jobgate usage --by workspace --from 2026-11-01 --until 2026-12-01 --format csv --config jobgate.toml"
)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// What it is added up by
    #[arg(long, default_value = "workspace", value_parser = words())]
    by: UsageBy,
    /// Only what was opened on this day (UTC) or later, such as 2026-11-01
    #[arg(long, value_name = "DAY")]
    from: Option<Date>,
    /// Only what was opened before this day (UTC), such as 2026-12-01
    #[arg(long, value_name = "DAY")]
    until: Option<Date>,
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

fn words() -> impl TypedValueParser<Value = UsageBy> {
    PossibleValuesParser::new(UsageBy::ALL.map(UsageBy::as_str))
        .try_map(|word| UsageBy::from_word(&word).ok_or("no such group"))
}

const TITLES: [&str; 6] = ["group", "jobs", "unpriced", "held", "settled", "currency"];

pub(crate) fn run(args: &Args) -> output::Result {
    let book = args.place.open()?;
    let opened = begins(args.from)?.unwrap_or(Timestamp::MIN)..begins(args.until)?.unwrap_or(Timestamp::MAX);
    let rows = book.ask(book.ledger.usage(args.by, opened))?;
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

/// When a day begins.
fn begins(day: Option<Date>) -> Result<Option<Timestamp>, Failure> {
    let begin = |day: Date| day.to_zoned_datetime(TimeZone::UTC).map(|begin| begin.timestamp());
    day.map(begin).transpose().map_err(|error| Failure::new(Ending::Usage, error))
}

fn cells(row: &UsageRow) -> [String; 6] {
    let (jobs, unpriced) = (row.jobs.to_string(), row.unpriced.to_string());
    [row.group.clone(), jobs, unpriced, row.held.to_string(), row.settled.to_string(), row.currency.clone()]
}
