//! Which operation a request is for. Paths are compared byte by byte; what is not documented is not forwarded.

use http::Method;
use job_model::{JobId, Operation, Rule};

use crate::rejection::{Fault, Rejection};

/// An operation of the interface, or of the gateway's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `POST /contextcapture/jobs`
    CreateJob,
    /// `GET /contextcapture/jobs`
    ListJobs,
    /// `GET /contextcapture/jobs/{id}`
    ReadJob,
    /// `PATCH /contextcapture/jobs/{id}`
    ChangeJob,
    /// `DELETE /contextcapture/jobs/{id}`
    DeleteJob,
    /// `GET /contextcapture/jobs/{id}/progress`
    ReadProgress,
    /// `POST /contextcapture/workspaces`
    CreateWorkspace,
    /// `GET /contextcapture/workspaces/{id}`
    ReadWorkspace,
    /// `DELETE /contextcapture/workspaces/{id}`
    DeleteWorkspace,
    /// `GET /contextcapture/limits/engines`
    ReadEnginesLimit,
    /// `POST /jobgate/v1/estimate`
    Estimate,
    /// `GET /jobgate/v1/rules`
    ListRules,
    /// `GET /jobgate/v1/rules/{id}`
    ReadRule(Rule),
    /// `GET /jobgate/v1/rate-card`
    ReadRateCard,
    /// `GET /jobgate/v1/schema`
    ReadSchema,
}

/// Who answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handling {
    /// Judged, then carried to upstream.
    Gated(Operation),
    /// Carried to upstream as it is, to the end: it does more than ask, and not of a job.
    Carried,
    /// Carried to upstream without a body; it ends what a job holds.
    Ending,
    /// Its answer is passed on as it comes; followed, because it tells of jobs.
    Observed,
    /// Its answer is passed on as it comes.
    Bypassed,
    /// Answered here.
    Own,
}

impl Route {
    /// Its name in labels and logs: upstream's own name of the operation.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreateJob => "jobs-create",
            Self::ListJobs => "jobs-get-all",
            Self::ReadJob => "jobs-get",
            Self::ChangeJob => "jobs-patch",
            Self::DeleteJob => "jobs-delete",
            Self::ReadProgress => "jobs-progress",
            Self::CreateWorkspace => "workspaces-create",
            Self::ReadWorkspace => "workspaces-get",
            Self::DeleteWorkspace => "workspaces-delete",
            Self::ReadEnginesLimit => "limits-engines",
            Self::Estimate => "estimate",
            Self::ListRules | Self::ReadRule(_) => "rules",
            Self::ReadRateCard => "rate-card",
            Self::ReadSchema => "schema",
        }
    }

    pub(crate) const fn handling(self) -> Handling {
        match self {
            Self::CreateJob => Handling::Gated(Operation::Create),
            Self::ChangeJob => Handling::Gated(Operation::Modify),
            Self::CreateWorkspace | Self::DeleteWorkspace => Handling::Carried,
            Self::DeleteJob => Handling::Ending,
            Self::ListJobs | Self::ReadJob => Handling::Observed,
            Self::ReadProgress | Self::ReadWorkspace | Self::ReadEnginesLimit => Handling::Bypassed,
            Self::Estimate | Self::ListRules | Self::ReadRule(_) | Self::ReadRateCard | Self::ReadSchema => {
                Handling::Own
            }
        }
    }

    /// Whether a body belongs to it.
    pub(crate) const fn has_body(self) -> bool {
        matches!(self, Self::CreateJob | Self::ChangeJob | Self::CreateWorkspace | Self::Estimate)
    }

    const fn method(self) -> Method {
        match self {
            Self::CreateJob | Self::CreateWorkspace | Self::Estimate => Method::POST,
            Self::ChangeJob => Method::PATCH,
            Self::DeleteJob | Self::DeleteWorkspace => Method::DELETE,
            _ => Method::GET,
        }
    }
}

/// The operation that a method and a target name.
///
/// # Errors
/// `NotFound`, `MethodNotAllowed`, or `BadRequest` for a query where none belongs.
pub fn route(method: &Method, target: &str) -> Result<Route, Rejection> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let (routes, allow) = operations_at(path).ok_or(Rejection::NotFound)?;
    let route = routes
        .into_iter()
        .flatten()
        .find(|route| route.method() == *method)
        .ok_or(Rejection::MethodNotAllowed(allow))?;
    if query.is_some() && *method != Method::GET {
        return Err(Rejection::BadRequest(Fault::Query));
    }
    Ok(route)
}

/// The job that a target names, where its id is of the documented form.
pub(crate) fn job_in(target: &str) -> Option<JobId> {
    let rest = target.strip_prefix("/contextcapture/jobs/")?;
    JobId::parse(rest.split(['/', '?']).next()?)
}

/// The operations at a path, and the value of Allow for it.
fn operations_at(path: &str) -> Option<([Option<Route>; 3], &'static str)> {
    let one = |route| Some(([Some(route), None, None], "GET"));
    let post = |route| Some(([Some(route), None, None], "POST"));
    if let Some(rest) = path.strip_prefix("/jobgate/v1/") {
        return match rest {
            "estimate" => post(Route::Estimate),
            "rules" => one(Route::ListRules),
            "rate-card" => one(Route::ReadRateCard),
            "schema" => one(Route::ReadSchema),
            _ => one(Route::ReadRule(Rule::from_id(rest.strip_prefix("rules/")?)?)),
        };
    }
    let mut segments = path.strip_prefix("/contextcapture/")?.split('/');
    match (segments.next()?, segments.next(), segments.next(), segments.next()) {
        ("jobs", None, None, None) => {
            Some(([Some(Route::CreateJob), Some(Route::ListJobs), None], "GET, POST"))
        }
        ("jobs", Some(id), None, None) if is_id(id) => Some((
            [Some(Route::ReadJob), Some(Route::ChangeJob), Some(Route::DeleteJob)],
            "GET, PATCH, DELETE",
        )),
        ("jobs", Some(id), Some("progress"), None) if is_id(id) => one(Route::ReadProgress),
        ("workspaces", None, None, None) => post(Route::CreateWorkspace),
        ("workspaces", Some(id), None, None) if is_id(id) => {
            Some(([Some(Route::ReadWorkspace), Some(Route::DeleteWorkspace), None], "GET, DELETE"))
        }
        ("limits", Some("engines"), None, None) => one(Route::ReadEnginesLimit),
        _ => None,
    }
}

