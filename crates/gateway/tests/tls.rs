//! TLS on both sides: verified certificates towards upstream, HTTP/1.1 and HTTP/2 by ALPN towards clients.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;
#[path = "support/warnings.rs"]
mod warnings;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, thread};

use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use support::{Act, CREATED, JOB, Recorder, Running, answer, post};

/// An authority and what it signed, as files.
struct Identity {
    folder: PathBuf,
}

impl Identity {
    fn new(test: &str, name: &str) -> Self {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{test}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "test authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf =
            CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
        fs::write(folder.join("cert.pem"), leaf.pem()).unwrap();
        fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
        Self { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn server(&self) -> Arc<ServerConfig> {
        let certificate = CertificateDer::from_pem_file(self.file("cert.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(self.file("key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(builder.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap())
    }

    fn client(&self, protocol: &[u8]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.file("ca.pem")).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        Arc::new(config)
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Answers every connection's requests with 201, over TLS.
fn upstream(identity: &Identity) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = identity.server();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let tls = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream.unwrap());
            thread::spawn(move || serve(tls));
        }
    });
    address
}

fn serve(stream: StreamOwned<ServerConnection, std::net::TcpStream>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim_end().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        stream.read_exact(&mut vec![0; length]).ok()?;
        stream.get_mut().write_all(&answer(201, CREATED)).ok()?;
    }
}

fn outcome(gateway: &Running) -> (u16, Option<String>) {
    let reply = gateway.send(&post(JOB));
    let outcome = reply.json()["error"]["details"][0]["outcome"].as_str().map(str::to_owned);
    (reply.status, outcome)
}

fn trusting(identity: &Identity, host: &str, port: u16, trusted: bool) -> Running {
    let ca = format!("ca_file = '{}'", identity.file("ca.pem").display());
    Running::configured(&format!(
        "[upstream]\nurl = 'https://{host}:{port}'\nresponse_timeout = '5s'\n{}",
        if trusted { &ca } else { "" }
    ))
}

