//! Follows the bytes of an HTTP/1 connection to where each request ends, and holds bodies in chunks to their grammar, with which
//! the parser above is lenient. Judges no header, decodes nothing and keeps no body.

mod grammar;

use memchr::memchr;

pub(crate) use self::grammar::{alphanumeric_and, is_token};
use self::grammar::{is_field, size};

/// The most of one line that is looked at; of a header only the two fields that say where a body ends.
const LINE: usize = 1024;
/// The most that sizes, extensions and line ends of a body may take beyond four times the body itself.
const SPARE: u64 = 1024;
/// The most bytes of trailers.
const TRAILERS: u64 = 8 * 1024;

/// What is wrong with the framing of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misframed;

/// Where in its requests a connection is.
#[derive(Debug, Default)]
pub struct Framing {
    place: Place,
    /// The beginning of a line whose end is not here yet.
    kept: Vec<u8>,
    /// More of that line has passed than is kept.
    cut: bool,
    head: Head,
    /// Headers that are complete.
    heads: u32,
    /// Within the last of them a fault was found: where it ends is not known.
    lost: bool,
    /// Bytes of chunks, and of everything around them.
    data: u64,
    around: u64,
    trailers: u64,
}

#[derive(Clone, Copy, Debug, Default)]
enum Place {
    #[default]
    Head,
    /// In a body of so many more bytes.
    Body(u64),
    /// Before a chunk.
    Size,
    /// In a chunk of so many more bytes.
    Data(u64),
    /// Behind a chunk's bytes.
    DataEnd,
    Trailers,
    /// Behind a body in chunks the connection is closed: what follows is nobody's.
    Over,
}

/// What a header says of its body.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    bytes: usize,
    begun: bool,
    chunked: bool,
    length: u64,
}

impl Framing {
    /// How many headers are complete, or were when a fault was found; the body that is followed now is the last one's.
    pub const fn heads(&self) -> u32 {
        self.heads
    }

    /// Whether what was read ends where the request of that turn does: turns count the ends of headers and of requests.
    pub fn is_between(&self, turn: u32) -> bool {
        let nothing_begun = matches!(self.place, Place::Head) && !self.head.begun && self.kept.is_empty();
        nothing_begun && self.heads.saturating_mul(2) == turn
    }

    /// How many bytes are here of the header that a turn begins with, as long as it has no end.
    pub fn unended(&self, turn: u32) -> usize {
        let ended = self.heads.saturating_sub(self.lost.into());
        if ended.saturating_mul(2) > turn { 0 } else { self.head.bytes }
    }

    /// Whether not even the line has ended that a request begins with.
    pub const fn is_in_request_line(&self) -> bool {
        matches!(self.place, Place::Head) && !self.head.begun && !self.kept.is_empty()
    }

    /// Follows what was read.
    ///
    /// # Errors
    /// Once, where the framing of a body is not strictly what it must be; from then on nothing is followed.
    pub fn follow(&mut self, mut bytes: &[u8]) -> Result<(), Misframed> {
        while !bytes.is_empty() {
            let followed = match self.place {
                Place::Over => {
                    self.head.bytes = self.head.bytes.saturating_add(bytes.len());
                    return Ok(());
                }
                Place::Body(left) | Place::Data(left) => {
                    self.pass(&mut bytes, left);
                    Ok(())
                }
                Place::Head | Place::Size | Place::DataEnd | Place::Trailers => self.line(&mut bytes),
            };
            if followed.is_err() {
                self.place = Place::Over;
                self.head.bytes = self.head.bytes.saturating_add(bytes.len());
                return followed;
            }
        }
        Ok(())
    }

    /// Passes over the bytes of a body.
    fn pass(&mut self, bytes: &mut &[u8], left: u64) {
        let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        *bytes = bytes.get(taken..).unwrap_or_default();
        let taken = u64::try_from(taken).unwrap_or(u64::MAX);
        let left = left.saturating_sub(taken);
        self.place = match self.place {
            Place::Data(_) => {
                self.data = self.data.saturating_add(taken);
                if left == 0 { Place::DataEnd } else { Place::Data(left) }
            }
            _ if left == 0 => Place::Head,
            _ => Place::Body(left),
        };
    }

