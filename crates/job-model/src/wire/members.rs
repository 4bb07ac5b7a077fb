//! The members of a job, one function each: what is read, and which rule it breaks.

use super::cursor::Step;
use super::idset::IdSet;
use super::reader::{Contract, Name, Reader, offset};
use super::slot::{CostSlots, Outputs, SettingsSlots, Slot, Slots, Span};
use crate::decimal;
use crate::ids::Guid;
use crate::report::LISTED;
use crate::rules::Rule;
use crate::target::{Place, Target};
use crate::{
    CacheSettings, Decimal, Engines, Gigapixels, JobId, JobInput, JobName, JobType, Megapoints, OutputFormat,
    OutputSet, Quality, RealityDataId, StateChange, WorkspaceId,
};

/// Declares the names of one object, and how to find one among them.
macro_rules! contract {
    ($($(#[$doc:meta])* $object:ident { $($name:literal = $place:literal),+ })+) => {
        $($(#[$doc])* const $object: Contract = Contract {
            names: &[$($name),+],
            find: |name| {
                $(if name == $name.as_bytes() { return Some($place); })+
                None
            },
        };)+
    };
}

contract! {
    /// The members of a job to create, in contract order.
    JOB { "type" = 0, "name" = 1, "costEstimationParameters" = 2, "workspaceId" = 3, "inputs" = 4, "settings" = 5 }
    /// The members of a patch; not all of them can be changed.
    PATCH {
        "type" = 0, "name" = 1, "costEstimationParameters" = 2, "workspaceId" = 3, "inputs" = 4, "settings" = 5,
        "state" = 6
    }
    COST_MEMBERS { "gigaPixels" = 0, "megaPoints" = 1, "meshQuality" = 2 }
    INPUT_MEMBERS { "id" = 0, "description" = 1 }
    SETTINGS_MEMBERS { "quality" = 0, "processingEngines" = 1, "outputs" = 2, "cacheSettings" = 3 }
    CACHE_MEMBERS { "createCache" = 0, "useCache" = 1 }
}

const TYPE: usize = 0;
const NAME: usize = 1;
const COST: usize = 2;
const WORKSPACE_ID: usize = 3;
const INPUTS: usize = 4;
const SETTINGS: usize = 5;
const STATE: usize = 6;

/// The most digits of a quoted number.
const QUOTED_DIGITS: usize = 40;

impl Reader<'_> {
    /// The root of a job to create.
    pub(super) fn job(&mut self, slots: &mut Slots) -> Step<()> {
        self.object(1, &JOB, |reader, name| {
            slots.any = true;
            match name {
                Name::Known(NAME) => slots.name = reader.job_name()?,
                Name::Known(WORKSPACE_ID) => slots.workspace_id = reader.workspace_id()?,
                Name::Known(INPUTS) => {
                    let start = reader.cursor.offset();
                    slots.inputs = reader.inputs()?;
                    slots.inputs_at = reader.since(start);
                }
                Name::Known(member) => reader.changeable(member, slots, false)?,
                Name::Unknown(name) => reader.unknown(Place::Root, name, 2)?,
            }
            Ok(())
        })
    }

    /// The root of a patch.
    pub(super) fn patch(&mut self, slots: &mut Slots) -> Step<()> {
        self.object(1, &PATCH, |reader, name| {
            slots.any = true;
            match name {
                Name::Known(NAME) => reader.unchangeable(Target::Name),
                Name::Known(WORKSPACE_ID) => reader.unchangeable(Target::WorkspaceId),
                Name::Known(INPUTS) => reader.unchangeable(Target::Inputs),
                Name::Known(member) => reader.changeable(member, slots, true),
                Name::Unknown(name) => reader.unknown(Place::Root, name, 2),
            }
        })
    }

    /// The members that job and patch have in common, and the patch's state.
    fn changeable(&mut self, member: usize, slots: &mut Slots, patch: bool) -> Step<()> {
        match (member, self.cursor.peek()) {
            (TYPE, Some(b'n')) => slots.job_type = self.null_of(Target::Type, patch)?,
            (TYPE, _) => {
                slots.job_type =
                    self.word(JobType::from_bytes, &JobType::WORDS, Rule::TypeInvalid, Target::Type, 2)?;
            }
            (COST, Some(b'n')) => slots.cost = self.null(Target::Cost)?,
            (COST, Some(b'{')) => slots.cost = self.cost()?,
            (COST, _) => slots.cost = self.wrong(Rule::CostParametersInvalid, Target::Cost, 2)?,
            (SETTINGS, Some(b'n')) => slots.settings = self.null_of(Target::Settings, patch)?,
            (SETTINGS, Some(b'{')) => slots.settings = self.settings(patch)?,
            (SETTINGS, _) => slots.settings = self.wrong(Rule::SettingsInvalid, Target::Settings, 2)?,
            (STATE, Some(b'n')) => slots.state = self.null(Target::State)?,
            (_, _) => slots.state = self.state()?,
        }
        Ok(())
    }

    /// A null that stands for "missing" in a job and is merely superfluous in a patch.
    fn null_of<T>(&mut self, target: Target, patch: bool) -> Step<Slot<T>> {
        if patch { self.null(target) } else { self.null_for_required() }
    }

    fn unchangeable(&mut self, target: Target) -> Step<()> {
        let start = self.cursor.offset();
        self.skip(2)?;
        let span = self.since(start);
        self.add(Rule::PatchMember, target, span);
        Ok(())
    }

    fn state(&mut self) -> Step<Slot<StateChange>> {
        let start = self.cursor.offset();
        if self.cursor.peek() == Some(b'"') {
            let text = self.cursor.string()?;
            let content = text.content();
            let alike =
                StateChange::ALL.into_iter().find(|state| content.eq_ignore_ascii_case(state.as_str()));
            if let Some(state) = alike {
                let differs = *content != *state.as_str();
                let span = self.since(start);
                let denied =
                    differs && self.add_with(Rule::StateCase, Target::State, span, Some(state.as_str()), 0);
                return Ok(Slot::read(state, denied));
            }
            let span = self.since(start);
            let suggestion = super::suggest::suggest(&content, &StateChange::WORDS);
            self.add_with(Rule::StateInvalid, Target::State, span, suggestion, 0);
            return Ok(Slot::Unreadable);
        }
        self.wrong(Rule::StateInvalid, Target::State, 2)
    }

    fn job_name(&mut self) -> Step<Slot<JobName>> {
        match self.cursor.peek() {
            Some(b'n') => return self.null_for_required(),
            Some(b'"') => {}
            _ => return self.wrong(Rule::NameInvalid, Target::Name, 2),
        }
        let text = self.cursor.string()?;
        let content = text.content();
        let span = (offset(text.start), offset(text.end()));
        if !JobName::allows(&content) {
            self.add(Rule::NameInvalid, Target::Name, span);
            return Ok(Slot::Unreadable);
        }
        let limit = self.policy.limits().name_chars;
        let long = content.len() > limit && content.chars().count() > limit;
        let denied = long && self.add_with(Rule::NameTooLong, Target::Name, span, None, count(limit));
        Ok(JobName::new(content).map_or(Slot::Unreadable, |name| Slot::read(name, denied)))
    }

    fn workspace_id(&mut self) -> Step<Slot<WorkspaceId>> {
        match self.cursor.peek() {
            Some(b'n') => self.null_for_required(),
            _ => Ok(self.guid(Rule::WorkspaceIdInvalid, Target::WorkspaceId, 2)?.map(WorkspaceId::of)),
        }
    }

    fn guid(&mut self, rule: Rule, target: Target, depth: usize) -> Step<Slot<Guid>> {
        if let Some(guid) = self.cursor.plain_string(Guid::parse) {
            return Ok(Slot::Sound(guid));
        }
        if self.cursor.peek() != Some(b'"') {
            return self.wrong(rule, target, depth);
        }
        let text = self.cursor.string()?;
        if let Some(guid) = guid(&text.bytes()) {
            return Ok(Slot::Sound(guid));
        }
        self.add(rule, target, (offset(text.start), offset(text.end())));
        Ok(Slot::Unreadable)
    }

    fn inputs(&mut self) -> Step<Slot<Vec<JobInput>>> {
        match self.cursor.peek() {
            Some(b'n') => return self.null_for_required(),
            Some(b'[') => {}
            _ => return self.wrong(Rule::InputsInvalid, Target::Inputs, 2),
        }
        let start = self.cursor.offset();
        let limit = self.policy.limits().inputs;
        let mut inputs = Vec::new();
        let mut ids = IdSet::default();
        let mut readable = true;
        let mut sound = true;
        let number = self.array(2, |reader, index| {
            let input = reader.input(index, &mut ids)?;
            sound &= matches!(input, Slot::Sound(_));
            match input.required() {
                Some(input) if inputs.len() < limit => inputs.push(input),
                Some(_) => {}
                None => readable = false,
            }
            Ok(())
        })?;
        let span = self.since(start);
        if number == 0 {
            self.add(Rule::InputsEmpty, Target::Inputs, span);
            return Ok(Slot::Unreadable);
        }
        if usize::try_from(number).is_ok_and(|number| number > limit) {
            self.input_findings = crate::report::Findings::default();
            self.add_with(Rule::InputsTooMany, Target::Inputs, span, None, count(limit));
            return Ok(Slot::Unreadable);
        }
        Ok(if readable { Slot::read(inputs, !sound) } else { Slot::Unreadable })
    }

    fn input(&mut self, index: u32, ids: &mut IdSet) -> Step<Slot<JobInput>> {
        let start = self.cursor.offset();
        if self.cursor.peek() != Some(b'{') {
            return self.wrong(Rule::InputInvalid, Target::Input(index), 3);
        }
        let mut id = Slot::Absent;
        let mut description = Slot::Absent;
        self.object(3, &INPUT_MEMBERS, |reader, name| {
            match (name, reader.cursor.peek()) {
                (Name::Known(0), Some(b'n')) => id = reader.null_for_required()?,
                (Name::Known(0), _) => id = reader.input_id(index, ids)?,
                (Name::Known(_), Some(b'n')) => description = reader.null(Target::InputDescription(index))?,
                (Name::Known(_), Some(b'"')) => {
                    description = Slot::Sound(reader.cursor.string()?.content().into_owned());
                }
                (Name::Known(_), _) => {
                    description =
                        reader.wrong(Rule::InputDescriptionInvalid, Target::InputDescription(index), 4)?;
                }
                (Name::Unknown(name), _) => reader.unknown(Place::Input(index), name, 4)?,
            }
            Ok(())
        })?;
        let span = missing_span(&id, offset(start));
        if id.is_absent() {
            self.add(Rule::InputIdMissing, Target::InputId(index), span);
        }
        let denied = matches!(id, Slot::Denied(_)) || matches!(description, Slot::Denied(_));
        Ok(match (id.required(), description.optional()) {
            (Some(id), Some(description)) => Slot::read(JobInput::new(id, description), denied),
            _ => Slot::Unreadable,
        })
    }

    fn input_id(&mut self, index: u32, ids: &mut IdSet) -> Step<Slot<RealityDataId>> {
        let start = self.cursor.offset();
        let slot = self.guid(Rule::InputIdInvalid, Target::InputId(index), 4)?;
        if let Slot::Sound(guid) = slot
            && !ids.insert(guid)
        {
            let span = self.since(start);
            let denied = self.add(Rule::InputDuplicate, Target::InputId(index), span);
            return Ok(Slot::read(RealityDataId::of(guid), denied));
        }
        Ok(slot.map(RealityDataId::of))
    }

    fn settings(&mut self, patch: bool) -> Step<Slot<SettingsSlots>> {
        let start = self.cursor.offset();
        let mut slots = SettingsSlots::default();
        self.object(2, &SETTINGS_MEMBERS, |reader, name| {
            match (name, reader.cursor.peek()) {
                (Name::Known(0), Some(b'n')) => slots.quality = reader.null_of(Target::Quality, patch)?,
                (Name::Known(0), _) => {
                    slots.quality = reader.word(
                        Quality::from_bytes,
                        &Quality::WORDS,
                        Rule::QualityInvalid,
                        Target::Quality,
                        3,
                    )?;
                }
                (Name::Known(1), Some(b'n')) => slots.engines = reader.null(Target::Engines)?,
                (Name::Known(1), _) => slots.engines = reader.engines()?,
                (Name::Known(2), Some(b'n')) => slots.outputs = reader.null_of(Target::Outputs, patch)?,
                (Name::Known(2), Some(b'[')) => slots.outputs = reader.outputs()?,
                (Name::Known(2), _) => {
                    slots.outputs = reader.wrong(Rule::OutputsInvalid, Target::Outputs, 3)?;
                }
                (Name::Known(_), Some(b'n')) => slots.cache = reader.null(Target::Cache)?,
                (Name::Known(_), Some(b'{')) => slots.cache = reader.cache()?,
                (Name::Known(_), _) => {
                    slots.cache = reader.wrong(Rule::CacheSettingsInvalid, Target::Cache, 3)?;
                }
                (Name::Unknown(name), _) => reader.unknown(Place::Settings, name, 3)?,
            }
            Ok(())
        })?;
        slots.at = self.since(start);
        Ok(Slot::Sound(slots))
    }

    fn engines(&mut self) -> Step<Slot<Engines>> {
        let start = self.cursor.offset();
        if !matches!(self.cursor.peek(), Some(b'-' | b'0'..=b'9')) {
            return self.wrong(Rule::EnginesInvalid, Target::Engines, 3);
        }
        let number = self.cursor.number()?;
        let span = self.since(start);
        let value = str::from_utf8(number.text)
            .ok()
            .filter(|_| number.whole)
            .and_then(|text| text.parse::<i32>().ok());
        // `-0` parses, and yet it is not a way to write a number of engines.
        let value =
            value.filter(|_| !number.text.starts_with(b"-")).and_then(|value| u32::try_from(value).ok());
        let Some(value) = value else {
            self.add(Rule::EnginesInvalid, Target::Engines, span);
            return Ok(Slot::Unreadable);
        };
        let denied = match self.policy.limits().engines {
            Some(limit) if value > limit => {
                self.add_with(Rule::EnginesOverLimit, Target::Engines, span, None, limit)
            }
            _ => false,
        };
        Ok(Slot::read(Engines::from_count(value), denied))
    }

    fn outputs(&mut self) -> Step<Slot<Outputs>> {
        let start = self.cursor.offset();
        let mut formats = Vec::new();
        let mut set = OutputSet::default();
        let mut wrong = 0_usize;
        let mut denied = false;
        let number = self.array(3, |reader, index| {
            let from = reader.cursor.offset();
            // To look for what was meant takes long, and nobody sees it of those that are not listed.
            let words: &'static [&'static str] = if wrong < LISTED { &OutputFormat::WORDS } else { &[] };
            let target = Target::Output(index);
            let slot = reader.word(OutputFormat::from_bytes, words, Rule::OutputInvalid, target, 4)?;
            match slot.required() {
                Some(format) => {
                    formats.push(format);
                    if !set.insert(format) {
                        let span = reader.since(from);
                        denied |= reader.add(Rule::OutputDuplicate, Target::Output(index), span);
                    }
                }
                None => wrong = wrong.saturating_add(1),
            }
            Ok(())
        })?;
        let at = self.since(start);
        if number == 0 {
            self.add(Rule::OutputsEmpty, Target::Outputs, at);
            return Ok(Slot::Unreadable);
        }
        Ok(if wrong == 0 { Slot::read(Outputs { formats, at }, denied) } else { Slot::Unreadable })
    }

    fn cache(&mut self) -> Step<Slot<CacheSettings>> {
        let mut create = Slot::Absent;
        let mut uses = Slot::Absent;
        self.object(3, &CACHE_MEMBERS, |reader, name| {
            match (name, reader.cursor.peek()) {
                (Name::Known(0), Some(b'n')) => create = reader.null(Target::CreateCache)?,
                (Name::Known(0), _) => create = reader.create_cache()?,
                (Name::Known(_), Some(b'n')) => uses = reader.null(Target::UseCache)?,
                (Name::Known(_), _) => uses = reader.use_cache()?,
                (Name::Unknown(name), _) => reader.unknown(Place::Cache, name, 4)?,
            }
            Ok(())
        })?;
        Ok(match (create.optional(), uses.optional()) {
            (Some(create_cache), Some(use_cache)) => Slot::Sound(CacheSettings { create_cache, use_cache }),
            _ => Slot::Unreadable,
        })
    }

    fn create_cache(&mut self) -> Step<Slot<bool>> {
        let start = self.cursor.offset();
        match self.cursor.peek() {
            Some(b't') => return self.cursor.literal(b"true").map(|()| Slot::Sound(true)),
            Some(b'f') => return self.cursor.literal(b"false").map(|()| Slot::Sound(false)),
            Some(b'"') => {}
            _ => return self.wrong(Rule::CreateCacheInvalid, Target::CreateCache, 4),
        }
        let text = self.cursor.string()?;
        let span = self.since(start);
        let value = match &*text.bytes() {
            b"True" | b"true" => true,
            b"False" | b"false" => false,
            _ => {
                self.add(Rule::CreateCacheInvalid, Target::CreateCache, span);
                return Ok(Slot::Unreadable);
            }
        };
        Ok(Slot::read(value, self.add(Rule::CreateCacheText, Target::CreateCache, span)))
    }

    fn use_cache(&mut self) -> Step<Slot<JobId>> {
        let start = self.cursor.offset();
        if self.cursor.peek() != Some(b'"') {
            return self.wrong(Rule::UseCacheInvalid, Target::UseCache, 4);
        }
        let text = self.cursor.string()?;
        let bytes = text.bytes();
        let span = self.since(start);
        if bytes.is_empty() {
            return Ok(Slot::nothing(self.add(Rule::UseCacheEmpty, Target::UseCache, span)));
        }
        if let Some(guid) = guid(&bytes) {
            return Ok(Slot::Sound(JobId::of(guid)));
        }
        self.add(Rule::UseCacheInvalid, Target::UseCache, span);
        Ok(Slot::Unreadable)
    }

    fn cost(&mut self) -> Step<Slot<CostSlots>> {
        let start = self.cursor.offset();
        let mut slots = CostSlots::default();
        self.object(2, &COST_MEMBERS, |reader, name| {
            let from = reader.cursor.offset();
            match (name, reader.cursor.peek()) {
                (Name::Known(0), _) => {
                    slots.giga_pixels = reader
                        .quantity(Rule::GigaPixelsInvalid, Rule::GigaPixelsText, &Target::GigaPixels)?
                        .and_then(Gigapixels::new);
                }
                (Name::Known(1), _) => {
                    slots.mega_points = reader
                        .quantity(Rule::MegaPointsInvalid, Rule::MegaPointsText, &Target::MegaPoints)?
                        .and_then(Megapoints::new);
                    slots.mega_points_at = reader.since(from);
                }
                (Name::Known(_), _) => {
                    slots.mesh_quality = reader.mesh_quality()?;
                    slots.mesh_quality_at = reader.since(from);
                }
                (Name::Unknown(name), _) => reader.unknown(Place::Cost, name, 3)?,
            }
            Ok(())
        })?;
        slots.at = self.since(start);
        Ok(Slot::Sound(slots))
    }

    fn quantity(&mut self, invalid: Rule, quoted: Rule, target: &Target) -> Step<Slot<Decimal>> {
        let start = self.cursor.offset();
        let (value, denied) = match self.cursor.peek() {
            Some(b'n') => return self.null(target.clone()),
            Some(b'-' | b'0'..=b'9') => {
                let number = self.cursor.number()?;
                let positive = !number.text.starts_with(b"-");
                (decimal::read(number.text).filter(|_| positive).filter(in_range), false)
            }
            Some(b'"') => {
                let text = self.cursor.string()?;
                let bytes = text.bytes();
                let value = Some(&*bytes).filter(|text| is_quoted_number(text)).and_then(decimal::read);
                let value = value.filter(in_range);
                let span = self.since(start);
                (value, value.is_some() && self.add(quoted, target.clone(), span))
            }
            _ => return self.wrong(invalid, target.clone(), 3),
        };
        let Some(value) = value else {
            let span = self.since(start);
            self.add(invalid, target.clone(), span);
            return Ok(Slot::Unreadable);
        };
        Ok(Slot::read(value, denied))
    }

    fn mesh_quality(&mut self) -> Step<Slot<Quality>> {
        if self.cursor.peek() == Some(b'n') {
            return self.null(Target::MeshQuality);
        }
        if self.cursor.peek() != Some(b'"') {
            return self.wrong(Rule::MeshQualityInvalid, Target::MeshQuality, 3);
        }
        let text = self.cursor.string()?;
        let content = text.content();
        let span: Span = (offset(text.start), offset(text.end()));
        if content == "Unknown" {
            return Ok(Slot::nothing(self.add(Rule::MeshQualityUnknown, Target::MeshQuality, span)));
        }
        if let Some(quality) = Quality::from_wire(&content) {
            return Ok(Slot::Sound(quality));
        }
        let suggestion = super::suggest::suggest(&content, &Quality::WORDS);
        self.add_with(Rule::MeshQualityInvalid, Target::MeshQuality, span, suggestion, 0);
        Ok(Slot::Unreadable)
    }
}

fn guid(text: &[u8]) -> Option<Guid> {
    Guid::parse(text.try_into().ok()?)
}

fn in_range(value: &Decimal) -> bool {
    *value <= crate::quantity::LARGEST
}

/// `(0|[1-9][0-9]*)(\.[0-9]+)?` of at most 40 digits.
fn is_quoted_number(text: &[u8]) -> bool {
    let mut parts = text.splitn(2, |byte| *byte == b'.');
    let whole = parts.next().unwrap_or_default();
    let is_digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let fraction = parts.next();
    let digits = whole.len().saturating_add(fraction.map_or(0, <[u8]>::len));
    is_digits(whole)
        && (whole == b"0" || !whole.starts_with(b"0"))
        && fraction.is_none_or(is_digits)
        && digits <= QUOTED_DIGITS
}

/// Where to point at for a required member that is missing: its null, or the opening of the object that lacks it.
pub(super) fn missing_span<T>(slot: &Slot<T>, opening: u32) -> Span {
    match slot {
        Slot::Null(span) => *span,
        _ => (opening, opening.saturating_add(1)),
    }
}

fn count(limit: usize) -> u32 {
    u32::try_from(limit).unwrap_or(u32::MAX)
}
