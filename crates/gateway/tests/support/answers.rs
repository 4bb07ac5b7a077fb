//! What must hold of any bytes that upstream answers with, from its socket to the client: what is passed on was there for some reader of
//! them, whole or cut off where they are; all else is a no of ours; and a job is sent once. Run by a fuzz target and, on the seeds, by a
//! test.

use std::io::sink;
use std::net::Shutdown;
use std::sync::OnceLock;

use super::{Act, JOB, Recorder, Reply, Running, get, head, post, strict};

/// A gate and its upstream.
struct Stage {
    upstream: Recorder,
    gateway: Running,
}

/// The first byte says what is asked of upstream, and whether it closes; the rest is its answer.
pub fn answers(input: &[u8]) {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    let stage = STAGE.get_or_init(|| {
        let upstream = Recorder::start();
        let text = format!("upstream.url = 'http://{}'\nlimits.threads = 1", upstream.address);
        Stage { upstream, gateway: Running::logging(&text, Box::new(sink())) }
    });
    let Some((asked, bytes)) = input.split_first() else { return };
    let request = match asked % 4 {
        0 => post(JOB),
        1 => get("/contextcapture/jobs"),
        2 => head("DELETE", "/contextcapture/jobs/cc3d35cc-416a-4262-9714-b359da70b419", "\r\n").into_bytes(),
        _ => get("/contextcapture/workspaces/w"),
    };
    // What only reads may be tried once more.
    let act = Act::AnswerAndClose(bytes.to_vec());
    stage.upstream.unscript();
    stage.upstream.script([act.clone(), act]);
    let mut client = stage.gateway.client();
    client.write(&request);
    let _ = client.stream.shutdown(Shutdown::Write);
    let (said, closed) = client.read_to_the_end();
    assert!(closed, "left open");
    let heard = stage.upstream.take().len();
    let (replies, torn) = strict::answers(&said, false);
    let streamed = asked % 4 != 0 && asked % 4 != 2;
    assert!(replies.len() <= 1 && (torn.is_none() || streamed), "{torn:?} {replies:?}");
    if heard == 0 {
        // A job of which it is not known what became of its last change is not changed; and a connection that is used again may be closed
        // by the other side at that time.
        let no = |reply: &Reply| matches!(reply.header("x-jobgate-decision"), Some("refused" | "failed"));
        assert!(replies.iter().all(no), "nothing was sent: {replies:?}");
        return;
    }
    assert!(heard <= if request.starts_with(b"GET") { 2 } else { 1 }, "sent {heard} times");
    let Some(reply) = replies.first() else { return };
    assert_eq!(reply.headers.iter().filter(|(name, _)| name == "x-request-id").count(), 1, "{reply:?}");
    let decision = reply.header("x-jobgate-decision");
    if decision == Some("failed") {
        // What was refused is told with upstream's own status.
        let known = [502, 504].contains(&reply.status) || reply.code() == "AnswerCutOff";
        assert!(known && !reply.code().is_empty(), "{reply:?}");
        return;
    }
    assert!(matches!(decision, Some("admitted" | "observed" | "bypassed")), "{reply:?}");
    let habits = [(false, LF), (true, LF), (true, CRLF)];
    let mut readings = habits.into_iter().filter_map(|(chunked, end)| reading(bytes, chunked, end));
    assert!(
        readings.any(|(status, body)| {
            // Where it is cut off a letter may be.
            let body = String::from_utf8_lossy(&body).into_owned();
            status == reply.status && body.starts_with(reply.body.trim_end_matches('\u{fffd}'))
        }),
        "nobody reads {reply:?} in {:?}",
        String::from_utf8_lossy(bytes)
    );
}

/// What ends the line of a chunk's size: there are readers for which a line feed alone is a part of its extensions.
const LF: &[u8] = b"\n";
const CRLF: &[u8] = b"\r\n";

/// The first final answer as a reader finds it that is as lenient as any, and believes the length or the chunks.
fn reading(mut bytes: &[u8], chunked: bool, end: &[u8]) -> Option<(u16, Vec<u8>)> {
    loop {
        let first = line(&mut bytes, LF)?;
        if first.is_empty() {
            continue;
        }
        let status: u16 = first.split_whitespace().nth(1)?.get(..3)?.parse().ok()?;
        let mut length = None;
        loop {
            let field = line(&mut bytes, LF)?;
            if field.is_empty() {
                break;
            }
            let (name, value) = field.split_once(':').unwrap_or((&field, ""));
            if name.trim().eq_ignore_ascii_case("content-length") {
                length = value.split(',').next().and_then(|value| value.trim().parse::<usize>().ok());
            }
        }
        if status < 200 {
            continue;
        }
        let body = match length {
            _ if chunked => chunks(bytes, end),
            Some(length) => bytes.get(..length).unwrap_or(bytes).to_vec(),
            None => bytes.to_vec(),
        };
        return Some((status, body));
    }
}

/// As far as it goes.
fn chunks(mut bytes: &[u8], end: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(size) = line(&mut bytes, end) {
        let size = size.split(';').next().unwrap_or_default().trim().to_owned();
        let size = if size.is_empty() { Ok(0) } else { usize::from_str_radix(&size, 16) };
        let Ok(size @ 1..) = size else { break };
        let size = size.min(bytes.len());
        body.extend_from_slice(&bytes[..size]);
        bytes = &bytes[size..];
        let _ = line(&mut bytes, LF);
    }
    body
}

fn line(bytes: &mut &[u8], end: &[u8]) -> Option<String> {
    let place = bytes.windows(end.len()).position(|window| window == end)?;
    let line = String::from_utf8_lossy(&bytes[..place]).trim_end_matches('\r').to_owned();
    *bytes = &bytes[place + end.len()..];
    Some(line)
}
