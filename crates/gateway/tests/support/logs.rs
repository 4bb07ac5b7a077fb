//! Readers of the access log that are no good.

use std::io::{self, Write};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::thread;

/// A reader that does not read until it is let go.
pub struct Stuck(pub Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // An error means that the test is over.
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A disk without space.
pub struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
}

/// A disk that has room for so many bytes more, and what is on it.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    room: usize,
    text: Vec<u8>,
    /// A write found no room since there was room last.
    is_full: bool,
}

impl Disk {
    pub fn make_room(&self, bytes: usize) {
        let mut content = self.0.lock().unwrap();
        content.room += bytes;
        content.is_full = false;
    }

    pub fn wait_until_full(&self) {
        while !self.0.lock().unwrap().is_full {
            thread::yield_now();
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().text.clone()).unwrap()
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut content = self.0.lock().unwrap();
        let taken = bytes.len().min(content.room);
        content.room -= taken;
        content.is_full = taken == 0;
        content.text.extend_from_slice(&bytes[..taken]);
        if content.is_full { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
