//! `jobgate holds`: lists holds, or says what became of one.

use ::ledger::{HoldId, HoldRow, Note, Told};
use admission::{Event, HoldState};
use clap::{Subcommand, ValueEnum};
use jiff::Timestamp;
use job_model::{Amount, JobId};

use crate::book::{Book, PAGE, Place, date};
use crate::output::{self, Data, Ending, Failure};

/// List holds, or say what became of one
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  jobgate holds list --state in-doubt --config jobgate.toml\n  jobgate holds resolve ID --as released --config jobgate.toml"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
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

pub(crate) fn run(args: &Args) -> output::Result {
    match &args.what {
        What::List { place, state } => list(&place.open()?, *state),
        What::Resolve { place, id, end, job, amount } => resolve(&place.open()?, *id, *end, *job, *amount),
    }
}

fn list(book: &Book, state: Option<HoldState>) -> output::Result {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["hold", "state", "amount", "job", "workspace", "opened", "budgets"]);
    let mut after = None;
    loop {
        let page = book.ask(book.ledger.holds(state, after, PAGE))?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
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
    [
        row.id.to_string(),
        state,
        amount,
        job,
        row.workspace.to_string(),
        date(row.opened),
        row.budgets.join(" "),
    ]
}

fn resolve(book: &Book, id: HoldId, end: End, job: Option<JobId>, amount: Option<Amount>) -> output::Result {
    let row = find(book, id)?;
    if !row.state.is_held() {
        let what = format!("hold {id} is {}; what has ended is not changed", row.state.as_str());
        return Err(Failure::new(Ending::Bad, what));
    }
    let event = match end {
        End::Bound => Event::Bind,
        End::Submitted => Event::Submit,
        End::Settled => Event::Settle(amount.unwrap_or(row.amount)),
        End::Released => Event::Release,
    };
    let note = Note { events: vec![event], told: Told { job, ..Told::default() }, ..Note::default() };
    let state = book.ask(book.ledger.note(id, note, Timestamp::now()))?;
    output::say(format_args!("hold {id} is {}", state.as_str()));
    Ok(Ending::Ok)
}

fn find(book: &Book, id: HoldId) -> Result<HoldRow, Failure> {
    let found = book.ask(book.ledger.hold(id))?;
    found.ok_or_else(|| Failure::new(Ending::Bad, format!("there is no hold {id} in this ledger")))
}
