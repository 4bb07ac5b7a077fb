//! How the gateway starts and stops: what is under way is finished, what is new goes elsewhere, a second word ends it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use gateway::{Config, Gateway};
use support::{Act, Client, JOB, Recorder, Running, get, post};

/// Waits until nobody can connect any more.
fn wait_closed(address: SocketAddr) {
    while TcpStream::connect(address).is_ok() {
        thread::yield_now();
    }
}

#[test]
fn what_is_under_way_is_finished_and_nothing_new_begins() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    let mut idle = gateway.client();
    assert_eq!(idle.send(&post(JOB)).status, 201);
    upstream.script([Act::Hold]);
    let mut busy = gateway.client();
    busy.write(&post(JOB));
    upstream.wait_held(1);
    let (address, log) = (gateway.address, gateway.log.clone());
    let stopping = thread::spawn(move || gateway.stop());
    assert!(idle.is_closed(), "idle connections are closed");
    // The listener goes before the process does.
    wait_closed(address);
    assert!(!stopping.is_finished());
    upstream.release();
    let reply = busy.read();
    assert_eq!(reply.status, 201);
    assert!(busy.is_closed());
    assert_eq!(stopping.join().unwrap(), 0, "no request was cut off");
    assert_eq!(log.lines(2).len(), 2);
}

/// Who goes on with a connection that is about to be closed does not know what became of the next request.
#[test]
fn whoever_is_answered_while_it_stops_hears_that_no_more_is_read() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    upstream.script([Act::Hold, Act::Hold]);
    let mut clients: Vec<_> = (0..3).map(|_| gateway.client()).collect();
    clients[0].write(&get("/contextcapture/jobs"));
    clients[1].write(&post(JOB));
    let refused = post("{}");
    let (begin, end) = refused.split_at(refused.len() - 1);
    clients[2].write(begin);
    upstream.wait_held(2);
    while !gateway.operator().send(&get("/metrics")).body.contains("\njobgate_in_flight 3\n") {
        thread::yield_now();
    }
    let (address, stopping) = (gateway.address, thread::spawn(move || gateway.stop()));
    wait_closed(address);
    clients[2].write(end);
    (0..2).for_each(|_| upstream.release());
    for (mut client, status) in clients.into_iter().zip([200, 201, 422]) {
        let reply = client.read();
        assert!(reply.status == status && reply.closes() && client.is_closed(), "{reply:?}");
    }
    assert_eq!(stopping.join().unwrap(), 0);
}

/// What was not asked for whole is not waited for.
#[test]
fn a_header_that_has_begun_does_not_keep_it() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "limits.head_timeout = '60s'\nshutdown.grace = '120s'");
    let mut client = gateway.client();
    assert_eq!(client.send(&post(JOB)).status, 201);
    client.write(b"POST /contextcapture/jobs HTTP/1.1\r\nHost:");
    let stopping = thread::spawn(move || gateway.stop());
    assert!(client.is_closed());
    assert_eq!(stopping.join().unwrap(), 0);
}

/// Its client is asked whether all that was on its way is here, and need not answer.
#[test]
fn a_connection_of_http2_on_which_nothing_happens_does_not_keep_it() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "listen.h2c = true\nshutdown.grace = '120s'");
    let mut client = gateway.client();
    // The preface and empty settings; it has begun once ours are here.
    client.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    client.stream.read_exact(&mut [0; 9]).unwrap();
    let stopping = thread::spawn(move || gateway.stop());
    client.stream.read_to_end(&mut Vec::new()).expect("it is closed before anybody's patience ends");
    assert_eq!(stopping.join().unwrap(), 0);
}

#[test]
fn an_exchange_whose_client_has_left_is_waited_for() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    upstream.script([Act::Hold]);
    let mut client = gateway.client();
    client.write(&post(JOB));
    upstream.wait_held(1);
    drop(client);
    let log = gateway.log.clone();
    let stopping = thread::spawn(move || gateway.stop());
    upstream.release();
    assert_eq!(stopping.join().unwrap(), 0);
    assert_eq!(log.lines(1)[0]["upstream_status"], 201);
}

#[test]
fn a_second_word_ends_it_at_once_and_counts_what_was_cut() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    upstream.script([Act::Hold]);
    let mut client = gateway.client();
    client.write(&post(JOB));
    upstream.wait_held(1);
    let (stop, address) = (gateway.stop_handle(), gateway.address);
    let stopping = thread::spawn(move || gateway.stop());
    wait_closed(address);
    stop.stop();
    assert_eq!(stopping.join().unwrap(), 1);
    upstream.release();
}

#[test]
fn the_lead_tells_load_balancers_before_the_doors_close() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "shutdown.lead = '10s'");
    let mut operator = gateway.operator();
    gateway.wait_ready();
    let (address, stop) = (gateway.address, gateway.stop_handle());
    stop.stop();
    loop {
        let reply = operator.send(&get("/readyz"));
        if reply.status == 503 {
            assert_eq!(reply.body, "draining\n");
            break;
        }
    }
    // Still served, and told to come back on another connection.
    let mut client = Client::connect(address);
    let reply = client.send(&post(JOB));
    assert_eq!(reply.status, 201);
    assert!(reply.closes());
}

/// Who watches it stop sees what it still waits for.
#[test]
fn operators_are_answered_until_nothing_is_under_way() {
    let upstream = Recorder::start();
    let gateway = Running::start(upstream.address, "");
    upstream.script([Act::Hold]);
    let mut client = gateway.client();
    client.write(&post(JOB));
    upstream.wait_held(1);
    let (address, admin) = (gateway.address, gateway.admin);
    let stopping = thread::spawn(move || gateway.stop());
    wait_closed(address);
    for _ in 0..10 {
        let ready = Client::connect(admin).send(&get("/readyz"));
        assert_eq!((ready.status, ready.body.as_str()), (503, "draining\n"));
        assert!(Client::connect(admin).send(&get("/metrics")).body.contains("\njobgate_in_flight 1\n"));
    }
    upstream.release();
    assert_eq!(client.read().status, 201);
    assert_eq!(stopping.join().unwrap(), 0);
}

#[test]
fn a_taken_port_is_one_line_that_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let text = format!("listen.address = '{address}'\nadmin.address = '127.0.0.1:0'");
    let config = Config::parse(&text, Path::new("."), []).unwrap();
    let line = Gateway::bind(config, None).unwrap_err().to_string();
    assert!(line.starts_with(&format!("listen.address: cannot listen on {address}: ")), "{line}");
    assert_eq!(line.lines().count(), 1);
}
