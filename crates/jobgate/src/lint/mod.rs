//! `jobgate lint`: checks job files as the gate would, with the source line and a caret under the member.

mod human;
mod machine;
mod progress;
mod sink;

use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use job_model::{Policy, Position, Profile, Report, Violation};
use jobgate::judge::{Judge, Tally};
use jobgate::stream::{self, Interrupted};

use crate::files;
use crate::output::{self, Ending, Failure};
use progress::Progress;
use sink::Sink;

pub(crate) use human::show;

/// What is read at once of a file with one job a line.
const PIECE: usize = 1 << 20;

/// Check job files
///
/// Files that end in .ndjson or .jsonl hold one job a line and are read in a stream, however long they are; of these only
/// the lines with findings are shown.
///
/// No configuration is read: severities and limits are the defaults, and a job longer than the gateway's `limits.body_bytes` (256KiB
/// unless set), which it answers with 413, is not refused here.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  jobgate lint job.json other.json\n  jobgate lint --profile strict - < job.json\n  jobgate lint --format ndjson jobs.ndjson"
)]
pub(crate) struct Args {
    /// The files, or - for stdin
    #[arg(default_value = "-")]
    files: Vec<PathBuf>,
    /// How to write what is found
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// How strictly to judge
    #[arg(long, value_enum, default_value_t = Strictness::Compatible)]
    profile: Strictness,
    /// The files are changes of jobs (bodies of PATCH)
    #[arg(long)]
    patch: bool,
    /// One job a line, whatever the files are called
    #[arg(long)]
    ndjson: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// One array
    Json,
    /// One object a line
    Ndjson,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Strictness {
    /// What the official clients send today is accepted
    Compatible,
    /// The published definition to the letter
    Strict,
}

pub(crate) fn run(args: &Args) -> output::Result {
    let policy = Policy::new(match args.profile {
        Strictness::Compatible => Profile::Compatible,
        Strictness::Strict => Profile::Strict,
    });
    let judge = if args.patch { Judge::of_patches(policy) } else { Judge::of_jobs(policy) };
    let mut sink = Sink::new(args.format)?;
    let mut tally = Tally::default();
    let mut unreadable = false;
    for path in &args.files {
        match file(args, path, &judge, &mut sink, &mut tally) {
            Ok(()) => {}
            Err(Problem::Output(failure)) => return Err(failure),
            Err(Problem::Input(failure)) => {
                // The other files are still worth checking.
                unreadable = true;
                let _ = Ending::from(failure);
            }
        }
    }
    sink.finish()?;
    let Tally { documents, refused, noticed } = tally;
    output::say(format_args!("{documents} checked, {refused} refused, {noticed} accepted with notices"));
    Ok(match (unreadable, refused) {
        (true, _) => Ending::Usage,
        (false, 0) => Ending::Ok,
        (false, _) => Ending::Bad,
    })
}

/// What can go wrong with a file: it cannot be read, or nobody reads what is written.
enum Problem {
    Input(Failure),
    Output(Failure),
}

fn file(args: &Args, path: &Path, judge: &Judge, sink: &mut Sink, tally: &mut Tally) -> Result<(), Problem> {
    let name = files::title(path);
    if args.ndjson || path.extension().is_some_and(|extension| extension == "ndjson" || extension == "jsonl")
    {
        return lines(path, &name, judge, sink, tally);
    }
    let body = files::read(path).map_err(Problem::Input)?;
    let finding = judge.finding(&body);
    tally.count(finding.as_ref());
    sink.document(&name, None, &body, finding.as_ref()).map_err(|error| Problem::Output(error.into()))
}

fn lines(path: &Path, name: &str, judge: &Judge, sink: &mut Sink, tally: &mut Tally) -> Result<(), Problem> {
    let progress = Progress::over(path);
    let input = progress.of(files::open(path).map_err(Problem::Input)?);
    let each = |line: stream::Line<'_>| {
        progress.aside(|| sink.document(name, Some(line.number), line.body, Some(line.finding)))
    };
    stream::lint(BufReader::with_capacity(PIECE, input), judge, tally, each).map_err(|interrupted| {
        match interrupted {
            Interrupted::Input(error) => Problem::Input(files::unreadable(path, &error)),
            Interrupted::Output(error) => Problem::Output(error.into()),
        }
    })
}

/// What is said of a violation. A document that is one line of a file stands on that line, and so do its faults.
fn message(violation: &Violation, line: Option<u64>) -> String {
    let message = violation.message();
    let line = line.and_then(|line| usize::try_from(line).ok());
    match violation.position().zip(line) {
        Some((place, line)) => message.replace(&place.to_string(), &Position { line, ..place }.to_string()),
        None => message,
    }
}

/// How many violations a report only counts.
fn unlisted(report: &Report) -> u64 {
    let all = report.by_rule().fold(0_u64, |sum, (_, count)| sum.saturating_add(count.into()));
    all.saturating_sub(u64::try_from(report.violations().len()).unwrap_or(u64::MAX))
}

/// What is said of a document that is longer than any job.
fn too_long_message() -> String {
    format!("The document is longer than {} bytes, which no job is.", stream::LONGEST)
}
