//! The answers of the published page, as upstream writes them: read with tolerance, written back as they were read.
//!
//! Members that the page does not name are passed over, words that it does not name are kept as [`Word::Other`].

mod error;
mod execution;
mod head;
mod job;
mod jobs;
mod limits;
mod member;
mod progress;
mod time;
mod word;
mod workspace;

pub use error::{DetailedError, DetailedErrorResponse, ErrorDetail, ErrorObject, ErrorResponse};
pub use execution::{ExecutionInformation, JobMessage};
pub use head::{ExecutionHead, JobHead, JobHeads};
pub use job::{
    CacheSettings, CostEstimationParameters, Job, JobInput, JobOutput, JobResponse, JobSettings, JobState,
    Location,
};
pub use jobs::JobsResponse;
pub use limits::{EnginesLimit, EnginesLimitResponse};
pub use member::Member;
pub use progress::{JobProgress, JobProgressResponse, ProgressState};
pub use time::DateTime;
pub use word::Word;
pub use workspace::{Workspace, WorkspaceCreation, WorkspaceResponse};