    /// Reads as far as the end of a line.
    fn line(&mut self, bytes: &mut &[u8]) -> Result<(), Misframed> {
        let end = memchr(b'\n', bytes).map(|at| at.saturating_add(1));
        let (line, rest) = bytes.split_at_checked(end.unwrap_or(bytes.len())).unwrap_or((*bytes, &[]));
        *bytes = rest;
        if matches!(self.place, Place::Head) {
            self.head.bytes = self.head.bytes.saturating_add(line.len());
        } else {
            self.count(line)?;
        }
        if end.is_some() && self.kept.is_empty() {
            return self.read(line);
        }
        let room = LINE.saturating_sub(self.kept.len());
        self.cut |= line.len() > room;
        self.kept.extend_from_slice(line.get(..room).unwrap_or(line));
        if end.is_none() {
            return if self.is_hopeless() { Err(Misframed) } else { Ok(()) };
        }
        let mut whole = std::mem::take(&mut self.kept);
        let read = self.read(&whole);
        whole.clear();
        self.kept = whole;
        self.cut = false;
        read
    }

    /// Whether the line that has begun cannot be right any more.
    fn is_hopeless(&self) -> bool {
        match self.place {
            Place::DataEnd => !b"\r\n".starts_with(&self.kept),
            Place::Size | Place::Trailers => self.cut,
            _ => false,
        }
    }

    /// Counts what is no body, and bounds it.
    fn count(&mut self, line: &[u8]) -> Result<(), Misframed> {
        let bytes = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if matches!(self.place, Place::Trailers) {
            self.trailers = self.trailers.saturating_add(bytes);
            return if self.trailers > TRAILERS { Err(Misframed) } else { Ok(()) };
        }
        self.around = self.around.saturating_add(bytes);
        let most = self.data.saturating_mul(4).saturating_add(SPARE);
        if self.around > most { Err(Misframed) } else { Ok(()) }
    }

    /// Reads a whole line, its end included.
    fn read(&mut self, line: &[u8]) -> Result<(), Misframed> {
        self.place = match self.place {
            Place::Head => return self.field(line),
            // Whole as in pieces, of which no more is kept.
            _ if self.cut || line.len() > LINE => return Err(Misframed),
            Place::Size => match size(line).ok_or(Misframed)? {
                0 => Place::Trailers,
                more => Place::Data(more),
            },
            Place::DataEnd if line == b"\r\n" => Place::Size,
            Place::Trailers if line == b"\r\n" => Place::Over,
            Place::Trailers if is_field(line) => Place::Trailers,
            _ => return Err(Misframed),
        };
        Ok(())
    }

