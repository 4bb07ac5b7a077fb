//! The rows of the table that are about the client: it leaves, or it asks again with a key, or without one.

use std::thread;

use crate::calls::Call::{Change, Create, Delete, Submit};
use crate::calls::{ALL, Call, Left, Stage, done, refused, unknown};
use crate::support::{Act, Recorder};

type Leaves = fn(Call) -> Left;

/// Who leaves while upstream has the call changes nothing of what becomes of it.
#[test]
fn i11_a_client_that_leaves_is_no_reason_to_leave_a_call_alone() {
    let stage = Stage::new("i11", "");
    for (fault, left) in [("latency=30ms", done as Leaves), ("422", refused), ("reset-after", unknown)] {
        for call in ALL {
            let prepared = stage.prepared(call);
            if fault != "latency=30ms" {
                stage.upstream().set_fault("latency=30ms".parse::<sandbox::Fault>().unwrap().times(1));
            }
            stage.upstream().set_fault(fault.parse::<sandbox::Fault>().unwrap().times(1));
            let total = stage.upstream().journal().total();
            let mut client = stage.gateway.client();
            client.write(&prepared.request);
            // Upstream has it now, and waits.
            while stage.upstream().journal().total() == total {
                thread::yield_now();
            }
            drop(client);
            let (want, _, kinds) = left(call);
            let over = || {
                let known = prepared.before.as_ref().map(|before| before.id);
                let row =
                    known.map_or_else(|| stage.newest(), |id| Stage::wait(stage.book.hold(id)).unwrap());
                let setup = if known.is_some() { 2 } else { 0 };
                row.is_some_and(|row| row.state == want && stage.entries(&row).len() == kinds.len() + setup)
            };
            while !over() {
                thread::yield_now();
            }
            stage.check(&prepared, left(call), fault);
            stage.upstream().clear_faults();
        }
    }
}

/// A change that never comes whole is none.
#[test]
fn i12_a_change_whose_client_leaves_before_its_body_is_whole_leaves_no_trace() {
    let stage = Stage::new("i12", "");
    for call in [Change, Submit] {
        let prepared = stage.prepared(call);
        let total = stage.upstream().journal().total();
        for part in [1, 40, prepared.request.len() - 5, prepared.request.len() - 1] {
            let mut client = stage.gateway.client();
            client.write(&prepared.request[..part]);
            drop(client);
        }
        // By the time that this one is answered the others are over, or they are none the wiser.
        assert_eq!(stage.gateway.send(&prepared.request).status, 200);
        stage.check(&prepared, done(call), "once");
        assert_eq!(stage.upstream().journal().total(), total + 1);
    }
}

fn keyed(request: &[u8], key: &str) -> Vec<u8> {
    let plain = String::from_utf8(request.to_vec()).unwrap();
    plain.replacen("Host: gate", &format!("Host: gate\r\nIdempotency-Key: {key}"), 1).into_bytes()
}

/// With a key a call is carried out once, whatever became of it; who asks again is told the same.
#[test]
fn i13_i14_a_call_with_a_key_is_sent_once_and_told_again() {
    let stage = Stage::new("i13", "");
    let faults = [
        ("latency=1ms", done as Leaves),
        ("422", refused),
        ("reset-after", unknown),
        ("cut", unknown),
        ("503", unknown),
    ];
    for (fault, left) in faults {
        for call in [Create, Change, Submit] {
            let prepared = stage.prepared(call);
            let request = keyed(&prepared.request, &format!("{call:?}-{fault}"));
            stage.upstream().set_fault(fault.parse::<sandbox::Fault>().unwrap().times(1));
            let total = stage.upstream().journal().total();
            let first = stage.gateway.send(&request);
            stage.check(&prepared, left(call), fault);
            for _ in 0..2 {
                let again = stage.gateway.send(&request);
                assert_eq!(
                    (again.status, again.header("idempotency-replayed")),
                    (first.status, Some("true")),
                    "{call:?} {fault}"
                );
                assert_eq!(again.body.contains("outcome"), first.body.contains("outcome"));
                assert_eq!(again.json()["error"]["details"], first.json()["error"]["details"]);
            }
            stage.check(&prepared, left(call), fault);
            let other = String::from_utf8(request).unwrap().replace("}}", "} }").replace("\"}", "\" }");
            let length = |text: &str| text.split_once("\r\n\r\n").unwrap().1.len();
            let old = format!("Content-Length: {}", length(std::str::from_utf8(&prepared.request).unwrap()));
            let other = other.replacen(&old, &format!("Content-Length: {}", length(&other)), 1);
            assert_eq!(stage.gateway.send(other.as_bytes()).code(), "IdempotencyKeyReused", "{call:?}");
            assert_eq!(stage.upstream().journal().total(), total + 1, "{call:?} {fault}");
        }
    }
}

#[test]
fn i13_a_call_that_is_under_way_is_waited_for() {
    let upstream = Recorder::start();
    let stage = Stage::before(&upstream, "i13w");
    for (number, call) in (1..).zip([Create, Change, Submit]) {
        let prepared = stage.prepared(call);
        let request = keyed(&prepared.request, &format!("{call:?}"));
        upstream.script([Act::Hold]);
        let total = upstream.seen().len();
        thread::scope(|scope| {
            let first = scope.spawn(|| stage.gateway.send(&request).status);
            upstream.wait_held(number);
            let second = stage.gateway.send(&request);
            assert_eq!((second.status, second.code().as_str()), (409, "RequestInProgress"), "{call:?}");
            upstream.release();
            assert!([200, 201].contains(&first.join().unwrap()));
        });
        assert_eq!(stage.gateway.send(&request).header("idempotency-replayed"), Some("true"));
        stage.check(&prepared, done(call), "once");
        assert_eq!(upstream.seen().len(), total + 1);
    }
}

#[test]
fn i15_without_a_key_each_call_stands_alone() {
    let stage = Stage::new("i15", "");
    for (call, statuses) in
        [(Create, [201, 201]), (Change, [200, 200]), (Submit, [200, 422]), (Delete, [204, 404])]
    {
        let prepared = stage.prepared(call);
        let total = stage.upstream().journal().total();
        for status in statuses {
            assert_eq!(stage.gateway.send(&prepared.request).status, status, "{call:?}");
        }
        assert_eq!(stage.upstream().journal().total(), total + 2, "{call:?}");
    }
}

/// It speaks of the moment: to ask again is what helps.
#[test]
fn i13_a_key_stays_free_where_upstream_is_known_to_have_done_nothing() {
    let stage = Stage::new("i13n", "upstream.nothing_done = [503]");
    for call in [Create, Change, Submit] {
        let prepared = stage.prepared(call);
        let request = keyed(&prepared.request, &format!("{call:?}"));
        stage.upstream().set_fault("503".parse::<sandbox::Fault>().unwrap().times(1));
        assert_eq!(stage.gateway.send(&request).status, 503);
        stage.check(&prepared, refused(call), "503");
        let again = stage.gateway.send(&request);
        assert!([200, 201].contains(&again.status), "{again:?}");
        assert_eq!(again.header("idempotency-replayed"), None, "{call:?}");
    }
}
