//! Every rule there is: its id, its default severities and the sentence a refused client reads. One line a rule.

mod explain;

pub use explain::Explanation;

use crate::severity::{Profile, Severity};
use Severity::{Audit, Deny, Off, Warn};

macro_rules! rules {
    ($($variant:ident = $id:literal, $compatible:ident, $strict:ident, $sentence:literal;)+) => {
        /// A rule that a request can break. The list is closed and the ids are never renamed.
        ///
        /// ```
        /// use job_model::{Profile, Rule, Severity};
        /// let rule = Rule::from_id("quality-invalid").unwrap();
        /// assert_eq!(rule.default_severity(Profile::Compatible), Severity::Deny);
        /// assert!(Rule::from_id("no-such-rule").is_none());
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each variant is documented by its explanation, see `Rule::explanation`")]
        pub enum Rule { $($variant),+ }

        impl Rule {
            /// Every rule, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable id: metric label, configuration key, log field and anchor.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id),+ }
            }

            /// The rule with this id.
            pub fn from_id(id: &str) -> Option<Self> {
                match id { $($id => Some(Self::$variant),)+ _ => None }
            }

            /// What a profile makes of it when the configuration says nothing.
            pub const fn default_severity(self, profile: Profile) -> Severity {
                match (self, profile) {
                    $((Self::$variant, Profile::Compatible) => $compatible,
                      (Self::$variant, Profile::Strict) => $strict,)+
                }
            }

            /// What was expected, as the message says it; `{limit}` stands for the configured limit.
            pub(crate) const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence),+ }
            }
        }
    };
}

