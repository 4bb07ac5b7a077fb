//! A parser that takes what old .NET readers take: comments, single quotes, names without quotes, commas too many, hexadecimal and
//! octal numbers, `NaN`, broken characters, and anything behind the value.

use super::Tree;

/// The first value of a text.
pub(super) fn parse(body: &[u8]) -> Option<Tree> {
    let text = String::from_utf8_lossy(body);
    let mut parser = Parser { text: text.trim_start_matches('\u{feff}').chars().collect(), at: 0 };
    parser.value(0)
}

struct Parser {
    text: Vec<char>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn looks_at(&self, what: &str) -> bool {
        what.chars().enumerate().all(|(n, c)| self.text.get(self.at + n) == Some(&c))
    }

    /// White space and comments.
    fn skip(&mut self) {
        loop {
            if self.peek().is_some_and(char::is_whitespace) {
                self.at += 1;
            } else if self.looks_at("//") {
                while self.peek().is_some_and(|c| c != '\n') {
                    self.at += 1;
                }
            } else if self.looks_at("/*") {
                while self.at < self.text.len() && !self.looks_at("*/") {
                    self.at += 1;
                }
                self.at += 2;
            } else {
                return;
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<Tree> {
        self.skip();
        match self.peek()? {
            _ if depth > 64 => None,
            '{' => self.object(depth),
            '[' => self.list(depth),
            '"' | '\'' => self.string().map(Tree::Text),
            _ => scalar(&self.word()),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Tree> {
        self.at += 1;
        let mut members = Vec::new();
        loop {
            self.skip();
            match self.peek()? {
                '}' => {
                    self.at += 1;
                    return Some(Tree::Object(members));
                }
                ',' => self.at += 1,
                c => {
                    let name = if matches!(c, '"' | '\'') { self.string()? } else { self.word() };
                    self.skip();
                    if self.next()? != ':' {
                        return None;
                    }
                    members.push((name, self.value(depth + 1)?));
                }
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Tree> {
        self.at += 1;
        let (mut elements, mut filled) = (Vec::new(), false);
        loop {
            self.skip();
            match self.peek()? {
                ']' => {
                    self.at += 1;
                    return Some(Tree::List(elements));
                }
                ',' => {
                    self.at += 1;
                    // Nothing between two commas is an element, too.
                    if !std::mem::take(&mut filled) {
                        elements.push(Tree::Null);
                    }
                }
                _ => {
                    elements.push(self.value(depth + 1)?);
                    filled = true;
                }
            }
        }
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(c) = self.peek().filter(|c| !c.is_whitespace() && !"{}[],:\"'/".contains(*c)) {
            word.push(c);
            self.at += 1;
        }
        word
    }

    fn string(&mut self) -> Option<String> {
        let quote = self.next()?;
        // As UTF-16, so that halves of a pair may stand alone until the end.
        let mut units: Vec<u16> = Vec::new();
        loop {
            let c = match self.next()? {
                c if c == quote => return Some(String::from_utf16_lossy(&units)),
                '\\' => match self.next()? {
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'u' => {
                        let digits: String = (0..4).map_while(|_| self.next()).collect();
                        units.push(u16::from_str_radix(&digits, 16).ok()?);
                        continue;
                    }
                    c => c,
                },
                c => c,
            };
            units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        }
    }
}

/// A word without quotes.
fn scalar(word: &str) -> Option<Tree> {
    let number = |digits: &str, radix| u64::from_str_radix(digits, radix).ok();
    let is_octal = word.len() > 1 && word.starts_with('0') && word.bytes().all(|byte| byte.is_ascii_digit());
    Some(match word {
        "null" | "undefined" => Tree::Null,
        "true" => Tree::Bool(true),
        "false" => Tree::Bool(false),
        "NaN" | "Infinity" | "-Infinity" => Tree::Number(f64::MAX),
        _ => match word.strip_prefix("0x").and_then(|digits| number(digits, 16)) {
            Some(value) => Tree::Number(float(value)),
            None if is_octal => Tree::Number(float(number(word, 8)?)),
            None => Tree::Number(word.parse().ok().filter(|value: &f64| value.is_finite())?),
        },
    })
}

#[expect(clippy::cast_precision_loss, reason = "a reader like this one loses it, too")]
fn float(value: u64) -> f64 {
    value as f64
}
