//! The places of a request that a violation can point at, in contract order.

use std::fmt;

/// An object whose members the contract names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Root,
    Cost,
    Input(u32),
    Settings,
    Cache,
}

/// Where a violation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The body as a whole: nothing to point at.
    Body,
    State,
    Type,
    Name,
    Cost,
    GigaPixels,
    MegaPoints,
    MeshQuality,
    WorkspaceId,
    Inputs,
    Input(u32),
    InputId(u32),
    InputDescription(u32),
    Settings,
    Quality,
    Engines,
    Outputs,
    Output(u32),
    Cache,
    CreateCache,
    UseCache,
    /// A member that the contract does not name; its name where it can be shown.
    Unknown(Place, Option<Box<str>>),
}

impl Target {
    /// The place in contract order: section, index in a list, place in the element.
    pub(crate) const fn order(&self) -> (u8, u32, u8) {
        match self {
            Self::Body => (0, 0, 0),
            Self::State => (1, 0, 0),
            Self::Type => (2, 0, 0),
            Self::Name => (3, 0, 0),
            Self::Cost => (4, 0, 0),
            Self::GigaPixels => (4, 0, 1),
            Self::MegaPoints => (4, 0, 2),
            Self::MeshQuality => (4, 0, 3),
            Self::WorkspaceId => (5, 0, 0),
            Self::Inputs => (6, 0, 0),
            Self::Input(i) => (7, *i, 0),
            Self::InputId(i) => (7, *i, 1),
            Self::InputDescription(i) => (7, *i, 2),
            Self::Settings => (8, 0, 0),
            Self::Quality => (8, 0, 1),
            Self::Engines => (8, 0, 2),
            Self::Outputs => (9, 0, 0),
            Self::Output(i) => (10, *i, 0),
            Self::Cache => (11, 0, 0),
            Self::CreateCache => (11, 0, 1),
            Self::UseCache => (11, 0, 2),
            Self::Unknown(..) => (12, 0, 0),
        }
    }

    /// Whether there is anything to point at.
    pub(crate) const fn is_shown(&self) -> bool {
        !matches!(self, Self::Body | Self::Unknown(Place::Root, None))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => Ok(()),
            Self::State => f.write_str("state"),
            Self::Type => f.write_str("type"),
            Self::Name => f.write_str("name"),
            Self::Cost => f.write_str("costEstimationParameters"),
            Self::GigaPixels => f.write_str("costEstimationParameters.gigaPixels"),
            Self::MegaPoints => f.write_str("costEstimationParameters.megaPoints"),
            Self::MeshQuality => f.write_str("costEstimationParameters.meshQuality"),
            Self::WorkspaceId => f.write_str("workspaceId"),
            Self::Inputs => f.write_str("inputs"),
            Self::Input(i) => write!(f, "inputs[{i}]"),
            Self::InputId(i) => write!(f, "inputs[{i}].id"),
            Self::InputDescription(i) => write!(f, "inputs[{i}].description"),
            Self::Settings => f.write_str("settings"),
            Self::Quality => f.write_str("settings.quality"),
            Self::Engines => f.write_str("settings.processingEngines"),
            Self::Outputs => f.write_str("settings.outputs"),
            Self::Output(i) => write!(f, "settings.outputs[{i}]"),
            Self::Cache => f.write_str("settings.cacheSettings"),
            Self::CreateCache => f.write_str("settings.cacheSettings.createCache"),
            Self::UseCache => f.write_str("settings.cacheSettings.useCache"),
            Self::Unknown(Place::Root, Some(name)) => f.write_str(name),
            Self::Unknown(place, Some(name)) => write!(f, "{place}.{name}"),
            Self::Unknown(place, None) => place.fmt(f),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Cost => f.write_str("costEstimationParameters"),
            Self::Input(i) => write!(f, "inputs[{i}]"),
            Self::Settings => f.write_str("settings"),
            Self::Cache => f.write_str("settings.cacheSettings"),
        }
    }
}
