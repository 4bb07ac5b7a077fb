//! What must hold for any bytes that reach the gateway's own parsers: run by fuzz targets and, on the seeds, by a test.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a fault is found by panicking, and each user takes its part"
)]

use std::path::Path;

use gateway::{Config, HeadLimits, route, scan_head};

/// A configuration: what is taken is the same from its shown form, what is refused has its reasons, one a line.
pub fn config(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    match Config::parse(text, Path::new("/nonexistent"), []) {
        Ok(config) => {
            let again = Config::parse(&config.effective(), Path::new("/nonexistent"), []);
            assert_eq!(again.as_ref().map_err(ToString::to_string), Ok(&config));
        }
        Err(problems) => {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            assert!(
                !lines.is_empty() && !lines.iter().any(|line| line.contains(char::is_control)),
                "{lines:?}"
            );
        }
    }
}

/// A header: what passes cannot be framed in two ways, and no path but a documented one leads anywhere.
pub fn head(raw: &[u8]) {
    let limits = HeadLimits { bytes: 4096, fields: 32, target: 512 };
    if scan_head(raw, &limits).is_err() {
        return;
    }
    assert!(raw.len() <= limits.bytes);
    let text = String::from_utf8_lossy(raw);
    // As the standard has it: empty lines before a request are skipped, and the next one ends its header.
    let mut lines = text.split("\r\n").skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty());
    let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, version] = words[..] else { panic!("{words:?} is no request line") };
    assert!(["HTTP/1.0", "HTTP/1.1"].contains(&version) && !target.is_empty(), "{words:?}");
    let names: Vec<String> =
        lines.map(|line| line.split(':').next().unwrap_or_default().trim().to_ascii_lowercase()).collect();
    let count = |name: &str| names.iter().filter(|one| *one == name).count();
    assert!(count("content-length") + count("transfer-encoding") <= 1, "{names:?}");
    assert!(count("host") == 1 || (count("host") == 0 && version == "HTTP/1.0"), "{names:?}");
    let method = http::Method::from_bytes(method.as_bytes()).expect("a method is a token");
    routed(&method, target);
}

/// What leads anywhere is a documented path, which nothing that normalises paths can turn into another.
fn routed(method: &http::Method, target: &str) {
    let Ok(found) = route(method, target) else { return };
    let path = target.split('?').next().unwrap_or_default();
    assert!(path.starts_with("/contextcapture/") || path.starts_with("/jobgate/v1/"), "{found:?} {target}");
    assert!(!path.contains("//") && !path.contains("..") && !path.contains('%'), "{found:?} {target}");
}
