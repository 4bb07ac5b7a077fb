//! A word of an answer: one of the published ones, or one that upstream has learnt since.

use std::fmt;

use serde::de::value::{Error, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A published word, or any other: a new word must not make an answer unreadable.
///
/// ```
/// use job_model::response::{JobState, Word};
/// let state = |text| serde_json::from_str::<Word<JobState>>(text).unwrap();
/// assert_eq!(state(r#""success""#), Word::Known(JobState::Success));
/// assert_eq!(state(r#""paused""#), Word::Other("paused".to_owned()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Word<T> {
    /// One of the published words.
    Known(T),
    /// Another word, as upstream writes it.
    Other(String),
}

impl<T: Copy> Word<T> {
    /// The published word, if it is one.
    pub const fn known(&self) -> Option<T> {
        match self {
            Self::Known(word) => Some(*word),
            Self::Other(_) => None,
        }
    }
}

impl<T: fmt::Display> fmt::Display for Word<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(word) => word.fmt(f),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl<T: Serialize> Serialize for Word<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(word) => word.serialize(serializer),
            Self::Other(text) => text.serialize(serializer),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let word: StrDeserializer<'_, Error> = text.as_str().into_deserializer();
        let known = T::deserialize(word);
        Ok(known.map_or(Self::Other(text), Self::Known))
    }
}
