//! What metering needs of upstream's answers, read without the rest of them. A member that cannot be read is as one that is not there:
//! a figure of upstream's must not hide which job was made, nor one job of a list the others.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::decimal::Exact;

/// The few members of a job that are metered.
///
/// ```
/// use job_model::response::JobHead;
/// let answer = br#"{"job":{"id":"cc3d35cc-416a-4262-9714-b359da70b419","state":"unsubmitted","estimatedCost":3.5,"inputs":[]}}"#;
/// let head = JobHead::from_json(answer).unwrap();
/// assert_eq!(head.id, "cc3d35cc-416a-4262-9714-b359da70b419");
/// assert_eq!(head.estimated_cost.unwrap().to_string(), "3.5");
/// let quoted = JobHead::from_json(br#"{"job":{"id":"a","estimatedCost":"3.5"}}"#).unwrap();
/// assert_eq!(quoted.estimated_cost, None);
/// assert!(JobHead::from_json(b"{}").is_none());
/// assert!(JobHead::from_json(br#"[["no","object"]]"#).is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobHead<'a> {
    /// Its id, as upstream writes it.
    pub id: Cow<'a, str>,
    /// Its state, as upstream writes it.
    pub state: Option<Cow<'a, str>>,
    /// Upstream's own estimate.
    pub estimated_cost: Option<Exact>,
    /// How it ran.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecutionHead {
    /// The units that the run took.
    pub estimated_units: Option<Exact>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    job: Readable<JobHead<'a>>,
}

#[derive(Deserialize)]
struct Listing<'a> {
    #[serde(borrow)]
    jobs: Vec<Readable<JobHead<'a>>>,
}

impl<'a> JobHead<'a> {
    /// Reads the answer to an operation on one job; none if that is not what it is.
    pub fn from_json(answer: &'a [u8]) -> Option<Self> {
        serde_json::from_slice::<Readable<Envelope<'a>>>(answer).ok()?.0?.job.0
    }
}

/// The same of a list of jobs; what is no job in it is passed over.
///
/// ```
/// use job_model::response::JobHeads;
/// assert_eq!(JobHeads::from_json(br#"{"jobs":[{"id":"a"},{"id":"b"}]}"#).unwrap().jobs.len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobHeads<'a> {
    /// The jobs, in the order of the answer.
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
        let listing = serde_json::from_slice::<Readable<Listing<'a>>>(answer).ok()?.0?;
        Some(Self { jobs: listing.jobs.into_iter().filter_map(|job| job.0).collect() })
    }
}

/// What is written with the names of its members: of a list, serde would take the elements for them, in their order. Anything
/// else is none, and is read to its end all the same.
struct Readable<T>(Option<T>);

/// What its members can be read into.
trait Named<'de>: Sized {
    /// None where they do not say it.
    fn of<A: MapAccess<'de>>(members: A) -> Result<Option<Self>, A::Error>;
}

impl<'de, T: Named<'de>> Deserialize<'de> for Readable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Members(PhantomData)).map(Self)
    }
}

struct Members<T>(PhantomData<T>);

/// Scalars that say nothing.
macro_rules! nothing {
    ($($visit:ident: $scalar:ty),*) => {$(
        fn $visit<E>(self, _: $scalar) -> Result<Self::Value, E> {
            Ok(None)
        }
    )*};
}

impl<'de, T: Named<'de>> Visitor<'de> for Members<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Option<T>, A::Error> {
        T::of(members)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Option<T>, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    nothing!(visit_bool: bool, visit_u64: u64, visit_i64: i64, visit_f64: f64, visit_str: &str);
}

impl<'de: 'a, 'a> Named<'de> for Envelope<'a> {
    fn of<A: MapAccess<'de>>(members: A) -> Result<Option<Self>, A::Error> {
        Self::deserialize(MapAccessDeserializer::new(members)).map(Some)
    }
}

impl<'de: 'a, 'a> Named<'de> for Listing<'a> {
    fn of<A: MapAccess<'de>>(members: A) -> Result<Option<Self>, A::Error> {
        Self::deserialize(MapAccessDeserializer::new(members)).map(Some)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Name {
    Id,
    State,
    EstimatedCost,
    ExecutionInformation,
    EstimatedUnits,
    #[serde(other)]
    Other,
}

impl<'de: 'a, 'a> Named<'de> for JobHead<'a> {
    fn of<A: MapAccess<'de>>(mut members: A) -> Result<Option<Self>, A::Error> {
        let (mut id, mut state, mut cost, mut run) = (Said::Never, Said::Never, Said::Never, Said::Never);
        while let Some(name) = members.next_key()? {
            match name {
                Name::Id => id.hear(members.next_value::<&RawValue>()?),
                Name::State => state.hear(members.next_value::<&RawValue>()?),
                Name::EstimatedCost => cost.hear(members.next_value::<&RawValue>()?),
                Name::ExecutionInformation => run.hear(members.next_value::<Readable<_>>()?),
                Name::EstimatedUnits | Name::Other => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(id.once().and_then(text).map(|id| Self {
            id,
            state: state.once().and_then(text),
            estimated_cost: cost.once().and_then(figure),
            execution_information: run.once().and_then(|run| run.0),
        }))
    }
}

impl<'de> Named<'de> for ExecutionHead {
    fn of<A: MapAccess<'de>>(mut members: A) -> Result<Option<Self>, A::Error> {
        let mut units = Said::Never;
        while let Some(name) = members.next_key()? {
            match name {
                Name::EstimatedUnits => units.hear(members.next_value::<&RawValue>()?),
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Some(Self { estimated_units: units.once().and_then(figure) }))
    }
}

/// What a member says. Of two by one name nobody knows which is meant.
enum Said<T> {
    Never,
    Once(T),
    Twice,
}

impl<T> Said<T> {
    fn hear(&mut self, value: T) {
        *self = if matches!(self, Self::Never) { Self::Once(value) } else { Self::Twice };
    }

    fn once(self) -> Option<T> {
        match self {
            Self::Once(value) => Some(value),
            Self::Never | Self::Twice => None,
        }
    }
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|text| text.0)
}

fn figure(raw: &RawValue) -> Option<Exact> {
    Exact::from_text(raw.get())
}
