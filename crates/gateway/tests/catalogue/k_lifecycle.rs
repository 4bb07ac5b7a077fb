//! K: clocks, ends, configurations and what the gate is built of. Where it cannot be sure, it does not start, or says no.

use std::num::NonZeroU32;
use std::path::Path;
use std::thread;
use std::time::Duration;

use admission::{RateLimit, RateLimiter, Window, WindowKind};
use gateway::{Config, Gateway};

use crate::frames::{END_HEADERS, END_STREAM, Frames, HEADERS, field, frame};
use crate::scene::{Dice, Scene, Tally};
use crate::support::folder::Folder;
use crate::support::{Act, JOB, Recorder, Running, answer, get, money, post};

#[test]
fn k3_clocks_that_stand_or_jump() {
    let mut tally = Tally::new("k3");
    let limit = RateLimit::new(NonZeroU32::new(5).unwrap(), Duration::from_secs(60)).unwrap();
    let take = |limiter: &mut RateLimiter, now: Duration| {
        let fits = limiter.check(1, now).is_ok();
        if fits {
            limiter.take(1, now);
        }
        fits
    };
    let mut dice = Dice::new(0xc10c);
    for start in [0, 1, 1 << 31, 1 << 40] {
        // A clock that stands gives nothing back, however often it is asked.
        let (mut limiter, now) = (RateLimiter::new(limit, 16), Duration::from_secs(start));
        let fits = (0..1000).filter(|_| take(&mut limiter, now)).count();
        tally.survived(fits == 5, || format!("{fits} at one instant"));
        // And one that jumps gives no span more than the limit, whatever the jump.
        let mut times: Vec<Duration> =
            (0..500).map(|_| now + Duration::from_millis(dice.below(400_000).try_into().unwrap())).collect();
        times.sort_unstable();
        let mut limiter = RateLimiter::new(limit, 16);
        let admitted: Vec<Duration> = times.into_iter().filter(|now| take(&mut limiter, *now)).collect();
        let crowded = admitted.windows(6).any(|six| six[5] < six[0] + Duration::from_secs(60));
        tally.survived(!crowded, || format!("{admitted:?}"));
    }
    // The window of a budget is a function of the instant alone: going back leads to the same one, whose sums stand.
    for (kind, zone) in [
        (WindowKind::Day, "Europe/Berlin"),
        (WindowKind::Month, "UTC"),
        (WindowKind::Day, "America/New_York"),
        (WindowKind::Month, "Pacific/Apia"),
    ] {
        let window = Window::new(kind, zone).unwrap();
        for _ in 0..200 {
            let second = i64::try_from(dice.below(4_000_000_000)).unwrap();
            let at = jiff::Timestamp::from_second(second).unwrap();
            let period = window.period(at);
            let jump = jiff::Timestamp::from_second(second + 31_557_600).unwrap();
            let good = period.next.as_ref().is_none_or(|next| next.timestamp() > at)
                && window.period(jump) != period
                && window.period(at) == period;
            tally.survived(good, || format!("{zone} {at}"));
        }
    }
    tally.finish();
}

#[test]
fn k4_ends() {
    let mut scene = Scene::new("k4", "");
    for forced in [false, true] {
        let upstream = Recorder::start();
        let gateway = Running::start(upstream.address, "");
        upstream.script([Act::Hold]);
        let mut client = gateway.client();
        client.write(&post(JOB));
        upstream.wait_held(1);
        let (stop, mut operator) = (gateway.stop_handle(), gateway.operator());
        stop.stop();
        // It says so before it ends; on a slow machine its doors may be closed before it is asked.
        while operator.try_send(&get("/readyz")).is_ok_and(|reply| reply.status != 503) {}
        if forced {
            stop.stop();
            let cut = gateway.stop();
            scene.tally.survived(cut == 1, || format!("{cut} cut off"));
        } else {
            upstream.release();
            let reply = client.read();
            scene.tally.survived(reply.status == 201 && reply.closes(), || format!("{reply:?}"));
            let cut = gateway.stop();
            scene.tally.survived(cut == 0, || format!("{cut} cut off"));
        }
        scene.tally.survived(upstream.seen().len() == 1, || "a request was sent twice".to_owned());
    }
    scene.finish();
}

