//! The fingerprint of what decides: whoever finds it in a record can tell whether it was the same.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256 of a canonical form, in lower-case hexadecimal.
pub(crate) fn sha256(form: &Value) -> String {
    let mut sha256 = String::with_capacity(64);
    for byte in Sha256::digest(form.to_string()) {
        // Writing to a string cannot fail.
        let _ = write!(sha256, "{byte:02x}");
    }
    sha256
}
