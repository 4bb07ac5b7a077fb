//! One request from head to answer: journal, faults, authorization, correlation; what the request means is decided behind it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::mpsc::UnboundedSender;
use tower_service::Service;
use uuid::Uuid;

use crate::answer::{Refusal, faulty};
use crate::fault::Fault;
use crate::journal::Sent;
use crate::raw::{End, Order};
use crate::routes::{CONTROL, operation};
use crate::shared::Shared;

const LARGEST: usize = 16 * 1024 * 1024;
const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");

/// A connection, as its requests know it.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) number: u64,
    /// Takes the socket away from HTTP.
    pub(crate) orders: UnboundedSender<Order>,
}

/// A body, as far as it could be read.
struct Read {
    bytes: Bytes,
    how: How,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Whole,
    Broken,
    TooLarge,
}

pub(crate) async fn serve(
    shared: Arc<Shared>,
    router: Router,
    line: Line,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let (head, body) = request.into_parts();
    if head.uri.path().starts_with(CONTROL) {
        let read = read(body).await;
        return Ok(act(router, head, read).await);
    }
    let correlation = head.headers.get(CORRELATION).cloned();
    let number = shared.journal.open(line.number, &head);
    let answer = match shared.faults.plan(&head) {
        Ok(plan) => {
            // Even a sleep of no time waits for the timer's next tick.
            if !plan.latency.is_zero() {
                tokio::time::sleep(plan.latency).await;
            }
            carry_out(&shared, router, &line, number, plan.fault, (head, body)).await
        }
        Err(unknown) => {
            shared.journal.sent(number, Sent::Whole(StatusCode::BAD_REQUEST.as_u16()));
            Refusal::no_fault(unknown.to_string()).into_response()
        }
    };
    Ok(correlated(answer, correlation))
}

async fn carry_out(
    shared: &Shared,
    router: Router,
    line: &Line,
    number: u64,
    fault: Option<Fault>,
    (head, body): (Parts, Incoming),
) -> Response {
    if fault == Some(Fault::ResetBefore) {
        return take(line, Order::nothing(End::Reset)).await;
    }
    let read = read(body).await;
    shared.journal.body(number, read.bytes.clone(), read.how == How::Whole);
    if read.how == How::Broken {
        return take(line, Order::nothing(End::Close)).await;
    }
    let operation = operation(&head.method, head.uri.path());
    let correlation = head.headers.get(CORRELATION).cloned();
    let authorized = head.headers.get(AUTHORIZATION).is_some_and(is_bearer);
    match &fault {
        Some(Fault::Silence) => return take(line, Order::nothing(End::Hold)).await,
        Some(Fault::Garbage) => return take(line, Order::garbage()).await,
        Some(Fault::Status(answer)) => {
            shared.journal.sent(number, Sent::Whole(answer.status().as_u16()));
            return faulty(answer, operation);
        }
        _ => {}
    }
    let answer =
        if authorized { act(router, head, read).await } else { Refusal::unauthorized().into_response() };
    let status = answer.status();
    let (order, sent) = match fault {
        Some(Fault::ResetAfter) => (Order::nothing(End::Reset), Sent::Nothing),
        Some(Fault::Cut) => (whole(answer, correlation).await.half(End::Close), Sent::Part(status.as_u16())),
        Some(Fault::Torn201) if status == StatusCode::CREATED && operation == "jobs-create" => {
            (whole(answer, correlation).await.half(End::Reset), Sent::Part(status.as_u16()))
        }
        Some(Fault::Drip(pace)) => {
            (whole(answer, correlation).await.dripping(pace), Sent::Whole(status.as_u16()))
        }
        _ => {
            shared.journal.sent(number, Sent::Whole(status.as_u16()));
            return answer;
        }
    };
    shared.journal.sent(number, sent);
    take(line, order).await
}

/// Hands the socket over. The answer of HTTP never comes: the connection ends with the order.
async fn take(line: &Line, order: Order) -> Response {
    // Without a receiver the connection is gone, and nobody waits for the answer.
    let _ = line.orders.send(order);
    std::future::pending().await
}

async fn act(mut router: Router, head: Parts, read: Read) -> Response {
    if read.how != How::Whole {
        return Refusal::too_large().into_response();
    }
    let request = Request::from_parts(head, Body::from(read.bytes));
    // INVARIANT: a router is always ready, and its error type has no values.
    router.call(request).await.unwrap_or_else(|impossible| match impossible {})
}

/// Reads a body until its end, until the connection breaks, or until it is too large.
async fn read(mut body: Incoming) -> Read {
    let mut bytes = BytesMut::new();
    let how = loop {
        match body.frame().await {
            None => break How::Whole,
            Some(Err(_)) => break How::Broken,
            Some(Ok(frame)) => bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
        }
        if bytes.len() > LARGEST {
            break How::TooLarge;
        }
    };
    Read { bytes: bytes.freeze(), how }
}

/// The answer as the bytes that go over the wire.
async fn whole(answer: Response, correlation: Option<HeaderValue>) -> Order {
    let (mut head, body) = correlated(answer, correlation).into_parts();
    // INVARIANT: the bodies are in memory already, so collecting one cannot fail.
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    if head.status != StatusCode::NO_CONTENT {
        head.headers.insert(CONTENT_LENGTH, body.len().into());
    }
    head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    Order::answer(&head, &body)
}

/// Gives the answer the identifier the request came with, or one of its own.
fn correlated(mut answer: Response, correlation: Option<HeaderValue>) -> Response {
    let value = correlation.or_else(|| HeaderValue::from_str(&Uuid::new_v4().to_string()).ok());
    if let Some(value) = value {
        answer.headers_mut().insert(CORRELATION, value);
    }
    answer
}

fn is_bearer(value: &HeaderValue) -> bool {
    value.as_bytes().starts_with(b"Bearer ")
}