/// A grace that runs out. It never does for a job, for it must be longer than upstream may take; it does for whoever reads nothing.
#[test]
fn k4_a_grace_that_runs_out() {
    let mut tally = Tally::new("k4");
    let (folder, upstream) = (Folder::new("k4-grace"), Recorder::start());
    let with = |grace: &str| {
        let ends =
            format!("shutdown.lead = '0s'\nshutdown.grace = '{grace}'\nupstream.response_timeout = '1s'");
        money::budget("100", &format!("{}{ends}", folder.ledger()))
    };
    let text = format!("upstream.url = 'http://{}'\n{}", upstream.address, with("1s"));
    tally.refused(Config::parse(&text, Path::new("."), []).is_err(), || {
        "a grace that cuts jobs off".to_owned()
    });
    let gateway = Running::start(upstream.address, &with("2s"));
    upstream.script([Act::Silence]);
    let mut client = gateway.client();
    client.write(&post(JOB));
    while upstream.count() < 1 {
        thread::yield_now();
    }
    gateway.stop_handle().stop();
    // It is told what is known, and what became of the job nobody knows: so it is written down, also behind a restart.
    let status = client.read().status;
    let cut = gateway.end();
    tally.survived((status, cut) == (504, 0), || format!("{status}, {cut} cut off"));
    let gateway = Running::start_patiently(upstream.address, &with("2s"));
    let held = money::states(&gateway);
    tally.survived(held == ["in-doubt"], || format!("{held:?}"));
    tally.survived(upstream.count() == 1, || "it was sent again".to_owned());
    upstream.script([Act::Answer(answer(200, &"x".repeat(32 << 20)))]);
    let mut client = gateway.client();
    client.write(&get("/contextcapture/jobs"));
    while upstream.count() < 2 {
        thread::yield_now();
    }
    gateway.stop_handle().stop();
    let cut = gateway.end();
    tally.survived(cut == 1, || format!("{cut} cut off"));
    tally.finish();
}

/// A request of HTTP/2 goes on without its connection, and is under way before upstream is asked anything.
#[test]
fn k4_a_request_whose_connection_has_gone() {
    const TOKEN: &[u8] = b"Bearer eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.e30.AAAA";
    let mut tally = Tally::new("k4");
    let (issuer, upstream) = (Recorder::of_anybody(), Recorder::start());
    issuer.script([Act::Hold]);
    let keys = format!(
        "listen.h2c = true\n[identity]\nmode = 'jwt'\nissuer = 'a'\naudience = 'b'\njwks_url = 'http://{}/'",
        issuer.address
    );
    let gateway = Running::start(upstream.address, &keys);
    issuer.wait_held(1);
    let mut client = Frames::connect(gateway.address);
    let fields = [
        (":method", &b"GET"[..]),
        (":scheme", b"http"),
        (":authority", b"gate"),
        (":path", b"/jobgate/v1/rules"),
    ];
    let mut block: Vec<u8> = fields.iter().flat_map(|(name, value)| field(name, value)).collect();
    block.extend(field("authorization", TOKEN));
    client.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block));
    let wait_for = |what: &str| while !gateway.operator().send(&get("/metrics")).body.contains(what) {};
    wait_for("\njobgate_in_flight 1\n");
    client.leave();
    wait_for("\njobgate_connections 0\n");
    // It waits for the issuer's keys, though not for ever.
    let cut = gateway.stop();
    tally.survived(cut == 0, || format!("{cut} cut off"));
    issuer.release();
    tally.finish();
}

