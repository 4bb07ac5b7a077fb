//! G: the access log and the metrics under what clients write. Lines stay lines, secrets stay out, and nothing of a request is a label.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::thread;

use crate::scene::{Dice, Scene, Tally};
use crate::support::logs::{Full, Stuck};
use crate::support::{JOB, Recorder, Running, get, head, post};

/// The Big List of Naughty Strings, Copyright (c) 2015-2020 Max Woolf, MIT licence: see the file beside it.
const NAUGHTY: &str = include_str!("../data/blns.json");

fn naughty() -> Vec<String> {
    serde_json::from_str(NAUGHTY).unwrap()
}

#[test]
fn g1_naughty_strings_everywhere() {
    let mut scene = Scene::new("g1", "limits.requests_per_connection = 1000000");
    let strings = naughty();
    assert_eq!(strings.len(), 515);
    let mut requests = 0;
    for text in &strings {
        let quoted = serde_json::to_string(text).unwrap();
        let plain: String = text.chars().filter(|character| !"\r\n".contains(*character)).collect();
        let escaped: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let field = |name: &str| {
            head("GET", "/contextcapture/jobs", &format!("{name}: {plain}\r\n\r\n")).into_bytes()
        };
        for wire in [
            post(&JOB.replace("\"My first job\"", &quoted)),
            post(&JOB.replace("\"photos\"", &quoted)),
            post(&JOB.replace("\"Full\"", &quoted)),
            post(&JOB.replace("\"type\"", &quoted)),
            field("User-Agent"),
            field("X-Request-Id"),
            head("GET", "/contextcapture/jobs", "\r\n").replace("t0k-en", &plain).into_bytes(),
            get(&format!("/contextcapture/{escaped}")),
            get(&format!("/contextcapture/jobs?$filter={escaped}")),
            format!("{plain} /contextcapture/jobs HTTP/1.1\r\nHost: gate\r\n\r\n").into_bytes(),
        ] {
            let end = scene.try_bytes(&wire);
            // What no header begins in, as an empty line, is not answered; all else is answered and logged once.
            requests += end.replies.len();
            let known = [200, 201, 400, 401, 404, 405, 414, 422];
            let fine = end.replies.len() <= 2 && end.statuses().iter().all(|status| known.contains(status));
            scene.tally.survived(fine, || format!("{:?}: {end:?}", String::from_utf8_lossy(&wire)));
        }
    }
    let requests = requests + scene.served.load(Ordering::Relaxed);
    let lines = scene.gateway.log.lines(requests);
    let text = scene.gateway.log.text();
    scene.tally.survived(lines.len() == requests && text.lines().count() == requests, || {
        format!("{} lines of {requests} requests", lines.len())
    });
    // Control characters and whatever is not ASCII are nobody's but a client's.
    let plain = text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte));
    scene.tally.survived(plain, || "the log has other characters than it should".to_owned());
    scene.finish();
}

/// What is far too long, wherever a client may write it: refused, in one line that is no longer for it.
#[test]
fn g1_names_of_300_kb() {
    let mut scene = Scene::new("g1", "");
    let long = "n".repeat(300_000);
    let wires = [
        (post(&JOB.replace("My first job", &long)), [413, 413]),
        (post(&JOB.replace("My first job", &long[..200_000])), [422, 422]),
        (post(&JOB.replace("\"type\"", &format!("\"{}\"", &long[..200_000]))), [422, 422]),
        (post(&JOB.replace("\"Full\"", &format!("\"{}\"", &long[..200_000]))), [422, 422]),
        (
            head("GET", "/contextcapture/jobs", &format!("X-Request-Id: {long}\r\n\r\n")).into_bytes(),
            [431, 400],
        ),
        (head("GET", "/contextcapture/jobs", &format!("{long}: x\r\n\r\n")).into_bytes(), [431, 400]),
        (get(&format!("/contextcapture/{long}")), [414, 400]),
        (get(&format!("/contextcapture/jobs?{long}")), [414, 400]),
    ];
    let count = wires.len();
    // What the parser does not take at all is told as 400.
    for (wire, statuses) in wires {
        let end = scene.try_bytes(&wire);
        let cut = end.replies.iter().all(|reply| reply.body.len() < 4096);
        scene.tally.refused(end.is_refusal(&statuses) && end.replies.len() == 1 && cut, || {
            format!("{:?}: {end:?}", String::from_utf8_lossy(&wire[..100]))
        });
    }
    scene.gateway.log.lines(count);
    for line in scene.gateway.log.text().lines() {
        scene.tally.survived(line.len() < 4096, || format!("a line of {}: {line:.200}", line.len()));
    }
    scene.finish();
}

