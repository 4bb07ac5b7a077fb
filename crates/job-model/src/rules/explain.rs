//! Each rule explained in a paragraph, with a document that breaks it and one that does not.

use super::Rule;
use crate::policy::Limits;

/// What a rule is about.
///
/// ```
/// let explanation = job_model::Rule::TypeInvalid.explanation();
/// assert!(explanation.failing.contains(r#""type":"full""#));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What was expected, in one sentence; of a limit that may be configured, with its default.
    pub summary: String,
    /// Why, in a paragraph.
    pub text: &'static str,
    /// A document that breaks the rule.
    pub failing: String,
    /// The document without that fault.
    pub passing: String,
}

/// A job that breaks no rule.
const JOB: &str = r#"{"type":"Full","name":"Bridge 7","costEstimationParameters":{"gigaPixels":2.1,"megaPoints":1.5,"meshQuality":"Extra"},"workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photographs"}],"settings":{"quality":"Extra","processingEngines":4,"outputs":["OBJ","3MX"],"cacheSettings":{"createCache":true,"useCache":"799b11bd-71cf-481a-b284-bf48f672cd9a"}}}"#;
/// A patch that breaks no rule.
const PATCH: &str = r#"{"state":"Active"}"#;
const SETTINGS: &str = r#"{"quality":"Extra","processingEngines":4,"outputs":["OBJ","3MX"],"cacheSettings":{"createCache":true,"useCache":"799b11bd-71cf-481a-b284-bf48f672cd9a"}}"#;
const CACHE: &str = r#"{"createCache":true,"useCache":"799b11bd-71cf-481a-b284-bf48f672cd9a"}"#;
const COST: &str = r#"{"gigaPixels":2.1,"megaPoints":1.5,"meshQuality":"Extra"}"#;
const INPUTS: &str =
    r#""inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","description":"photographs"}],"#;

