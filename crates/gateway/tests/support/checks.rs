//! What must hold for any bytes that reach the gateway's own parsers: run by fuzz targets and, on the seeds, by a test.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
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
            assert!(!lines.is_empty() && lines.iter().all(|line| !line.contains('\n')), "{lines:?}");
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
    let text = String::from_utf8_lossy(raw).to_ascii_lowercase();
    let head = text.split("\r\n\r\n").find(|part| !part.trim().is_empty()).unwrap_or_default();
    let fields = |name: &str| head.split("\r\n").filter(|line| line.starts_with(&format!("{name}:"))).count();
    assert!(fields("content-length") + fields("transfer-encoding") <= 1, "{head}");
    let mut words = head.trim_start().split("\r\n").next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if let Ok(method) = http::Method::from_bytes(method.to_ascii_uppercase().as_bytes())
        && let Ok(found) = route(&method, target)
    {
        let path = target.split('?').next().unwrap_or_default();
        assert!(
            path.starts_with("/contextcapture/") || path.starts_with("/jobgate/v1/"),
            "{found:?} {target}"
        );
        assert!(!path.contains("//") && !path.contains("..") && !path.contains('%'), "{found:?} {target}");
    }
}
