//! The rows of the table again, with the faults that the sandbox itself has, and for each call that money hangs on: a job is
//! created, made dearer, submitted, deleted. What the client is told, where the hold stands, and what is in the books of it.

use admission::HoldState::{self, Bound, InDoubt, Released, Submitted};
use ledger::{HoldRow, Ledger, Url};
use sandbox::Sandbox;

use super::MONEY;
use crate::support::folder::Folder;
use crate::support::{Act, JOB, Recorder, Reply, Running, answer, head, post, request};

/// What is asked of a job of 3.5 units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Create,
    /// To 8 units.
    Change,
    Submit,
    Delete,
}

use Call::{Change, Create, Delete, Submit};

pub(crate) const ALL: [Call; 4] = [Create, Change, Submit, Delete];

/// What is left of one call: the hold's state and amount, and the entries that the call has made.
pub(crate) type Left = (HoldState, &'static str, &'static [&'static str]);

/// Upstream has done it.
pub(crate) const fn done(call: Call) -> Left {
    match call {
        Create => (Bound, "3.5", &["reserve", "bind"]),
        Change => (Bound, "8", &["adjust", "change", "keep"]),
        Submit => (Submitted, "3.5", &["change", "submit"]),
        Delete => (Released, "3.5", &["delete"]),
    }
}

/// Upstream has done nothing, and that is known.
pub(crate) const fn refused(call: Call) -> Left {
    match call {
        Create => (Released, "3.5", &["reserve", "release"]),
        Change => (Bound, "3.5", &["adjust", "change", "adjust", "keep"]),
        Submit => (Bound, "3.5", &["change", "keep"]),
        Delete => (Bound, "3.5", &[]),
    }
}

/// Nobody knows. A job that may be gone is held until it lapses: it costs nothing either way, and may still be submitted.
pub(crate) const fn unknown(call: Call) -> Left {
    match call {
        Create => (InDoubt, "3.5", &["reserve", "doubt"]),
        Change => (InDoubt, "8", &["adjust", "change", "doubt"]),
        Submit => (InDoubt, "3.5", &["change", "doubt"]),
        Delete => (Bound, "3.5", &[]),
    }
}

/// A sandbox, a gateway before it, and the ledger of the two.
pub(crate) struct Stage {
    pub(crate) upstream: Option<sandbox::Running>,
    pub(crate) gateway: Running,
    pub(crate) book: Ledger,
    _folder: Folder,
}

impl Stage {
    pub(crate) fn new(name: &str, more: &str) -> Self {
        let upstream = Sandbox::builder().start_blocking(([127, 0, 0, 1], 0).into()).unwrap();
        let folder = Folder::new(name);
        let gateway = Running::start(upstream.addr(), &format!("{}{more}\n{MONEY}", folder.ledger()));
        let book = Ledger::visit(&Url::Sqlite(folder.0.join("book.db"))).unwrap();
        Self { upstream: Some(upstream), gateway, book, _folder: folder }
    }

    /// The same ledger, before another upstream from now on.
    pub(crate) fn moved(self, upstream: &str) -> Self {
        let Self { upstream: old, gateway, book, _folder: folder } = self;
        drop(gateway);
        let text = format!("upstream.url = '{upstream}'\nupstream.connect_timeout = '1s'\n");
        let gateway = Running::configured_patiently(&format!("{text}{}{MONEY}", folder.ledger()));
        Self { upstream: old, gateway, book, _folder: folder }
    }

    /// With an upstream of another kind.
    pub(crate) fn before(upstream: &Recorder, name: &str) -> Self {
        let folder = Folder::new(name);
        let gateway = Running::start_patiently(upstream.address, &format!("{}{MONEY}", folder.ledger()));
        let book = Ledger::visit(&Url::Sqlite(folder.0.join("book.db"))).unwrap();
        Self { upstream: None, gateway, book, _folder: folder }
    }

    pub(crate) fn upstream(&self) -> &sandbox::Running {
        self.upstream.as_ref().unwrap()
    }

    pub(crate) fn wait<T>(answer: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(answer)
    }

    pub(crate) fn newest(&self) -> Option<HoldRow> {
        Self::wait(self.book.holds(None, None, u32::MAX)).unwrap().pop()
    }

    pub(crate) fn entries(&self, hold: &HoldRow) -> Vec<String> {
        let mut all = Self::wait(self.book.entries(0, u32::MAX)).unwrap();
        all.retain(|entry| entry.hold == hold.id.to_string());
        all.into_iter().map(|entry| entry.kind).collect()
    }

    /// What a call of one kind sends: about a job of its own, which is there already unless it is to be created.
    pub(crate) fn prepared(&self, call: Call) -> Prepared {
        if call == Create {
            return Prepared { call, request: post(JOB), before: None };
        }
        assert_eq!(self.gateway.send(&post(JOB)).status, 201);
        let before = self.newest().unwrap();
        let target = format!("/contextcapture/jobs/{}", before.job.unwrap());
        let request = match call {
            Change => request("PATCH", &target, r#"{"costEstimationParameters":{"gigaPixels":8}}"#),
            Submit => request("PATCH", &target, r#"{"state":"Active"}"#),
            _ => (head("DELETE", &target, "") + "\r\n").into_bytes(),
        };
        Prepared { call, request, before: Some(before) }
    }

    /// What a call has left, told as a whole.
    #[track_caller]
    pub(crate) fn check(&self, prepared: &Prepared, expected: Left, what: &str) {
        let known = prepared.before.as_ref().map(|before| before.id);
        let row = match known {
            Some(id) => Self::wait(self.book.hold(id)).unwrap().unwrap(),
            None => self.newest().unwrap(),
        };
        let setup = if known.is_some() { 2 } else { 0 };
        let entries = self.entries(&row).split_off(setup);
        let found = (row.state, row.amount.to_string(), entries);
        let (state, amount, kinds) = expected;
        let expected = (state, amount.to_owned(), kinds.iter().map(ToString::to_string).collect());
        assert_eq!(found, expected, "{:?}: {what}", prepared.call);
        Self::wait(self.book.verify()).unwrap().unwrap();
    }

    /// One call against one fault of the sandbox, which strikes it alone; it is sent once.
    #[track_caller]
    fn cell(&self, call: Call, fault: &str, expected: Left) -> Reply {
        let prepared = self.prepared(call);
        self.upstream().set_fault(fault.parse::<sandbox::Fault>().unwrap().times(1));
        let before = self.upstream().journal().total();
        let reply = self.gateway.send(&prepared.request);
        self.check(&prepared, expected, fault);
        assert_eq!(self.upstream().journal().total(), before + 1, "{call:?}: {fault}");
        self.upstream().clear_faults();
        self.told_where_unknown(&prepared, &reply);
        reply
    }

    /// Who is not told the outcome is told of the hold.
    #[track_caller]
    fn told_where_unknown(&self, prepared: &Prepared, reply: &Reply) {
        let detail =
            if reply.body.is_empty() { None } else { Some(reply.json()["error"]["details"][0].clone()) };
        if let Some(detail) = detail.filter(|detail| detail["outcome"].is_string()) {
            let hold = prepared.before.as_ref().map_or_else(|| self.newest().unwrap().id, |before| before.id);
            assert_eq!(detail["hold"], hold.to_string(), "{:?}: {reply:?}", prepared.call);
        }
    }
}

pub(crate) struct Prepared {
    pub(crate) call: Call,
    pub(crate) request: Vec<u8>,
    pub(crate) before: Option<HoldRow>,
}

#[track_caller]
pub(crate) fn outcome(reply: &Reply) -> (u16, String) {
    let outcome = reply.json()["error"]["details"][0]["outcome"].as_str().map(str::to_owned);
    (reply.status, outcome.unwrap_or_else(|| panic!("{reply:?}")))
}

#[test]
fn i2_a_connection_that_breaks_leaves_in_doubt_what_was_under_way() {
    let stage = Stage::new("i2", "");
    for fault in ["reset-before", "reset-after"] {
        for call in ALL {
            assert_eq!(
                outcome(&stage.cell(call, fault, unknown(call))),
                (502, "unknown".to_owned()),
                "{call:?}"
            );
        }
    }
    // One that is reset as soon as it stands may have taken a byte.
    for call in ALL {
        let prepared = stage.prepared(call);
        // Another call breaks the connection that is kept.
        let other = head("DELETE", "/contextcapture/jobs/00000000-0000-4000-8000-000000000000", "") + "\r\n";
        stage.upstream().set_fault(sandbox::Fault::ResetBefore.times(1));
        assert_eq!(stage.gateway.send(other.as_bytes()).status, 502);
        let total = stage.upstream().journal().total();
        stage.upstream().set_fault(sandbox::Fault::Refuse.times(1));
        // Whether the connection stood long enough for a byte is a matter of luck; the answer and the hold agree on it.
        let (status, told) = outcome(&stage.gateway.send(&prepared.request));
        let left = if told == "not-sent" { refused(call) } else { unknown(call) };
        assert_eq!(status, 502, "{call:?}");
        stage.check(&prepared, left, "refuse");
        assert_eq!(
            (stage.upstream().journal().total(), stage.upstream().journal().refused()),
            (total, refused_so_far(call))
        );
    }
}

fn refused_so_far(call: Call) -> u64 {
    ALL.iter().zip(1..).find(|(one, _)| **one == call).unwrap().1
}

#[test]
fn i3_whatever_is_not_answered_in_time_is_in_doubt() {
    let stage = Stage::new("i3", "upstream.response_timeout = '300ms'");
    // No answer, none in time, and one that comes a byte at a time: the deadline is for the whole of it.
    for fault in ["silence", "latency=1s", "drip=20ms"] {
        for call in ALL {
            assert_eq!(
                outcome(&stage.cell(call, fault, unknown(call))),
                (504, "unknown".to_owned()),
                "{call:?} {fault}"
            );
        }
    }
}

#[test]
fn i4_whatever_upstream_has_done_is_written_down() {
    let stage = Stage::new("i4", "");
    for (call, status) in ALL.into_iter().zip([201, 200, 200, 204]) {
        // Late, and a byte at a time, but in time.
        for fault in ["latency=1ms", "drip=1ms"] {
            let reply = stage.cell(call, fault, done(call));
            assert_eq!(reply.status, status, "{call:?} {fault}");
            assert_eq!(reply.body.is_empty(), call == Delete, "{reply:?}");
        }
    }
}

#[test]
fn i5_an_answer_that_is_cut_off_says_only_that_there_was_one() {
    let stage = Stage::new("i5", "");
    for (call, fault) in ALL.map(|call| (call, "cut")).into_iter().chain([(Create, "torn201")]) {
        let reply = stage.cell(call, fault, unknown(call));
        assert_eq!(outcome(&reply), (502, "unknown".to_owned()), "{call:?} {fault}");
    }
    assert_eq!(
        stage.upstream().journal().jobs(),
        5,
        "each of them is there, and three were made to be cut off"
    );
}

#[test]
fn i7_i8_a_refusal_by_upstream_passes_and_takes_everything_back() {
    // Else its sender is kept from upstream after the first 429.
    let stage = Stage::new("i7", "upstream.back_off = '0s'");
    for status in [400, 401, 403, 404, 409, 413, 415, 422] {
        for call in ALL {
            let reply = stage.cell(call, &format!("status={status};x-any=text"), refused(call));
            assert_eq!((reply.status, reply.header("x-any")), (status, Some("text")), "{call:?}");
            assert_eq!(reply.code(), "RequestFailed", "it is upstream's answer");
        }
    }
    for call in ALL {
        let reply = stage.cell(call, "status=429;retry-after=7", refused(call));
        assert_eq!((reply.status, reply.header("retry-after")), (429, Some("7")), "{call:?}");
        assert_eq!(reply.code(), "RateLimitExceeded");
    }
}

#[test]
fn i9_a_failure_of_upstream_passes_and_says_nothing_of_what_was_done() {
    let stage = Stage::new("i9", "");
    for status in [500, 502, 503, 504] {
        for call in ALL {
            let reply = stage.cell(call, &format!("status={status};retry-after=3"), unknown(call));
            assert_eq!((reply.status, reply.header("retry-after")), (status, Some("3")), "{call:?}");
        }
    }
}

/// Some upstreams have a status that says for sure that nothing was done.
#[test]
fn i9_a_failure_that_is_known_to_have_done_nothing_takes_everything_back() {
    let stage = Stage::new("i9n", "upstream.nothing_done = [503, 504]");
    for call in ALL {
        for status in [503, 504] {
            let reply = stage.cell(call, &format!("status={status};retry-after=3"), refused(call));
            assert_eq!((reply.status, reply.header("retry-after")), (status, Some("3")), "{call:?}");
        }
        assert_eq!(stage.cell(call, "500", unknown(call)).status, 500, "{call:?}");
    }
}

#[test]
fn i10_what_is_no_answer_is_a_bad_gateway() {
    let stage = Stage::new("i10", "");
    for call in ALL {
        assert_eq!(
            outcome(&stage.cell(call, "garbage", unknown(call))),
            (502, "unknown".to_owned()),
            "{call:?}"
        );
    }
}

/// What the sandbox does not do: any success counts as one, and what has no end or is too much is no answer.
#[test]
fn i6_i10_of_changes_and_deletions_by_an_upstream_of_another_kind() {
    let endless = b"HTTP/1.1 102 Processing\r\n\r\n".repeat(1000);
    let mut long = format!("HTTP/1.1 200 X\r\nContent-Length: {}\r\n\r\n", 4 << 20).into_bytes();
    long.resize(long.len() + (4 << 20), b' ');
    let bare = b"HTTP/1.1 204 X\r\n\r\n".to_vec();
    let no_answer = |bytes: &[u8]| (Act::AnswerAndClose(bytes.to_vec()), 502, unknown as fn(Call) -> Left);
    let acts = [
        (Act::Answer(answer(200, "{}")), 200, done as fn(Call) -> Left),
        (Act::Answer(answer(202, "{}")), 202, done),
        (Act::Answer(bare), 204, done),
        no_answer(b"SSH-2.0-x\r\n"),
        no_answer(&b"<html>".repeat(100)),
        no_answer(&endless),
        no_answer(&long),
        (Act::CloseBeforeBody, 502, unknown),
    ];
    for (act, status, left) in acts {
        for call in [Change, Submit, Delete] {
            let upstream = Recorder::start();
            let stage = Stage::before(&upstream, "other");
            let prepared = stage.prepared(call);
            upstream.script([act.clone()]);
            assert_eq!(stage.gateway.send(&prepared.request).status, status, "{call:?}");
            stage.check(&prepared, left(call), &format!("{status}"));
            assert_eq!(upstream.seen().len(), 2);
        }
    }
}
