//! `jobgate ledger`, `jobgate holds` and `jobgate usage`: the ledger of a configuration, read or resolved.

use std::path::PathBuf;

use admission::{Event, HoldState};
use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;
use job_model::{Amount, JobId};
use ledger::{HoldId, HoldRow, Ledger, Told, Unavailable, Url, UsageBy};
use serde_json::json;

use crate::check_config;
use crate::output::{self, Data, Ending, Failure};

/// Entries that are read at a time.
const PAGE: u32 = 1000;

/// Add the ledger up again, or write its entries out
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  jobgate ledger verify --config jobgate.toml\n  jobgate ledger export --config jobgate.toml > entries.csv"
)]
pub(crate) struct LedgerArgs {
    #[command(subcommand)]
    what: LedgerCommand,
}

#[derive(Debug, Subcommand)]
enum LedgerCommand {
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

/// List holds, or say what became of one
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  jobgate holds list --state in-doubt --config jobgate.toml\n  jobgate holds resolve ID --as released --config jobgate.toml"
)]
pub(crate) struct HoldsArgs {
    #[command(subcommand)]
    what: HoldsCommand,
}

#[derive(Debug, Subcommand)]
enum HoldsCommand {
    /// One line for each hold
    List {
        #[command(flatten)]
        place: Place,
        /// Only those in this state: open, bound, submitted, settled, released, lapsed, in-doubt
        #[arg(long, value_parser = state)]
        state: Option<HoldState>,
    },
    /// Say what became of a hold that is in doubt
    Resolve {
        #[command(flatten)]
        place: Place,
        /// The hold
        #[arg(value_parser = hold_id)]
        id: HoldId,
        /// What became of it
        #[arg(long = "as")]
        end: End,
        /// The job, where the hold is bound to one
        #[arg(long, value_parser = job_id)]
        job: Option<JobId>,
        /// What was charged, where that is not what was held
        #[arg(long, value_parser = amount)]
        amount: Option<Amount>,
    },
}

/// Show what was held and charged
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  jobgate usage --by workspace --format csv --config jobgate.toml")]
pub(crate) struct UsageArgs {
    #[command(flatten)]
    place: Place,
    /// What it is added up by
    #[arg(long, default_value = "workspace")]
    by: By,
    /// How it is written
    #[arg(long, default_value = "table")]
    format: Form,
}

#[derive(Debug, clap::Args)]
struct Place {
    /// The configuration that names the ledger
    #[arg(long)]
    config: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Lines {
    Csv,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Table,
    Csv,
    Json,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum End {
    /// The job was created and is not submitted
    Bound,
    /// The job runs
    Submitted,
    /// The job is over and was charged
    Settled,
    /// There is no job; nothing was spent
    Released,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    Workspace,
    Principal,
    Type,
    Quality,
    Day,
}

fn state(text: &str) -> Result<HoldState, &'static str> {
    HoldState::from_word(text).ok_or("no such state")
}

fn hold_id(text: &str) -> Result<HoldId, &'static str> {
    HoldId::parse(text).ok_or("a hold's id is a UUID")
}

fn job_id(text: &str) -> Result<JobId, &'static str> {
    JobId::parse(text).ok_or("a job's id is a GUID")
}

fn amount(text: &str) -> Result<Amount, String> {
    text.parse().map_err(|error: job_model::NoAmount| error.to_string())
}

pub(crate) fn ledger(args: &LedgerArgs) -> output::Result {
    match &args.what {
        LedgerCommand::Verify(place) => verify(&place.open()?),
        LedgerCommand::Export { place, format } => export(&place.open()?, *format),
    }
}

pub(crate) fn holds(args: &HoldsArgs) -> output::Result {
    match &args.what {
        HoldsCommand::List { place, state } => list(&place.open()?, *state),
        HoldsCommand::Resolve { place, id, end, job, amount } => {
            resolve(&place.open()?, *id, *end, *job, *amount)
        }
    }
}

