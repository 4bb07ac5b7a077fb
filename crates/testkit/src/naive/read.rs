//! What was read of a body, member by member.

/// How a member came out.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Read<T> {
    /// Not there, or as good as not there.
    Absent,
    /// Read as if it were not there, though a rule denies that.
    Void,
    /// Right; false where a rule denies it all the same.
    Good(T, bool),
    /// Nothing can be made of it.
    Bad,
}

impl<T> Read<T> {
    /// What rules of meaning may rely on.
    pub(super) fn sound(&self) -> Option<&T> {
        match self {
            Self::Good(value, true) => Some(value),
            _ => None,
        }
    }

    pub(super) fn value(&self) -> Option<&T> {
        match self {
            Self::Good(value, _) => Some(value),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cost {
    pub(super) giga_pixels: Read<String>,
    pub(super) mega_points: Read<String>,
    pub(super) mesh_quality: Read<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Input {
    pub(super) id: Read<String>,
    pub(super) description: Read<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parts {
    pub(super) quality: Read<String>,
    pub(super) engines: Read<String>,
    pub(super) outputs: Read<Vec<String>>,
    pub(super) cache: Read<Cache>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cache {
    pub(super) create: Read<bool>,
    pub(super) used: Read<String>,
}
