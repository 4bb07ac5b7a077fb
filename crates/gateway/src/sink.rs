//! Where usage events end: a file with one JSON object a line, or a server that takes batches. Whether and when to send is
//! decided elsewhere.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use ledger::Outgoing;

use crate::config::{Secret, SinkTo};
use crate::contact::Contact;
use crate::courier::{Fate, Parcel};

/// How far back the end of the last whole line is looked for.
const LONGEST_LINE: u64 = 1 << 20;

/// How an event begins: its members are in the order of their names.
const EVENT: &[u8] = br#"{"data":{"amount":"#;

/// A sink that can be sent to.
#[derive(Debug)]
pub(crate) enum Sink {
    File(PathBuf),
    Server { contact: Contact, target: String, token: Option<Secret> },
}

/// Why events were not taken.
#[derive(Debug)]
pub(crate) enum NotTaken {
    /// It may be otherwise later.
    Now(String),
    /// They are too many at once, or one of them is too large.
    Large(String),
    /// These events will never be taken.
    Ever(String),
}

impl Sink {
    /// A sink as it is configured.
    ///
    /// # Errors
    /// When its file cannot be written: which one, and what to do.
    pub(crate) fn open(to: SinkTo) -> Result<Self, String> {
        match to {
            SinkTo::File(path) => match append(&path, &[]) {
                Ok(()) => Ok(Self::File(path)),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    Err(format!("{} is not written to: {error}", path.display()))
                }
                Err(error) => Err(format!(
                    "{} cannot be written: {error}; see that its folder is there and that the gateway may write to it",
                    path.display()
                )),
            },
            SinkTo::Server { server, target, token, .. } => Ok(Self::Server {
                contact: Contact::new(*server),
                target,
                token: token.map(|(_, token)| token),
            }),
        }
    }

    /// Sends events; they are taken all or none.
    ///
    /// # Errors
    /// When they are not known to be taken.
    pub(crate) async fn send(&self, events: &[Outgoing]) -> Result<(), NotTaken> {
        let events: Vec<String> = events.iter().map(|event| event.event.clone()).collect();
        match self {
            Self::File(path) => {
                let path = path.clone();
                let written = tokio::task::spawn_blocking(move || append(&path, &events)).await;
                let written = written.unwrap_or_else(|fault| Err(io::Error::other(fault)));
                written.map_err(|fault| NotTaken::Now(fault.to_string()))
            }
            Self::Server { contact, target, token } => {
                let body = format!("[{}]", events.join(","));
                let parcel = parcel(target, contact.authority(), token.as_ref(), body);
                judge(&contact.ask(parcel).await.map_err(NotTaken::Now)?)
            }
        }
    }
}

fn parcel(target: &str, authority: &str, token: Option<&Secret>, body: String) -> Parcel {
    let token = token.map(|Secret(token)| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: jobgate/{}\r\nContent-Type: application/cloudevents-batch+json\r\n{token}Content-Length: {}\r\n\r\n",
        env!("CARGO_PKG_VERSION"),
        body.len()
    );
    Parcel { head: head.into_bytes(), body: Bytes::from(body) }
}

fn judge(fate: &Fate) -> Result<(), NotTaken> {
    match fate.status().map(|status| status.as_u16()) {
        Some(200..=299) if matches!(fate, Fate::Answered(_)) => Ok(()),
        Some(status @ 413) => Err(NotTaken::Large(format!("status {status}"))),
        // It speaks of what it was sent. Any other refusal is about us, the path or the moment: an operator can mend that.
        Some(status @ (400 | 409 | 415 | 422)) => Err(NotTaken::Ever(format!("status {status}"))),
        Some(status) => Err(NotTaken::Now(format!("status {status}"))),
        None => Err(NotTaken::Now("no answer".to_owned())),
    }
}

/// Appends lines and has them on the disk before it returns. The file is opened each time, so that it can be moved away.
fn append(path: &Path, lines: &[String]) -> io::Result<()> {
    let mut file = File::options().create(true).append(true).read(true).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file, which alone can be made sure of"));
    }
    cut_torn_line(&mut file)?;
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

/// A part of a line is what a crash or a full disk left of an event that nobody has confirmed; it is sent again, whole. Of a file that
/// ends in anything else nothing is cut off: somebody has named it by mistake.
fn cut_torn_line(file: &mut File) -> io::Result<()> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(LONGEST_LINE);
    file.seek(SeekFrom::Start(from))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    if matches!(end.last(), None | Some(b'\n')) {
        return Ok(());
    }
    let behind = |is_last: fn(&u8) -> bool| end.iter().rposition(is_last).map(|at| at.saturating_add(1));
    let whole = behind(|byte| *byte == b'\n');
    if whole.is_none() && from > 0 {
        return Err(io::Error::other("its last megabyte is no line; it is somebody else's file"));
    }
    // A file may have grown before what is in it was written: then zeros are behind what is.
    let written = behind(|byte| !matches!(byte, 0 | b'\n')).unwrap_or(0);
    let last = end.get(..written).and_then(|written| written.rsplit(|byte| *byte == b'\n').next());
    if !last.is_some_and(|last| !last.is_empty() && (last.starts_with(EVENT) || EVENT.starts_with(last))) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it ends in a part of a line that is no event; name another file, or end that line",
        ));
    }
    let kept = whole.and_then(|whole| u64::try_from(whole).ok()).unwrap_or(0);
    file.set_len(from.saturating_add(kept))
}
