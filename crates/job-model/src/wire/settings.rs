//! The members of `settings`: what is read, and which rule it breaks.

use super::cursor::Step;
use super::members::{CacheMembers, SettingsMembers, guid};
use super::reader::{Name, Reader};
use super::slot::{Outputs, SettingsSlots, Slot};
use crate::report::LISTED;
use crate::rules::Rule;
use crate::target::{Place, Target};
use crate::{CacheSettings, Engines, JobId, OutputFormat, OutputSet, Quality};

impl Reader<'_> {
    pub(super) fn settings(&mut self, patch: bool) -> Step<Slot<SettingsSlots>> {
        let start = self.cursor.offset();
        let mut slots = SettingsSlots::default();
        self.object::<SettingsMembers>(2, |reader, name| {
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
        self.object::<CacheMembers>(3, |reader, name| {
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
}
