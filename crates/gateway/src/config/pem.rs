//! Reads PEM files as the library underneath does when it starts, so that what it would refuse there, or panic at, is told with its key
//! where all else is told. It says little of why: that is looked for once it has refused.

use std::fmt::Display;
use std::fs;
use std::path::Path;

use jiff::Timestamp;
use pingora::tls::{self, CertificateDer, PrivateKeyDer, RootCertStore, RusTlsError, ServerConfig};
use x509_parser::pem::Pem;

use super::types::Valid;

/// What may be wrong: with the certificate, and with its key.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub(crate) certificate: Option<String>,
    pub(crate) key: Option<String>,
}

impl Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [("certificate", &self.certificate), ("key", &self.key)];
        let told =
            parts.iter().filter_map(|(key, what)| Some(format!("listen.tls.{key}: {}", (*what).as_ref()?)));
        f.write_str(&told.collect::<Vec<_>>().join("; "))
    }
}

/// When the certificate of a listener is valid, where that can be read.
///
/// # Errors
/// When the two cannot be used together, or one of them at all.
pub(crate) fn pair(certificate: &Path, key: &Path) -> Result<Option<Valid>, Unfit> {
    let at = |file: &Path, fault: String| Some(format!("{} {fault}", file.display()));
    let of_certificate = |fault: String| Unfit { certificate: at(certificate, fault), key: None };
    let of_key = |fault: String| Unfit { certificate: None, key: at(key, fault) };
    let (chain, private) = match (chain(certificate), private(key)) {
        (Ok(()), Ok(())) => load(certificate, key).map_err(of_certificate)?,
        (chain, private) => {
            let certificate = chain.err().and_then(|fault| at(certificate, fault));
            return Err(Unfit { certificate, key: private.err().and_then(|fault| at(key, fault)) });
        }
    };
    tls::install_default_crypto_provider();
    let provider = tls::CryptoProvider::get_default();
    let usable = provider.map(|provider| provider.key_provider.load_private_key(private.clone_key()));
    if let Some(Err(fault)) = usable {
        return Err(of_key(format!(
            "holds a key of a kind that cannot be used: RSA of 2048 bits or more, P-256, P-384 and Ed25519 can ({fault})"
        )));
    }
    let fits = |chain: &[CertificateDer<'static>]| {
        let server = ServerConfig::builder().with_no_client_auth();
        server.with_single_cert(chain.to_vec(), private.clone_key())
    };
    match fits(&chain) {
        Ok(_) => Ok(chain.first().and_then(valid)),
        Err(RusTlsError::InconsistentKeys(_)) => {
            let own = chain.iter().position(|one| fits(std::slice::from_ref(one)).is_ok());
            Err(match own {
                Some(own) => of_certificate(format!(
                    "must begin with the certificate of its key, which is number {} in it",
                    own + 1
                )),
                None => of_key(format!("is not the key of the certificate in {}", certificate.display())),
            })
        }
        Err(fault) => Err(of_certificate(format!("begins with a certificate that cannot be used: {fault}"))),
    }
}

/// Whether a file holds certificates to trust, and nothing else.
///
/// # Errors
/// When it does not.
pub(crate) fn authorities(file: &Path) -> Result<(), String> {
    let bytes = certificates(file)?;
    let mut store = RootCertStore::empty();
    let fault = match tls::load_ca_file_into_store(file, &mut store) {
        Ok(()) if store.is_empty() => return Err(NO_CERTIFICATE.to_owned()),
        Ok(()) => return Ok(()),
        Err(fault) => fault,
    };
    let damaged = damage(&bytes, |block| match block.label.as_str() {
        LABEL => RootCertStore::empty().add(block.contents.clone().into()).map_err(damaged),
        other => Err(format!("is a {other:?}: only certificates may be in that file")),
    });
    Err(damaged.unwrap_or_else(|| unusable(&cause(&fault))))
}