    /// Reads a line of a header. What is wrong with it the phase of the header tells; here it must only not be missed.
    fn field(&mut self, line: &[u8]) -> Result<(), Misframed> {
        let long = self.cut || line.len() > LINE;
        // As much of it as is kept where it comes in pieces: the verdict must not depend on where they end.
        let line = line.get(..LINE).unwrap_or(line).trim_ascii();
        if line.is_empty() {
            if long {
                // What stands behind so many blanks is not looked at, so it is not known to be the end of a header.
                return Err(self.in_header());
            }
            if self.head.begun {
                let Head { chunked, length, .. } = std::mem::take(&mut self.head);
                self.heads = self.heads.saturating_add(1);
                self.place = match length {
                    _ if chunked => Place::Size,
                    0 => Place::Head,
                    more => Place::Body(more),
                };
            }
            return Ok(());
        }
        if !self.head.begun {
            self.head.begun = true;
            // The parser above mends a line with blanks too many before anybody sees it.
            let words = line.split(|byte| *byte == b' ').count();
            let sound = words == 3 && !line.iter().any(u8::is_ascii_control);
            return if sound || long { Ok(()) } else { Err(self.in_header()) };
        }
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts.next().unwrap_or_default().trim_ascii_end();
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.head.chunked = true;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let value =
                std::str::from_utf8(parts.next().unwrap_or_default().trim_ascii()).unwrap_or_default();
            self.head.length = value.parse().unwrap_or(0);
        } else {
            return Ok(());
        }
        if long {
            // Blanks without end before a value would hide it from here.
            return Err(self.in_header());
        }
        Ok(())
    }

    /// A fault of a header that is not complete yet, which is then the last one followed.
    fn in_header(&mut self) -> Misframed {
        self.lost = true;
        self.heads = self.heads.saturating_add(1);
        Misframed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: chunked\r\n\r\n";

    /// The same verdict whole and byte by byte: that, and how many headers were seen.
    fn followed(text: &str) -> (bool, u32) {
        let mut whole = Framing::default();
        let verdict = (whole.follow(text.as_bytes()).is_ok(), whole.heads());
        let mut pieces = Framing::default();
        let good = text.bytes().all(|byte| pieces.follow(&[byte]).is_ok());
        assert_eq!(verdict.0, good, "{text:?}");
        assert!(!good || pieces.heads() == verdict.1, "{text:?}");
        verdict
    }

    #[test]
    fn chunks_of_the_grammar_pass_and_end_what_is_followed() {
        let many = format!("{}0\r\n\r\n", "3\r\nabc\r\n".repeat(100));
        for chunks in [
            "2\r\n{}\r\n0\r\n\r\nGET nonsense\n\0",
            "0002\r\n{}\r\n000\r\n\r\n",
            "2;a\r\n{}\r\n0;b=c;d=\"e \\\" f\"\r\n\r\n",
            "2\r\n{}\r\n0\r\nname: value\r\nother:\r\n\r\n",
            "9\r\n{\n\r\n\r\n\r\n}\r\n0\r\n\r\n",
            &many,
        ] {
            assert_eq!(followed(&format!("{HEAD}{chunks}")), (true, 1), "{chunks:?}");
        }
    }

    #[test]
    fn anything_else_does_not() {
        let extensions = format!("2;{}\r\n", "a".repeat(1024));
        let tiny = "1\r\nx\r\n".repeat(1100);
        let trailers = format!("2\r\n{{}}\r\n0\r\n{}", "a: b\r\n".repeat(1500));
        for chunks in [
            "2 \r\n",
            " 2\r\n",
            "2;\r\n",
            "2 ;a\r\n",
            "2;a b\r\n",
            "2;a=\r\n",
            "2;a=\"b\r\n",
            "2;a=\"\u{e9}\"\r\n",
            "2;\n\r\n",
            "2;\0\r\n",
            "2;a\rb\r\n",
            "2\n",
            "\r\n",
            ";a\r\n",
            "0x2\r\n",
            "+2\r\n",
            "-2\r\n",
            "2_\r\n",
            "00000000000000002\r\n",
            "g\r\n",
            "2\r\n{}0\r\n",
            "2\r\n{}\n",
            "2\r\n{}\r0",
            "2\r\n{}x\r\n",
            "2\r\n{}\r\n0\r\nno field\r\n",
            "2\r\n{}\r\n0\r\n folded: a\r\n",
            "2\r\n{}\r\n0\r\n\n",
            &extensions,
            &tiny,
            &trailers,
            &format!("2\r\n{{}}\r\n0\r\na: {}\r\n\r\n", "b".repeat(LINE)),
            &format!("300\r\n{}\r\n0;{}\r\n\r\n", "x".repeat(0x300), "a".repeat(LINE)),
        ] {
            assert_eq!(followed(&format!("{HEAD}{chunks}")), (false, 1), "{chunks:?}");
        }
    }

    #[test]
    fn requests_are_told_apart_by_their_lengths() {
        let head = |fields: &str| format!("POST / HTTP/1.1\r\n{fields}\r\n");
        let two = format!("\r\n{}{{}}\r\n{}", head("Content-Length: 2\r\n"), head("a: b\r\n"));
        assert_eq!(followed(&two), (true, 2));
        let bad = format!("{two}{}zz\r\n", head("Transfer-Encoding:chunked\r\n"));
        assert_eq!(followed(&bad), (false, 3));
        let hidden = format!("{}2\r\n", head(&format!("Transfer-Encoding:{}chunked\r\n", " ".repeat(2000))));
        assert_eq!(followed(&hidden), (false, 1));
        let long = head(&format!("a: {}\r\nContent-Length: 1\r\n", "b".repeat(5000)));
        assert_eq!(followed(&format!("{long}x{long}y")), (true, 2));
        let blanks = head(&format!("{}x\r\n", " ".repeat(2000)));
        assert_eq!(followed(&blanks), (false, 1));
        assert_eq!(followed("POST  / HTTP/1.1\r\n"), (false, 1));
        assert_eq!(followed(&format!("{two}GET /\t HTTP/1.1\r\n")), (false, 3));
    }

    #[test]
    fn what_is_here_of_a_header_is_counted_until_it_ends() {
        let unended = |text: &str, turn: u32| {
            let mut pieces = Framing::default();
            for byte in text.bytes() {
                let _ = pieces.follow(&[byte]);
            }
            let mut whole = Framing::default();
            let _ = whole.follow(text.as_bytes());
            assert_eq!(pieces.unended(turn), whole.unended(turn), "{text:?}");
            whole.unended(turn)
        };
        let get = "GET / HTTP/1.1\r\na: b\r\n\r\n";
        assert_eq!([unended("", 0), unended("\r\n\r\nG", 0), unended("GET / HTTP/1.1\r\na", 0)], [0, 5, 17]);
        assert_eq!([unended(get, 0), unended(get, 2), unended(&format!("{get}PO"), 0)], [0, 0, 0]);
        assert_eq!(unended(&format!("{get}PO"), 2), 2);
        // Where it ends is not known.
        assert_eq!(unended("GET  / HTTP/1.1\r\n\r\nmore", 0), 23);
        assert_eq!([unended(HEAD, 0), unended(&format!("{HEAD}zz\r\n"), 0)], [0, 0]);
    }
}