pub(crate) fn usage(args: &UsageArgs) -> output::Result {
    let by = match args.by {
        By::Workspace => UsageBy::Workspace,
        By::Principal => UsageBy::Principal,
        By::Type => UsageBy::Type,
        By::Quality => UsageBy::Quality,
        By::Day => UsageBy::Day,
    };
    let rows = args.place.open()?.usage(by).map_err(failed)?;
    let mut data = Data::new();
    let titles = ["group", "jobs", "unpriced", "held", "settled", "currency"];
    let lines = rows.iter().map(|row| {
        let counts = [row.jobs.to_string(), row.unpriced.to_string()];
        let [jobs, unpriced] = counts;
        [
            row.group.clone(),
            jobs,
            unpriced,
            row.held.to_string(),
            row.settled.to_string(),
            row.currency.clone(),
        ]
    });
    match args.format {
        Form::Table => {
            let mut table = comfy_table::Table::new();
            table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY).set_header(titles);
            table.add_rows(lines);
            data.line(table)?;
        }
        Form::Csv => {
            data.line(titles.join(","))?;
            for line in lines {
                data.line(line.map(|cell| cell.replace(',', ";")).join(","))?;
            }
        }
        Form::Json => {
            for row in &rows {
                data.line(json!({
                    "group": row.group, "jobs": row.jobs, "unpriced": row.unpriced, "held": row.held,
                    "settled": row.settled, "currency": row.currency,
                }))?;
            }
        }
    }
    data.finish()?;
    Ok(Ending::Ok)
}

impl Place {
    fn open(&self) -> Result<Ledger, Failure> {
        let config = check_config::load(&self.config)?;
        if config.ledger == Url::Memory {
            let what = format!(
                "ledger.url is \"memory:\": its gateway alone knows it, see http://{}/v1/holds, /v1/budgets and /v1/usage",
                config.admin
            );
            return Err(Failure::new(Ending::Bad, what));
        }
        Ledger::visit(&config.ledger).map_err(|error| Failure::new(Ending::Bad, error))
    }
}

fn failed(fault: Unavailable) -> Failure {
    Failure::new(Ending::Bad, fault)
}

fn verify(book: &Ledger) -> output::Result {
    match book.verify().map_err(failed)? {
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

fn export(book: &Ledger, format: Lines) -> output::Result {
    let mut data = Data::new();
    if matches!(format, Lines::Csv) {
        data.line("number,time,hold,happened,state,held_change,settled_change,amount,entry")?;
    }
    let mut after = 0;
    loop {
        let page = book.entries(after, PAGE).map_err(failed)?;
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

fn list(book: &Ledger, state: Option<HoldState>) -> output::Result {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["hold", "state", "amount", "job", "workspace", "opened", "budgets"]);
    let mut after = String::new();
    loop {
        let page = book.holds(state, after.clone(), PAGE).map_err(failed)?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.id);
        for row in &page {
            table.add_row(cells(row));
        }
    }
    let mut data = Data::new();
    data.line(table)?;
    data.finish()?;
    Ok(Ending::Ok)
}

fn cells(row: &HoldRow) -> [String; 7] {
    let amount = if row.priced { format!("{} {}", row.amount, row.currency) } else { "unpriced".to_owned() };
    let job = row.job.map(|job| job.to_string()).unwrap_or_default();
    let state = row.state.as_str().to_owned();
    [row.id.clone(), state, amount, job, row.workspace.clone(), date(row.opened), row.budgets.join(" ")]
}

fn resolve(
    book: &Ledger,
    id: HoldId,
    end: End,
    job: Option<JobId>,
    amount: Option<Amount>,
) -> output::Result {
    let row = find(book, id)?;
    if !row.is_open() {
        let what = format!("hold {id} is {}; what has ended is not changed", row.state.as_str());
        return Err(Failure::new(Ending::Bad, what));
    }
    let event = match end {
        End::Bound => Event::Bind,
        End::Submitted => Event::Submit,
        End::Settled => Event::Settle(amount.unwrap_or(row.amount)),
        End::Released => Event::Release,
    };
    let told = Told { job, ..Told::default() };
    book.resolve(id, event, told, Timestamp::now()).map_err(failed)?;
    output::say(format_args!("hold {id} is {}", find(book, id)?.state.as_str()));
    Ok(Ending::Ok)
}

fn find(book: &Ledger, id: HoldId) -> Result<HoldRow, Failure> {
    let found = book.hold(id).map_err(failed)?;
    found.ok_or_else(|| Failure::new(Ending::Bad, format!("there is no hold {id} in this ledger")))
}

fn date(millis: i64) -> String {
    Timestamp::from_millisecond(millis).map(|date| date.to_string()).unwrap_or_default()
}
