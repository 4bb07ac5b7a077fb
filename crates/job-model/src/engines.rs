//! How many processing engines a job may use.

use std::num::NonZeroU32;

/// The engines a job may use at most: `settings.processingEngines`, where 0 stands for "my limit".
///
/// ```
/// use job_model::Engines;
/// assert_eq!(Engines::from_count(0), Engines::UpToLimit);
/// assert_eq!(Engines::from_count(5).count(), 5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engines {
    /// As many as the caller's limit allows.
    UpToLimit,
    /// This many at most.
    AtMost(NonZeroU32),
}

impl Engines {
    /// From the number on the wire.
    pub const fn from_count(count: u32) -> Self {
        match NonZeroU32::new(count) {
            Some(count) => Self::AtMost(count),
            None => Self::UpToLimit,
        }
    }

    /// The number on the wire.
    pub const fn count(self) -> u32 {
        match self {
            Self::UpToLimit => 0,
            Self::AtMost(count) => count.get(),
        }
    }
}

impl serde::Serialize for Engines {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.count())
    }
}
