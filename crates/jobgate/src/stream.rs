//! One document a line, by the million: constant memory, however long the stream or a line of it is.

use std::io::{self, BufRead, Read};

use crate::judge::{Finding, Judge, Tally};

/// The longest document, in bytes. No gate takes a job this long; input without line ends must not fill the memory.
pub const LONGEST: usize = 16 << 20;

/// A line of which there is something to tell.
#[derive(Debug)]
pub struct Line<'a> {
    /// Its number, counted from 1, empty lines included.
    pub number: u64,
    /// Its text without the line end; the beginning of it where it is too long.
    pub body: &'a [u8],
    /// What is to be told.
    pub finding: &'a Finding,
}

/// Why a stream was not judged to its end.
#[derive(Debug)]
pub enum Interrupted {
    /// It broke off.
    Input(io::Error),
    /// Nobody takes the findings any more.
    Output(io::Error),
}

/// Judges every line that is not empty and gives those with findings to `each`, in their order.
///
/// ```
/// use jobgate::judge::{Judge, Tally};
/// use jobgate::stream;
/// let lines = b"{\"state\":\"Active\"}\n\n{}\n".as_slice();
/// let (mut tally, mut bad) = (Tally::default(), Vec::new());
/// let judge = Judge::of_patches(job_model::Policy::default());
/// stream::lint(lines, &judge, &mut tally, |line| Ok(bad.push(line.number))).unwrap();
/// assert_eq!((tally.documents, tally.refused, bad), (2, 1, vec![3]));
/// ```
///
/// # Errors
/// [`Interrupted`]; what was counted until then is in the tally.
pub fn lint(
    mut reader: impl BufRead,
    judge: &Judge,
    tally: &mut Tally,
    mut each: impl FnMut(Line<'_>) -> io::Result<()>,
) -> Result<(), Interrupted> {
    let mut buffer = Vec::with_capacity(4096);
    for number in 1.. {
        let Some((body, whole)) = next_line(&mut reader, &mut buffer).map_err(Interrupted::Input)? else {
            break;
        };
        let finding = match whole {
            false => Some(Finding::TooLong),
            true if body.trim_ascii().is_empty() => continue,
            true => judge.finding(body),
        };
        tally.count(finding.as_ref());
        if let Some(finding) = &finding {
            each(Line { number, body, finding }).map_err(Interrupted::Output)?;
        }
    }
    Ok(())
}

/// The next line without its end, and whether that is the whole of it; of a line that is too long the rest is skipped.
fn next_line<'a>(reader: &mut impl BufRead, buffer: &'a mut Vec<u8>) -> io::Result<Option<(&'a [u8], bool)>> {
    buffer.clear();
    // One byte more than the longest line: its end.
    let most = u64::try_from(LONGEST).unwrap_or(u64::MAX).saturating_add(1);
    if reader.by_ref().take(most).read_until(b'\n', buffer)? == 0 {
        return Ok(None);
    }
    let whole = buffer.len() <= LONGEST || buffer.ends_with(b"\n");
    if !whole {
        reader.skip_until(b'\n')?;
    }
    let line = buffer.strip_suffix(b"\n").unwrap_or(buffer);
    Ok(Some((line.strip_suffix(b"\r").unwrap_or(line), whole)))
}
