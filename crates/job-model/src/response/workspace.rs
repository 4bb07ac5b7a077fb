//! Workspaces: how one is asked for, and how it is answered.

use serde::{Deserialize, Serialize};

use super::{DateTime, Member};

/// A workspace to create: the body of `POST /workspaces`.
///
/// ```
/// let text = r#"{"name":"Bridges"}"#;
/// let read: job_model::response::WorkspaceCreation = serde_json::from_str(text).unwrap();
/// assert_eq!(serde_json::to_string(&read).unwrap(), text);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceCreation {
    /// What people call it.
    pub name: String,
    /// The project it belongs to.
    #[serde(rename = "iTwinId", default, skip_serializing_if = "Member::is_absent")]
    pub itwin_id: Member<String>,
    /// The engines' version. Not on the page; both official clients can send it.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub context_capture_version: Member<String>,
}

/// The answer to an operation on a workspace.
///
/// ```
/// let text = r#"{"workspace":{"id":"a","createdDateTime":"2026-11-24T00:00:00Z","name":"Bridges"}}"#;
/// let read: job_model::response::WorkspaceResponse = serde_json::from_str(text).unwrap();
/// assert_eq!(serde_json::to_string(&read).unwrap(), text);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceResponse {
    /// The workspace.
    pub workspace: Workspace,
}

/// A workspace: where jobs belong.
///
/// ```
/// let text = r#"{"id":"a","createdDateTime":"2026-11-24T00:00:00Z","name":"Bridges"}"#;
/// let read: job_model::response::Workspace = serde_json::from_str(text).unwrap();
/// assert_eq!(serde_json::to_string(&read).unwrap(), text);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workspace {
    /// Its id.
    pub id: String,
    /// When it was created.
    pub created_date_time: DateTime,
    /// What people call it.
    pub name: String,
    /// The project it belongs to.
    #[serde(rename = "iTwinId", default, skip_serializing_if = "Member::is_absent")]
    pub itwin_id: Member<String>,
    /// The engines' version.
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    pub context_capture_version: Member<String>,
}
