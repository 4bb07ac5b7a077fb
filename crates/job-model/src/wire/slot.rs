//! What a member turned out to be.

/// A byte range of the body.
pub(super) type Span = (u32, u32);

/// A member while its job is being read.
#[derive(Clone, Debug, Default)]
pub(super) enum Slot<T> {
    /// Not there, or read as not there.
    #[default]
    Absent,
    /// An explicit null where a value is required: as good as absent.
    Null(Span),
    /// There, but no value of the type.
    Unreadable,
    /// Read, and yet a rule denies it, or denies the null that stood there: rules of meaning keep silent about it.
    Denied(Option<T>),
    /// Read, and nothing against it.
    Sound(T),
}

impl<T> Slot<T> {
    /// A value that was read, denied or not.
    #[inline]
    pub(super) fn read(value: T, denied: bool) -> Self {
        if denied { Self::Denied(Some(value)) } else { Self::Sound(value) }
    }

    /// Something that is read as absent, denied or not.
    pub(super) fn nothing(denied: bool) -> Self {
        if denied { Self::Denied(None) } else { Self::Absent }
    }

    /// The value where nothing is against it.
    pub(super) const fn sound(&self) -> Option<&T> {
        match self {
            Self::Sound(value) => Some(value),
            _ => None,
        }
    }

    /// The value where one was read.
    pub(super) const fn readable(&self) -> Option<&T> {
        match self {
            Self::Sound(value) | Self::Denied(Some(value)) => Some(value),
            _ => None,
        }
    }

    /// A required value.
    pub(super) fn required(self) -> Option<T> {
        match self {
            Self::Sound(value) | Self::Denied(Some(value)) => Some(value),
            Self::Absent | Self::Null(_) | Self::Unreadable | Self::Denied(None) => None,
        }
    }

    /// An optional value; `None` where there was one that could not be read.
    #[expect(clippy::option_option, reason = "unreadable is another thing than absent")]
    pub(super) fn optional(self) -> Option<Option<T>> {
        match self {
            Self::Sound(value) => Some(Some(value)),
            Self::Denied(value) => Some(value),
            Self::Absent | Self::Null(_) => Some(None),
            Self::Unreadable => None,
        }
    }

    /// Whether nothing is there and nothing is against that.
    pub(super) const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent | Self::Null(_))
    }
}

/// The members of `costEstimationParameters` as read.
#[derive(Clone, Debug, Default)]
pub(super) struct CostSlots {
    pub(super) giga_pixels: Slot<crate::Gigapixels>,
    pub(super) mega_points: Slot<crate::Megapoints>,
    pub(super) mesh_quality: Slot<crate::Quality>,
    /// Where the mesh quality stands.
    pub(super) mesh_quality_at: Span,
    /// Where the points stand.
    pub(super) mega_points_at: Span,
    /// Where the object stands.
    pub(super) at: Span,
}

/// The members of `settings` as read.
#[derive(Clone, Debug, Default)]
pub(super) struct SettingsSlots {
    pub(super) quality: Slot<crate::Quality>,
    pub(super) engines: Slot<crate::Engines>,
    pub(super) outputs: Slot<Outputs>,
    pub(super) cache: Slot<crate::CacheSettings>,
    /// Where the object stands.
    pub(super) at: Span,
}

/// The output formats as read, and the bytes of each.
#[derive(Clone, Debug, Default)]
pub(super) struct Outputs {
    pub(super) formats: Vec<crate::OutputFormat>,
    /// Where the array stands: the places of single formats are looked up in it when one is pointed at.
    pub(super) at: Span,
}

/// The members of a body as read.
#[derive(Debug, Default)]
pub(super) struct Slots {
    pub(super) state: Slot<crate::StateChange>,
    pub(super) job_type: Slot<crate::JobType>,
    pub(super) name: Slot<crate::JobName>,
    pub(super) cost: Slot<CostSlots>,
    pub(super) workspace_id: Slot<crate::WorkspaceId>,
    pub(super) inputs: Slot<Vec<crate::JobInput>>,
    /// Where the inputs stand.
    pub(super) inputs_at: Span,
    pub(super) settings: Slot<SettingsSlots>,
    /// Whether any member was there at all.
    pub(super) any: bool,
}

impl<T> Slot<T> {
    /// The same of another type.
    #[inline]
    pub(super) fn map<U>(self, make: impl FnOnce(T) -> U) -> Slot<U> {
        self.and_then(|value| Some(make(value)))
    }

    /// The same of another type, where every value has one.
    pub(super) fn and_then<U>(self, make: impl FnOnce(T) -> Option<U>) -> Slot<U> {
        match self {
            Self::Absent => Slot::Absent,
            Self::Null(span) => Slot::Null(span),
            Self::Unreadable => Slot::Unreadable,
            Self::Denied(None) => Slot::Denied(None),
            Self::Denied(Some(value)) => {
                make(value).map_or(Slot::Unreadable, |value| Slot::Denied(Some(value)))
            }
            Self::Sound(value) => make(value).map_or(Slot::Unreadable, Slot::Sound),
        }
    }
}
