//! What of a job has a price.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::format::{OutputFormat, OutputSet};
use crate::kind::JobType;
use crate::quality::Quality;
use crate::quantity::{Gigapixels, Megapoints};

/// What of a job has a price: nothing else of it changes the estimate.
///
/// ```
/// # let body = br#"{"type":"Full","name":"Bridge 7","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25",
/// #   "inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photographs"}],
/// #   "settings":{"quality":"Extra","outputs":["OBJ"],"cacheSettings":{"createCache":true}},
/// #   "costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5}}"#;
/// # use job_model::{JobRequest, Policy};
/// # let job = JobRequest::from_json(body, &Policy::default()).unwrap().into_value().unwrap();
/// let workload = job.workload();
/// assert_eq!((workload.quality, workload.megapoints.unwrap().to_string()), (job_model::Quality::Extra, "1.5".to_owned()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// What the job does.
    pub job_type: JobType,
    /// How finely it computes: `settings.quality`, the one that runs.
    pub quality: Quality,
    /// What it makes, each format once.
    pub outputs: OutputSet,
    /// Photographs to process, where given.
    pub gigapixels: Option<Gigapixels>,
    /// Points to process, where given.
    pub megapoints: Option<Megapoints>,
}

impl Workload {
    /// Its JSON form: the words of the contract, sizes as strings.
    ///
    /// ```
    /// use job_model::Workload;
    /// let kept = serde_json::json!({"type":"Full","quality":"Extra","outputs":["OBJ"],"gigaPixels":"2.1"});
    /// assert_eq!(Workload::from_json(&kept).unwrap().to_json(), kept);
    /// assert!(Workload::from_json(&serde_json::json!({"type":"Full"})).is_none());
    /// ```
    pub fn to_json(&self) -> Value {
        let outputs: Vec<_> = self.outputs.iter().map(OutputFormat::as_str).collect();
        let mut members = Map::new();
        members.insert("type".to_owned(), json!(self.job_type.as_str()));
        members.insert("quality".to_owned(), json!(self.quality.as_str()));
        members.insert("outputs".to_owned(), json!(outputs));
        members.extend(self.gigapixels.map(|size| ("gigaPixels".to_owned(), json!(size.to_string()))));
        members.extend(self.megapoints.map(|size| ("megaPoints".to_owned(), json!(size.to_string()))));
        Value::Object(members)
    }

    /// Reads its JSON form; none where that is not what it is.
    pub fn from_json(value: &Value) -> Option<Self> {
        let size = |name: &str| value.get(name).map(|size| size.as_str()?.parse::<Decimal>().ok());
        let outputs = value.get("outputs")?.as_array()?.iter();
        Some(Self {
            job_type: JobType::from_wire(value.get("type")?.as_str()?)?,
            quality: Quality::from_wire(value.get("quality")?.as_str()?)?,
            outputs: outputs.map(|word| OutputFormat::from_wire(word.as_str()?)).collect::<Option<_>>()?,
            gigapixels: match size("gigaPixels") {
                None => None,
                Some(size) => Some(Gigapixels::new(size?)?),
            },
            megapoints: match size("megaPoints") {
                None => None,
                Some(size) => Some(Megapoints::new(size?)?),
            },
        })
    }
}
