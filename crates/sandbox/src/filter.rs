//! The `$filter` of a job list: `eq`, `ne`, `lt`, `le`, `gt`, `ge`, `in`, `and`, `or` and parentheses over the documented properties.

use std::cmp::Ordering;
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::shown;
use crate::life::{Job, State};
use crate::view::EMAIL;

/// Nested parentheses beyond this are refused: the reader calls itself.
const DEEPEST: u32 = 32;

/// A condition on jobs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Compare(Property, Comparison, Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Property {
    Id,
    ITwinId,
    Name,
    Email,
    Type,
    State,
    CreatedDateTime,
    InputId,
    OutputId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Filter {
    /// Reads a filter; none for what is no filter.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut tokens = Tokens { words: split(text)?.into_iter().peekable() };
        let filter = tokens.any(0)?;
        tokens.words.next().is_none().then_some(filter)
    }

    /// The iTwins it names, well-formed or not.
    pub(crate) fn itwins(&self) -> Vec<&str> {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().flat_map(Self::itwins).collect(),
            Self::Compare(Property::ITwinId, _, values) => values.iter().map(String::as_str).collect(),
            Self::Compare(..) => Vec::new(),
        }
    }

    pub(crate) fn holds(&self, job: &Job, now: Timestamp, run_time: Duration) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(job, now, run_time)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(job, now, run_time)),
            Self::Compare(property, comparison, values) => {
                let known = property.values(job, now, run_time);
                let meets =
                    |value: &String| known.iter().any(|known| comparison.holds(property.order(known, value)));
                match comparison {
                    // "Not equal" of a property with several values: none of them is equal.
                    Comparison::Ne => !values.iter().any(|value| {
                        known.iter().any(|known| property.order(known, value) == Some(Ordering::Equal))
                    }),
                    _ => values.iter().any(meets),
                }
            }
        }
    }
}

impl Property {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "id" => Self::Id,
            "iTwinId" => Self::ITwinId,
            "name" => Self::Name,
            "email" => Self::Email,
            "type" => Self::Type,
            "state" => Self::State,
            "createdDateTime" => Self::CreatedDateTime,
            "inputId" => Self::InputId,
            "outputId" => Self::OutputId,
            _ => return None,
        })
    }

    fn values(self, job: &Job, now: Timestamp, run_time: Duration) -> Vec<String> {
        let request = &job.request;
        let state = job.state(now, run_time);
        match self {
            Self::Id => vec![job.id.to_string()],
            Self::ITwinId => vec![job.itwin.clone()],
            Self::Name => vec![request.name().as_str().to_owned()],
            Self::Email => vec![EMAIL.to_owned()],
            Self::Type => vec![request.job_type().as_str().to_owned()],
            Self::State => vec![state.as_str().to_owned()],
            Self::CreatedDateTime => vec![shown(job.created).to_string()],
            Self::InputId => request.inputs().iter().map(|input| input.id().to_string()).collect(),
            Self::OutputId if state == State::Success => {
                job.output_ids().iter().map(ToString::to_string).collect()
            }
            Self::OutputId => Vec::new(),
        }
    }

    fn order(self, known: &str, value: &str) -> Option<Ordering> {
        match self {
            Self::CreatedDateTime => {
                let (known, value): (Timestamp, Timestamp) = (known.parse().ok()?, value.parse().ok()?);
                Some(known.cmp(&value))
            }
            Self::Name | Self::Email => Some(known.cmp(value)),
            // Identifiers and words: their case says nothing.
            _ => Some(known.to_ascii_lowercase().cmp(&value.to_ascii_lowercase())),
        }
    }
}

impl Comparison {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "eq" => Self::Eq,
            "ne" => Self::Ne,
            "lt" => Self::Lt,
            "le" => Self::Le,
            "gt" => Self::Gt,
            "ge" => Self::Ge,
            _ => return None,
        })
    }

    fn holds(self, order: Option<Ordering>) -> bool {
        order.is_some_and(|order| match self {
            Self::Eq => order.is_eq(),
            Self::Ne => order.is_ne(),
            Self::Lt => order.is_lt(),
            Self::Le => order.is_le(),
            Self::Gt => order.is_gt(),
            Self::Ge => order.is_ge(),
        })
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Comma,
    Word(String),
    Quoted(String),
}