/// How a passing document becomes a failing one: what is replaced, by what, and what else passes in its place.
type Change = (&'static str, &'static str, &'static str);

impl Rule {
    /// What was expected, in one sentence, with the limit that it speaks of.
    ///
    /// ```
    /// use job_model::{Limits, Rule};
    /// let limits = Limits { inputs: 20, ..Limits::default() };
    /// assert_eq!(Rule::InputsTooMany.summary(&limits), "Expected at most 20 inputs");
    /// ```
    pub fn summary(self, limits: &Limits) -> String {
        let limit = match self {
            Self::NameTooLong => Some(limits.name_chars),
            Self::InputsTooMany => Some(limits.inputs),
            Self::EnginesOverLimit => limits.engines.and_then(|engines| usize::try_from(engines).ok()),
            _ => Some(limits.string_bytes),
        };
        let limit =
            limit.map_or_else(|| "the limit that is configured".to_owned(), |limit| limit.to_string());
        self.sentence().replace("{limit}", &limit)
    }

    /// The rule in words, with two documents to compare.
    ///
    /// ```
    /// use job_model::Rule;
    /// let explanation = Rule::QualityInvalid.explanation();
    /// assert!(explanation.failing.contains(r#""quality":"Unknown""#));
    /// assert!(explanation.passing.contains(r#""quality":"Draft""#));
    /// ```
    pub fn explanation(self) -> Explanation {
        let (text, (find, failing, passing)) = explain(self);
        let base = if self >= Self::PatchEmpty { PATCH } else { JOB };
        // Some rules are about a kind of job; its documents are of that kind.
        let base = match self {
            Self::CalibrationOutputs => base.replacen("Full", "Calibration", 1),
            Self::ReconstructionOrientations => base.replacen("Full", "Reconstruction", 1),
            _ => base.to_owned(),
        };
        Explanation {
            summary: self.summary(&Limits::default()),
            text,
            failing: base.replacen(find, failing, 1),
            passing: base.replacen(find, passing, 1),
        }
    }
}

#[expect(clippy::too_many_lines, reason = "a table: one row a rule")]
fn explain(rule: Rule) -> (&'static str, Change) {
    match rule {
        Rule::BodySyntax => (
            "Only text that RFC 8259 allows is read: no comments, no trailing commas, no NaN, no content after the value, no byte order mark, no invalid UTF-8, no lone surrogate. What one reader repairs, another one refuses or reads differently.",
            (r#""type":"Full","#, r#""type":"Full",,"#, r#""type":"Full","#),
        ),
        Rule::BodyNotObject => (
            "A job is one JSON object. An array, a text or a number is not one, even where it holds an object.",
            (JOB, "[1]", JOB),
        ),
        Rule::BodyDepth => (
            "Objects and arrays may be nested 32 deep, the root being 1, in members that nobody reads as well. Deep nesting serves only to exhaust a reader.",
            (
                r#""name":"Bridge 7""#,
                r#""name":"Bridge 7","x":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"#,
                r#""name":"Bridge 7","x":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"#,
            ),
        ),
        Rule::BodyDuplicateMember => (
            "No object may name a member twice, compared after escapes are undone, at any depth. Readers keep the first one or the last one, so the job that is priced could differ from the job that runs.",
            (r#""name":"Bridge 7""#, r#""name":"Bridge 7","n\u0061me":"Bridge 8""#, r#""name":"Bridge 7""#),
        ),
        Rule::BodyMemberCase => (
            "A member name may not differ from a name of the contract, or from another member beside it, only in letter case. A reader that ignores case would take it for that member and see another job than the one that is priced.",
            (r#""name":"Bridge 7""#, r#""name":"Bridge 7","Type":"Calibration""#, r#""name":"Bridge 7""#),
        ),
        Rule::BodyReservedMember => (
            "The names $ref, $id, $type, $values and __proto__ are refused at any depth: some readers act upon them instead of reading them.",
            (r#""name":"Bridge 7""#, r#""name":"Bridge 7","$ref":"1""#, r#""name":"Bridge 7""#),
        ),
        Rule::BodyNumber => (
            "A number has at most 40 digits, zeros included, and an exponent between -30 and 30. Beyond that, readers disagree on its value or spend their time on it.",
            (r#""gigaPixels":2.1"#, r#""gigaPixels":1e400"#, r#""gigaPixels":21e-1"#),
        ),
        Rule::BodyLimits => (
            "A body has at most 10,000 members and elements in all, and no text or member name longer than limits.string_bytes (16 KiB unless configured). The example is for a limit of 64 bytes.",
            (
                r#""name":"Bridge 7""#,
                r#""name":"Bridge 7 Bridge 7 Bridge 7 Bridge 7 Bridge 7 Bridge 7 Bridge 7 Bridge 7 ""#,
                r#""name":"Bridge 7""#,
            ),
        ),
        Rule::TypeMissing => {
            ("A job says what it does: type is required.", (r#""type":"Full","#, "", r#""type":"Full","#))
        }
        Rule::TypeInvalid => (
            "The type is one of three words, spelt exactly like this: Full (calibration and reconstruction), Calibration, Reconstruction.",
            (r#""type":"Full""#, r#""type":"full""#, r#""type":"Calibration""#),
        ),
        Rule::NameMissing => {
            ("A job has a name: name is required.", (r#""name":"Bridge 7","#, "", r#""name":"Bridge 7","#))
        }
        Rule::NameInvalid => (
            "The name is a text with at least one visible character and without control characters, so that it can be shown in a list and written to a log.",
            (r#""name":"Bridge 7""#, r#""name":" \t""#, r#""name":"Brücke 7""#),
        ),
        Rule::NameTooLong => (
            "The name has at most limits.name_chars characters (255 unless configured). Off unless configured: upstream documents no bound. The example is for a limit of 8.",
            (r#""name":"Bridge 7""#, r#""name":"Bridge 77""#, r#""name":"Bridge 7""#),
        ),
        Rule::WorkspaceIdMissing => (
            "A job belongs to a workspace: workspaceId is required.",
            (
                r#""workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","#,
                "",
                r#""workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","#,
            ),
        ),
        Rule::WorkspaceIdInvalid => (
            "The workspace is named by a GUID: 8-4-4-4-12 hexadecimal digits of any case, not all zeros, without braces or blanks.",
            (
                r#""workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25""#,
                r#""workspaceId":"my workspace""#,
                r#""workspaceId":"6881117D-9FD2-4900-870B-9B721DC90F25""#,
            ),
        ),
        Rule::InputsMissing => ("A job reads something: inputs is required.", (INPUTS, "", INPUTS)),
        Rule::InputsInvalid => (
            "The inputs are an array of objects with an id each; a single object is not an array.",
            (INPUTS, r#""inputs":{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"},"#, INPUTS),
        ),
        Rule::InputsEmpty => (
            "A job without inputs has nothing to work on. The official clients send an empty list when the caller forgot to add any.",
            (INPUTS, r#""inputs":[],"#, INPUTS),
        ),
        Rule::InputsTooMany => (
            "A job has at most limits.inputs inputs (1,000 unless configured); the inputs of a longer list are not judged one by one. The example is for a limit of 1.",
            (
                r#""description":"photographs"}"#,
                r#""description":"photographs"},{"id":"dc65ce7d-2598-422f-97a5-5ae8eb004b67"}"#,
                r#""description":"photographs"}"#,
            ),
        ),
        Rule::InputInvalid => (
            "Each input is an object with an id; a bare id is not one.",
            (INPUTS, r#""inputs":["58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"],"#, INPUTS),
        ),
        Rule::InputIdMissing => (
            "Each input names the reality data it stands for: id is required.",
            (
                r#"{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","#,
                "{",
                r#"{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4","#,
            ),
        ),
        Rule::InputIdInvalid => (
            "Reality data is named by a GUID: 8-4-4-4-12 hexadecimal digits of any case, not all zeros.",
            (
                "58e0c0ca-f730-4e5b-808d-1c8cacacb4d4",
                "58e0c0caf7304e5b808d1c8cacacb4d4",
                "58E0C0CA-F730-4E5B-808D-1C8CACACB4D4",
            ),
        ),
        Rule::InputDescriptionInvalid => (
            "The description of an input is a text, or left out.",
            (r#""description":"photographs""#, r#""description":7"#, r#""description":"photographs""#),
        ),
        Rule::InputDuplicate => (
            "The same input stands in the list twice, letter case aside. The job would read it twice.",
            (
                r#""description":"photographs"}"#,
                r#""description":"photographs"},{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}"#,
                r#""description":"photographs"},{"id":"dc65ce7d-2598-422f-97a5-5ae8eb004b67"}"#,
            ),
        ),
        Rule::SettingsMissing => (
            "A job says how it runs and what it makes: settings is required.",
            (r#""settings":"#, r#""comment":"#, r#""settings":"#),
        ),
        Rule::SettingsInvalid => (
            "The settings are an object with quality and outputs.",
            (SETTINGS, r#"["Extra",["OBJ"]]"#, SETTINGS),
        ),
        Rule::QualityMissing => (
            "A job says how finely it computes: settings.quality is required.",
            (r#""quality":"Extra","#, "", r#""quality":"Extra","#),
        ),
        Rule::QualityInvalid => (
            "The quality is one of three words, spelt exactly like this: Draft, Medium, Extra. Unknown is what the official clients send when the caller chose none; no job can run at it.",
            (r#""quality":"Extra""#, r#""quality":"Unknown""#, r#""quality":"Draft""#),
        ),
        Rule::OutputsMissing => (
            "A job says what it makes: settings.outputs is required.",
            (r#""outputs":["OBJ","3MX"],"#, "", r#""outputs":["OBJ","3MX"],"#),
        ),
        Rule::OutputsInvalid => (
            "The outputs are an array of formats; a single format is not an array.",
            (r#""outputs":["OBJ","3MX"]"#, r#""outputs":"OBJ""#, r#""outputs":["OBJ","3MX"]"#),
        ),
        Rule::OutputsEmpty => (
            "A job that makes nothing has no use. The official clients send an empty list when the caller forgot to add a format.",
            (r#""outputs":["OBJ","3MX"]"#, r#""outputs":[]"#, r#""outputs":["OBJ","3MX"]"#),
        ),
        Rule::OutputInvalid => (
            "Each output is one of the 18 documented formats, spelt exactly. Formats that sound alike are different things: Cesium 3D Tiles, ESRI i3s and WebReady ScalableMesh are never taken for one another.",
            (
                r#""outputs":["OBJ","3MX"]"#,
                r#""outputs":["Cesium3DTiles"]"#,
                r#""outputs":["Cesium 3D Tiles"]"#,
            ),
        ),
        Rule::OutputDuplicate => (
            "The same format stands in the list twice. It is made and priced once.",
            (r#""outputs":["OBJ","3MX"]"#, r#""outputs":["OBJ","OBJ"]"#, r#""outputs":["OBJ","3MX"]"#),
        ),
        Rule::EnginesInvalid => (
            "The number of engines is a whole number from 0 to 2147483647 in plain digits: no fraction, no exponent, no sign, no quotes. 0 means as many as the limit allows.",
            (r#""processingEngines":4"#, r#""processingEngines":4.0"#, r#""processingEngines":0"#),
        ),
        Rule::EnginesOverLimit => (
            "More engines are asked for than limits.engines allows; 0 asks for as many as the limit allows. Judged only where the limit is configured. The example is for a limit of 4.",
            (r#""processingEngines":4"#, r#""processingEngines":5"#, r#""processingEngines":0"#),
        ),
        Rule::CacheSettingsInvalid => {
            ("The cache settings are an object, or left out.", (CACHE, "true", CACHE))
        }
        Rule::CreateCacheInvalid => (
            "createCache is true or false.",
            (r#""createCache":true"#, r#""createCache":1"#, r#""createCache":false"#),
        ),
        Rule::CreateCacheText => (
            "createCache is true or false, without quotes. The official Python client sends the text True.",
            (r#""createCache":true"#, r#""createCache":"True""#, r#""createCache":true"#),
        ),
        Rule::UseCacheInvalid => (
            "useCache is the id of an earlier job: a GUID, 8-4-4-4-12 hexadecimal digits, not all zeros.",
            (
                r#""useCache":"799b11bd-71cf-481a-b284-bf48f672cd9a""#,
                r#""useCache":"yes""#,
                r#""useCache":"799b11bd-71cf-481a-b284-bf48f672cd9a""#,
            ),
        ),
        Rule::UseCacheEmpty => (
            "useCache is the id of an earlier job; where there is none, the member is left out. The official TypeScript client sends the empty text, which is read as absent.",
            (
                r#""useCache":"799b11bd-71cf-481a-b284-bf48f672cd9a""#,
                r#""useCache":"""#,
                r#""useCache":"799b11bd-71cf-481a-b284-bf48f672cd9a""#,
            ),
        ),
        Rule::CostParametersInvalid => {
            ("The cost parameters are an object, or left out.", (COST, "2.1", COST))
        }
        Rule::GigaPixelsInvalid => (
            "gigaPixels is a number from 0 to 10,000,000 without a sign. Long fractions are read exactly.",
            (r#""gigaPixels":2.1"#, r#""gigaPixels":-2.1"#, r#""gigaPixels":2.0999999999999996"#),
        ),
        Rule::GigaPixelsText => (
            "gigaPixels is a number without quotes. The official Python client sends it as a text, which is read as the number it spells.",
            (r#""gigaPixels":2.1"#, r#""gigaPixels":"2.1""#, r#""gigaPixels":2.1"#),
        ),
        Rule::MegaPointsInvalid => (
            "megaPoints is a number from 0 to 10,000,000 without a sign. Long fractions are read exactly.",
            (r#""megaPoints":1.5"#, r#""megaPoints":"1,5""#, r#""megaPoints":1.5"#),
        ),
        Rule::MegaPointsText => (
            "megaPoints is a number without quotes. The official Python client sends it as a text, which is read as the number it spells.",
            (r#""megaPoints":1.5"#, r#""megaPoints":"1.5""#, r#""megaPoints":1.5"#),
        ),
        Rule::MeshQualityInvalid => (
            "meshQuality is one of Draft, Medium, Extra: the quality that the estimate is for.",
            (r#""meshQuality":"Extra""#, r#""meshQuality":"extra""#, r#""meshQuality":"Extra""#),
        ),
        Rule::MeshQualityUnknown => (
            "meshQuality says Unknown, which is what the official Python client sends when the caller chose none. It is read as absent.",
            (r#""meshQuality":"Extra""#, r#""meshQuality":"Unknown""#, r#""meshQuality":"Extra""#),
        ),
        Rule::NullMember => (
            "An optional member that has no value is left out. An explicit null is read as absent.",
            (CACHE, "null", CACHE),
        ),
        Rule::UnknownMember => (
            "The contract names no such member at this place. It is passed on and has no influence on the price; most often it is a misspelt name or one of another version of the interface.",
            (r#""quality":"Extra","#, r#""quality":"Extra","meshQuality":"Extra","#, r#""quality":"Extra","#),
        ),
        Rule::MeshQualityMismatch => (
            "meshQuality differs from settings.quality, so the estimate is for another job than the one that runs. The price here goes by settings.quality. A change is judged by the meshQuality that it names itself: what a job was given before is not kept, and need not be told by upstream.",
            (r#""meshQuality":"Extra""#, r#""meshQuality":"Draft""#, r#""meshQuality":"Extra""#),
        ),
        Rule::CalibrationOutputs => (
            "A calibration finds out where the photographs were taken. It makes orientations and scenes, no meshes, point clouds or orthophotos.",
            (r#"["OBJ","3MX"]"#, r#"["OBJ"]"#, r#"["CCOrientations"]"#),
        ),
        Rule::ReconstructionOrientations => (
            "A reconstruction starts from photographs that are calibrated already and makes no orientations.",
            (r#"["OBJ","3MX"]"#, r#"["CCOrientations"]"#, r#"["OBJ"]"#),
        ),
        Rule::SingleInput => (
            "A reconstruction usually reads photographs and their orientations, two inputs; one alone is enough for a point cloud. A change is not judged by this: the inputs of its job are not kept.",
            (r#""type":"Full""#, r#""type":"Reconstruction""#, r#""type":"Full""#),
        ),
        Rule::CostParametersMissing => (
            "Without gigaPixels and megaPoints there is nothing to price: the price is unknown, never 0. The official clients never send them when they create a job.",
            (r#""costEstimationParameters":"#, r#""comment":"#, r#""costEstimationParameters":"#),
        ),
        Rule::CostParametersZero => (
            "What is given is 0, so the price is unknown, never 0.",
            (
                r#""gigaPixels":2.1,"megaPoints":1.5"#,
                r#""gigaPixels":0,"megaPoints":0.0"#,
                r#""gigaPixels":2.1,"megaPoints":1.5"#,
            ),
        ),
        Rule::MegaPointsInCalibration => (
            "A calibration processes photographs; points have no part in it.",
            (r#""type":"Full""#, r#""type":"Calibration""#, r#""type":"Full""#),
        ),
        Rule::PatchEmpty => ("An empty object changes nothing.", (PATCH, "{}", PATCH)),
        Rule::StateInvalid => (
            "The state of a patch is Active (submits the job) or Cancelled (stops it).",
            (r#""state":"Active""#, r#""state":"Paused""#, r#""state":"Cancelled""#),
        ),
        Rule::StateCase => (
            "The state is spelt Active or Cancelled. The official clients send lower case, and letter case is ignored.",
            (r#""state":"Active""#, r#""state":"active""#, r#""state":"Active""#),
        ),
        Rule::PatchMember => (
            "name, inputs and workspaceId cannot be changed after a job was created; they are passed on unjudged.",
            (r#""state":"Active""#, r#""name":"Bridge 8""#, r#""state":"Active""#),
        ),
        Rule::ChangeAfterSubmit => (
            "The job was submitted. From then on it can only be cancelled; upstream answers InvalidChange to a new type, new settings or a second submit. Judged only where the job is known to be submitted, so no document breaks it by itself.",
            (r#""state":"Active""#, r#""state":"Active""#, r#""state":"Cancelled""#),
        ),
    }
}
