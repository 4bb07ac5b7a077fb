//! Keys from a server: asked for seldom whatever tokens come, and what is told while they cannot be had.

use std::path::Path;

use serde_json::json;

use crate::support::{Act, Recorder, Running, answer, get};
use crate::{Issuer, good, section, send};

fn from_server(server: &Recorder) -> String {
    section(Path::new(""))
        .replace("jwks_file = ''", &format!("jwks_url = 'http://{}/.well-known/jwks.json'", server.address))
}

/// However many tokens name a key that nobody has, the issuer is asked no more often than the least time between two questions. Until
/// then nobody knows whether it has a key of that name by now: whoever waits as long as he is told hears it.
#[test]
fn keys_are_asked_for_once_and_made_up_key_ids_do_not_change_that() {
    let (issuer, server, upstream) = (Issuer::new(), Recorder::of_anybody(), Recorder::start());
    let set = json!({"keys": [issuer.jwk("ec-1")]}).to_string();
    server.script(vec![Act::Answer(answer(200, &set)); 9]);
    let gateway = Running::start(upstream.address, &from_server(&server));
    gateway.wait_ready();
    assert_eq!(send(&gateway, &issuer.token(&good())).status, 201);
    for made_up in 0..20 {
        let header = json!({"alg": "ES256", "kid": format!("made-up-{made_up}")});
        let reply = send(&gateway, &issuer.sign(&header, &good()));
        assert_eq!((reply.status, reply.code().as_str()), (503, "KeysUnavailable"));
        let wait: u32 = reply.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=30).contains(&wait), "{wait}");
    }
    for header in [json!({"alg": "ES256", "kid": "ec-1"}), json!({"alg": "ES384", "kid": "new"})] {
        let forged = Issuer::new().sign(&header, &good());
        assert_eq!(send(&gateway, &forged).status, 401, "no key of any issuer makes it good: {header}");
    }
    assert_eq!(server.seen().len(), 1);
    assert_eq!(server.seen()[0].line, "GET /.well-known/jwks.json HTTP/1.1");
    assert_eq!(server.seen()[0].header("authorization"), None, "the issuer is shown no token");
    assert_eq!(upstream.seen().len(), 1);
    let metrics = gateway.operator().send(&get("/metrics")).body;
    assert!(metrics.lines().any(|line| line.starts_with("jobgate_keys_age_seconds ")), "{metrics}");
}

/// There are so many places for what is under way, and whoever waits for keys has one.
#[test]
fn who_waits_for_keys_is_under_way() {
    let (issuer, server, upstream) = (Issuer::new(), Recorder::of_anybody(), Recorder::start());
    server.script([Act::Hold]);
    let more = format!("limits.in_flight = 1\n{}", from_server(&server));
    let gateway = Running::start(upstream.address, &more);
    server.wait_held(1);
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (tell, token, gateway) = (tell.clone(), issuer.token(&good()), &gateway);
            scope.spawn(move || tell.send(send(gateway, &token).code()));
        }
        assert_eq!(told.recv().unwrap(), "Overloaded");
        server.release();
    });
}

/// Without keys nobody is called a forger: the gateway says that it cannot tell, is not ready, and asks again.
#[test]
fn while_the_keys_are_not_known_nothing_passes_and_the_gateway_is_not_ready() {
    let (issuer, server, upstream) = (Issuer::new(), Recorder::of_anybody(), Recorder::start());
    let set = json!({"keys": [issuer.jwk("ec-1")]}).to_string();
    server.script([Act::Answer(answer(500, "{}")), Act::Answer(answer(200, &set))]);
    let gateway = Running::start(upstream.address, &from_server(&server));
    let reply = send(&gateway, &issuer.token(&good()));
    assert_eq!((reply.status, reply.code().as_str()), (503, "KeysUnavailable"));
    assert!(reply.header("retry-after").is_some() && upstream.seen().is_empty());
    let mut operator = gateway.operator();
    assert_eq!(operator.send(&get("/readyz")).body, "the issuer's keys are not known\n");
    gateway.wait_ready();
    assert_eq!(send(&gateway, &issuer.token(&good())).status, 201);
}
