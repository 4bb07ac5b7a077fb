//! JSON whose spelling is still open: one tree can be written in many ways that mean the same.

use std::fmt::Write as _;

/// A JSON value before it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// A token with one spelling only.
    Literal(String),
    /// A string.
    Text(String),
    /// The number `mantissa / 10^scale`.
    Number { mantissa: u64, scale: u32 },
    /// An array.
    Array(Vec<Node>),
    /// An object; the order of its members says nothing.
    Object(Vec<(String, Node)>),
}

impl Node {
    pub(super) fn literal(token: &str) -> Self {
        Self::Literal(token.to_owned())
    }

    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// The member or element that a path such as `settings.outputs[]` leads to, `[]` standing for the chosen element.
    /// Objects on the way that are absent are put there.
    pub(super) fn at(&mut self, path: &str, element: usize) -> Option<&mut Self> {
        if path.is_empty() {
            return Some(self);
        }
        let (parent, name) = split(path);
        let parent = self.at(parent, element)?;
        match parent {
            Self::Array(elements) => {
                let length = elements.len();
                elements.get_mut(element.checked_rem(length)?)
            }
            Self::Object(members) => {
                if !members.iter().any(|(member, _)| member == name) {
                    members.push((name.to_owned(), Self::Object(Vec::new())));
                }
                members.iter_mut().find(|(member, _)| member == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// Takes the member away that a path leads to.
    pub(super) fn remove(&mut self, path: &str, element: usize) {
        let (parent, name) = split(path);
        if let Some(Self::Object(members)) = self.at(parent, element) {
            members.retain(|(member, _)| member != name);
        }
    }

    /// How many elements the array at a path has.
    pub(super) fn length(&mut self, path: &str) -> usize {
        match self.at(path, 0) {
            Some(Self::Array(elements)) => elements.len(),
            _ => 0,
        }
    }

    /// Writes the tree.
    pub(super) fn write(&self, spelling: Spelling) -> String {
        let mut writer = Writer { spelling, text: String::new() };
        writer.space();
        writer.value(self);
        writer.space();
        writer.text
    }
}

/// A path without its last step, and that step; an element's step is `[]`.
pub(super) fn split(path: &str) -> (&str, &str) {
    match path.strip_suffix("[]") {
        Some(parent) => (parent, "[]"),
        None => path.rsplit_once('.').unwrap_or(("", path)),
    }
}

/// Which of the spellings is written: white space, order of members, escapes and forms of numbers. The seed 0 is the
/// plain one, to which failing cases shrink.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spelling(pub(super) u64);

impl Spelling {
    /// A number below `sides`; always 0 in the plain spelling.
    fn roll(&mut self, sides: u64) -> u64 {
        if self.0 == 0 {
            return 0;
        }
        // An xorshift generator never reaches 0 from elsewhere.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11).checked_rem(sides).unwrap_or(0)
    }
}

struct Writer {
    spelling: Spelling,
    text: String,
}

impl Writer {
    fn space(&mut self) {
        for _ in 0..self.spelling.roll(12).saturating_sub(8) {
            self.text.push(match self.spelling.roll(4) {
                1 => '\n',
                2 => '\t',
                3 => '\r',
                _ => ' ',
            });
        }
    }

    fn value(&mut self, node: &Node) {
        match node {
            Node::Literal(token) => self.text.push_str(token),
            Node::Text(text) => self.string(text),
            Node::Number { mantissa, scale } => self.number(*mantissa, *scale),
            Node::Array(elements) => self.list('[', ']', elements, Self::value),
            Node::Object(members) => {
                let mut order: Vec<_> = members.iter().collect();
                for last in (1..order.len()).rev() {
                    let other = self.spelling.roll(u64::try_from(last).unwrap_or(0).saturating_add(1));
                    // The plain spelling keeps the order.
                    if self.spelling.0 != 0 {
                        order.swap(last, usize::try_from(other).unwrap_or(last));
                    }
                }
                self.list('{', '}', &order, |writer, (name, value)| {
                    writer.string(name);
                    writer.space();
                    writer.text.push(':');
                    writer.space();
                    writer.value(value);
                });
            }
        }
    }

    fn list<T>(&mut self, open: char, close: char, items: &[T], write: impl Fn(&mut Self, &T)) {
        self.text.push(open);
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.space();
            write(self, item);
            self.space();
        }
        if items.is_empty() {
            self.space();
        }
        self.text.push(close);
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.text.extend(['\\', c]),
                '\n' => self.text.push_str("\\n"),
                '/' if self.spelling.roll(4) == 1 => self.text.push_str("\\/"),
                _ if c < ' ' || self.spelling.roll(10) == 1 => self.escape(c),
                _ => self.text.push(c),
            }
        }
        self.text.push('"');
    }

    fn escape(&mut self, c: char) {
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = match self.spelling.roll(2) {
                0 => write!(self.text, "\\u{unit:04x}"),
                _ => write!(self.text, "\\u{unit:04X}"),
            };
        }
    }

    fn number(&mut self, mantissa: u64, scale: u32) {
        let zeros = "0".repeat(usize::try_from(self.spelling.roll(4)).unwrap_or(0));
        let shifted = scale.saturating_add(u32::try_from(zeros.len()).unwrap_or(0));
        let shifted = if mantissa == 0 { scale } else { shifted };
        let zeros_if_any = if mantissa == 0 { "" } else { &zeros };
        let e = if self.spelling.roll(2) == 0 { 'e' } else { 'E' };
        let spelt = match self.spelling.roll(4) {
            1 => format!("{mantissa}{zeros_if_any}{e}-{shifted}"),
            2 => format!("{}{e}+0", plain(mantissa, scale)),
            3 if scale > 0 => format!("{}{zeros}", plain(mantissa, scale)),
            3 => format!("{mantissa}.0{zeros}"),
            _ => plain(mantissa, scale),
        };
        self.text.push_str(&spelt);
    }
}

/// The number with a point and no exponent.
pub(super) fn plain(mantissa: u64, scale: u32) -> String {
    let places = usize::try_from(scale).unwrap_or(0);
    if places == 0 {
        return mantissa.to_string();
    }
    let digits = format!("{mantissa:0width$}", width = places.saturating_add(1));
    let (whole, fraction) =
        digits.split_at_checked(digits.len().saturating_sub(places)).unwrap_or(("0", "0"));
    format!("{whole}.{fraction}")
}
