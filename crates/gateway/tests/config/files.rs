//! Files that a configuration names: there, and fit for what they are named for, as the server will find when it starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rcgen::CertifiedKey;

use super::{CARD, problems};

/// A certificate and its key, PEM.
pub(super) fn certified() -> &'static (String, String) {
    static PAIR: LazyLock<(String, String)> = LazyLock::new(another);
    &PAIR
}

/// Another one of another key.
fn another() -> (String, String) {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    (cert.pem(), signing_key.serialize_pem())
}

/// A sound key of a kind that the TLS library does not know, made for this test: P-521.
const P521: &str = "-----BEGIN PRIVATE KEY-----
MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIBEYQc10+4vVvLrN4+
dyzMmLcWDMArf41m0HAYkeRF8xHGELFvn4i39CcOe8nPXDG5k6ZIDWOgJ24gO/KE
PJ8t00ChgYkDgYYABAHMCW6dsW3PaI0UEvTCAVBX4354KBSxF5FD6YJxCCPVjLAH
bHa9FEvSzKriauZ3J/JCuN37kyOjphZ5Ox4I/oZnuQHj/ICo1vNg2UoTZQ/0RM+P
/1U+6f4Ojgd4tPLXKFhKRTRATmU2b5v4u6WibjmlNIfoY6e2mezleUHvi1CVHGqp
gg==
-----END PRIVATE KEY-----
";

/// A folder of its own for one test, with the files that a configuration may name.
pub(super) fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("config").join(test);
    fs::create_dir_all(&folder).unwrap();
    let (certificate, key) = certified();
    let encrypted = key.replace("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE");
    let next =
        CARD.replace("\"1\"\ncurrency", "\"2\"\ncurrency").replace("effective_until", "effective_from");
    for (name, text) in [
        ("cert.pem", certificate.as_str()),
        ("key.pem", key),
        ("locked.pem", &encrypted),
        ("card.toml", CARD),
        ("jwks.json", include_str!("../data/jwks.json")),
        ("next.toml", &next),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    folder
}

#[test]
fn files_must_be_there_and_hold_what_they_are_used_for() {
    let base = folder("files");
    let at = |file: &str| base.join(file).display().to_string();
    let text = "upstream.ca_file = 'key.pem'\n[listen.tls]\ncertificate = 'card.toml'\nkey = 'locked.pem'";
    let expected = [
        format!(
            "listen.tls.certificate: {} has no line \"-----BEGIN CERTIFICATE-----\": it must be PEM",
            at("card.toml")
        ),
        format!(
            "listen.tls.key: {} holds an encrypted key; this version reads only plain ones",
            at("locked.pem")
        ),
        format!("upstream.ca_file: {} holds a private key and no certificate", at("key.pem")),
    ];
    assert_eq!(problems(text, &base, &[]), expected);

    let missing = "missing; [listen.tls] needs both a certificate and its key";
    let expected = [format!("listen.tls.certificate: {missing}"), format!("listen.tls.key: {missing}")];
    assert_eq!(problems("[listen.tls]", &base, &[]), expected);
    let expected = format!("listen.tls.key: {} holds a certificate and no private key", at("cert.pem"));
    assert_eq!(problems("[listen.tls]\ncertificate = 'cert.pem'\nkey = 'cert.pem'", &base, &[]), [expected]);

    let h2c = "listen.h2c = true\nlisten.tls.certificate = 'cert.pem'\nlisten.tls.key = 'key.pem'";
    let expected =
        "listen.h2c: is only for a plain listener; with [listen.tls] HTTP/2 is agreed on in the handshake";
    assert_eq!(problems(h2c, &base, &[]), [expected]);
}

/// What a listener with this certificate and key is refused for; without the folder.
fn listening(name: &str, certificate: &str, key: &str) -> Vec<String> {
    let base = folder(name);
    fs::write(base.join("chain.pem"), certificate).unwrap();
    fs::write(base.join("its.key"), key).unwrap();
    let text = "[listen.tls]\ncertificate = 'chain.pem'\nkey = 'its.key'";
    let told = problems(text, &base, &[]);
    told.iter().map(|line| line.replace(&format!("{}/", base.display()), "")).collect()
}

