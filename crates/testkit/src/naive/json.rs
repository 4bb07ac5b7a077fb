//! A strict JSON parser that tells the first offence by its byte offset.

/// A rule of the body and where it is broken.
pub(super) type Fault = (&'static str, usize);

/// A value; numbers keep their text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Node>),
    Object(Vec<Member>),
}

/// A member of an object, with the offset of its name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) at: usize,
    pub(super) value: Node,
}

/// Line and column, from 1; a byte that begins no character is not counted.
pub(super) fn position(body: &[u8], offset: usize) -> (usize, usize) {
    let before = &body[..offset.min(body.len())];
    let line = before.split(|byte| *byte == b'\n').count();
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    (line, before[start..].iter().filter(|byte| **byte & 0xc0 != 0x80).count() + 1)
}

/// The whole body, or its first offence.
pub(super) fn parse(body: &[u8], string_bytes: usize) -> Result<Node, Fault> {
    let mut parser = Parser { body, at: 0, string_bytes, things: 0 };
    parser.white_space();
    match parser.peek() {
        Some(b'{') => {}
        Some(b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
            return Err(("body-not-object", parser.at));
        }
        _ => return Err(("body-syntax", parser.at)),
    }
    let root = parser.value(1)?;
    parser.white_space();
    if parser.at < body.len() { parser.syntax() } else { Ok(root) }
}

struct Parser<'a> {
    body: &'a [u8],
    at: usize,
    string_bytes: usize,
    things: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    fn syntax<T>(&self) -> Result<T, Fault> {
        Err(("body-syntax", self.at))
    }

    fn white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.peek() != Some(byte) {
            return self.syntax();
        }
        self.at += 1;
        Ok(())
    }

    fn begins_a_value(&self) -> bool {
        matches!(self.peek(), Some(b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n'))
    }

    fn value(&mut self, depth: usize) -> Result<Node, Fault> {
        let start = self.at;
        match self.peek() {
            Some(b'{' | b'[') if depth > 32 => Err(("body-depth", start)),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => {
                let text = self.string()?;
                if text.len() > self.string_bytes {
                    Err(("body-limits", start))
                } else {
                    Ok(Node::Text(text))
                }
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Node::Bool(true)),
            Some(b'f') => self.word("false", Node::Bool(false)),
            Some(b'n') => self.word("null", Node::Null),
            _ => self.syntax(),
        }
    }

    fn word(&mut self, word: &str, node: Node) -> Result<Node, Fault> {
        for byte in word.bytes() {
            self.expect(byte)?;
        }
        Ok(node)
    }

    fn object(&mut self, depth: usize) -> Result<Node, Fault> {
        self.at += 1;
        let mut members: Vec<Member> = Vec::new();
        self.white_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Node::Object(members));
        }
        loop {
            let start = self.at;
            if self.peek() != Some(b'"') {
                return self.syntax();
            }
            let name = self.string();
            // A name that is no name is judged as syntax, unless it is one thing too many already.
            let name = match name {
                Err(_) if self.things >= 10_000 => return Err(("body-limits", start)),
                name => name?,
            };
            if members.iter().any(|member| member.name == name) {
                return Err(("body-duplicate-member", start));
            }
            if ["$ref", "$id", "$type", "$values", "__proto__"].contains(&name.as_str()) {
                return Err(("body-reserved-member", start));
            }
            if name.len() > self.string_bytes {
                return Err(("body-limits", start));
            }
            self.thing(start)?;
            self.white_space();
            self.expect(b':')?;
            self.white_space();
            let value = self.value(depth + 1)?;
            members.push(Member { name, at: start, value });
            self.white_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return self.syntax(),
            }
            self.white_space();
        }
        self.at += 1;
        Ok(Node::Object(members))
    }

    fn list(&mut self, depth: usize) -> Result<Node, Fault> {
        self.at += 1;
        let mut elements = Vec::new();
        self.white_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Node::List(elements));
        }
        loop {
            let start = self.at;
            if self.begins_a_value() && self.things >= 10_000 {
                // Another rule at the same place comes first, if it is in the table first.
                if let Err((rule @ ("body-depth" | "body-number"), at)) = self.value(depth + 1)
                    && at == start
                {
                    return Err((rule, at));
                }
                return Err(("body-limits", start));
            }
            self.things += 1;
            elements.push(self.value(depth + 1)?);
            self.white_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return self.syntax(),
            }
            self.white_space();
        }
        self.at += 1;
        Ok(Node::List(elements))
    }

    fn thing(&mut self, start: usize) -> Result<(), Fault> {
        self.things += 1;
        if self.things > 10_000 { Err(("body-limits", start)) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Node, Fault> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let mut mantissa = 0;
        match self.peek() {
            Some(b'0') => {
                self.at += 1;
                mantissa += 1;
            }
            Some(b'1'..=b'9') => mantissa += self.digits()?,
            _ => return self.syntax(),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            mantissa += self.digits()?;
        }
        let mut exponent = String::new();
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            let from = self.at;
            self.digits()?;
            exponent.push_str(String::from_utf8_lossy(&self.body[from..self.at]).trim_start_matches('0'));
        }
        let text = String::from_utf8_lossy(&self.body[start..self.at]).into_owned();
        let far = exponent.len() > 2 || exponent.parse::<u32>().is_ok_and(|exponent| exponent > 30);
        if mantissa > 40 || far { Err(("body-number", start)) } else { Ok(Node::Number(text)) }
    }

    fn digits(&mut self) -> Result<usize, Fault> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { self.syntax() } else { Ok(self.at - start) }
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.expect(b'"')?;
        let mut text = String::new();
        loop {
            match self.peek() {
                None | Some(0..=0x1f) => return self.syntax(),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.at += 1;
                    text.push(self.escape()?);
                }
                Some(0x20..=0x7f) => {
                    text.push(char::from(self.body[self.at]));
                    self.at += 1;
                }
                Some(_) => {
                    let rest = &self.body[self.at..self.body.len().min(self.at + 4)];
                    let found = (1..=rest.len()).find_map(|length| std::str::from_utf8(&rest[..length]).ok());
                    let Some(character) = found.and_then(|text| text.chars().next()) else {
                        return self.syntax();
                    };
                    text.push(character);
                    self.at += character.len_utf8();
                }
            }
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Result<char, Fault> {
        let character = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                let high = self.hex(|sofar, count| {
                    count < 2 || !(0xdc..=0xdf).contains(&(sofar >> (4 * (count - 2))))
                })?;
                if !(0xd800..=0xdbff).contains(&high) {
                    return char::from_u32(high).ok_or(("body-syntax", self.at));
                }
                self.expect(b'\\')?;
                self.expect(b'u')?;
                let low = self.hex(|sofar, count| match count {
                    1 => sofar == 0xd,
                    _ => (0xdc..=0xdf).contains(&(sofar >> (4 * (count - 2)))),
                })?;
                return char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
                    .ok_or(("body-syntax", self.at));
            }
            _ => return self.syntax(),
        };
        self.at += 1;
        Ok(character)
    }

    /// Four digits, of which each beginning must be one that can still become right.
    fn hex(&mut self, may_be: impl Fn(u32, u32) -> bool) -> Result<u32, Fault> {
        let mut value = 0;
        for count in 1..=4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            match digit {
                Some(digit) if may_be(value * 16 + digit, count) => value = value * 16 + digit,
                _ => return self.syntax(),
            }
            self.at += 1;
        }
        Ok(value)
    }
}