#[test]
fn g2_secrets() {
    let mut scene = Scene::new("g2", "");
    let canary = "c4n4ry-0f-4ll-t0kens";
    let token = |wire: &[u8]| String::from_utf8_lossy(wire).replace("t0k-en", canary).into_bytes();
    let job = JOB.replace("My first job", canary).replace("photos", canary);
    for wire in [
        post(&job),
        post(JOB),
        post("{}"),
        get("/contextcapture/jobs"),
        get(&format!("/contextcapture/jobs?email={canary}")),
        get(&format!("/{canary}")),
        post(&JOB.replace("Full", canary)),
        post(&format!("{{\"{canary}\":1}}")),
        post(canary),
        head("GET", "/contextcapture/jobs", &format!("Cookie: {canary}\r\nX-Request-Id: a {canary}\r\n\r\n"))
            .into_bytes(),
        head("PUT", "/contextcapture/jobs", "\r\n").into_bytes(),
        head("POST", "/contextcapture/jobs", "Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n")
            .into_bytes(),
        head(canary, "/contextcapture/jobs", "\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\nAuthorization: Bearer {canary}\r\nbad\r\n\r\n").into_bytes(),
        head("GET", "/contextcapture/jobs", "\r\n")
            .replace("Bearer t0k-en", &format!("Bearer {canary} x"))
            .into_bytes(),
    ] {
        let end = scene.try_bytes(&token(&wire));
        let clean = end.replies.iter().all(|reply| !format!("{reply:?}").contains(canary));
        scene.tally.survived(clean && !end.replies.is_empty(), || format!("{end:?}"));
    }
    let mut operator = scene.gateway.operator();
    for target in ["/metrics", "/v1/holds", "/v1/budgets", "/v1/usage", "/v1/config"] {
        let text = operator.send(&get(target)).body;
        scene.tally.survived(!text.contains(canary), || target.to_owned());
    }
    let text = scene.gateway.log.lines(15).iter().map(ToString::to_string).collect::<String>();
    scene.tally.survived(!text.contains(canary) && !text.contains("email"), || text.clone());
    scene.finish();
}

/// Every series there is, without its value.
fn series(gateway: &Running) -> BTreeSet<String> {
    let text = gateway.operator().send(&get("/metrics")).body;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect()
}