#[test]
fn a_certificate_and_its_key_must_fit() {
    let (own, key) = certified();
    let (other, other_key) = another();
    assert_eq!(listening("fits", own, key), [""; 0]);
    assert_eq!(listening("fits", &format!("{own}{other}"), key), [""; 0]);
    let expected = "listen.tls.key: its.key is not the key of the certificate in chain.pem";
    assert_eq!(listening("fits-not", own, &other_key), [expected]);
    let expected = "listen.tls.certificate: chain.pem must begin with the certificate of its key, which is number 2 in it";
    assert_eq!(listening("leaf-last", &format!("{other}{own}"), key), [expected]);
}

#[test]
fn a_key_that_cannot_be_used_is_told_why() {
    let (own, key) = certified();
    let head = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAA==\n";
    let traditional = format!("{head}-----END RSA PRIVATE KEY-----\n");
    let expected = "listen.tls.key: its.key holds an encrypted key; this version reads only plain ones";
    assert_eq!(listening("traditional", own, &traditional), [expected]);
    let told = listening("p521", own, P521);
    assert!(
        told[0].starts_with("listen.tls.key: its.key holds a key of a kind that cannot be used"),
        "{told:?}"
    );
    let cut: String = key.lines().take(2).collect::<Vec<_>>().join("\n");
    let told = listening("cut-key", own, &cut);
    assert!(told[0].starts_with("listen.tls.key: its.key cannot be used: "), "{told:?}");
    assert_eq!(told.len(), 1);
}

/// A PEM block that holds what is no certificate, one with other characters than Base64 has, and one that is cut off.
fn damaged() -> [(String, &'static str); 3] {
    let (own, _) = certified();
    [
        (own.replace("\nMII", "\nAAA"), "is damaged"),
        (own.replacen("MII", "M*I", 1), "is damaged"),
        (own.replace("-----END CERTIFICATE-----", ""), "is damaged"),
    ]
}

#[test]
fn a_damaged_certificate_is_told_with_its_place() {
    let (own, key) = certified();
    for (number, (damaged, what)) in damaged().iter().enumerate() {
        let told = listening(&format!("damaged-{number}"), damaged, key);
        let expected = format!("listen.tls.certificate: chain.pem cannot be used: its block 1 {what}");
        assert!(told.len() == 1 && told[0].starts_with(&expected), "{told:?}");
        // The library would start with it, and clients not get behind the first one.
        let told = listening(&format!("damaged-second-{number}"), &format!("{own}{damaged}"), key);
        let expected = format!("listen.tls.certificate: chain.pem cannot be used: its block 2 {what}");
        assert!(told.len() == 1 && told[0].starts_with(&expected), "{told:?}");
    }
}

#[test]
fn authorities_are_certificates_and_all_of_them_sound() {
    let (own, key) = certified();
    let trusting = |name: &str, roots: &str| {
        let base = folder(name);
        fs::write(base.join("roots.pem"), roots).unwrap();
        let told = problems("upstream.ca_file = 'roots.pem'", &base, &[]);
        told.iter().map(|line| line.replace(&format!("{}/", base.display()), "")).collect::<Vec<_>>()
    };
    assert_eq!(trusting("roots", &format!("# Ours\n{own}\n# And theirs\n{}", another().0)), [""; 0]);
    for (number, (damaged, what)) in damaged().iter().enumerate() {
        let told = trusting(&format!("roots-{number}"), &format!("{own}{damaged}"));
        let expected = format!("upstream.ca_file: roots.pem cannot be used: its block 2 {what}");
        assert!(told.len() == 1 && told[0].starts_with(&expected), "{told:?}");
    }
    let expected = "upstream.ca_file: roots.pem cannot be used: its block 2 is a \"PRIVATE KEY\": only certificates may be in that file";
    assert_eq!(trusting("roots-key", &format!("{own}{key}")), [expected]);
}
