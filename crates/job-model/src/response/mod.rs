//! The answers of the published page.
mod error;
pub use error::{DetailedError, DetailedErrorResponse, ErrorDetail};
