//! Room on the disk that is kept for what has happened already. When the disk is full it is given back to the file system, so that
//! outcomes can be written into it; nothing new is begun until it could be made again. What an order is, nobody knows here.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::watch::Watch;
use crate::ledger::OpenError;

/// Enough for some 1,200 outcomes, each in a transaction of its own: more than requests are under way unless configured otherwise.
const SIZE: u64 = 1 << 20;
const PIECE: usize = 128 << 10;
const PIECES: usize = 8;

/// How long after it was given back, or could not be made, it is tried to be made again.
const AGAIN: Duration = Duration::from_secs(1);

/// The file that keeps the room, or none where somebody else keeps it.
#[derive(Debug)]
pub(super) struct Reserve {
    path: Option<PathBuf>,
    /// Since when there is no room; none while it is kept.
    away: Option<Instant>,
    watch: Arc<Watch>,
}

impl Reserve {
    /// Of a ledger at this place. Where there is no room for it now, it is made as soon as there is.
    pub(super) fn of(ledger: &Path, watch: &Arc<Watch>) -> Self {
        let mut reserve = Self { path: Some(beside(ledger)), ..Self::none(watch) };
        reserve.make();
        reserve
    }

    /// For whoever writes beside the one that keeps it.
    pub(super) fn none(watch: &Arc<Watch>) -> Self {
        Self { path: None, away: None, watch: Arc::clone(watch) }
    }

    /// Waits for the next order, and meanwhile for room; none when there will be no order any more.
    pub(super) fn next<T>(&mut self, waiting: &Receiver<T>) -> Option<T> {
        while let Some(away) = self.away {
            let passed = Watch::now().saturating_duration_since(away);
            // Whoever is refused all the time does not keep it from being made.
            match AGAIN.checked_sub(passed).map(|left| waiting.recv_timeout(left)) {
                Some(Ok(order)) => return Some(order),
                Some(Err(RecvTimeoutError::Disconnected)) => return None,
                Some(Err(RecvTimeoutError::Timeout)) | None => self.make(),
            }
        }
        waiting.recv().ok()
    }

    /// The disk is full: its room is for what has happened already, until there is more.
    pub(super) fn give_back(&mut self) {
        let Some(path) = &self.path else { return };
        if self.away.is_none() {
            // What cannot be given back is not missed by anybody: it stays as full as it is.
            let _ = emptied(path);
            self.is_away(true);
        }
    }

    fn make(&mut self) {
        let Some(path) = &self.path else { return };
        let made = filled(path);
        if made.is_err() {
            // A part of it is no reserve, and takes what outcomes may need.
            let _ = emptied(path);
        }
        self.is_away(made.is_err());
    }

    fn is_away(&mut self, away: bool) {
        self.away = away.then(Watch::now);
        self.watch.short(away);
    }
}

/// Whether the file can be there at all: only room on the disk comes back by itself.
pub(super) fn check(ledger: &Path) -> Result<(), OpenError> {
    let path = beside(ledger);
    match File::options().create(true).truncate(false).write(true).open(&path) {
        Err(error) if !matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            let what = format!(
                "{}, which keeps room for it, cannot be written: {error}; take away what is there",
                path.display()
            );
            Err(OpenError::of(ledger, &what))
        }
        _ => Ok(()),
    }
}

/// Blocks of its own, on the disk before anybody counts on them: neither a length without blocks nor what a file system could
/// write shorter. A part is written over in its place.
fn filled(path: &Path) -> io::Result<()> {
    let mut file = File::options().create(true).truncate(false).write(true).open(path)?;
    let there = file.metadata()?;
    // Blocks are counted by 512 bytes, whatever the file system's own are.
    if there.len() >= SIZE && there.blocks() >= SIZE / 512 {
        return Ok(());
    }
    file.write_all(&noise())?;
    file.sync_all()
}

/// Gives back what was kept for a ledger that is not open yet; tells whether anything was.
pub(super) fn given_back(ledger: &Path) -> bool {
    let path = beside(ledger);
    let is_kept = std::fs::metadata(&path).is_ok_and(|file| file.len() > 0);
    is_kept && emptied(&path).is_ok()
}

fn beside(ledger: &Path) -> PathBuf {
    let mut name = ledger.as_os_str().to_owned();
    name.push(".reserve");
    name.into()
}

/// Flushed: some file systems have the room back only then.
fn emptied(path: &Path) -> io::Result<()> {
    let file = File::options().write(true).open(path)?;
    file.set_len(0)?;
    file.sync_all()
}

/// The same piece again and again: file systems that compress look at 128 KiB at a time, unless they are told otherwise.
fn noise() -> Vec<u8> {
    let mut piece = Vec::new();
    let mut seed: u64 = 1;
    for _ in 0..PIECE / 8 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        piece.extend_from_slice(&seed.to_be_bytes());
    }
    piece.repeat(PIECES)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::mpsc::channel;

    use super::*;

    /// A folder that goes with the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("jobgate-reserve-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&folder);
            Self(folder)
        }

        fn size(&self) -> Option<u64> {
            Some(fs::metadata(self.0.join("book.db.reserve")).ok()?.len())
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn room_that_was_given_back_is_kept_again_once_it_is_to_be_had() {
        let folder = Folder::new("again");
        fs::create_dir_all(&folder.0).unwrap();
        let watch = Arc::<Watch>::default();
        let mut reserve = Reserve::of(&folder.0.join("book.db"), &watch);
        assert_eq!((folder.size(), watch.is_short()), (Some(1 << 20), false));
        reserve.give_back();
        assert_eq!((folder.size(), watch.is_short()), (Some(0), true));
        let (orders, waiting) = channel();
        orders.send(1).unwrap();
        assert_eq!((reserve.next(&waiting), watch.is_short()), (Some(1), true), "nobody waits for it");
        // However many come, it is made in the end.
        while watch.is_short() {
            orders.send(2).unwrap();
            assert_eq!(reserve.next(&waiting), Some(2));
        }
        assert_eq!(folder.size(), Some(1 << 20));
        drop(orders);
        assert_eq!(reserve.next(&waiting), None);
    }

    #[test]
    fn room_that_is_not_to_be_had_is_waited_for_while_nobody_asks() {
        let folder = Folder::new("none");
        let watch = Arc::<Watch>::default();
        let mut reserve = Reserve::of(&folder.0.join("book.db"), &watch);
        assert!(watch.is_short() && folder.size().is_none(), "its folder is not there");
        fs::create_dir_all(&folder.0).unwrap();
        let (orders, waiting) = channel::<()>();
        let looking = std::thread::spawn(move || reserve.next(&waiting));
        while watch.is_short() {
            std::thread::yield_now();
        }
        assert_eq!(folder.size(), Some(1 << 20));
        drop(orders);
        assert_eq!(looking.join().unwrap(), None);
    }

    #[test]
    fn who_keeps_no_room_gives_none_back() {
        let watch = Arc::<Watch>::default();
        let mut reserve = Reserve::none(&watch);
        reserve.give_back();
        assert!(!watch.is_short());
    }
}
