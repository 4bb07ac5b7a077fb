//! An optional member of an answer, and the difference between null and absent.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An optional member: upstream leaves some out and writes others as null, and an answer is written back as it was.
///
/// ```
/// use job_model::response::{JobOutput, Member};
/// let output: JobOutput = serde_json::from_str(r#"{"format":"OBJ","id":null}"#).unwrap();
/// assert_eq!((&output.id, output.id.get()), (&Member::Null, None));
/// assert_eq!(serde_json::to_string(&output).unwrap(), r#"{"format":"OBJ","id":null}"#);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Member<T> {
    /// Left out.
    #[default]
    Absent,
    /// There, and null.
    Null,
    /// There, with a value.
    Given(T),
}

impl<T> Member<T> {
    /// The value, where there is one.
    pub const fn get(&self) -> Option<&T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// Whether it is left out.
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl<T> From<Option<T>> for Member<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Given)
    }
}

impl<T: Serialize> Serialize for Member<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.get().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Given))
    }
}
