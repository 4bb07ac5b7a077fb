//! `jobgate rules`: the list of rules, or one of them explained.

use clap::ValueEnum;
use gateway::config::nearest;
use job_model::{Profile, Rule};
use serde_json::{Value, json};

use crate::output::{self, Data, Ending, Failure};

/// List the rules, or explain one
///
/// Every rule has an id that never changes: it is what refusals, logs, metrics and the configuration call it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  jobgate rules\n  jobgate rules type-invalid\n  jobgate rules --format json"
)]
pub(crate) struct Args {
    /// The rule to explain
    id: Option<String>,
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Human,
    Json,
}

pub(crate) fn run(args: &Args) -> output::Result {
    let mut data = Data::new();
    match (&args.id, args.format) {
        (None, Format::Human) => list(&mut data)?,
        (None, Format::Json) => {
            data.line(Rule::ALL.iter().map(|rule| described(*rule)).collect::<Value>())?;
        }
        (Some(id), format) => {
            let rule = Rule::from_id(id).ok_or_else(|| unknown(id))?;
            match format {
                Format::Human => explain(&mut data, rule)?,
                Format::Json => data.line(described(rule))?,
            }
        }
    }
    data.finish()?;
    Ok(Ending::Ok)
}

fn list(data: &mut Data) -> std::io::Result<()> {
    let width = Rule::ALL.iter().map(|rule| rule.id().len()).max().unwrap_or_default();
    data.line(format_args!("{:width$}  compatible  strict  what it is violated by", "rule"))?;
    for rule in Rule::ALL {
        let severity = |profile| rule.default_severity(profile).as_str();
        let (compatible, strict) = (severity(Profile::Compatible), severity(Profile::Strict));
        let summary = rule.explanation().summary;
        data.line(format_args!("{:width$}  {compatible:10}  {strict:6}  {summary}", rule.id()))?;
    }
    Ok(())
}

fn explain(data: &mut Data, rule: Rule) -> std::io::Result<()> {
    let explanation = rule.explanation();
    let severity = |profile| rule.default_severity(profile).as_str();
    data.line(format_args!("{}: {}\n", rule.id(), explanation.summary))?;
    data.line(format_args!("{}\n", explanation.text))?;
    data.line(format_args!(
        "Severity: {} in the compatible profile, {} in strict{}.\n",
        severity(Profile::Compatible),
        severity(Profile::Strict),
        if rule.is_fixed() { "; fixed" } else { "" }
    ))?;
    data.line(format_args!("Violated by:\n  {}\n", explanation.failing))?;
    data.line(format_args!("Satisfied by:\n  {}", explanation.passing))
}

fn described(rule: Rule) -> Value {
    let explanation = rule.explanation();
    json!({
        "id": rule.id(),
        "compatible": rule.default_severity(Profile::Compatible).as_str(),
        "strict": rule.default_severity(Profile::Strict).as_str(),
        "fixed": rule.is_fixed(),
        "summary": explanation.summary,
        "text": explanation.text,
        "failing": explanation.failing,
        "passing": explanation.passing,
    })
}

fn unknown(id: &str) -> Failure {
    let hint = meant(id).map_or_else(String::new, |rule| format!(" Did you mean '{rule}'?"));
    Failure::new(Ending::Usage, format!("there is no rule of that id.{hint} `jobgate rules` lists them all."))
}

/// The rule that was probably meant: one that begins like this, or the nearest.
fn meant(id: &str) -> Option<&'static str> {
    let ids = || Rule::ALL.iter().map(|rule| rule.id());
    let begun = ids().find(|known| !id.is_empty() && known.starts_with(id));
    begun.or_else(|| nearest(id, ids()))
}
