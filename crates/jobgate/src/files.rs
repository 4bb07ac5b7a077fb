//! Reads what a command is pointed at: files, or stdin where the name is `-`.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::output::{Ending, Failure};

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

/// The whole of it.
///
/// # Errors
/// One line that names the file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    Ok(bytes)
}

pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Ending::Usage, format!("{}: cannot be read: {error}", title(path)))
}
