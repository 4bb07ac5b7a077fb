//! The limit of engines of an iTwin, and which iTwins there are.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use crate::answer::{Refusal, json};
use crate::shared::Shared;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EnginesAnswer {
    engines_limit: EnginesLimit,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EnginesLimit {
    max_engines: u32,
}

pub(super) async fn engines(State(shared): State<Arc<Shared>>, uri: Uri) -> Result<Response, Refusal> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&uri).map_err(|_| Refusal::no_itwin())?;
    let mut itwins = pairs.iter().filter(|(name, _)| name.eq_ignore_ascii_case("iTwinId"));
    if !itwins.all(|(_, itwin)| is_itwin(itwin)) {
        return Err(Refusal::no_itwin());
    }
    let answer = EnginesAnswer { engines_limit: EnginesLimit { max_engines: shared.engines } };
    Ok(json(StatusCode::OK, &answer))
}

/// Every GUID but the nil one is an iTwin here: the sandbox is not told which exist.
pub(super) fn is_itwin(text: &str) -> bool {
    text.len() == Hyphenated::LENGTH && Uuid::parse_str(text).is_ok_and(|itwin| !itwin.is_nil())
}