#[test]
fn upstream_is_who_its_certificate_says_or_nothing_is_sent() {
    let good = Identity::new("upstream", "localhost");
    let address = upstream(&good);
    let gateway = trusting(&good, "localhost", address.port(), true);
    let mut client = gateway.client();
    for _ in 0..3 {
        assert_eq!(client.send(&post(JOB)).status, 201);
    }
    let not_sent = (502, Some("not-sent".to_owned()));
    let unknown_authority = trusting(&good, "localhost", address.port(), false);
    assert_eq!(outcome(&unknown_authority), not_sent);
    let wrong_name = trusting(&good, "127.0.0.1", address.port(), true);
    assert_eq!(outcome(&wrong_name), not_sent);
    let text = wrong_name.operator().send(&support::get("/metrics")).body;
    assert!(text.contains(r#"jobgate_upstream_errors_total{kind="tls"} 1"#), "{text}");
}

fn listening(identity: &Identity, upstream: SocketAddr, limits: &str) -> Running {
    Running::configured(&format!(
        "upstream.url = 'http://{upstream}'\n{limits}\n[listen.tls]\ncertificate = '{}'\nkey = '{}'",
        identity.file("cert.pem").display(),
        identity.file("key.pem").display()
    ))
}

#[test]
fn clients_speak_http_1_over_tls() {
    let identity = Identity::new("h1", "localhost");
    let upstream = Recorder::start();
    let gateway = listening(&identity, upstream.address, "");
    let text = over_h1(&identity, &gateway);
    assert!(text.starts_with("HTTP/1.1 201 "), "{text}");
    assert!(text.ends_with(CREATED));
    assert_eq!(upstream.seen()[0].body, JOB.as_bytes());
}

/// What a job is answered on a connection of its own; nothing where there is none to be had.
fn over_h1(identity: &Identity, gateway: &Running) -> String {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = rustls::ClientConnection::new(identity.client(b"http/1.1"), name).unwrap();
    let mut stream = StreamOwned::new(connection, std::net::TcpStream::connect(gateway.address).unwrap());
    let request = String::from_utf8(post(JOB)).unwrap().replacen(
        "Host: gate\r\n",
        "Host: gate\r\nConnection: close\r\n",
        1,
    );
    let _ = stream.write_all(request.as_bytes());
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text
}

/// Else they would be bounded by the open files of the process alone, each for a minute.
#[test]
fn who_does_not_finish_the_handshake_is_counted_and_let_go() {
    let identity = Identity::new("handshake", "localhost");
    let upstream = Recorder::start();
    let limits = "limits.connections = 2\nlimits.head_timeout = '1s'";
    let gateway = listening(&identity, upstream.address, limits);
    let begun: [&[u8]; 4] =
        [b"", b"\x16\x03\x01\x02", b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/1.1\r\n\r\n"];
    let crowd: Vec<_> = begun
        .iter()
        .cycle()
        .take(40)
        .map(|begun| {
            let mut stream = std::net::TcpStream::connect(gateway.address).unwrap();
            stream.set_read_timeout(Some(support::PATIENCE)).unwrap();
            let _ = stream.write_all(begun);
            stream
        })
        .collect();
    for mut stream in crowd {
        let closed = stream.read_to_end(&mut Vec::new());
        assert!(closed.is_ok() || closed.is_err_and(|fault| fault.kind() != std::io::ErrorKind::WouldBlock));
    }
    let text = gateway.operator().send(&support::get("/metrics")).body;
    let refused = text.lines().find_map(|line| line.strip_prefix("jobgate_connections_refused_total "));
    assert!(refused.unwrap().parse::<u32>().unwrap() > 0, "as if there were none of them");
    while !over_h1(&identity, &gateway).starts_with("HTTP/1.1 201 ") {
        thread::yield_now();
    }
}

/// A certificate that clients refuse is seen nowhere else: there is no request of theirs.
#[test]
fn failed_handshakes_are_counted() {
    let (identity, other) =
        (Identity::new("failed", "localhost"), Identity::new("failed-other", "localhost"));
    let upstream = Recorder::start();
    let gateway = listening(&identity, upstream.address, "");
    let failed = || {
        let text = gateway.operator().send(&support::get("/metrics")).body;
        let count = text.lines().find_map(|line| line.strip_prefix("jobgate_handshakes_failed_total "));
        count.expect("it is there").to_owned()
    };
    assert!(over_h1(&identity, &gateway).starts_with("HTTP/1.1 201 "));
    assert_eq!(failed(), "0");
    assert_eq!(over_h1(&other, &gateway), "", "it does not know the authority");
    while failed() != "1" {
        thread::yield_now();
    }
    let mut plain = std::net::TcpStream::connect(gateway.address).unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    while failed() != "2" {
        thread::yield_now();
    }
}

#[test]
fn http_2_must_begin_in_the_time_of_a_header() {
    let identity = Identity::new("silent", "localhost");
    let upstream = Recorder::start();
    let gateway = listening(&identity, upstream.address, "limits.head_timeout = '300ms'");
    warnings::listen();
    for begun in [&b""[..], b"PRI * HTTP/2.0\r\n", b"GET / HTTP/1.1\r\nHost: gate\r\n\r\n"] {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = rustls::ClientConnection::new(identity.client(b"h2"), name).unwrap();
        let socket = std::net::TcpStream::connect(gateway.address).unwrap();
        socket.set_read_timeout(Some(support::PATIENCE)).unwrap();
        let mut stream = StreamOwned::new(connection, socket);
        stream.write_all(begun).unwrap();
        // It would wait for us for ever, and answers nothing that is not of its protocol.
        let mut answer = Vec::new();
        let closed = match stream.read_to_end(&mut answer) {
            Ok(_) => true,
            Err(fault) => fault.kind() != std::io::ErrorKind::WouldBlock,
        };
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(closed && !answer.contains("HTTP/1.1"), "{begun:?}: {answer:?}");
    }
    // Anybody can do so, as often as he likes: no operator has to hear of it.
    assert_eq!(warnings::said("H2 handshake"), [""; 0]);
}

/// Sends bodies over one HTTP/2 connection, in parallel.
async fn over_h2<S>(stream: S, bodies: &[&str]) -> Vec<(u16, String)>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let mut sender = sender.ready().await.unwrap();
    let mut answers = Vec::new();
    for body in bodies {
        let request = http::Request::post("https://gate/contextcapture/jobs")
            .header("authorization", "Bearer t0k-en")
            .header("content-type", "application/json")
            .body(())
            .unwrap();
        let (response, mut stream) = sender.send_request(request, false).unwrap();
        stream.send_data(Bytes::copy_from_slice(body.as_bytes()), true).unwrap();
        answers.push(response);
        sender = sender.ready().await.unwrap();
    }
    let mut read = Vec::new();
    for answer in answers {
        let (head, mut body) = answer.await.unwrap().into_parts();
        let mut text = Vec::new();
        while let Some(piece) = body.data().await {
            let piece = piece.unwrap();
            body.flow_control().release_capacity(piece.len()).unwrap();
            text.extend_from_slice(&piece);
        }
        assert!(head.headers.contains_key("x-jobgate-decision"));
        read.push((head.status.as_u16(), String::from_utf8(text).unwrap()));
    }
    read
}

fn judged_over_h2(upstream: &Recorder, answers: &[(u16, String)]) {
    assert_eq!(answers[0], (201, CREATED.to_owned()));
    assert_eq!(answers[1].0, 422);
    assert!(answers[1].1.contains("type-missing"));
    assert_eq!(answers[2].0, 201);
    assert_eq!(upstream.seen().len(), 2);
    assert_eq!(upstream.seen()[0].header("content-length"), Some(JOB.len().to_string().as_str()));
}

#[tokio::test]
async fn clients_speak_http_2_where_alpn_offers_it() {
    let identity = Identity::new("h2", "localhost");
    let upstream = Recorder::start();
    let gateway = listening(&identity, upstream.address, "");
    let connector = tokio_rustls::TlsConnector::from(identity.client(b"h2"));
    let stream = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    let stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let answers = over_h2(stream, &[JOB, "{}", JOB]).await;
    judged_over_h2(&upstream, &answers);
}

#[tokio::test]
async fn clients_speak_http_2_with_prior_knowledge_where_it_is_switched_on() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "listen.h2c = true\nlisten.address = '127.0.0.1:0'");
    let stream = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    let answers = over_h2(stream, &[JOB, "{}", JOB]).await;
    judged_over_h2(&upstream, &answers);
    let mut old = gateway.client();
    assert_eq!(old.send(&post(JOB)).status, 201, "HTTP/1.1 is served beside it");
}

