//! `jobgate estimate`: what a job costs by a rate card, line by line; of two jobs, the difference.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};
use gateway::config::read_card;
use job_model::{Amount, Decimal, JobRequest, Line, Policy, Quote, RateCard, UnpricedReason};
use serde_json::{Value, json};

use crate::files;
use crate::lint;
use crate::output::{self, Data, Ending, Failure};

/// Price a job by a rate card
///
/// The estimate with its lines, which add up; workspace and inputs may be missing. Of two files: the difference.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  jobgate estimate job.json --rate-card cards/2026-11.toml\n  jobgate estimate old.json new.json --rate-card builtin:illustrative --format json"
)]
pub(crate) struct Args {
    /// The job, or - for stdin
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Another job, to be compared with the first
    other: Option<PathBuf>,
    /// The card: a TOML or JSON file, or builtin:illustrative
    #[arg(long, value_name = "FILE")]
    rate_card: PathBuf,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Json,
}

pub(crate) fn run(args: &Args) -> output::Result {
    let card = card(&args.rate_card)?;
    let Some(first) = quote(&args.file, &card)? else { return Ok(Ending::Bad) };
    let mut data = Data::new();
    match &args.other {
        None => match args.format {
            Format::Table => data.line(table(&card, &first))?,
            Format::Json => data.line(json(&first))?,
        },
        Some(other) => {
            let Some(second) = quote(other, &card)? else { return Ok(Ending::Bad) };
            match args.format {
                Format::Table => data.line(difference(&card, &first, &second))?,
                Format::Json => data.line(json!({
                    "before": json(&first), "after": json(&second), "difference": change(&first, &second).map(text),
                    "lines": compared(&first, &second).iter().map(Compared::json).collect::<Vec<_>>(),
                }))?,
            }
        }
    }
    data.finish()?;
    Ok(Ending::Ok)
}

const BUILT_IN: &str = "builtin:illustrative";

fn card(path: &Path) -> Result<RateCard, Failure> {
    if path.as_os_str() == BUILT_IN {
        return Ok(RateCard::illustrative());
    }
    if path.to_string_lossy().starts_with("builtin:") || path.as_os_str() == "illustrative" {
        let what = format!("{}: is no card; the built-in one is {BUILT_IN}", path.display());
        return Err(Failure::new(Ending::Usage, what));
    }
    let bytes = files::read(path)?;
    read_card(path, bytes).map_err(|problems| {
        let lines: Vec<_> = problems.lines().map(|line| format!("{}: {line}", path.display())).collect();
        Failure::new(Ending::Configuration, lines.join("\n"))
    })
}

/// The price of a job in a file; none where it breaks a rule, which is then shown.
fn quote(path: &Path, card: &RateCard) -> output::Result<Option<Quote>> {
    let body = files::read(path)?;
    match JobRequest::from_json(&body, &Policy::default().for_estimate()) {
        Ok(accepted) => Ok(Some(match accepted.workload() {
            Some(workload) => card.price(workload),
            None => Quote::Unpriced(UnpricedReason::Unreadable),
        })),
        Err(rejected) => {
            lint::show(&files::title(path), &body, rejected.report());
            Ok(None)
        }
    }
}

fn json(quote: &Quote) -> Value {
    match quote {
        Quote::Priced(estimate) => json!({"estimate": estimate, "unpriced": null}),
        Quote::Unpriced(reason) => json!({"estimate": null, "unpriced": reason.as_str()}),
    }
}

fn text(number: Decimal) -> String {
    number.normalize().to_string()
}

fn lines(quote: &Quote) -> &[Line] {
    match quote {
        Quote::Priced(estimate) => estimate.lines(),
        Quote::Unpriced(_) => &[],
    }
}

fn total(quote: &Quote) -> Option<Decimal> {
    quote.amount().map(Amount::to_decimal)
}

fn shown_total(quote: &Quote) -> String {
    match quote {
        Quote::Priced(estimate) => estimate.amount().to_string(),
        Quote::Unpriced(reason) => format!("unpriced; {reason}"),
    }
}

fn change(before: &Quote, after: &Quote) -> Option<Decimal> {
    total(after)?.checked_sub(total(before)?)
}

fn headed(card: &RateCard, columns: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    let title = format!("{} {} ({})", card.name(), card.version(), card.currency());
    table.set_header(std::iter::once(title.as_str()).chain(columns.iter().copied()));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn table(card: &RateCard, quote: &Quote) -> String {
    let mut table = headed(card, &["quantity", "rate", "amount"]);
    for line in lines(quote) {
        let (quantity, rate) = match line.item() {
            job_model::Item::Gigapixels { quantity, rate }
            | job_model::Item::Megapoints { quantity, rate } => (text(quantity), text(rate)),
            _ => (String::new(), String::new()),
        };
        table.add_row([title(line), quantity, rate, text(line.amount())]);
    }
    table.add_row(["total".to_owned(), String::new(), String::new(), shown_total(quote)]);
    table.to_string()
}

fn title(line: &Line) -> String {
    match line.item() {
        job_model::Item::Surcharge { output } => {
            let formats: Vec<_> = output.iter().map(job_model::OutputFormat::as_str).collect();
            format!("surcharge {}", formats.join(", "))
        }
        _ => line.name().to_owned(),
    }
}

fn difference(card: &RateCard, before: &Quote, after: &Quote) -> String {
    let mut table = headed(card, &["before", "after", "difference"]);
    for line in compared(before, after) {
        table.add_row([title(line.line), shown(line.before), shown(line.after), shown(line.change)]);
    }
    let change = change(before, after).map_or_else(|| "unknown".to_owned(), text);
    table.add_row(["total".to_owned(), shown_total(before), shown_total(after), change]);
    table.to_string()
}

/// What the lines of one title come to in both jobs.
struct Compared<'a> {
    /// The first of them.
    line: &'a Line,
    before: Option<Decimal>,
    after: Option<Decimal>,
    change: Option<Decimal>,
}

fn compared<'a>(before: &'a Quote, after: &'a Quote) -> Vec<Compared<'a>> {
    let mut firsts: Vec<&Line> = Vec::new();
    for line in lines(before).iter().chain(lines(after)) {
        if !firsts.iter().any(|first| title(first) == title(line)) {
            firsts.push(line);
        }
    }
    let compare = |line| {
        let (before, after) = (subtotal(before, &title(line)), subtotal(after, &title(line)));
        let change = before.zip(after).and_then(|(before, after)| after.checked_sub(before));
        Compared { line, before, after, change }
    };
    firsts.into_iter().map(compare).collect()
}

impl Compared<'_> {
    /// As a line of an estimate is written, with three amounts in place of one.
    fn json(&self) -> Value {
        let [before, after, change] = [self.before, self.after, self.change].map(|amount| amount.map(text));
        let mut value =
            json!({"item": self.line.name(), "before": before, "after": after, "difference": change});
        if let (job_model::Item::Surcharge { output }, Some(object)) =
            (self.line.item(), value.as_object_mut())
        {
            let formats: Vec<_> = output.iter().map(job_model::OutputFormat::as_str).collect();
            object.insert("output".to_owned(), formats.into());
        }
        value
    }
}

/// What the lines of one title come to, 0 without any; none where the job has no price at all.
fn subtotal(quote: &Quote, wanted: &str) -> Option<Decimal> {
    let _priced = total(quote)?;
    let mut amounts = lines(quote).iter().filter(|line| title(line) == wanted).map(Line::amount);
    amounts.try_fold(Decimal::ZERO, Decimal::checked_add)
}

fn shown(amount: Option<Decimal>) -> String {
    amount.map(text).unwrap_or_default()
}
