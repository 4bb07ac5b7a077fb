//! What the bytes say: one pass, borrowed, every problem collected; then the rules of meaning over what was read.

mod cost;
mod cursor;
mod fold;
mod idset;
mod meaning;
mod members;
mod names;
mod reader;
mod scan;
mod settings;
mod slot;
mod suggest;
mod text;

pub(crate) use meaning::odd;
pub(crate) use scan::plain_run;
pub(crate) use suggest::suggest;

use cursor::{Fault, Step};
use members::missing_span;
use reader::{Reader, offset};
use slot::{SettingsSlots, Slot, Slots};

use crate::policy::Policy;
use crate::report::Report;
use crate::rules::Rule;
use crate::target::Target;
use crate::verdict::{Accepted, Rejected};
use crate::violation::{BYTE_ORDER_MARK, Position};
use crate::workload::Workload;
use crate::{
    CostEstimationParameters, JobPatch, JobRequest, JobSettings, SettingsPatch, StateChange, WorkspaceId,
};

/// Reads the body of a job to create.
pub(crate) fn read_job(body: &[u8], policy: &Policy) -> Result<Accepted<JobRequest>, Rejected> {
    read(Reader::new(body, policy), body, job)
}

/// The same, and keeps of the job where it belongs, whatever else cannot be read.
pub(crate) fn check_job(body: &[u8], policy: &Policy) -> Result<Accepted<WorkspaceId>, Rejected> {
    let mut reader = Reader::new(body, policy);
    reader.keeps_descriptions = false;
    read(reader, body, |slots| slots.workspace_id.required())
}

fn read<T>(
    mut reader: Reader<'_>,
    body: &[u8],
    made: impl FnOnce(Slots) -> Option<T>,
) -> Result<Accepted<T>, Rejected> {
    let policy = reader.policy;
    let opening = opening(&mut reader);
    let mut slots = Slots::default();
    whole(&mut reader, |reader| reader.job(&mut slots)).map_err(|fault| of_body(fault, body, policy))?;
    require(&mut reader, &slots, opening);
    meaning::judge(&mut reader, &slots, body, opening);
    let report = report(reader);
    let workload = workload(&slots);
    if report.denies() {
        return Err(Rejected { workload, report });
    }
    Ok(Accepted { value: made(slots), workload, may_submit: false, report })
}

/// Reads the body of a patch.
pub(crate) fn read_patch(body: &[u8], policy: &Policy) -> Result<Accepted<JobPatch>, Rejected> {
    read_change(body, policy, Rest::Kept)
}

/// The same, and leaves out what has no price where it cannot be read.
pub(crate) fn check_patch(body: &[u8], policy: &Policy) -> Result<Accepted<JobPatch>, Rejected> {
    read_change(body, policy, Rest::LeftOut)
}

fn read_change(body: &[u8], policy: &Policy, rest: Rest) -> Result<Accepted<JobPatch>, Rejected> {
    let mut reader = Reader::new(body, policy);
    reader.is_change = true;
    let opening = opening(&mut reader);
    let mut slots = Slots::default();
    whole(&mut reader, |reader| reader.patch(&mut slots)).map_err(|fault| of_body(fault, body, policy))?;
    if !slots.any {
        reader.add(Rule::PatchEmpty, Target::Body, (opening, opening.saturating_add(1)));
    }
    let report = report(reader);
    if report.denies() {
        return Err(Rejected { workload: None, report });
    }
    let may_submit = matches!(slots.state.readable(), Some(StateChange::Active))
        || matches!(slots.state, Slot::Unreadable);
    Ok(Accepted { value: patch(slots, rest), workload: None, may_submit, report })
}

/// Where the root begins.
fn opening(reader: &mut Reader<'_>) -> u32 {
    reader.cursor.space();
    offset(reader.cursor.offset())
}

/// Reads the root object and makes sure that nothing follows it.
fn whole<'a>(reader: &mut Reader<'a>, root: impl FnOnce(&mut Reader<'a>) -> Step<()>) -> Step<()> {
    match reader.cursor.peek() {
        Some(b'{') => {}
        Some(b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
            return Err(Fault::new(reader.cursor.offset(), Rule::BodyNotObject));
        }
        _ => return Err(reader.cursor.syntax()),
    }
    root(reader).map_err(|fault| reader.names.earliest(fault))?;
    reader.cursor.space();
    if !reader.cursor.at_end() {
        return Err(reader.cursor.syntax());
    }
    match reader.case_variant {
        Some(offset) => Err(Fault::new(offset, Rule::BodyMemberCase)),
        None => Ok(()),
    }
}