/// Upstream's ids are GUIDs; other plain words are upstream's to refuse. No dot and no escape is among them, so
/// nothing that normalises a path can turn one into another path.
fn is_id(segment: &str) -> bool {
    (1..=128).contains(&segment.len())
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(method: &Method, target: &str) -> Option<Route> {
        route(method, target).ok()
    }

    #[test]
    fn the_documented_operations_and_our_own_are_known() {
        let id = "6881117d-9fd2-4900-870b-9b721dc90f25";
        for (method, target, want) in [
            (Method::POST, "/contextcapture/jobs".to_owned(), Route::CreateJob),
            (Method::GET, "/contextcapture/jobs?$filter=x&$top=2".to_owned(), Route::ListJobs),
            (Method::GET, format!("/contextcapture/jobs/{id}"), Route::ReadJob),
            (Method::PATCH, format!("/contextcapture/jobs/{id}"), Route::ChangeJob),
            (Method::DELETE, format!("/contextcapture/jobs/{id}"), Route::DeleteJob),
            (Method::GET, format!("/contextcapture/jobs/{id}/progress"), Route::ReadProgress),
            (Method::POST, "/contextcapture/workspaces".to_owned(), Route::CreateWorkspace),
            (Method::GET, format!("/contextcapture/workspaces/{id}"), Route::ReadWorkspace),
            (Method::DELETE, format!("/contextcapture/workspaces/{id}"), Route::DeleteWorkspace),
            (Method::GET, "/contextcapture/limits/engines?iTwinId=1".to_owned(), Route::ReadEnginesLimit),
            (Method::POST, "/jobgate/v1/estimate".to_owned(), Route::Estimate),
            (Method::GET, "/jobgate/v1/rules".to_owned(), Route::ListRules),
            (Method::GET, "/jobgate/v1/rules/type-invalid".to_owned(), Route::ReadRule(Rule::TypeInvalid)),
            (Method::GET, "/jobgate/v1/rate-card".to_owned(), Route::ReadRateCard),
            (Method::GET, "/jobgate/v1/schema".to_owned(), Route::ReadSchema),
        ] {
            assert_eq!(routed(&method, &target), Some(want), "{target}");
        }
    }

    #[test]
    fn whatever_could_become_another_path_is_not_found() {
        for target in [
            "",
            "*",
            "/",
            "/contextcapture",
            "/contextcapture/",
            "//contextcapture/jobs",
            "/contextcapture//jobs",
            "/contextcapture/jobs/",
            "/contextcapture/jobs/.",
            "/contextcapture/jobs/..",
            "/contextcapture/x/../jobs",
            "/contextcapture/%6aobs",
            "/contextcapture/jobs%2f",
            "/contextcapture/Jobs",
            "/CONTEXTCAPTURE/jobs",
            "/contextcapture/jobs;a=b",
            "/contextcapture/jobs#x",
            "/contextcapture/jobs\\",
            "/contextcapture/jobs/x/progress/",
            "/contextcapture/jobs/x/cost",
            "/contextcapture/limits",
            "http://host/contextcapture/jobs",
            "/jobgate/v1/rules/",
            "/jobgate/v1/rules/no-such-rule",
            "/jobgate/v2/rules",
            "/metrics",
        ] {
            assert!(matches!(route(&Method::POST, target), Err(Rejection::NotFound)), "{target}");
        }
    }

    #[test]
    fn other_methods_are_told_what_is_allowed() {
        for (method, target, want) in [
            (Method::HEAD, "/contextcapture/jobs", "GET, POST"),
            (Method::PUT, "/contextcapture/jobs/1", "GET, PATCH, DELETE"),
            (Method::OPTIONS, "/contextcapture/limits/engines", "GET"),
            (Method::GET, "/jobgate/v1/estimate?x", "POST"),
            (Method::TRACE, "/contextcapture/workspaces", "POST"),
        ] {
            match route(&method, target) {
                Err(Rejection::MethodNotAllowed(allow)) => assert_eq!(allow, want),
                other => panic!("{method} {target}: {other:?}"),
            }
        }
    }

    #[test]
    fn only_a_get_has_a_query() {
        for (method, target) in [
            (Method::POST, "/contextcapture/jobs?"),
            (Method::PATCH, "/contextcapture/jobs/1?a=b"),
            (Method::DELETE, "/contextcapture/jobs/1?"),
            (Method::POST, "/jobgate/v1/estimate?a"),
        ] {
            let refused = route(&method, target);
            assert!(matches!(refused, Err(Rejection::BadRequest(Fault::Query))), "{target}");
        }
    }

    #[test]
    fn the_job_of_a_target_is_read_only_in_its_documented_form() {
        let id = "6881117D-9fd2-4900-870b-9b721dc90f25";
        assert_eq!(job_in(&format!("/contextcapture/jobs/{id}/progress?x")), JobId::parse(id));
        assert_eq!(job_in("/contextcapture/jobs/42"), None);
    }
}
