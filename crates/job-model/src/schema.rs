//! The published shape of a job request as JSON Schema.

/// JSON Schema 2020-12 of the body of `POST /contextcapture/jobs`, as the compatible profile accepts it.
///
/// A schema cannot say everything: what the reader refuses beyond it is listed in the schema's own `$comment`.
///
/// ```
/// assert!(job_model::schema().contains("https://json-schema.org/draft/2020-12/schema"));
/// ```
pub const fn schema() -> &'static str {
    include_str!("request.schema.json")
}
