//! K6: an upstream that cannot prove who it is. Nothing is sent to it, the client is told so, and the log says why.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::scene::Tally;
use crate::support::folder::Folder;
use crate::support::{CREATED, JOB, Running, answer, get, post};

/// What is logged beside the access log.
struct Said(Mutex<Vec<String>>);

static SAID: Said = Said(Mutex::new(Vec::new()));

impl log::Log for Said {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        if record.level() <= log::Level::Warn {
            self.0.lock().unwrap().push(record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// An authority, in a file of that name.
fn authority(folder: &Folder, name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let made = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(folder.at(name), made.pem()).unwrap();
    made
}

/// An upstream with a certificate of that authority for a name and some years; it counts the bytes that it could read.
fn upstream(
    issuer: &CertifiedIssuer<'static, KeyPair>,
    name: &str,
    years: (i32, i32),
    heard: &Arc<AtomicUsize>,
) -> SocketAddr {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    let key = KeyPair::generate().unwrap();
    let leaf = params.signed_by(&key, issuer).unwrap();
    let certificate = CertificateDer::from_pem_slice(leaf.pem().as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Arc::clone(heard);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (config, heard) = (Arc::clone(&config), Arc::clone(&heard));
            thread::spawn(move || {
                let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream.unwrap());
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut bytes) {
                    heard.fetch_add(count, Ordering::SeqCst);
                    if bytes[..count].ends_with(b"\r\n\r\n") || bytes[..count].ends_with(b"}") {
                        let _ = stream.write_all(&answer(201, CREATED));
                    }
                }
            });
        }
    });
    address
}

#[test]
fn k6_upstreams_that_are_not_who_they_should_be() {
    // A second logger is none; in a process with other tests this one may not be the first.
    let logs = log::set_logger(&SAID).is_ok();
    log::set_max_level(log::LevelFilter::Warn);
    let mut tally = Tally::new("k6");
    let folder = Folder::new("k6-certificates");
    let (ours, other) = (authority(&folder, "ours.pem"), authority(&folder, "other.pem"));
    let trusted: PathBuf = folder.at("ours.pem").into();
    let cases = [
        ("good", &ours, "localhost", (2020, 2099), true),
        ("expired", &ours, "localhost", (2020, 2021), false),
        ("not valid yet", &ours, "localhost", (2090, 2099), false),
        ("of another name", &ours, "elsewhere.example.com", (2020, 2099), false),
        ("of an unknown issuer", &other, "localhost", (2020, 2099), false),
    ];
    for (what, issuer, name, years, good) in cases {
        let heard = Arc::new(AtomicUsize::new(0));
        let address = upstream(issuer, name, years, &heard);
        let gateway = Running::configured(&format!(
            "upstream.url = 'https://localhost:{}'\nupstream.ca_file = '{}'",
            address.port(),
            trusted.display()
        ));
        for (count, wire) in [post(JOB), get("/contextcapture/jobs")].into_iter().enumerate() {
            SAID.0.lock().unwrap().clear();
            let reply = gateway.send(&wire);
            if good {
                tally.survived(reply.status == 201, || format!("{what}: {reply:?}"));
                continue;
            }
            let told = reply.status == 502 && reply.json()["error"]["details"][0]["outcome"] == "not-sent";
            tally.refused(told, || format!("{what}: {reply:?}"));
            // Why is told before its line is written, which may be after the answer.
            gateway.log.lines(count + 1);
            let said = SAID.0.lock().unwrap().join("\n").to_lowercase();
            let named = said.contains("certificate") || said.contains("tls");
            tally.survived(!logs || named, || format!("{what}: the log says only {said:?}"));
            println!("{what}: {said}");
        }
        let bytes = heard.load(Ordering::SeqCst);
        tally.survived((bytes > 0) == good, || format!("{what}: {bytes} bytes were sent"));
        let metrics = gateway.operator().send(&get("/metrics")).body;
        let counted = metrics
            .lines()
            .filter(|line| line.starts_with("jobgate_upstream_errors_total{") && line.contains("tls"))
            .any(|line| line.ends_with(" 2"));
        tally.survived(counted != good, || format!("{what}: counted otherwise than as two faults of TLS"));
    }
    tally.finish();
}
