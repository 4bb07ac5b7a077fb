//! Whether a file is the PEM it is used as; the blocks themselves are read by the TLS library.

/// What is wrong with a file of certificates.
pub(super) fn certificate(text: &str) -> Option<&'static str> {
    if text.contains("-----BEGIN CERTIFICATE-----") {
        None
    } else if text.contains("PRIVATE KEY-----") {
        Some("holds a private key and no certificate")
    } else {
        Some("has no line \"-----BEGIN CERTIFICATE-----\": it must be PEM")
    }
}

/// What is wrong with a file of a private key.
pub(super) fn private_key(text: &str) -> Option<&'static str> {
    let plain = ["", "RSA ", "EC "];
    if plain.iter().any(|kind| text.contains(&format!("-----BEGIN {kind}PRIVATE KEY-----"))) {
        None
    } else if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        Some("holds an encrypted key; this version reads only plain ones")
    } else if text.contains("-----BEGIN CERTIFICATE-----") {
        Some("holds a certificate and no private key")
    } else {
        Some("has no line \"-----BEGIN PRIVATE KEY-----\": it must be PEM")
    }
}
