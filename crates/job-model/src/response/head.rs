//! What metering needs of upstream's answers, read without the rest of them.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::decimal::Exact;

/// The few members of a job that are metered.
///
/// ```
/// use job_model::response::JobHead;
/// let answer = br#"{"job":{"id":"cc3d35cc-416a-4262-9714-b359da70b419","state":"unsubmitted","estimatedCost":3.5,"inputs":[]}}"#;
/// let head = JobHead::from_json(answer).unwrap();
/// assert_eq!(head.id, "cc3d35cc-416a-4262-9714-b359da70b419");
/// assert_eq!(head.estimated_cost.unwrap().to_string(), "3.5");
/// assert!(JobHead::from_json(b"{}").is_none());
/// assert!(JobHead::from_json(br#"[["no","object"]]"#).is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct JobHead<'a> {
    /// Its id, as upstream writes it.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// Its state, as upstream writes it.
    #[serde(borrow, default)]
    pub state: Option<Cow<'a, str>>,
    /// Upstream's own estimate.
    #[serde(default)]
    pub estimated_cost: Option<Exact>,
    /// How it ran.
    #[serde(default)]
    pub execution_information: Option<ExecutionHead>,
}

/// The member of a job's execution that is metered.
///
/// ```
/// use job_model::response::JobHead;
/// let answer = br#"{"job":{"id":"a","executionInformation":{"estimatedUnits":0.05}}}"#;
/// let run = JobHead::from_json(answer).unwrap().execution_information.unwrap();
/// assert_eq!(run.estimated_units.unwrap().to_string(), "0.05");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", remote = "Self")]
pub struct ExecutionHead {
    /// The units that the run took.
    #[serde(default)]
    pub estimated_units: Option<Exact>,
}

#[derive(Deserialize)]
#[serde(remote = "Self")]
struct Enveloped<'a> {
    #[serde(borrow)]
    job: JobHead<'a>,
}

impl<'a> JobHead<'a> {
    /// Reads the answer to an operation on one job; none if that is not what it is.
    pub fn from_json(answer: &'a [u8]) -> Option<Self> {
        serde_json::from_slice::<Enveloped<'a>>(answer).ok().map(|envelope| envelope.job)
    }
}

/// The same of a list of jobs.
///
/// ```
/// use job_model::response::JobHeads;
/// assert_eq!(JobHeads::from_json(br#"{"jobs":[{"id":"a"},{"id":"b"}]}"#).unwrap().jobs.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(remote = "Self")]
pub struct JobHeads<'a> {
    /// The jobs, in the order of the answer.
    #[serde(borrow)]
    pub jobs: Vec<JobHead<'a>>,
}

impl<'a> JobHeads<'a> {
    /// Reads the answer to the operation that lists jobs; none if that is not what it is.
    ///
    /// ```
    /// use job_model::response::JobHeads;
    /// let heads = JobHeads::from_json(br#"{"jobs":[{"id":"a","state":"success"}],"_links":{}}"#).unwrap();
    /// assert_eq!(heads.jobs[0].state.as_deref(), Some("success"));
    /// ```
    pub fn from_json(answer: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(answer).ok()
    }
}

/// Reads only what is written with the names of its members: of a list, serde would take the elements for them, in their order.
struct Members<T>(PhantomData<T>);

/// What its members can be read into.
trait Named<'de>: Sized {
    fn of<A: MapAccess<'de>>(members: A) -> Result<Self, A::Error>;
}

impl<'de, T: Named<'de>> Visitor<'de> for Members<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::of(members)
    }
}

macro_rules! named {
    ($($name:ty),*) => {$(
        impl<'de: 'a, 'a> Named<'de> for $name {
            fn of<A: MapAccess<'de>>(members: A) -> Result<Self, A::Error> {
                Self::deserialize(MapAccessDeserializer::new(members))
            }
        }

        impl<'de: 'a, 'a> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_map(Members(PhantomData))
            }
        }
    )*};
}

named!(JobHead<'a>, JobHeads<'a>, Enveloped<'a>);

impl<'de> Named<'de> for ExecutionHead {
    fn of<A: MapAccess<'de>>(members: A) -> Result<Self, A::Error> {
        Self::deserialize(MapAccessDeserializer::new(members))
    }
}

impl<'de> Deserialize<'de> for ExecutionHead {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members(PhantomData))
    }
}