#[test]
fn k5_configurations_that_are_wrong() {
    let mut tally = Tally::new("k5");
    let good = "upstream.url = 'http://127.0.0.1:1'\n";
    for text in [
        "limits.body_bytes = '0'",
        "limits.body_bytes = '17MiB'",
        "limits.body_bytes = -1",
        "limits.body_bytes = 'unlimited'",
        "limits.connections = 0",
        "limits.in_flight = 0",
        "limits.head_timeout = '0s'",
        "limits.head_timeout = 'never'",
        "limits.body_timeout = '2d'",
        "limits.keep_alive = '0s'",
        "limits.requests_per_connection = 0",
        "limits.requests_per_http2_connection = 0",
        "limits.buffered_bytes = '1KiB'",
        "limits.nonsense = 1",
        "nonsense = 1",
        "limits = 1",
        "limits.head_fields = 10000",
        "upstream.response_timeout = '0s'",
        "ledger.url = 'nonsense:'",
        "log.level = 'loud'",
        "identity.mode = 'jwt'",
        "identity.mode = 'trust'",
        "pricing.rate_card = 'no-such-file.toml'",
        "validation.profile = 'lenient'",
        "validation.mode = 'off'",
        "[validation.severity]\n'no-such-rule' = 'deny'",
        "[validation.severity]\n'body-syntax' = 'off'",
        "[[budget]]\nname = 'b'",
        "[[budget]]\nname = 'b'\nscope = 'global'\nlimit = '-1'\nwindow = 'day'",
        "[[rate_limit]]\nscope = 'global'\nrequests = 0\nper = '1m'",
        "[[rate_limit]]\nscope = 'moon'\nrequests = 1\nper = '1m'",
        "listen.address = 'nowhere'",
        "listen.tls.certificate = 'c.pem'",
        "\0",
        "= 1",
        "a = ",
    ] {
        let refused = Config::parse(&format!("{good}{text}"), Path::new("."), []).is_err();
        tally.refused(refused, || text.to_owned());
    }
    for url in [
        "",
        "ftp://a",
        "http://",
        "http://user:secret@a",
        "http://a/path",
        "https://a:0",
        "http://a:99999",
        "a",
    ] {
        let refused = Config::parse(&format!("upstream.url = '{url}'"), Path::new("."), []).is_err();
        tally.refused(refused, || url.to_owned());
    }
    // What is not said is bounded.
    let config = Config::parse(good, Path::new("."), []).unwrap();
    let limits = config.limits;
    let all = [
        limits.body_bytes,
        limits.head_bytes,
        limits.head_fields,
        limits.target_bytes,
        limits.buffered_bytes,
        limits.in_flight,
        limits.connections,
        limits.requests_per_connection,
        limits.requests_per_http2_connection,
    ];
    tally.survived(all.iter().all(|limit| (1..=64 << 20).contains(limit)), || format!("{limits:?}"));
    tally.finish();
}

#[test]
fn k6_names_and_certificates() {
    let mut tally = Tally::new("k6");
    let recorder = Recorder::start();
    for url in [
        "http://no-such-host.invalid:80".to_owned(),
        format!("https://{}", recorder.address),
        format!("https://localhost:{}", recorder.address.port()),
    ] {
        let gateway =
            Running::configured(&format!("upstream.url = '{url}'\nupstream.connect_timeout = '3s'"));
        for wire in [post(JOB), get("/contextcapture/jobs")] {
            let reply = gateway.send(&wire);
            let told = reply.status == 502 && reply.json()["error"]["details"][0]["outcome"] == "not-sent";
            tally.refused(told, || format!("{url}: {reply:?}"));
        }
    }
    tally.survived(recorder.seen().is_empty(), || "something was sent in the clear".to_owned());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("no-certificate-{}.pem", std::process::id()));
    for (content, name) in [
        ("", "empty"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no certificate"),
        ("nonsense", "no PEM"),
    ] {
        std::fs::write(&file, content).unwrap();
        let shown = file.display();
        for text in [
            format!("[listen.tls]\ncertificate = '{shown}'\nkey = '{shown}'"),
            format!("upstream.ca_file = '{shown}'"),
        ] {
            let text = format!(
                "listen.address = '127.0.0.1:0'\nadmin.address = '127.0.0.1:0'\nupstream.url = 'https://127.0.0.1:1'\n{text}"
            );
            let refused = match Config::parse(&text, Path::new("."), []) {
                Ok(config) => Gateway::bind(config, None).is_err(),
                Err(_) => true,
            };
            tally.refused(refused, || format!("{name}: {text}"));
        }
    }
    std::fs::remove_file(&file).unwrap();
    tally.finish();
}

#[test]
fn k7_what_it_is_built_of() {
    let mut tally = Tally::new("k7");
    let lock = include_str!("../../../../Cargo.lock");
    let version = |name: &str| -> Vec<Vec<u64>> {
        let begin = format!("name = \"{name}\"\nversion = \"");
        let found = lock.split(&begin).skip(1).map(|rest| rest.split('"').next().unwrap());
        found.map(|version| version.split('.').map(|part| part.parse().unwrap_or(0)).collect()).collect()
    };
    // The first of each without a hole that was known when this was written; new ones `cargo xtask test` looks up.
    for (name, least) in [
        ("pingora-core", [0, 9, 1]),
        ("pingora-proxy", [0, 9, 1]),
        ("pingora-cache", [0, 9, 1]),
        ("h2", [0, 4, 16]),
        ("bytes", [1, 11, 1]),
        ("tokio", [1, 54, 0]),
    ] {
        let versions = version(name);
        let good = !versions.is_empty() && versions.iter().all(|version| version.as_slice() >= &least[..]);
        tally.survived(good, || format!("{name} {versions:?}"));
    }
    tally.finish();
}
