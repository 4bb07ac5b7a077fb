//! The members of a job, one function each: what is read, and which rule it breaks.

use super::cursor::Step;
use super::idset::{IdSet, PLACES};
use super::reader::{Contract, Name, Reader, offset};
use super::slot::{Slot, Slots, Span};
use crate::ids::Guid;
use crate::rules::Rule;
use crate::target::{Place, Target};
use crate::{JobInput, JobName, JobType, RealityDataId, StateChange, WorkspaceId};

/// Declares the names of one object, and how to find one among them.
macro_rules! contract {
    ($($(#[$doc:meta])* $object:ident { $($name:literal = $place:literal),+ })+) => {
        $($(#[$doc])* pub(super) struct $object;

        impl Contract for $object {
            const NAMES: &'static [&'static str] = &[$($name),+];

            #[inline]
            fn find(name: &[u8]) -> Option<usize> {
                $(if name == $name.as_bytes() { return Some($place); })+
                None
            }
        })+
    };
}

contract! {
    /// The members of a job to create, in contract order.
    JobMembers { "type" = 0, "name" = 1, "costEstimationParameters" = 2, "workspaceId" = 3, "inputs" = 4, "settings" = 5 }
    /// The members of a patch; not all of them can be changed.
    PatchMembers {
        "type" = 0, "name" = 1, "costEstimationParameters" = 2, "workspaceId" = 3, "inputs" = 4, "settings" = 5,
        "state" = 6
    }
    CostMembers { "gigaPixels" = 0, "megaPoints" = 1, "meshQuality" = 2 }
    InputMembers { "id" = 0, "description" = 1 }
    SettingsMembers { "quality" = 0, "processingEngines" = 1, "outputs" = 2, "cacheSettings" = 3 }
    CacheMembers { "createCache" = 0, "useCache" = 1 }
}

const TYPE: usize = 0;
const NAME: usize = 1;
const COST: usize = 2;
const WORKSPACE_ID: usize = 3;
const INPUTS: usize = 4;
const SETTINGS: usize = 5;
const STATE: usize = 6;

/// The bytes of an input with nothing but its id, and of the comma that parts it from the next.
const SHORTEST_INPUT: usize = 46;

impl Reader<'_> {
    /// The root of a job to create.
    pub(super) fn job(&mut self, slots: &mut Slots) -> Step<()> {
        self.object::<JobMembers>(1, |reader, name| {
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
        self.object::<PatchMembers>(1, |reader, name| {
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
    pub(super) fn null_of<T>(&mut self, target: Target, patch: bool) -> Step<Slot<T>> {
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
        Ok(Slot::read(JobName::of(content.into_owned()), denied))
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
        if IdSet::needs_table(self.cursor.left()) {
            self.many_inputs()
        } else {
            self.list_of_inputs(IdSet::new(&mut []))
        }
    }

    /// Apart, so that a short body is spared the table.
    #[inline(never)]
    fn many_inputs(&mut self) -> Step<Slot<Vec<JobInput>>> {
        let mut table = [0; PLACES];
        self.list_of_inputs(IdSet::new(&mut table))
    }

    fn list_of_inputs(&mut self, mut ids: IdSet<'_>) -> Step<Slot<Vec<JobInput>>> {
        let start = self.cursor.offset();
        let limit = self.policy.limits().inputs;
        let mut inputs = Vec::new();
        let mut readable = true;
        let mut sound = true;
        let number = self.array(2, |reader, index| {
            let mut id = None;
            let input = reader.input(index, |found| {
                id = Some(found);
                ids.contains(found, &inputs)
            })?;
            sound &= matches!(input, Slot::Sound(_));
            match input.required() {
                Some(input) if inputs.len() < limit => {
                    if inputs.is_empty() {
                        // One allocation, not above the size of the body by more than a twentieth.
                        let more = reader.cursor.left().div_euclid(SHORTEST_INPUT);
                        inputs.reserve_exact(more.saturating_add(1).min(limit));
                    }
                    inputs.push(input);
                    ids.added(&inputs);
                }
                Some(_) => {}
                None => {
                    readable = false;
                    if let Some(id) = id {
                        ids.unreadable(id);
                    }
                }
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

    /// `is_known` tells whether an id was there before.
    fn input(&mut self, index: u32, mut is_known: impl FnMut(RealityDataId) -> bool) -> Step<Slot<JobInput>> {
        let start = self.cursor.offset();
        if self.cursor.peek() != Some(b'{') {
            return self.wrong(Rule::InputInvalid, Target::Input(index), 3);
        }
        let mut id = Slot::Absent;
        let mut description = Slot::Absent;
        self.object::<InputMembers>(3, |reader, name| {
            match (name, reader.cursor.peek()) {
                (Name::Known(0), Some(b'n')) => id = reader.null_for_required()?,
                (Name::Known(0), _) => id = reader.input_id(index, &mut is_known)?,
                (Name::Known(_), Some(b'n')) => description = reader.null(Target::InputDescription(index))?,
                (Name::Known(_), Some(b'"')) => {
                    let text = reader.cursor.string()?;
                    description = if reader.keeps_descriptions {
                        Slot::Sound(text.content().into_owned())
                    } else {
                        Slot::Absent
                    };
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

    fn input_id(
        &mut self,
        index: u32,
        is_known: impl FnOnce(RealityDataId) -> bool,
    ) -> Step<Slot<RealityDataId>> {
        let start = self.cursor.offset();
        let slot = self.guid(Rule::InputIdInvalid, Target::InputId(index), 4)?.map(RealityDataId::of);
        if let Slot::Sound(id) = slot
            && is_known(id)
        {
            let span = self.since(start);
            let denied = self.add(Rule::InputDuplicate, Target::InputId(index), span);
            return Ok(Slot::read(id, denied));
        }
        Ok(slot)
    }
}

pub(super) fn guid(text: &[u8]) -> Option<Guid> {
    Guid::parse(text.try_into().ok()?)
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