#[test]
fn g3_labels() {
    // Counted by workspace and by token, which are new each time.
    let counted = "limits.requests_per_connection = 1000000\nledger.url = 'memory:'\npricing.rate_card = 'builtin:illustrative'\n\
                   [[budget]]\nname = 'each'\nscope = 'workspace'\nlimit = '5'\nwindow = 'total'\n\
                   [[rate_limit]]\nscope = 'token'\nrequests = 1\nper = '1h'\nmode = 'shadow'\n";
    let mut scene = Scene::new("g3", counted).without_a_last_good_one();
    let mut dice = Dice::new(0x1abe1);
    let one = |dice: &mut Dice| {
        let word: String =
            (0..12).map(|_| char::from(b'a' + u8::try_from(dice.below(26)).unwrap())).collect();
        let id = format!("{:08x}-9fd2-4900-870b-{:012x}", dice.below(1 << 32), dice.below(1 << 40));
        [
            post(&JOB.replace("Full", &word)),
            get(&format!("/{word}/{id}")),
            head(&word.to_uppercase(), "/contextcapture/jobs", "\r\n").into_bytes(),
            post(
                &JOB.replace("6881117d-9fd2-4900-870b-9b721dc90f25", &id)
                    .replace("Extra\",\"proc", &format!("{word}\",\"proc")),
            ),
            String::from_utf8(post(
                &JOB.replace("6881117d-9fd2-4900-870b-9b721dc90f25", &id).replace("My first job", &word),
            ))
            .unwrap()
            .replace("t0k-en", &format!("t0k-en{word}"))
            .into_bytes(),
        ]
    };
    let mut client = scene.gateway.client();
    let statuses: Vec<u16> = one(&mut dice).iter().map(|wire| client.send(wire).status).collect();
    assert_eq!(statuses, [422, 404, 405, 422, 201]);
    scene.gateway.log.lines(5);
    let before = series(&scene.gateway);
    for _ in 0..2_500 {
        client.write(&one(&mut dice).concat());
        let statuses = [(); 5].map(|()| client.read().status);
        scene.tally.survived(statuses == [422, 404, 405, 422, 201], || format!("{statuses:?}"));
    }
    let after = series(&scene.gateway);
    scene.tally.survived(after == before, || {
        format!("{:?}", after.symmetric_difference(&before).collect::<Vec<_>>())
    });
    scene.finish();
}

#[test]
fn g4_tables_of_limits() {
    // Whoever brings a new name each time never raises his own allowance, and the address that all come from is counted.
    let limits = "limits.requests_per_connection = 1000000\n[[rate_limit]]\nscope = 'token'\nrequests = 3\nper = '1h'\nmode = 'enforce'\n";
    let mut scene = Scene::new("g4", limits);
    let rules = |token: &str| {
        head("GET", "/jobgate/v1/rules/type-invalid", "\r\n").replace("t0k-en", token).into_bytes()
    };
    let mut client = scene.gateway.client();
    let first: Vec<u16> = (0..5).map(|_| client.send(&rules("mine")).status).collect();
    scene.tally.survived(first == [200, 200, 200, 429, 429], || format!("{first:?}"));
    for round in 0..40 {
        let burst: Vec<u8> = (0..500).flat_map(|n| rules(&format!("other-{round}-{n}"))).collect();
        client.write(&burst);
        let passed = (0..500).filter(|_| client.read().status == 200).count();
        let again = client.send(&rules("mine")).status;
        scene.tally.survived(passed == 500 && again == 429, || format!("{round}: {passed}, {again}"));
    }
    scene.finish();
}

#[test]
fn g5_logs_that_are_full_or_stuck() {
    let mut tally = Tally::new("g5");
    let (release, stuck) = channel();
    let writers: [(&str, Box<dyn Write + Send>); 2] =
        [("stuck", Box::new(Stuck(stuck))), ("full", Box::new(Full))];
    for (name, writer) in writers {
        let upstream = Recorder::start();
        let text =
            format!("upstream.url = 'http://{}'\nlimits.requests_per_connection = 1000000", upstream.address);
        let gateway = Running::logging(&text, writer);
        let mut client = gateway.client();
        let burst = get("/nowhere").repeat(100);
        let dropped = || {
            let text = gateway.operator().send(&get("/metrics")).body;
            let line =
                text.lines().find(|line| line.starts_with("jobgate_log_lines_dropped_total ")).unwrap();
            line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
        };
        while dropped() == 0 {
            client.write(&burst);
            let all = (0..100).all(|_| client.read().status == 404);
            tally.survived(all, || format!("{name}: a request was held up"));
        }
        let status = client.send(&post(JOB)).status;
        tally.survived(status == 201, || format!("{name}: {status}"));
        tally.survived(gateway.stop() == 0, || format!("{name}: the end was held up"));
        thread::yield_now();
    }
    drop(release);
    tally.finish();
}
