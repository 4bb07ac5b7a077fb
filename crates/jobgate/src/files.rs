//! Reads what a command is pointed at: files, or stdin where the name is `-`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use jobgate::stream::LONGEST;

use crate::output::{Ending, Failure, printable};

/// The name that people see for a path.
pub(crate) fn title(path: &Path) -> String {
    if is_stdin(path) { "<stdin>".to_owned() } else { path.display().to_string() }
}

pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Opens a file or stdin.
///
/// # Errors
/// One line that names the file.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if is_stdin(path) {
        return Ok(Box::new(io::stdin().lock()));
    }
    match File::open(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// The whole of it, as long as it is not longer than any job.
///
/// # Errors
/// One line that names the file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let most = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    // One byte more tells a file that is too long from one that just fits.
    let read = open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes);
    match read {
        Ok(length) if length > LONGEST => {
            let what = format!("it is longer than {LONGEST} bytes; with one job a line, give --ndjson");
            Err(unreadable(path, &io::Error::new(io::ErrorKind::FileTooLarge, what)))
        }
        Ok(_) => Ok(bytes),
        Err(error) => Err(unreadable(path, &error)),
    }
}

pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Ending::Usage, format!("{}: cannot be read: {error}", printable(&title(path))))
}
