//! What time it was when a ledger was first opened since this machine started, kept in a file beside it: a gateway that is
//! started again goes on from there by elapsed time, so that whoever sets the clock between two starts gains nothing either.
//! A machine that was started anew has only its clock to go by.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ledger::Url;
use log::warn;

use crate::clock;

/// Which start of the machine this is, and how long ago that was, time asleep included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Boot {
    pub(crate) id: String,
    pub(crate) since: Duration,
}

/// An instant, and when it was.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Anchor {
    boot: Boot,
    at: Timestamp,
}

/// The first word of the file.
const MAGIC: &str = "jobgate-clock-1";

/// The instant to begin with or to write down beside a ledger: by elapsed time since the anchor, where there is one of this start of the
/// machine, else by the machine's clock.
pub fn date(ledger: &Url) -> Timestamp {
    let system = clock::date();
    let found = file(ledger).and_then(|file| read(&file)).zip(clock::boot());
    found.and_then(|(anchor, boot)| anchor.then(&boot)).unwrap_or(system)
}

/// Keeps an instant for the next start.
pub(crate) fn keep(ledger: &Url, at: Timestamp) {
    let (Some(file), Some(boot)) = (file(ledger), clock::boot()) else { return };
    let kept = read(&file).and_then(|anchor| anchor.then(&boot));
    // One that leads to the same instant stays: a chain of new ones would add up what each is off by.
    if kept.is_some_and(|kept| kept.duration_until(at).abs() < SignedDuration::from_secs(1)) {
        return;
    }
    let part = with(&file, ".part");
    let written = fs::write(&part, Anchor { boot, at }.to_string()).and_then(|()| fs::rename(part, &file));
    if let Err(error) = written {
        warn!("{} cannot be written: {error}; the next start goes by the machine's clock", file.display());
    }
}

/// Beside a ledger in a file; one in memory begins anew, and its budgets with it.
fn file(ledger: &Url) -> Option<PathBuf> {
    let Url::Sqlite(path) = ledger else { return None };
    Some(with(path, ".clock"))
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// What cannot be read is as good as none: it is written anew.
fn read(file: &Path) -> Option<Anchor> {
    Anchor::parse(&fs::read_to_string(file).ok()?)
}

impl Anchor {
    fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.strip_suffix('\n')?.split(' ').collect();
        let [MAGIC, id, since, at] = words.as_slice() else { return None };
        let boot = Boot { id: (*id).to_owned(), since: Duration::from_millis(since.parse().ok()?) };
        Some(Self { boot, at: Timestamp::from_millisecond(at.parse().ok()?).ok()? })
    }

    /// The instant that it is by now; none on another start of the machine, or where that is behind the anchor, as on a machine
    /// that was set back to a picture of itself.
    fn then(&self, now: &Boot) -> Option<Timestamp> {
        let elapsed = now.since.checked_sub(self.boot.since).filter(|_| now.id == self.boot.id)?;
        self.at.checked_add(SignedDuration::try_from(elapsed).ok()?).ok()
    }
}

impl std::fmt::Display for Anchor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { boot: Boot { id, since }, at } = self;
        writeln!(f, "{MAGIC} {id} {} {}", since.as_millis(), at.as_millisecond())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boot(id: &str, since: u64) -> Boot {
        Boot { id: id.to_owned(), since: Duration::from_secs(since) }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn time_goes_on_from_an_anchor_of_this_start_of_the_machine_alone() {
        let anchor = Anchor { boot: boot("a", 100), at: at(5000) };
        assert_eq!(anchor.then(&boot("a", 160)), Some(at(5060)));
        assert_eq!(anchor.then(&boot("b", 160)), None, "started anew");
        assert_eq!(anchor.then(&boot("a", 99)), None, "set back to a picture of itself");
    }

    #[test]
    fn an_anchor_reads_back_and_a_part_of_one_is_none() {
        let anchor = Anchor { boot: boot("0ea7-1", 100), at: at(5000) };
        let text = anchor.to_string();
        assert_eq!(Anchor::parse(&text), Some(anchor));
        for end in 0..text.len() {
            assert_eq!(Anchor::parse(text.get(..end).unwrap()), None, "{end}");
        }
        for text in ["\n", "jobgate-clock-2 a 1 1\n", "jobgate-clock-1 a x 1\n", "jobgate-clock-1 a 1 1 1\n"]
        {
            assert_eq!(Anchor::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_first_anchor_stays_until_the_instant_is_another_one() {
        let folder = std::env::temp_dir().join(format!("jobgate-anchor-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let url = Url::Sqlite(folder.join("book.db"));
        assert!(date(&url).duration_until(clock::date()).abs() < SignedDuration::from_secs(60));
        // As under a clock that was set: what is kept is gone on from, whatever the clock says now.
        keep(&url, at(5000));
        let first = fs::read(folder.join("book.db.clock")).unwrap();
        let next = date(&url);
        assert!((at(5000)..at(5060)).contains(&next), "{next}");
        keep(&url, next);
        assert_eq!(fs::read(folder.join("book.db.clock")).unwrap(), first);
        keep(&url, at(9000));
        assert!(date(&url) >= at(9000));
        assert!(date(&Url::Memory).duration_until(clock::date()).abs() < SignedDuration::from_secs(60));
        fs::remove_dir_all(folder).unwrap();
    }
}
