//! The operations on workspaces: create, read, delete.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use job_model::WorkspaceId;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{Id, nothing};
use crate::answer::{Refusal, json};
use crate::shared::Shared;
use crate::store::Workspace;
use crate::view::date;

/// The version of a workspace that asks for none.
const VERSION: &str = "20.1";

#[derive(Serialize)]
struct WorkspaceAnswer<'a> {
    workspace: WorkspaceView<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WorkspaceView<'a> {
    id: String,
    created_date_time: String,
    name: &'a str,
    #[serde(rename = "iTwinId", skip_serializing_if = "Option::is_none")]
    itwin: Option<&'a str>,
    context_capture_version: &'a str,
}

pub(super) async fn create(State(shared): State<Arc<Shared>>, body: Bytes) -> Result<Response, Refusal> {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let name =
        text(&body, "name")?.filter(|name| !name.is_empty()).ok_or(Refusal::invalid_workspace("name"))?;
    let itwin = text(&body, "iTwinId")?;
    if let Some(itwin) = &itwin {
        let known = Uuid::parse_str(itwin).map_err(|_| Refusal::invalid_workspace("iTwinId"))?;
        // The nil iTwin is the one place without a cluster, so that the documented refusal can be had.
        if known.is_nil() {
            return Err(Refusal::no_cluster());
        }
    }
    let version = text(&body, "contextCaptureVersion")?.unwrap_or_else(|| VERSION.to_owned());
    let mut store = shared.store();
    let workspace = store.create_workspace(name, itwin, version, shared.clock.now());
    Ok(json(StatusCode::CREATED, &view(workspace)))
}

pub(super) async fn read(State(shared): State<Arc<Shared>>, id: Id) -> Result<Response, Refusal> {
    let store = shared.store();
    let workspace = store.workspace(workspace_id(id)?).ok_or_else(Refusal::no_workspace)?;
    Ok(json(StatusCode::OK, &view(workspace)))
}

pub(super) async fn delete(State(shared): State<Arc<Shared>>, id: Id) -> Result<Response, Refusal> {
    let removed = shared.store().remove_workspace(workspace_id(id)?);
    if removed { Ok(nothing()) } else { Err(Refusal::no_workspace()) }
}

fn view(workspace: &Workspace) -> WorkspaceAnswer<'_> {
    WorkspaceAnswer {
        workspace: WorkspaceView {
            id: workspace.id.to_string(),
            created_date_time: date(workspace.created),
            name: &workspace.name,
            itwin: workspace.itwin.as_deref(),
            context_capture_version: &workspace.version,
        },
    }
}

fn text(body: &Value, name: &str) -> Result<Option<String>, Refusal> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::invalid_workspace(name)),
    }
}

fn workspace_id(id: Id) -> Result<WorkspaceId, Refusal> {
    id.ok().and_then(|id| WorkspaceId::parse(&id)).ok_or_else(Refusal::no_workspace)
}
