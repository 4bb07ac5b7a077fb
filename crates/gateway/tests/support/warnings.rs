//! Hears what gateways warn of. By itself, for whoever includes it: the fuzz targets share the rest of this folder, and have no logger.

use std::sync::Mutex;

/// What gateways of this process have said.
static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Listener;

impl log::Log for Listener {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            SAID.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// From here on warnings are heard.
pub(crate) fn listen() {
    // Another test may have begun it.
    let _ = log::set_logger(&Listener);
    log::set_max_level(log::LevelFilter::Warn);
}

/// Warnings so far that have a word in them.
pub(crate) fn said(word: &str) -> Vec<String> {
    SAID.lock().unwrap().iter().filter(|line| line.contains(word)).cloned().collect()
}
