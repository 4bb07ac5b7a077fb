//! What requests count as: the one map from an ending to the closed sets of labels.

use crate::rejection::{Rejection, Sending};

/// What was decided about a request: the header `x-jobgate-decision`, the label and the log's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Judged and forwarded, whatever upstream then said.
    Admitted,
    /// Forwarded once before, under the same key; the answer was given again.
    Replayed,
    /// Not forwarded.
    Refused,
    /// Forwarded and followed.
    Observed,
    /// Forwarded untouched.
    Bypassed,
    /// Forwarded, or meant to be, and without a usable answer.
    Failed,
    /// Answered by the gateway's own interface; not shown in a header.
    Answered,
}

impl Decision {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Replayed => "replayed",
            Self::Refused => "refused",
            Self::Observed => "observed",
            Self::Bypassed => "bypassed",
            Self::Failed => "failed",
            Self::Answered => "answered",
        }
    }

    /// Its word in an answer: one that is given again says what it said the first time.
    pub(crate) const fn shown(self) -> &'static str {
        match self {
            Self::Replayed => Self::Admitted.as_str(),
            other => other.as_str(),
        }
    }

    /// What a rejection is.
    pub const fn of(rejection: &Rejection) -> Self {
        match rejection {
            Rejection::BadRequest(_)
            | Rejection::HeaderNotFound
            | Rejection::InvalidToken(_)
            | Rejection::KeysUnavailable(_)
            | Rejection::NotFound
            | Rejection::JobNotFound
            | Rejection::MethodNotAllowed(_)
            | Rejection::RequestTimeout
            | Rejection::RequestTooLarge(_)
            | Rejection::UriTooLong(_)
            | Rejection::HeadersTooLarge(..)
            | Rejection::UnsupportedMediaType
            | Rejection::ExpectationFailed
            | Rejection::Invalid(_)
            | Rejection::TooManyRequests(_)
            | Rejection::BudgetExceeded(_)
            | Rejection::RequestInProgress
            | Rejection::ChangeInProgress
            | Rejection::KeyReused
            | Rejection::LedgerUnavailable
            | Rejection::Overloaded => Self::Refused,
            Rejection::UpstreamUnavailable(Sending::NotSent | Sending::Unknown, _)
            | Rejection::UpstreamTimeout(Sending::NotSent | Sending::Unknown, _)
            | Rejection::AnswerCutOff(_) => Self::Failed,
        }
    }
}
