//! What the sandbox remembers: jobs in the order of their creation, and workspaces. The oldest are forgotten beyond a bound.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use job_model::{JobId, JobRequest, WorkspaceId};
use uuid::Uuid;

use crate::life::Job;

/// The iTwin of a job whose workspace names none, or is unknown.
const ITWIN: &str = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
const KEPT: usize = 100_000;

#[derive(Debug, Default)]
pub(crate) struct Store {
    jobs: BTreeMap<u64, Job>,
    places: HashMap<JobId, u64>,
    workspaces: BTreeMap<u64, Workspace>,
    workspace_places: HashMap<WorkspaceId, u64>,
    last: u64,
}

#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) id: WorkspaceId,
    pub(crate) name: String,
    pub(crate) itwin: Option<String>,
    pub(crate) version: String,
    pub(crate) created: Timestamp,
}

impl Store {
    pub(crate) fn create_job(&mut self, request: JobRequest, now: Timestamp) -> &Job {
        let itwin = self.workspace(request.workspace_id()).and_then(|workspace| workspace.itwin.clone());
        let id = fresh(JobId::parse);
        let place = self.next();
        self.places.insert(id, place);
        if self.jobs.len() >= KEPT
            && let Some((_, oldest)) = self.jobs.pop_first()
        {
            self.places.remove(&oldest.id);
        }
        let itwin = itwin.unwrap_or_else(|| ITWIN.to_owned());
        self.jobs.entry(place).or_insert_with(|| Job::new(id, request, itwin, now))
    }

    pub(crate) fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(self.places.get(&id)?)
    }

    pub(crate) fn job_mut(&mut self, id: JobId) -> Option<&mut Job> {
        self.jobs.get_mut(self.places.get(&id)?)
    }

    pub(crate) fn remove_job(&mut self, id: JobId) {
        if let Some(place) = self.places.remove(&id) {
            self.jobs.remove(&place);
        }
    }

    /// The jobs behind a place, oldest first, each with its place.
    pub(crate) fn jobs_after(&self, place: u64) -> impl Iterator<Item = (u64, &Job)> {
        self.jobs.range(place.saturating_add(1)..).map(|(place, job)| (*place, job))
    }

    pub(crate) fn create_workspace(
        &mut self,
        name: String,
        itwin: Option<String>,
        version: String,
        now: Timestamp,
    ) -> &Workspace {
        let id = fresh(WorkspaceId::parse);
        let place = self.next();
        self.workspace_places.insert(id, place);
        if self.workspaces.len() >= KEPT
            && let Some((_, oldest)) = self.workspaces.pop_first()
        {
            self.workspace_places.remove(&oldest.id);
        }
        self.workspaces.entry(place).or_insert(Workspace { id, name, itwin, version, created: now })
    }

    pub(crate) fn workspace(&self, id: WorkspaceId) -> Option<&Workspace> {
        self.workspaces.get(self.workspace_places.get(&id)?)
    }

    pub(crate) fn remove_workspace(&mut self, id: WorkspaceId) -> bool {
        let place = self.workspace_places.remove(&id);
        place.and_then(|place| self.workspaces.remove(&place)).is_some()
    }

    const fn next(&mut self) -> u64 {
        self.last = self.last.saturating_add(1);
        self.last
    }
}

/// A new identifier.
fn fresh<T>(parse: fn(&str) -> Option<T>) -> T {
    loop {
        // A random GUID is well-formed and never nil, so the first one is taken.
        if let Some(id) = parse(&Uuid::new_v4().to_string()) {
            return id;
        }
    }
}
