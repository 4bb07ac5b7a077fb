//! A page of jobs.

use serde::{Deserialize, Serialize};

use super::{Job, Member};

/// A page of jobs, and where the next one is.
///
/// ```
/// use job_model::response::JobsResponse;
/// let page: JobsResponse =
///     serde_json::from_str(r#"{"jobs":[],"_links":{"next":{"href":"https://example.com/jobs?page=2"}}}"#).unwrap();
/// assert!(page.jobs().is_empty());
/// assert_eq!(page.next(), Some("https://example.com/jobs?page=2"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobsResponse {
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    jobs: Member<Vec<Job>>,
    #[serde(rename = "_links", default, skip_serializing_if = "Member::is_absent")]
    links: Member<Links>,
}

/// The links of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Links {
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    next: Member<Link>,
}

/// One link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Link {
    #[serde(default, skip_serializing_if = "Member::is_absent")]
    href: Member<String>,
}

impl JobsResponse {
    /// A page, and the address of the next one where there is one.
    pub fn new(jobs: Vec<Job>, next: Option<String>) -> Self {
        let next = next.map(|href| Link { href: Member::Given(href) });
        Self { jobs: Member::Given(jobs), links: Member::Given(Links { next: next.into() }) }
    }

    /// The jobs.
    pub fn jobs(&self) -> &[Job] {
        self.jobs.get().map_or(&[], Vec::as_slice)
    }

    /// The address of the next page, where there is one.
    pub fn next(&self) -> Option<&str> {
        self.links.get()?.next.get()?.href.get().map(String::as_str)
    }
}
