//! The list of jobs: filtered, in pages that point at the next.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header::HOST};
use axum::response::Response;
use serde::Serialize;

use super::limits::is_itwin;
use crate::answer::{Refusal, json};
use crate::filter::Filter;
use crate::shared::Shared;
use crate::view::JobView;

const USUAL: usize = 100;
const MOST: usize = 1000;

#[derive(Serialize)]
struct JobsAnswer<'a> {
    jobs: Vec<JobView<'a>>,
    #[serde(rename = "_links")]
    links: Links,
}

#[derive(Serialize)]
struct Links {
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Link>,
}

#[derive(Serialize)]
struct Link {
    href: String,
}

/// What a list is asked for.
struct Asked {
    text: String,
    filter: Filter,
    top: Option<usize>,
    after: u64,
}

pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let asked = Asked::read(&uri)?;
    if !asked.filter.itwins().into_iter().all(is_itwin) {
        return Err(Refusal::no_itwin());
    }
    let now = shared.clock.now();
    let store = shared.store();
    let mut found =
        store.jobs_after(asked.after).filter(|(_, job)| asked.filter.holds(job, now, shared.run_time));
    let page: Vec<_> = found.by_ref().take(asked.top.unwrap_or(USUAL)).collect();
    let last = page.last().map(|(place, _)| *place).filter(|_| found.next().is_some());
    let answer = JobsAnswer {
        jobs: page.iter().map(|(_, job)| JobView::of(job, now, shared.run_time)).collect(),
        links: Links { next: last.map(|place| Link { href: asked.next(place, &uri, &headers) }) },
    };
    Ok(json(StatusCode::OK, &answer))
}

impl Asked {
    fn read(uri: &Uri) -> Result<Self, Refusal> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| Refusal::invalid_list("The query cannot be read.", "$filter"))?;
        let value = |name: &str| {
            let found = pairs.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str())
        };
        let text = value("$filter")
            .ok_or_else(|| Refusal::invalid_list("The $filter query parameter is required.", "$filter"))?;
        let filter = Filter::parse(text)
            .ok_or_else(|| Refusal::invalid_list("Invalid '$filter' parameter.", "$filter"))?;
        let top = value("$top").map(top).transpose()?;
        let after = value("continuationToken").map_or(Ok(0), |token| {
            place(token).ok_or_else(|| {
                Refusal::invalid_list("Invalid 'continuationToken' parameter.", "continuationToken")
            })
        })?;
        Ok(Self { text: text.to_owned(), filter, top, after })
    }

    /// The address of the next page, as the caller can reach it.
    fn next(&self, place: u64, uri: &Uri, headers: &HeaderMap) -> String {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        let filter = encode(&self.text);
        let top = self.top.map(|top| format!("&$top={top}")).unwrap_or_default();
        let path = uri.path();
        format!("http://{host}{path}?$filter={filter}{top}&continuationToken={place:016x}")
    }
}

fn top(text: &str) -> Result<usize, Refusal> {
    text.parse().ok().filter(|top| (1..=MOST).contains(top)).ok_or_else(Refusal::invalid_top)
}

fn place(token: &str) -> Option<u64> {
    let hexadecimal = token.len() == 16 && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(token, 16).ok().filter(|_| hexadecimal)
}

fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
