//! The first row of the table, for each call and for each reason why nothing can be sent: the client is told so, nothing is taken,
//! and what is held is as it was before.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use admission::HoldState::InDoubt;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use sandbox::Sandbox;

use crate::calls::Call::Change;
use crate::calls::{ALL, Stage, outcome, refused};
use crate::support::{Reply, get, head, request};

/// Somebody who does this with each connection.
fn somebody(with: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let with = Arc::new(with);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let with = Arc::clone(&with);
            thread::spawn(move || with(stream.unwrap()));
        }
    });
    address
}

/// Speaks TLS, with a certificate that nobody has signed.
fn stranger() -> SocketAddr {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let config = Arc::new(config);
    somebody(move |stream| {
        let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        assert!(bytes.is_empty(), "something was sent to it");
    })
}

/// Every call before that upstream, on a ledger of its own: told as not sent, counted as one fault of its kind, everything as before.
fn each_call(name: &str, upstream: &str, status: u16, kind: &str) {
    let stage = Stage::new(&format!("i1-{name}"), "");
    let calls = ALL.map(|call| stage.prepared(call));
    // The second change of a job whose first one was not answered: the doubt stays what it was.
    let doubtful = stage.prepared(Change);
    stage.upstream().set_fault(sandbox::Fault::ResetAfter.times(1));
    assert_eq!(outcome(&stage.gateway.send(&doubtful.request)), (502, "unknown".to_owned()));
    let (jobs, asked) = (stage.upstream().journal().jobs(), stage.upstream().journal().total());
    let stage = stage.moved(upstream);
    for prepared in &calls {
        let reply = stage.gateway.send(&prepared.request);
        assert_eq!(outcome(&reply), (status, "not-sent".to_owned()), "{name}: {reply:?}");
        assert_eq!(reply.header("x-jobgate-decision"), Some("failed"), "{name}");
        stage.check(prepared, refused(prepared.call), name);
    }
    let count = counted(&stage, kind);
    assert_eq!(count, 4, "{name}: {kind}");
    let before = doubtful.before.as_ref().unwrap().id;
    let reply = stage.gateway.send(&doubtful.request);
    assert_eq!(outcome(&reply), (status, "not-sent".to_owned()), "{name}: {reply:?}");
    let hold = Stage::wait(stage.book.hold(before)).unwrap().unwrap();
    assert_eq!((hold.state, hold.amount.to_string().as_str()), (InDoubt, "8"), "{name}");
    Stage::wait(stage.book.verify()).unwrap().unwrap();
    let upstream = stage.upstream();
    assert_eq!((upstream.journal().jobs(), upstream.journal().total()), (jobs, asked), "{name}");
}

/// How often upstream has failed in this way.
fn counted(stage: &Stage, kind: &str) -> u64 {
    let Reply { body, .. } = stage.gateway.operator().send(&get("/metrics"));
    let name = format!("jobgate_upstream_errors_total{{kind=\"{kind}\"}} ");
    let count = body.lines().find_map(|line| line.strip_prefix(&name));
    count.unwrap_or_else(|| panic!("{body}")).parse().unwrap()
}

#[test]
fn i1_where_nobody_listens() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    each_call("nobody", &format!("http://{nobody}"), 502, "connect");
    each_call("nobody-tls", &format!("https://{nobody}"), 502, "connect");
}

#[test]
fn i1_where_the_name_has_no_address() {
    each_call("unresolved", "http://no-such-host.invalid:80", 502, "unresolved");
}

#[test]
fn i1_where_somebody_speaks_no_tls() {
    let plain = Sandbox::builder().start_blocking(([127, 0, 0, 1], 0).into()).unwrap();
    each_call("plain", &format!("https://{}", plain.addr()), 502, "tls");
    assert_eq!(plain.journal().jobs(), 0);
}

#[test]
fn i1_where_somebody_hangs_up_on_tls() {
    let rude = somebody(|mut stream| {
        let _ = stream.read(&mut [0; 64]);
    });
    each_call("rude", &format!("https://{rude}"), 502, "tls");
}

#[test]
fn i1_where_a_certificate_is_nobodys() {
    each_call("stranger", &format!("https://localhost:{}", stranger().port()), 502, "tls");
}

/// A handshake that does not end is late, and nothing was sent in it.
#[test]
fn i1_where_somebody_takes_the_connection_and_says_nothing() {
    let silent = somebody(|mut stream| {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
    });
    each_call("silent", &format!("https://{silent}"), 504, "timeout");
}

/// Connections that were kept are of no use when upstream is gone, and known to be: nothing was sent on them.
#[test]
fn i1_where_a_kept_connection_has_ended() {
    let mut stage = Stage::new("i1-kept", "");
    let calls = ALL.map(|call| stage.prepared(call));
    drop(stage.upstream.take());
    for prepared in &calls {
        let reply = stage.gateway.send(&prepared.request);
        assert_eq!(outcome(&reply), (502, "not-sent".to_owned()), "{:?}", prepared.call);
        stage.check(prepared, refused(prepared.call), "nobody there");
    }
}

/// A job of which nothing is known is asked for before its change is priced; that it cannot be asked for refuses the change. Its
/// deletion spends nothing, and is only not sent.
#[test]
fn i1_where_a_job_is_not_known_here() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let stage = Stage::new("i1-unknown", "").moved(&format!("http://{nobody}"));
    let target = "/contextcapture/jobs/cc3d35cc-416a-4262-9714-b359da70b419";
    for body in [r#"{"costEstimationParameters":{"gigaPixels":8}}"#, r#"{"state":"Active"}"#] {
        let reply = stage.gateway.send(&request("PATCH", target, body));
        assert_eq!(outcome(&reply), (502, "not-sent".to_owned()), "{body}: {reply:?}");
    }
    let reply = stage.gateway.send((head("DELETE", target, "") + "\r\n").as_bytes());
    assert_eq!(outcome(&reply), (502, "not-sent".to_owned()));
    assert!(stage.newest().is_none());
}
