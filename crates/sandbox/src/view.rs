//! How jobs and workspaces look on the wire: the documented members, under their documented names.

use std::time::Duration;

use jiff::Timestamp;
use job_model::{CacheSettings, CostEstimationParameters, Engines, Exact, JobInput, OutputFormat, Quality};
use serde::Serialize;

use crate::clock::shown;
use crate::cost;
use crate::life::{Job, State};

/// Who every job belongs to; the sandbox knows one user.
pub(crate) const EMAIL: &str = "john.smith@example.com";
const LOCATION: &str = "East US";

#[derive(Serialize)]
pub(crate) struct JobAnswer<'a> {
    pub(crate) job: JobView<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobView<'a> {
    id: String,
    name: &'a str,
    #[serde(rename = "type")]
    job_type: &'static str,
    state: &'static str,
    created_date_time: String,
    last_modified_date_time: String,
    #[serde(rename = "iTwinId")]
    itwin: &'a str,
    location: &'static str,
    email: &'static str,
    workspace_id: String,
    inputs: &'a [JobInput],
    job_settings: SettingsView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_estimation_parameters: Option<&'a CostEstimationParameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_cost: Option<Exact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_information: Option<ExecutionView>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SettingsView<'a> {
    quality: Quality,
    outputs: Vec<OutputView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processing_engines: Option<Engines>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_settings: Option<&'a CacheSettings>,
}

#[derive(Serialize)]
struct OutputView {
    format: OutputFormat,
    id: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExecutionView {
    submitted_date_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_date_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_date_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimated_units: Option<Exact>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProgressAnswer {
    job_progress: ProgressView,
}

#[derive(Serialize)]
struct ProgressView {
    percentage: u8,
    state: &'static str,
    step: &'static str,
}

impl<'a> JobView<'a> {
    pub(crate) fn of(job: &'a Job, now: Timestamp, run_time: Duration) -> Self {
        let state = job.state(now, run_time);
        let request = &job.request;
        let cost = request.cost_estimation_parameters();
        Self {
            id: job.id.to_string(),
            name: request.name().as_str(),
            job_type: request.job_type().as_str(),
            state: state.as_str(),
            created_date_time: date(job.created),
            last_modified_date_time: date(job.modified(now, run_time)),
            itwin: &job.itwin,
            location: LOCATION,
            email: EMAIL,
            workspace_id: request.workspace_id().to_string(),
            inputs: request.inputs(),
            job_settings: settings(job, state),
            cost_estimation_parameters: cost,
            estimated_cost: cost.map(|cost| Exact::from(cost::estimate(cost))),
            execution_information: execution(job, state, now, run_time),
        }
    }
}

impl ProgressAnswer {
    pub(crate) fn of(job: &Job, now: Timestamp, run_time: Duration) -> Self {
        let percentage = job.run(now, run_time).map_or(0, |run| run.percentage);
        let state = match job.state(now, run_time) {
            State::Unsubmitted => "Unsubmitted",
            State::Active => "Active",
            State::Success | State::Cancelled => "Over",
        };
        let step = match percentage {
            0..5 => "Prepare_Step",
            5..95 => "Run_Production",
            _ => "Final_Step",
        };
        Self { job_progress: ProgressView { percentage, state, step } }
    }
}

/// A moment in the documented form.
pub(crate) fn date(at: Timestamp) -> String {
    shown(at).to_string()
}

fn settings(job: &Job, state: State) -> SettingsView<'_> {
    let settings = job.request.settings();
    let outputs = settings.outputs().iter().zip(job.output_ids());
    SettingsView {
        quality: settings.quality(),
        outputs: outputs
            .map(|(format, id)| OutputView {
                format: *format,
                id: (state == State::Success).then(|| id.to_string()),
            })
            .collect(),
        processing_engines: settings.engines(),
        cache_settings: settings.cache(),
    }
}

fn execution(job: &Job, state: State, now: Timestamp, run_time: Duration) -> Option<ExecutionView> {
    let run = job.run(now, run_time)?;
    let units = job.request.cost_estimation_parameters().map(cost::units);
    Some(ExecutionView {
        submitted_date_time: date(run.submitted),
        started_date_time: run.started.map(date),
        ended_date_time: run.ended.map(date),
        estimated_units: units.filter(|_| state == State::Success).map(Exact::from),
    })
}