fn of_body(fault: Fault, body: &[u8], policy: &Policy) -> Rejected {
    let at = fault.offset();
    let has_mark = body.starts_with("\u{feff}".as_bytes());
    let span = if has_mark { BYTE_ORDER_MARK } else { (offset(at), offset(at).saturating_add(1)) };
    let report = Report::of_body(fault.rule(), Position::of(body, at), span, policy);
    Rejected { workload: None, report }
}

fn report(reader: Reader<'_>) -> Report {
    let mut findings = reader.findings;
    findings.append(reader.input_findings);
    findings.into_report()
}

/// Reports every required member of a job that is missing.
fn require(reader: &mut Reader<'_>, slots: &Slots, opening: u32) {
    let mut missing = |slot: (bool, slot::Span), rule, target| {
        if slot.0 {
            reader.add(rule, target, slot.1);
        }
    };
    missing(absence(&slots.job_type, opening), Rule::TypeMissing, Target::Type);
    missing(absence(&slots.name, opening), Rule::NameMissing, Target::Name);
    missing(absence(&slots.workspace_id, opening), Rule::WorkspaceIdMissing, Target::WorkspaceId);
    missing(absence(&slots.inputs, opening), Rule::InputsMissing, Target::Inputs);
    missing(absence(&slots.settings, opening), Rule::SettingsMissing, Target::Settings);
    if let Some(settings) = slots.settings.readable() {
        let opening = settings.at.0;
        missing(absence(&settings.quality, opening), Rule::QualityMissing, Target::Quality);
        missing(absence(&settings.outputs, opening), Rule::OutputsMissing, Target::Outputs);
    }
}

fn absence<T>(slot: &Slot<T>, opening: u32) -> (bool, slot::Span) {
    (slot.is_absent(), missing_span(slot, opening))
}

/// What of the job has a price, as soon as that much could be read.
fn workload(slots: &Slots) -> Option<Workload> {
    let settings = slots.settings.readable()?;
    let cost = match &slots.cost {
        Slot::Unreadable => return None,
        cost => cost.readable(),
    };
    let (gigapixels, megapoints) = match cost {
        Some(cost) => (cost.giga_pixels.clone().optional()?, cost.mega_points.clone().optional()?),
        None => (None, None),
    };
    Some(Workload {
        job_type: *slots.job_type.readable()?,
        quality: *settings.quality.readable()?,
        outputs: settings.outputs.readable()?.formats.iter().copied().collect(),
        gigapixels,
        megapoints,
    })
}

fn job(slots: Slots) -> Option<JobRequest> {
    let settings = slots.settings.required()?;
    Some(JobRequest {
        job_type: slots.job_type.required()?,
        name: slots.name.required()?,
        cost_estimation_parameters: cost(slots.cost, Rest::Kept)?,
        workspace_id: slots.workspace_id.required()?,
        inputs: slots.inputs.required()?,
        settings: JobSettings {
            quality: settings.quality.required()?,
            processing_engines: settings.engines.optional()?,
            outputs: settings.outputs.required()?.formats,
            cache_settings: settings.cache.optional()?,
        },
    })
}

fn patch(slots: Slots, rest: Rest) -> Option<JobPatch> {
    let settings = match slots.settings.optional()? {
        Some(settings) => Some(settings_patch(settings, rest)?),
        None => None,
    };
    Some(JobPatch {
        state: slots.state.optional()?,
        job_type: slots.job_type.optional()?,
        cost_estimation_parameters: cost(slots.cost, rest)?,
        settings,
    })
}

fn settings_patch(settings: SettingsSlots, rest: Rest) -> Option<SettingsPatch> {
    Some(SettingsPatch {
        quality: settings.quality.optional()?,
        processing_engines: rest.of(settings.engines)?,
        outputs: settings.outputs.optional()?.map(|outputs| outputs.formats),
        cache_settings: rest.of(settings.cache)?,
    })
}

#[expect(clippy::option_option, reason = "unreadable is another thing than absent")]
fn cost(slot: Slot<slot::CostSlots>, rest: Rest) -> Option<Option<CostEstimationParameters>> {
    let Some(cost) = slot.optional()? else { return Some(None) };
    Some(Some(CostEstimationParameters {
        giga_pixels: cost.giga_pixels.optional()?,
        mega_points: cost.mega_points.optional()?,
        mesh_quality: rest.of(cost.mesh_quality)?,
    }))
}

/// What becomes of a member that has no price and cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rest {
    /// Nothing is read without it.
    Kept,
    /// It is left out.
    LeftOut,
}

impl Rest {
    #[expect(clippy::option_option, reason = "unreadable is another thing than absent")]
    fn of<T>(self, slot: Slot<T>) -> Option<Option<T>> {
        slot.optional().or_else(|| (self == Self::LeftOut).then_some(None))
    }
}