rules! {
    BodySyntax = "body-syntax", Deny, Deny, "The body is not valid JSON";
    BodyNotObject = "body-not-object", Deny, Deny, "The body is not a JSON object";
    BodyDepth = "body-depth", Deny, Deny, "The body is nested deeper than 32 levels";
    BodyDuplicateMember = "body-duplicate-member", Deny, Deny, "The body names a member of one object twice";
    BodyMemberCase = "body-member-case", Deny, Deny, "The body has a member name that differs from another one only in letter case";
    BodyReservedMember = "body-reserved-member", Deny, Deny, "The body has a reserved member name ($ref, $id, $type, $values or __proto__)";
    BodyNumber = "body-number", Deny, Deny, "The body has a number of more than 40 digits or with an exponent beyond 30";
    BodyLimits = "body-limits", Deny, Deny, "The body has more than 10,000 members and elements, or a string or member name of more than {limit} bytes";

    TypeMissing = "type-missing", Deny, Deny, "It is required: 'Full', 'Calibration' or 'Reconstruction'";
    TypeInvalid = "type-invalid", Deny, Deny, "Expected 'Full', 'Calibration' or 'Reconstruction'";
    NameMissing = "name-missing", Deny, Deny, "It is required: a text that names the job";
    NameInvalid = "name-invalid", Deny, Deny, "Expected a text with at least one visible character and no control characters";
    NameTooLong = "name-too-long", Off, Off, "Expected at most {limit} characters";
    WorkspaceIdMissing = "workspace-id-missing", Deny, Deny, "It is required: the id of the workspace";
    WorkspaceIdInvalid = "workspace-id-invalid", Deny, Deny, "Expected a GUID of the form 8-4-4-4-12 that is not all zeros";
    InputsMissing = "inputs-missing", Deny, Deny, "It is required: a list of inputs";
    InputsInvalid = "inputs-invalid", Deny, Deny, "Expected an array of inputs";
    InputsEmpty = "inputs-empty", Deny, Deny, "Expected at least one input";
    InputsTooMany = "inputs-too-many", Deny, Deny, "Expected at most {limit} inputs";
    InputInvalid = "input-invalid", Deny, Deny, "Expected an object with the id of an input";
    InputIdMissing = "input-id-missing", Deny, Deny, "It is required: the id of the reality data";
    InputIdInvalid = "input-id-invalid", Deny, Deny, "Expected a GUID of the form 8-4-4-4-12 that is not all zeros";
    InputDescriptionInvalid = "input-description-invalid", Deny, Deny, "Expected a text";
    InputDuplicate = "input-duplicate", Warn, Warn, "The same id stands earlier in the list";
    SettingsMissing = "settings-missing", Deny, Deny, "It is required: an object with quality and outputs";
    SettingsInvalid = "settings-invalid", Deny, Deny, "Expected an object with quality and outputs";
    QualityMissing = "quality-missing", Deny, Deny, "It is required: 'Draft', 'Medium' or 'Extra'";
    QualityInvalid = "quality-invalid", Deny, Deny, "Expected 'Draft', 'Medium' or 'Extra'";
    OutputsMissing = "outputs-missing", Deny, Deny, "It is required: a list of output formats";
    OutputsInvalid = "outputs-invalid", Deny, Deny, "Expected an array of output formats";
    OutputsEmpty = "outputs-empty", Deny, Deny, "Expected at least one output format";
    OutputInvalid = "output-invalid", Deny, Deny, "Expected one of the documented output formats";
    OutputDuplicate = "output-duplicate", Warn, Warn, "The same format stands earlier in the list";
    EnginesInvalid = "engines-invalid", Deny, Deny, "Expected a whole number from 0 to 2147483647, in plain digits";
    EnginesOverLimit = "engines-over-limit", Deny, Deny, "Expected at most {limit}, or 0 for as many as the limit allows";
    CacheSettingsInvalid = "cache-settings-invalid", Deny, Deny, "Expected an object";
    CreateCacheInvalid = "create-cache-invalid", Deny, Deny, "Expected true or false";
    CreateCacheText = "create-cache-text", Audit, Deny, "Expected true or false without quotes";
    UseCacheInvalid = "use-cache-invalid", Deny, Deny, "Expected a GUID of the form 8-4-4-4-12 that is not all zeros";
    UseCacheEmpty = "use-cache-empty", Audit, Deny, "Expected the id of an earlier job; leave the member out where there is none";
    CostParametersInvalid = "cost-parameters-invalid", Deny, Deny, "Expected an object";
    GigaPixelsInvalid = "giga-pixels-invalid", Deny, Deny, "Expected a number from 0 to 10000000";
    GigaPixelsText = "giga-pixels-text", Audit, Deny, "Expected a number without quotes";
    MegaPointsInvalid = "mega-points-invalid", Deny, Deny, "Expected a number from 0 to 10000000";
    MegaPointsText = "mega-points-text", Audit, Deny, "Expected a number without quotes";
    MeshQualityInvalid = "mesh-quality-invalid", Deny, Deny, "Expected 'Draft', 'Medium' or 'Extra'";
    MeshQualityUnknown = "mesh-quality-unknown", Audit, Deny, "Expected 'Draft', 'Medium' or 'Extra'; leave the member out where none is meant";
    NullMember = "null-member", Audit, Deny, "Leave an optional member out instead of giving null";
    UnknownMember = "unknown-member", Warn, Deny, "The contract names no such member here";

    MeshQualityMismatch = "mesh-quality-mismatch", Warn, Warn, "It differs from settings.quality: the estimate is for another job than the one that runs";
    CalibrationOutputs = "calibration-outputs", Warn, Warn, "A calibration produces only 'CCOrientations' and 'ContextScene'";
    ReconstructionOrientations = "reconstruction-orientations", Warn, Warn, "A reconstruction runs no calibration and produces no orientations";
    SingleInput = "single-input", Audit, Audit, "A reconstruction usually needs its photographs and their orientations";
    CostParametersMissing = "cost-parameters-missing", Audit, Audit, "Without gigaPixels or megaPoints the price is unknown";
    CostParametersZero = "cost-parameters-zero", Warn, Warn, "With nothing to process the price is unknown";
    MegaPointsInCalibration = "megapoints-in-calibration", Audit, Audit, "A calibration processes photographs, no points";

    PatchEmpty = "patch-empty", Deny, Deny, "The patch changes nothing: give state, type, settings or costEstimationParameters";
    StateInvalid = "state-invalid", Deny, Deny, "Expected 'Active' or 'Cancelled'";
    StateCase = "state-case", Audit, Deny, "Expected 'Active' or 'Cancelled', spelt like this";
    PatchMember = "patch-member", Warn, Deny, "It cannot be changed after the job was created";
    ChangeAfterSubmit = "change-after-submit", Audit, Audit, "The job was submitted: it can only be cancelled";
}

impl Rule {
    /// How many rules there are.
    pub(crate) const COUNT: usize = Self::ALL.len();

    /// Whether it judges the body as a whole. Such a rule always denies: nothing can be said of a job that readers
    /// may read in two ways.
    pub const fn is_body(self) -> bool {
        matches!(
            self,
            Self::BodySyntax
                | Self::BodyNotObject
                | Self::BodyDepth
                | Self::BodyDuplicateMember
                | Self::BodyMemberCase
                | Self::BodyReservedMember
                | Self::BodyNumber
                | Self::BodyLimits
        )
    }

    /// Whether its severity cannot be changed.
    pub const fn is_fixed(self) -> bool {
        self.is_body()
    }

    /// The place in [`Rule::ALL`].
    pub(crate) const fn index(self) -> usize {
        #[expect(clippy::as_conversions, reason = "the discriminant of a fieldless enum")]
        {
            self as usize
        }
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}
