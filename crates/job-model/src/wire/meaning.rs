//! The rules of meaning: what a well-formed job says that it probably should not. Each needs sound members to speak.

use super::reader::Reader;
use super::slot::{CostSlots, Slot, Slots, Span};
use crate::rules::Rule;
use crate::target::Target;
use crate::{JobType, OutputFormat, Quality};

/// Judges what was read of a job.
pub(super) fn judge(reader: &mut Reader<'_>, slots: &Slots, body: &[u8], opening: u32) {
    let job_type = slots.job_type.sound().copied();
    let settings = slots.settings.sound();
    let cost = slots.cost.sound();
    if let (Some(cost), Some(quality)) = (cost, settings.and_then(|settings| settings.quality.sound())) {
        mesh_quality(reader, cost, *quality);
    }
    if let (Some(job_type), Some(outputs)) =
        (job_type, settings.and_then(|settings| settings.outputs.sound()))
    {
        formats(reader, job_type, &outputs.formats, outputs.at, body);
    }
    let single = slots.inputs.sound().is_some_and(|inputs| inputs.len() == 1);
    if single && job_type == Some(JobType::Reconstruction) {
        reader.add(Rule::SingleInput, Target::Inputs, slots.inputs_at);
    }
    quantities(reader, &slots.cost, opening);
    if let (Some(JobType::Calibration), Some(cost)) = (job_type, cost)
        && cost.mega_points.sound().is_some_and(|points| !points.is_zero())
    {
        reader.add(Rule::MegaPointsInCalibration, Target::MegaPoints, cost.mega_points_at);
    }
}

fn mesh_quality(reader: &mut Reader<'_>, cost: &CostSlots, quality: Quality) {
    if cost.mesh_quality.sound().is_some_and(|estimated| *estimated != quality) {
        let suggestion = Some(quality.as_str());
        reader.add_with(Rule::MeshQualityMismatch, Target::MeshQuality, cost.mesh_quality_at, suggestion, 0);
    }
}

fn formats(reader: &mut Reader<'_>, job_type: JobType, formats: &[OutputFormat], at: Span, body: &[u8]) {
    for (index, format) in (0_u32..).zip(formats) {
        if let Some(rule) = odd(job_type, *format) {
            reader.add(rule, Target::Output(index), element(body, at, index));
        }
    }
}

/// The rule by which a job of this type does not make this format.
pub(crate) fn odd(job_type: JobType, format: OutputFormat) -> Option<Rule> {
    let of_calibration = matches!(format, OutputFormat::CcOrientations | OutputFormat::ContextScene);
    match job_type {
        JobType::Calibration if !of_calibration => Some(Rule::CalibrationOutputs),
        JobType::Reconstruction if format == OutputFormat::CcOrientations => {
            Some(Rule::ReconstructionOrientations)
        }
        JobType::Full | JobType::Calibration | JobType::Reconstruction => None,
    }
}

/// The bytes of one element of an array of strings without commas in them, as every list of formats is.
fn element(body: &[u8], at: Span, index: u32) -> Span {
    let text = usize::try_from(at.0)
        .ok()
        .zip(usize::try_from(at.1).ok())
        .and_then(|(start, end)| body.get(start..end));
    let mut start = at.0.saturating_add(1);
    let inner = text.and_then(|text| text.get(1..text.len().saturating_sub(1))).unwrap_or_default();
    for (place, part) in (0_u32..).zip(inner.split(|byte| *byte == b',')) {
        let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
        if place == index {
            let before = part.len().saturating_sub(part.trim_ascii_start().len());
            let start = start.saturating_add(u32::try_from(before).unwrap_or(0));
            let length = u32::try_from(part.trim_ascii().len()).unwrap_or(0);
            return (start, start.saturating_add(length));
        }
        start = start.saturating_add(length).saturating_add(1);
    }
    at
}

fn quantities(reader: &mut Reader<'_>, cost: &Slot<CostSlots>, opening: u32) {
    let missing = match cost {
        Slot::Absent | Slot::Null(_) => Some((opening, opening.saturating_add(1))),
        Slot::Sound(cost) if cost.giga_pixels.is_absent() && cost.mega_points.is_absent() => Some(cost.at),
        _ => None,
    };
    if let Some(span) = missing {
        reader.add(Rule::CostParametersMissing, Target::Cost, span);
        return;
    }
    let Slot::Sound(cost) = cost else { return };
    // Nothing is known of the whole while one of the two is unsound.
    let pixels = cost.giga_pixels.sound().map(|pixels| pixels.is_zero());
    let points = cost.mega_points.sound().map(|points| points.is_zero());
    let known = (pixels.is_some() || cost.giga_pixels.is_absent())
        && (points.is_some() || cost.mega_points.is_absent());
    if known && pixels.unwrap_or(true) && points.unwrap_or(true) {
        reader.add(Rule::CostParametersZero, Target::Cost, cost.at);
    }
}
