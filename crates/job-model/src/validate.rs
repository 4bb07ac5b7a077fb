//! [`validator::Validate`] for jobs and their parts. It runs the reader over the wire form, so that what validates is
//! accepted and the other way round; the error codes are the ids of the rules. The trait has no room for a policy: it is always
//! [`Policy::default`] that judges.

use std::borrow::Cow;

use serde::Serialize;
use validator::{Validate, ValidationError, ValidationErrors, ValidationErrorsKind};

use crate::draft::{CacheDraft, CostDraft, InputDraft, JobDraft, PatchDraft, SettingsDraft};
use crate::policy::Policy;
use crate::request::{CacheSettings, CostEstimationParameters, JobInput, JobRequest, JobSettings};
use crate::verdict::Rejected;
use crate::violation::Violation;

/// A job around a part: what stands before it, what stands after it, and the path that leads to it.
struct Frame {
    before: &'static str,
    after: &'static str,
    path: &'static str,
}

const WHOLE: Frame = Frame { before: "", after: "", path: "" };
const COST: Frame = Frame {
    before: r#"{"type":"Full","name":"n","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}],"settings":{"quality":"Extra","outputs":["OBJ"]},"costEstimationParameters":"#,
    after: "}",
    path: "costEstimationParameters.",
};
const INPUT: Frame = Frame {
    before: r#"{"type":"Full","name":"n","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","settings":{"quality":"Extra","outputs":["OBJ"]},"inputs":["#,
    after: "]}",
    path: "inputs[0].",
};
const SETTINGS: Frame = Frame {
    before: r#"{"type":"Full","name":"n","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}],"settings":"#,
    after: "}",
    path: "settings.",
};
const CACHE: Frame = Frame {
    before: r#"{"type":"Full","name":"n","workspaceId":"6881117d-9fd2-4900-870b-9b721dc90f25","inputs":[{"id":"58e0c0ca-f730-4e5b-808d-1c8cacacb4d4"}],"settings":{"quality":"Extra","outputs":["OBJ"],"cacheSettings":"#,
    after: "}}",
    path: "settings.cacheSettings.",
};

macro_rules! validate {
    ($($type:ty => $frame:expr),+ $(,)?) => {
        $(/// Judges by [`Policy::default`], whatever policy its job is read or built with elsewhere.
        impl Validate for $type {
            fn validate(&self) -> Result<(), ValidationErrors> {
                check(self, &$frame)
            }
        })+
    };
}

validate! {
    JobDraft => WHOLE,
    CostDraft => COST,
    InputDraft => INPUT,
    SettingsDraft => SETTINGS,
    CacheDraft => CACHE,
    JobRequest => WHOLE,
    CostEstimationParameters => COST,
    JobInput => INPUT,
    JobSettings => SETTINGS,
    CacheSettings => CACHE,
}

/// Judges by [`Policy::default`], whatever policy its change is built with elsewhere.
impl Validate for PatchDraft {
    fn validate(&self) -> Result<(), ValidationErrors> {
        self.build(&Policy::default()).map(drop).map_err(|rejected| errors(&rejected, &WHOLE))
    }
}

/// Judges a part within its frame.
fn check(part: &impl Serialize, frame: &Frame) -> Result<(), ValidationErrors> {
    let part = serde_json::to_string(part).unwrap_or_default();
    let body = [frame.before, &part, frame.after].concat();
    let judged = JobRequest::from_json(body.as_bytes(), &Policy::default());
    judged.map(drop).map_err(|rejected| errors(&rejected, frame))
}

fn errors(rejected: &Rejected, frame: &Frame) -> ValidationErrors {
    let mut errors = ValidationErrors::new();
    for violation in rejected.violations() {
        let target = violation.target().unwrap_or_default();
        let path = target.strip_prefix(frame.path).unwrap_or(&target);
        add(&mut errors, path, error(violation));
    }
    errors
}

fn error(violation: &Violation) -> ValidationError {
    ValidationError::new(violation.rule().id()).with_message(Cow::Owned(violation.message()))
}

/// Adds an error at a path such as `settings.outputs[1]`: objects become nested errors, list elements indexed ones.
fn add(errors: &mut ValidationErrors, path: &str, error: ValidationError) {
    let (head, rest) = match path.split_once('.') {
        Some((head, rest)) => (head, Some(rest)),
        None => (path, None),
    };
    let element = head.strip_suffix(']').and_then(|head| head.split_once('['));
    let element = element.and_then(|(list, index)| Some((list, index.parse::<usize>().ok()?)));
    let map = errors.errors_mut();
    match (element, rest) {
        (Some((list, index)), rest) => {
            let kind = map.entry(Cow::Owned(list.to_owned()));
            if let ValidationErrorsKind::List(list) =
                kind.or_insert_with(|| ValidationErrorsKind::List(std::collections::BTreeMap::new()))
            {
                add(list.entry(index).or_default(), rest.unwrap_or_default(), error);
            }
        }
        (None, Some(rest)) => {
            let kind = map.entry(Cow::Owned(head.to_owned()));
            if let ValidationErrorsKind::Struct(inner) =
                kind.or_insert_with(|| ValidationErrorsKind::Struct(Box::default()))
            {
                add(inner, rest, error);
            }
        }
        (None, None) => {
            let kind = map.entry(Cow::Owned(head.to_owned()));
            if let ValidationErrorsKind::Field(list) =
                kind.or_insert_with(|| ValidationErrorsKind::Field(Vec::new()))
            {
                list.push(error);
            }
        }
    }
}