/// A body behind an answer to HEAD would be a fault of the stream, and the client would not see the answer.
#[tokio::test]
async fn who_asks_for_a_header_over_http_2_gets_no_body() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "listen.h2c = true");
    let stream = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let question = http::Request::head("https://gate/contextcapture/jobs").body(()).unwrap();
    let (answer, _) = sender.ready().await.unwrap().send_request(question, true).unwrap();
    let (head, mut body) = answer.await.unwrap().into_parts();
    assert_eq!(head.status, 405);
    let more = body.data().await;
    assert!(more.as_ref().is_none_or(|piece| piece.as_ref().is_ok_and(bytes::Bytes::is_empty)), "{more:?}");
}

/// Whoever resets a stream waits for nothing any more: it must not hold what others wait for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_over_http_2_ends_with_its_stream() {
    let upstream = Recorder::start();
    upstream.script([Act::Hold]);
    let gateway = Running::start(upstream.address, "listen.h2c = true");
    let stream = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let question = http::Request::get("https://gate/contextcapture/jobs")
        .header("authorization", "Bearer t0k-en")
        .body(())
        .unwrap();
    let (_answer, mut stream) = sender.ready().await.unwrap().send_request(question, true).unwrap();
    upstream.wait_held(1);
    stream.send_reset(h2::Reason::CANCEL);
    let under_way =
        || !gateway.operator().send(&support::get("/metrics")).body.contains("jobgate_in_flight 0\n");
    while under_way() {
        tokio::task::yield_now().await;
    }
    upstream.release();
}

#[test]
fn a_key_that_does_not_fit_is_refused_at_the_start() {
    let (one, other) = (Identity::new("fit1", "localhost"), Identity::new("fit2", "localhost"));
    let text = format!(
        "listen.address = '127.0.0.1:0'\nadmin.address = '127.0.0.1:0'\n[listen.tls]\ncertificate = '{}'\nkey = '{}'",
        one.file("cert.pem").display(),
        other.file("key.pem").display()
    );
    let line = gateway::Config::parse(&text, Path::new("."), []).unwrap_err().to_string();
    assert!(line.starts_with("listen.tls.key: ") && line.lines().count() == 1, "{line}");
    // What changes between the check and the start is told, too.
    fs::copy(other.file("cert.pem"), one.file("cert.pem")).unwrap();
    let config = gateway::Config::parse(&text, Path::new("."), []).unwrap();
    fs::write(one.file("cert.pem"), "").unwrap();
    let line = gateway::Gateway::bind(config, None).unwrap_err().to_string();
    assert!(line.starts_with("listen.tls.certificate: ") && line.lines().count() == 1, "{line}");
}
