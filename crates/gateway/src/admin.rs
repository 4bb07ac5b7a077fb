//! The operators' listener: metrics, health and the configuration in force.

use std::sync::Arc;

use async_trait::async_trait;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{Method, Response, StatusCode};
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::http::ServerSession;
use serde_json::json;

use crate::books;
use crate::identity::Identity;
use crate::life::Life;
use crate::metrics::Metrics;
use crate::money::Money;
use crate::upstream::Upstream;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Answers on the admin address.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) life: Arc<Life>,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) money: Arc<Money>,
    /// The configuration without its secrets.
    pub(crate) effective: String,
}

impl Admin {
    async fn answer(&self, method: &Method, path: &str, query: &str) -> (StatusCode, &'static str, String) {
        let known = matches!(
            path,
            "/metrics" | "/livez" | "/readyz" | "/v1/config" | "/v1/holds" | "/v1/budgets" | "/v1/usage"
        );
        if known && *method != Method::GET && *method != Method::HEAD {
            return error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", "Only GET is allowed here.");
        }
        match path {
            "/metrics" => self.metrics().await,
            "/livez" if self.money.ledger.has_ended() => {
                (StatusCode::SERVICE_UNAVAILABLE, TEXT, ENDED.to_owned())
            }
            "/livez" => (StatusCode::OK, TEXT, "alive\n".to_owned()),
            "/readyz" => self.ready(),
            "/v1/config" => (StatusCode::OK, TEXT, self.effective.clone()),
            "/v1/holds" => money(books::holds(&self.money, query).await),
            "/v1/budgets" => money(books::budgets(&self.money, self.money.now()).await),
            "/v1/usage" => money(books::usage(&self.money, query).await),
            _ => error(StatusCode::NOT_FOUND, "NotFound", HERE),
        }
    }

    async fn metrics(&self) -> (StatusCode, &'static str, String) {
        self.metrics.look_at(&self.money, self.money.now()).await;
        self.metrics.keys_are_of(self.identity.keys_age());
        let Life { in_flight, buffered, connections, .. } = &*self.life;
        match self.metrics.text(in_flight.taken(), buffered.taken(), connections.taken()) {
            Ok(text) => (StatusCode::OK, prometheus::TEXT_FORMAT, text),
            Err(why) => error(StatusCode::INTERNAL_SERVER_ERROR, "MetricsUnavailable", &why.to_string()),
        }
    }

    fn ready(&self) -> (StatusCode, &'static str, String) {
        let why_not = if self.life.is_draining() {
            "draining\n"
        } else if !self.life.is_serving() {
            "starting\n"
        } else if self.money.ledger.has_ended() {
            ENDED
        } else if !self.upstream.is_known() {
            "upstream's name leads to no address\n"
        } else if !self.identity.is_known() {
            "the issuer's keys are not known\n"
        } else {
            return (StatusCode::OK, TEXT, "ready\n".to_owned());
        };
        (StatusCode::SERVICE_UNAVAILABLE, TEXT, why_not.to_owned())
    }
}

/// It lives on only to say so: a restart is the cure.
const ENDED: &str =
    "the ledger writes nothing any more after a fault of the disk; see the log, then restart\n";
const HERE: &str = "Here are /metrics, /livez, /readyz, /v1/config, /v1/holds, /v1/budgets and /v1/usage.";

fn money(answer: Result<serde_json::Value, books::NoAnswer>) -> (StatusCode, &'static str, String) {
    match answer {
        Ok(value) => (StatusCode::OK, JSON, value.to_string()),
        Err(books::NoAnswer::Query(what)) => error(StatusCode::BAD_REQUEST, "BadRequest", what),
        Err(books::NoAnswer::Ledger(fault)) => {
            error(StatusCode::SERVICE_UNAVAILABLE, "LedgerUnavailable", &fault.to_string())
        }
    }
}

fn error(status: StatusCode, code: &str, message: &str) -> (StatusCode, &'static str, String) {
    (status, JSON, json!({"error": {"code": code, "message": message}}).to_string())
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let request = session.req_header();
        let (status, media_type, body) =
            self.answer(&request.method, request.uri.path(), request.uri.query().unwrap_or_default()).await;
        let mut response = Response::new(body.into_bytes());
        *response.status_mut() = status;
        let length = response.body().len();
        response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(media_type));
        response.headers_mut().insert(CONTENT_LENGTH, http::HeaderValue::from(length));
        response
    }
}
