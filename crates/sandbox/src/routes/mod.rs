//! The table of operations: which path leads where, with and without the `/contextcapture` of the real address.

mod control;
mod jobs;
mod limits;
mod list;
mod workspaces;

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::answer::Refusal;
use crate::shared::Shared;

/// An identifier in a path, which may not even be text.
type Id = Result<Path<String>, PathRejection>;

/// The beginning of the paths at the real address.
const BASE: &str = "/contextcapture";

/// The beginning of the paths that steer the sandbox.
pub(crate) const CONTROL: &str = "/sandbox/";

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let control = Router::new()
        .route(
            "/sandbox/faults",
            get(control::faults).post(control::add_faults).delete(control::clear_faults),
        )
        .route("/sandbox/journal", get(control::journal));
    [BASE, ""]
        .into_iter()
        .fold(control, operations)
        .fallback(async || Refusal::no_operation())
        .method_not_allowed_fallback(async || Refusal::no_method())
        .with_state(shared)
}

/// The published name of the operation, as a 429 tells it.
pub(crate) fn operation(method: &Method, path: &str) -> &'static str {
    let path = path.strip_prefix(BASE).unwrap_or(path);
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    match (method.as_str(), parts.next(), parts.next(), parts.next()) {
        ("POST", Some("jobs"), None, _) => "jobs-create",
        ("GET", Some("jobs"), None, _) => "jobs-get-all",
        ("GET", Some("jobs"), Some(_), None) => "jobs-get",
        ("PATCH", Some("jobs"), Some(_), None) => "jobs-patch",
        ("DELETE", Some("jobs"), Some(_), None) => "jobs-delete",
        ("GET", Some("jobs"), Some(_), Some("progress")) => "jobs-progress",
        ("POST", Some("workspaces"), None, _) => "workspaces-create",
        ("GET", Some("workspaces"), Some(_), None) => "workspaces-get",
        ("DELETE", Some("workspaces"), Some(_), None) => "workspaces-delete",
        ("GET", Some("limits"), Some("engines"), None) => "limits-engines",
        _ => "unknown",
    }
}

fn operations(router: Router<Arc<Shared>>, base: &str) -> Router<Arc<Shared>> {
    router
        .route(&format!("{base}/jobs"), get(list::list).post(jobs::create))
        .route(&format!("{base}/jobs/{{id}}"), get(jobs::read).patch(jobs::modify).delete(jobs::delete))
        .route(&format!("{base}/jobs/{{id}}/progress"), get(jobs::progress))
        .route(&format!("{base}/workspaces"), post(workspaces::create))
        .route(&format!("{base}/workspaces/{{id}}"), get(workspaces::read).delete(workspaces::delete))
        .route(&format!("{base}/limits/engines"), get(limits::engines))
}

/// 204.
fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
