//! `jobgate holds`: lists holds, or says what became of one.

use ::ledger::{Faults, HoldId, HoldRow, Note, Told};
use admission::{Event, HoldState};
use clap::{Subcommand, ValueEnum};
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
        /// Only those in this state: open, bound, changing, submitted, settled, released, lapsed, in-doubt
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
        /// The job, where the hold is not bound to one yet
        #[arg(long, value_parser = job_id)]
        job: Option<JobId>,
        /// What was charged, where that is not what was held; only with --as settled
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
    HoldState::from_word(text)
        .ok_or("one of open, bound, changing, submitted, settled, released, lapsed, in-doubt")
}

fn hold_id(text: &str) -> Result<HoldId, &'static str> {
    HoldId::parse(text).ok_or("a hold's id is a UUID, as `jobgate holds list` shows it")
}

fn job_id(text: &str) -> Result<JobId, &'static str> {
    JobId::parse(text).ok_or("a job's id is a GUID")
}

/// What was charged is never negative: that would make room in budgets which nobody gave.
fn amount(text: &str) -> Result<Amount, String> {
    let amount: Amount = text.parse().map_err(|error: job_model::NoAmount| error.to_string())?;
    if amount < Amount::ZERO { Err("not an amount: it is negative".to_owned()) } else { Ok(amount) }
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
    let state = row.state.as_str().to_owned();
    [
        row.id.to_string(),
        state,
        amount,
        text(row.job),
        row.workspace.to_string(),
        date(row.opened),
        row.budgets.join(" "),
    ]
}

fn resolve(book: &Book, id: HoldId, end: End, job: Option<JobId>, amount: Option<Amount>) -> output::Result {
    if amount.is_some() && !matches!(end, End::Settled) {
        return Err(Failure::new(Ending::Usage, "--amount is what was charged: it needs --as settled"));
    }
    verify(book)?;
    let row = find(book, id)?;
    check(book, &row, end, job)?;
    let (event, asked) = match end {
        End::Bound => (Event::Bind, HoldState::Bound),
        End::Submitted => (Event::Submit, HoldState::Submitted),
        End::Settled => (Event::Settle(amount.unwrap_or(row.amount)), HoldState::Settled),
        End::Released => (Event::Release, HoldState::Released),
    };
    let told = Told { job, ..Told::default() };
    // A gateway that runs meanwhile may have begun to change it: that is not to be ended behind its back.
    let note = Note { seen: Some(row.seen()), events: vec![event], told, ..Note::default() };
    let state = book.ask(book.ledger.note(id, note, book.date))?;
    if state != asked {
        let (is, not) = (state.as_str(), asked.as_str());
        let what = format!("hold {id} is {is}, not {not}: it does not become that, or was changed meanwhile");
        return Err(Failure::new(Ending::Bad, what));
    }
    output::say(format_args!("hold {id} is {}", state.as_str()));
    Ok(Ending::Ok)
}

/// Whether it can be so, by all that the ledger knows.
fn check(book: &Book, row: &HoldRow, end: End, job: Option<JobId>) -> Result<(), Failure> {
    let id = row.id;
    let bad = |what: String| Err(Failure::new(Ending::Bad, what));
    match row.state {
        HoldState::Settled | HoldState::Released | HoldState::Lapsed => {
            return bad(format!("hold {id} is {}; what has ended is not changed", row.state.as_str()));
        }
        // Its gateway will say so itself; a gateway that was killed leaves it in doubt.
        HoldState::Open | HoldState::Changing => {
            return bad(format!(
                "hold {id} is {}: its request is under way; where its gateway has ended, start it again first",
                row.state.as_str()
            ));
        }
        HoldState::Bound | HoldState::Submitted | HoldState::InDoubt => {}
    }
    if let (Some(known), Some(job)) = (row.job, job)
        && known != job
    {
        return bad(format!("hold {id} is bound to job {known}, not to {job}"));
    }
    let other = match job {
        Some(job) => book.ask(book.ledger.hold_of(job))?.filter(|other| other.id != id),
        None => None,
    };
    if let Some(other) = other {
        return bad(format!(
            "job {} has hold {} already; one job has one hold: where this is of the same job, resolve it --as released",
            text(other.job),
            other.id
        ));
    }
    if matches!(end, End::Bound | End::Submitted) && row.job.or(job).is_none() {
        // Nothing that upstream tells of the job would reach the hold.
        let what = format!("hold {id} is bound to no job yet: give it by --job");
        return Err(Failure::new(Ending::Usage, what));
    }
    Ok(())
}

fn text(job: Option<JobId>) -> String {
    job.map(|job| job.to_string()).unwrap_or_default()
}

/// Who resolves looks at sums that damage may have changed, and would write on behind it.
fn verify(book: &Book) -> Result<(), Failure> {
    book.ask(book.ledger.verify())?.map_err(|Faults(faults)| {
        let what = format!(
            "the ledger is damaged: {}; nothing was resolved: see `jobgate ledger verify`, restore a backup",
            faults.join(", ")
        );
        Failure::new(Ending::Bad, what)
    }).map(drop)
}

fn find(book: &Book, id: HoldId) -> Result<HoldRow, Failure> {
    let found = book.ask(book.ledger.hold(id))?;
    found.ok_or_else(|| Failure::new(Ending::Bad, format!("there is no hold {id} in this ledger")))
}
