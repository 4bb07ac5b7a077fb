//! `jobgate lint`: checks job files as the gate would, with the source line and a caret under the member.

mod human;
mod lines;
mod machine;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use job_model::{JobPatch, JobRequest, Policy, Profile, Report};

use crate::files;
use crate::output::{self, Data, Ending, Failure};

pub(crate) use human::show;

/// Check job files
///
/// Files that end in .ndjson or .jsonl hold one job a line and are read in a stream, however long they are; of these only
/// the lines with findings are shown.
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

/// Judges one document; none where it is accepted and nothing was noticed.
#[derive(Debug)]
struct Judge {
    policy: Policy,
    patch: bool,
}

impl Judge {
    fn judge(&self, body: &[u8]) -> Option<Report> {
        let report = if self.patch {
            match JobPatch::from_json(body, &self.policy) {
                Ok(accepted) => accepted.report().clone(),
                Err(rejected) => rejected.report().clone(),
            }
        } else {
            match JobRequest::from_json(body, &self.policy) {
                Ok(accepted) if accepted.report().violations().is_empty() => return None,
                Ok(accepted) => accepted.report().clone(),
                Err(rejected) => rejected.report().clone(),
            }
        };
        (!report.violations().is_empty()).then_some(report)
    }
}

/// How many documents there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    documents: u64,
    refused: u64,
    noticed: u64,
}

impl Tally {
    fn count(&mut self, report: Option<&Report>) {
        self.documents = self.documents.saturating_add(1);
        match report {
            Some(report) if report.denies() => self.refused = self.refused.saturating_add(1),
            Some(_) => self.noticed = self.noticed.saturating_add(1),
            None => {}
        }
    }
}

/// Where findings go.
struct Sink {
    format: Format,
    data: Data,
    first: bool,
}

impl Sink {
    /// One document's findings; `line` counts from 1 in a file with one document a line.
    fn document(
        &mut self,
        name: &str,
        line: Option<u64>,
        body: &[u8],
        report: Option<&Report>,
    ) -> std::io::Result<()> {
        let separator = if std::mem::take(&mut self.first) { "" } else { "," };
        match self.format {
            Format::Human => match report {
                Some(report) => self.data.line(human::rendered(name, line, body, report)),
                None => Ok(()),
            },
            Format::Json => {
                self.data.line(format_args!("{separator}{}", machine::document(name, line, report)))
            }
            Format::Ndjson => self.data.line(machine::document(name, line, report)),
        }
    }
}

pub(crate) fn run(args: &Args) -> output::Result {
    let profile = match args.profile {
        Strictness::Compatible => Profile::Compatible,
        Strictness::Strict => Profile::Strict,
    };
    let judge = Judge { policy: Policy::new(profile), patch: args.patch };
    let mut sink = Sink { format: args.format, data: Data::new(), first: true };
    let mut tally = Tally::default();
    let mut unreadable = false;
    if args.format == Format::Json {
        sink.data.line("[")?;
    }
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
    if args.format == Format::Json {
        sink.data.line("]")?;
    }
    sink.data.finish()?;
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

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error.into())
    }
}

fn file(args: &Args, path: &Path, judge: &Judge, sink: &mut Sink, tally: &mut Tally) -> Result<(), Problem> {
    let name = files::title(path);
    let by_line = args.ndjson
        || path.extension().is_some_and(|extension| extension == "ndjson" || extension == "jsonl");
    if !by_line {
        let body = files::read(path).map_err(Problem::Input)?;
        let report = judge.judge(&body);
        tally.count(report.as_ref());
        sink.document(&name, None, &body, report.as_ref())?;
        return Ok(());
    }
    let reader = BufReader::with_capacity(1 << 20, files::open(path).map_err(Problem::Input)?);
    let progress = lines::Progress::over(path);
    each_line(reader, path, &progress, |line, body| {
        let report = judge.judge(body);
        tally.count(report.as_ref());
        match report {
            Some(report) => progress.aside(|| sink.document(&name, Some(line), body, Some(&report))),
            None => Ok(()),
        }
    })
}

fn each_line(
    reader: impl BufRead,
    path: &Path,
    progress: &lines::Progress,
    mut each: impl FnMut(u64, &[u8]) -> std::io::Result<()>,
) -> Result<(), Problem> {
    let mut lines = lines::Lines::new(reader);
    while let Some((line, body)) =
        lines.next().map_err(|error| Problem::Input(files::unreadable(path, &error)))?
    {
        each(line, body)?;
        progress.advance(body.len());
    }
    Ok(())
}
