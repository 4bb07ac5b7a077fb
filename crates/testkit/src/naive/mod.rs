//! The reference: the rules written down a second time, as plainly as possible and without a line of the model.
//! Slow, recursive, full of copies; it and the fast reader must always agree.

mod job;
mod json;
mod meaning;
mod names;
mod numbers;
mod read;
mod severity;
mod written;

use std::collections::BTreeMap;

pub use severity::SEVERITIES;

/// How strictly is judged.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The published definition to the letter.
    pub strict: bool,
    /// Severities that differ from the profile's.
    pub severities: BTreeMap<String, String>,
    /// Denials become audits.
    pub shadow: bool,
    /// The longest string or name, in bytes.
    pub string_bytes: usize,
    /// The longest job name, in characters.
    pub name_chars: usize,
    /// The most inputs.
    pub inputs: usize,
    /// The most engines, where known.
    pub engines: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            strict: false,
            severities: BTreeMap::new(),
            shadow: false,
            string_bytes: 16 * 1024,
            name_chars: 255,
            inputs: 1000,
            engines: None,
        }
    }
}

/// One violation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// What it leads to, shadow applied.
    pub severity: String,
    /// Where.
    pub target: Option<String>,
    /// Line and column, for body rules.
    pub position: Option<(usize, usize)>,
}

/// What becomes of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it goes on.
    pub accepted: bool,
    /// Every violation that is not switched off, in contract order.
    pub findings: Vec<Finding>,
    /// The job or patch that was read, in its exact wire form, where all of it could be read.
    pub value: Option<String>,
}

/// Judges the body of `POST /jobs`.
pub fn read_job(body: &[u8], settings: &Settings) -> Verdict {
    read(body, settings, false)
}

/// Judges the body of `PATCH /jobs/{id}`.
pub fn read_patch(body: &[u8], settings: &Settings) -> Verdict {
    read(body, settings, true)
}

fn read(body: &[u8], settings: &Settings, patch: bool) -> Verdict {
    match json::parse(body, settings.string_bytes).and_then(|root| {
        names::names_in_wrong_case(&root, patch).map_or(Ok(root), |offset| Err(("body-member-case", offset)))
    }) {
        Err((rule, offset)) => Verdict {
            accepted: false,
            findings: vec![Finding {
                rule: rule.to_owned(),
                severity: "deny".to_owned(),
                target: None,
                position: Some(json::position(body, offset)),
            }],
            value: None,
        },
        Ok(root) => {
            let again: Result<serde_json::Value, _> = serde_json::from_slice(body);
            assert!(again.is_ok(), "serde_json refuses what was read: {again:?}");
            job::judge(&root, settings, patch)
        }
    }
}
