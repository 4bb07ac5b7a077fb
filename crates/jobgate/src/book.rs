//! The ledger of a configuration, for the commands that read it or resolve its holds.

use std::fmt::Display;
use std::future::Future;
use std::path::PathBuf;

use ::ledger::{Ledger, Url};
use gateway::Config;
use jiff::Timestamp;

use crate::check_config;
use crate::output::{Ending, Failure};

/// Rows that are read at a time.
pub(crate) const PAGE: u32 = 1000;

#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The configuration that names the ledger
    #[arg(long)]
    config: PathBuf,
}

/// A ledger that answers one question after the other.
pub(crate) struct Book {
    pub(crate) ledger: Ledger,
    /// What is written now is written at this instant, as its gateway counts: never before what was written last.
    pub(crate) date: Timestamp,
    runtime: tokio::runtime::Runtime,
}

impl Place {
    /// Where the ledger is, if that is a file. Whoever looks at it may have neither the gateway's secrets nor its certificates.
    pub(crate) fn url(&self) -> Result<Url, Failure> {
        let environment = check_config::environment(|name| name.starts_with("JOBGATE_LEDGER__"))?;
        let (url, admin) = Config::find_ledger(&self.config, environment)
            .map_err(|problems| Failure::new(Ending::Configuration, problems))?;
        if url == Url::Memory {
            let what = format!(
                "ledger.url is \"memory:\": its gateway alone knows it, see http://{admin}/v1/holds, /v1/budgets and /v1/usage"
            );
            return Err(Failure::new(Ending::Bad, what));
        }
        Ok(url)
    }

    pub(crate) fn open(&self) -> Result<Book, Failure> {
        let url = self.url()?;
        let ledger = Ledger::visit(&url).map_err(|error| Failure::new(Ending::Bad, error))?;
        let (date, last) = (gateway::date(&url), ledger.last_written());
        Ok(Book {
            ledger,
            date: last.map_or(date, |last| date.max(last)),
            runtime: tokio::runtime::Builder::new_current_thread().build()?,
        })
    }
}

impl Book {
    /// Waits for an answer.
    pub(crate) fn ask<T, E: Display>(
        &self,
        answer: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Failure> {
        self.runtime.block_on(answer).map_err(|fault| Failure::new(Ending::Bad, fault))
    }
}

/// Milliseconds of Unix time as a date.
pub(crate) fn date(millis: i64) -> String {
    Timestamp::from_millisecond(millis).map(|date| date.to_string()).unwrap_or_default()
}