struct Tokens {
    words: std::iter::Peekable<std::vec::IntoIter<Token>>,
}

impl Tokens {
    fn any(&mut self, depth: u32) -> Option<Filter> {
        let mut parts = vec![self.all(depth)?];
        while self.takes("or") {
            parts.push(self.all(depth)?);
        }
        if parts.len() == 1 { parts.pop() } else { Some(Filter::Any(parts)) }
    }

    fn all(&mut self, depth: u32) -> Option<Filter> {
        let mut parts = vec![self.one(depth)?];
        while self.takes("and") {
            parts.push(self.one(depth)?);
        }
        if parts.len() == 1 { parts.pop() } else { Some(Filter::All(parts)) }
    }

    fn one(&mut self, depth: u32) -> Option<Filter> {
        match self.words.next()? {
            Token::Open if depth < DEEPEST => {
                let inner = self.any(depth + 1)?;
                self.expects(&Token::Close)?;
                Some(inner)
            }
            Token::Word(property) => {
                let property = Property::parse(&property)?;
                if self.takes("in") {
                    return Some(Filter::Compare(property, Comparison::Eq, self.list(property)?));
                }
                let Token::Word(comparison) = self.words.next()? else { return None };
                let comparison = Comparison::parse(&comparison)?;
                Some(Filter::Compare(property, comparison, vec![self.value(property)?]))
            }
            _ => None,
        }
    }

    fn list(&mut self, property: Property) -> Option<Vec<String>> {
        self.expects(&Token::Open)?;
        let mut values = vec![self.value(property)?];
        loop {
            match self.words.next()? {
                Token::Comma => values.push(self.value(property)?),
                Token::Close => return Some(values),
                _ => return None,
            }
        }
    }

    fn value(&mut self, property: Property) -> Option<String> {
        let (Token::Word(value) | Token::Quoted(value)) = self.words.next()? else { return None };
        let readable = property != Property::CreatedDateTime || value.parse::<Timestamp>().is_ok();
        readable.then_some(value)
    }

    fn takes(&mut self, word: &str) -> bool {
        self.words.next_if(|token| matches!(token, Token::Word(found) if found == word)).is_some()
    }

    fn expects(&mut self, token: &Token) -> Option<()> {
        self.words.next_if(|found| found == token).map(|_| ())
    }
}

/// The words of a filter; none for a quote that does not end.
fn split(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' => {}
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            ',' => tokens.push(Token::Comma),
            '\'' => {
                let mut quoted = String::new();
                loop {
                    match characters.next()? {
                        // A quote within a quoted text is written twice.
                        '\'' if characters.next_if_eq(&'\'').is_some() => quoted.push('\''),
                        '\'' => break,
                        other => quoted.push(other),
                    }
                }
                tokens.push(Token::Quoted(quoted));
            }
            first => {
                let mut word = String::from(first);
                while let Some(next) = characters.next_if(|next| !" \t(),'".contains(*next)) {
                    word.push(next);
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn and_binds_closer_than_or() {
        let compare =
            |property, value: &str| Filter::Compare(property, Comparison::Eq, vec![value.to_owned()]);
        assert_eq!(
            Filter::parse("state eq active or type eq Full and name eq 'a ''b'' (c)'"),
            Some(Filter::Any(vec![
                compare(Property::State, "active"),
                Filter::All(vec![compare(Property::Type, "Full"), compare(Property::Name, "a 'b' (c)")]),
            ]))
        );
        assert_eq!(
            Filter::parse("(state eq active or type eq Full) and id eq x")
                .map(|filter| matches!(filter, Filter::All(_))),
            Some(true)
        );
        assert_eq!(
            Filter::parse("state in (active, 'success')"),
            Some(Filter::Compare(
                Property::State,
                Comparison::Eq,
                vec!["active".to_owned(), "success".to_owned()]
            ))
        );
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        let deep = format!("{}state eq active{}", "(".repeat(40), ")".repeat(40));
        for text in [
            "",
            "state",
            "state eq",
            "state is active",
            "colour eq red",
            "state eq active and",
            "(state eq active",
            "state eq active)",
            "name eq 'open",
            "state in active",
            "state in ()",
            "createdDateTime gt yesterday",
            &deep,
        ] {
            assert_eq!(Filter::parse(text), None, "{text}");
        }
    }
}