const LABEL: &str = "CERTIFICATE";
const NO_CERTIFICATE: &str = "has no line \"-----BEGIN CERTIFICATE-----\": it must be PEM";

/// A file in which there are certificates by its lines.
fn certificates(file: &Path) -> Result<Vec<u8>, String> {
    let bytes = fs::read(file).map_err(|fault| format!("cannot be read: {fault}"))?;
    let text = String::from_utf8_lossy(&bytes);
    if text.contains("-----BEGIN CERTIFICATE-----") {
        Ok(bytes)
    } else if text.contains("PRIVATE KEY-----") {
        Err("holds a private key and no certificate".to_owned())
    } else {
        Err(NO_CERTIFICATE.to_owned())
    }
}

/// Whether every certificate of a listener can be read. The library looks at the first one only, and clients at the others.
fn chain(file: &Path) -> Result<(), String> {
    let bytes = certificates(file)?;
    let fault = readable(file).err();
    let found = damage(&bytes, |block| {
        if block.label != LABEL || block.parse_x509().is_ok() {
            return Ok(());
        }
        // It is enough that one of the two knows it.
        RootCertStore::empty().add(block.contents.clone().into()).map_err(damaged)
    });
    match found.or_else(|| fault.map(|fault| unusable(&fault))) {
        Some(fault) => Err(fault),
        None => Ok(()),
    }
}

/// Whether there is a key in a file that can be read.
fn private(file: &Path) -> Result<(), String> {
    let bytes = fs::read(file).map_err(|fault| format!("cannot be read: {fault}"))?;
    let text = String::from_utf8_lossy(&bytes);
    let has = |kind: &str| text.contains(&format!("-----BEGIN {kind}PRIVATE KEY-----"));
    let is_plain = ["", "RSA ", "EC "].into_iter().any(has);
    if has("ENCRYPTED ") && !is_plain || text.contains("Proc-Type: 4,ENCRYPTED") {
        Err("holds an encrypted key; this version reads only plain ones".to_owned())
    } else if is_plain {
        readable(file).map_err(|fault| unusable(&fault))
    } else if text.contains("-----BEGIN CERTIFICATE-----") {
        Err("holds a certificate and no private key".to_owned())
    } else {
        Err("has no line \"-----BEGIN PRIVATE KEY-----\": it must be PEM".to_owned())
    }
}

/// What is wrong with the first block of a file that is not as it should be.
fn damage(bytes: &[u8], check: impl Fn(&Pem) -> Result<(), String>) -> Option<String> {
    let mut blocks = (1..).zip(Pem::iter_from_buffer(bytes));
    blocks.find_map(|(number, block)| {
        let fault = block.map_err(damaged).and_then(|block| check(&block)).err()?;
        Some(unusable(&format!("its block {number} {fault}")))
    })
}

fn damaged(fault: impl Display) -> String {
    format!("is damaged: {fault}")
}

fn unusable(fault: &str) -> String {
    format!("cannot be used: {fault}")
}

fn readable(file: &Path) -> Result<(), String> {
    let file = file.to_string_lossy();
    tls::load_certs_and_key_files(&file, &file).map(drop).map_err(|fault| cause(&fault))
}

type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn load(certificate: &Path, key: &Path) -> Result<Pair, String> {
    let pair = tls::load_certs_and_key_files(&certificate.to_string_lossy(), &key.to_string_lossy());
    let pair = pair.map_err(|fault| unusable(&cause(&fault)))?;
    pair.ok_or_else(|| "has no certificate, or the other file no key".to_owned())
}

/// The library's own words, in one line.
pub(super) fn cause(fault: &pingora::Error) -> String {
    fault.root_cause().to_string().lines().collect::<Vec<_>>().join("; ")
}

fn valid(certificate: &CertificateDer<'_>) -> Option<Valid> {
    let (_, read) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let date = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    Some(Valid { from: date(read.validity.not_before)?, until: date(read.validity.not_after)? })
}
