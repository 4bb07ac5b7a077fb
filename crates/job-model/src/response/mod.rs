//! The answers of the published page.
mod error;
mod head;
pub use error::{DetailedError, DetailedErrorResponse, ErrorDetail};
pub use head::{ExecutionHead, JobHead};
