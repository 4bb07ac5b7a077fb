//! The members of `costEstimationParameters`: what is read, and which rule it breaks.

use super::cursor::Step;
use super::members::CostMembers;
use super::reader::{Name, Reader, offset};
use super::slot::{CostSlots, Slot, Span};
use crate::decimal;
use crate::quantity::in_range;
use crate::rules::Rule;
use crate::target::{Place, Target};
use crate::{Decimal, Gigapixels, Megapoints, Quality};

/// The most digits of a quoted number.
const QUOTED_DIGITS: usize = 40;

impl Reader<'_> {
    pub(super) fn cost(&mut self) -> Step<Slot<CostSlots>> {
        let start = self.cursor.offset();
        let mut slots = CostSlots::default();
        self.object::<CostMembers>(2, |reader, name| {
            let from = reader.cursor.offset();
            match (name, reader.cursor.peek()) {
                (Name::Known(0), _) => {
                    slots.giga_pixels = reader
                        .quantity(Rule::GigaPixelsInvalid, Rule::GigaPixelsText, &Target::GigaPixels)?
                        .map(Gigapixels::of);
                }
                (Name::Known(1), _) => {
                    slots.mega_points = reader
                        .quantity(Rule::MegaPointsInvalid, Rule::MegaPointsText, &Target::MegaPoints)?
                        .map(Megapoints::of);
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
