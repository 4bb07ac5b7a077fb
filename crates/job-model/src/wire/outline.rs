//! Finds the few members of an answer that are metered, and steps over the rest. It reads answers as they usually come, in half the
//! time of a deserializer, and leaves any other to that one: whatever is read here, that one reads as well, and the same.

use super::cursor::Cursor;
use super::text::Text;
use crate::decimal::Exact;
use crate::response::{ExecutionHead, JobHead};

/// Objects and arrays within one another.
const DEPTH: u8 = 16;

/// The answer to an operation on one job, where it is written as usual.
pub(crate) fn job_head(answer: &[u8]) -> Option<JobHead<'_>> {
    let mut cursor = Cursor::new(answer, usize::MAX);
    let mut job = None;
    cursor.space();
    members(&mut cursor, |cursor, name| match name {
        b"job" => once(&mut job, head(cursor)?),
        _ => skip(cursor, DEPTH),
    })?;
    cursor.space();
    job.filter(|_| cursor.at_end())
}

fn head<'a>(cursor: &mut Cursor<'a>) -> Option<JobHead<'a>> {
    let (mut id, mut state, mut cost, mut execution) = (None, None, None, None);
    members(cursor, |cursor, name| match name {
        b"id" => once(&mut id, cursor.string().ok()?.content()),
        b"state" => once(&mut state, cursor.string().ok()?.content()),
        b"estimatedCost" => once(&mut cost, number(cursor)?),
        b"executionInformation" => once(&mut execution, run(cursor)?),
        _ => skip(cursor, DEPTH),
    })?;
    Some(JobHead { id: id?, state, estimated_cost: cost, execution_information: execution })
}

fn run(cursor: &mut Cursor<'_>) -> Option<ExecutionHead> {
    let mut units = None;
    members(cursor, |cursor, name| match name {
        b"estimatedUnits" => once(&mut units, number(cursor)?),
        _ => skip(cursor, DEPTH),
    })?;
    Some(ExecutionHead { estimated_units: units })
}

/// A member that is there twice is not as usual.
fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

fn number(cursor: &mut Cursor<'_>) -> Option<Exact> {
    Exact::read(cursor.number().ok()?.text)
}

/// Reads an object; `member` reads each value.
fn members<'a>(
    cursor: &mut Cursor<'a>,
    mut member: impl FnMut(&mut Cursor<'a>, &[u8]) -> Option<()>,
) -> Option<()> {
    cursor.expect(b'{').ok()?;
    cursor.space();
    if cursor.peek() == Some(b'}') {
        cursor.bump();
        return Some(());
    }
    loop {
        let name = cursor.string().ok()?;
        cursor.space();
        cursor.expect(b':').ok()?;
        cursor.space();
        member(cursor, bytes(&name)?)?;
        if !more(cursor, b'}')? {
            return Some(());
        }
    }
}

/// A name without escapes.
fn bytes<'a>(name: &Text<'a>) -> Option<&'a [u8]> {
    match name.content() {
        std::borrow::Cow::Borrowed(name) => Some(name.as_bytes()),
        std::borrow::Cow::Owned(_) => None,
    }
}

/// Steps over a value.
fn skip(cursor: &mut Cursor<'_>, depth: u8) -> Option<()> {
    let deeper = depth.checked_sub(1)?;
    match cursor.peek()? {
        b'{' => members(cursor, |cursor, _| skip(cursor, deeper)),
        b'[' => {
            cursor.bump();
            cursor.space();
            if cursor.peek() == Some(b']') {
                cursor.bump();
                return Some(());
            }
            loop {
                skip(cursor, deeper)?;
                if !more(cursor, b']')? {
                    return Some(());
                }
            }
        }
        _ => cursor.scalar().ok(),
    }
}

/// After a value: true if another one follows, false if the container closed.
fn more(cursor: &mut Cursor<'_>, closing: u8) -> Option<bool> {
    cursor.space();
    let byte = cursor.peek()?;
    cursor.bump();
    match byte {
        b',' => {
            cursor.space();
            Some(true)
        }
        _ => (byte == closing).then_some(false),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ANSWER: &str = r#"{"job":{"id":"cc3d35cc-416a-4262-9714-b359da70b419","type":"Full","name":"My \"first\" job",
        "costEstimationParameters":{"gigaPixels":2.5,"megaPoints":-1e3},"state":"Unsubmitted","inputs":[{"id":"a"},[],{},null],
        "executionInformation":{"createdDateTime":"2021-10-14T13:10:34Z","estimatedUnits":0.05},"estimatedCost":4.0},"_links":{}}"#;

    /// Whatever is read here is read by the deserializer, and is the same.
    fn agree(answer: &[u8]) -> Option<JobHead<'_>> {
        let head = job_head(answer);
        if head.is_some() {
            assert_eq!(head, JobHead::by_serde(answer), "{}", String::from_utf8_lossy(answer));
        }
        head
    }

    #[test]
    fn an_answer_as_it_usually_comes_is_read_here() {
        let head = agree(ANSWER.as_bytes()).unwrap();
        assert_eq!(
            (head.id.as_ref(), head.state.as_deref()),
            ("cc3d35cc-416a-4262-9714-b359da70b419", Some("Unsubmitted"))
        );
        assert_eq!(head.estimated_cost.unwrap().to_string(), "4");
        assert_eq!(head.execution_information.unwrap().estimated_units.unwrap().to_string(), "0.05");
        assert!(agree(br#"{"job":{"id":""}}"#).is_some());
    }

    #[test]
    fn any_other_is_left_to_the_deserializer() {
        let deep = format!(r#"{{"job":{{"id":"a"}},"b":{}{}}}"#, "[".repeat(40), "]".repeat(40));
        for (answer, known) in [
            (r#"{"job":{"id":"a","state":null,"estimatedCost":null,"executionInformation":null}}"#, true),
            (r#"{"\u006aob":{"id":"a"}}"#, true),
            (&deep, true),
            (r#"{"job":{"id":"a"},"job":{"id":"b"}}"#, false),
            (r#"{"job":{"id":"a","id":"a"}}"#, false),
            (r#"{"job":{}}"#, false),
            (r#"{"job":{"id":"a"}} x"#, false),
            (r#"{"job":{"id":"a",}}"#, false),
            ("[]", false),
            ("", false),
        ] {
            assert_eq!(
                (agree(answer.as_bytes()), JobHead::from_json(answer.as_bytes()).is_some()),
                (None, known),
                "{answer}"
            );
        }
    }

    proptest! {
        #[test]
        fn an_answer_with_bytes_changed_is_read_as_the_deserializer_does(
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut answer = ANSWER.as_bytes().to_vec();
            for (place, byte) in changes {
                let place = place.index(answer.len());
                answer[place] = byte;
            }
            agree(&answer);
            agree(&answer[..cut.index(answer.len())]);
        }

        #[test]
        fn numbers_of_any_form_are_read_as_the_deserializer_does(number in "-?[0-9]{1,3}(\\.[0-9]{0,4})?([eE][+-]?[0-9]{0,2})?") {
            agree(format!(r#"{{"job":{{"id":"a","estimatedCost":{number}}}}}"#).as_bytes());
        }
    }
}
