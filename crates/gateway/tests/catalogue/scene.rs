//! A gate, an upstream and a count of cases; after each case holds what must hold after every one.

use std::io::Write;
use std::net::Shutdown;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::after;
use crate::support::{JOB, Recorder, Reply, Running, Seen, post, strict};

/// What no request of a case may ever make upstream see: it stands where only a second reader would find a request.
pub(crate) const SMUGGLED: &str =
    "GET /contextcapture/workspaces/smuggled HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer t0k-en\r\n\r\n";

/// The cases of one line of the catalogue.
pub(crate) struct Tally {
    id: &'static str,
    refused: usize,
    survived: usize,
    failed: Vec<String>,
}

impl Tally {
    pub(crate) fn new(id: &'static str) -> Self {
        Self { id, refused: 0, survived: 0, failed: Vec::new() }
    }

    /// A case that had to be refused.
    pub(crate) fn refused(&mut self, good: bool, what: impl FnOnce() -> String) {
        if good { self.refused += 1 } else { self.failed.push(what()) }
    }

    /// A case that had to do no harm.
    pub(crate) fn survived(&mut self, good: bool, what: impl FnOnce() -> String) {
        if good { self.survived += 1 } else { self.failed.push(what()) }
    }

    pub(crate) fn cases(&self) -> usize {
        self.refused + self.survived + self.failed.len()
    }

    /// Tells the figures in the form that `cargo xtask catalogue` reads.
    pub(crate) fn finish(self) {
        let Self { id, refused, survived, failed } = &self;
        println!(
            "catalogue {id} cases={} refused={refused} survived={survived} failed={}",
            self.cases(),
            failed.len()
        );
        assert!(self.cases() > 0, "{id} has no case");
        let first: String = failed.iter().take(3).map(|one| format!("{one:.1200}\n")).collect();
        assert!(failed.is_empty(), "{id}: {} failed, first:\n{first}", failed.len());
    }
}

/// What a case led to.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) replies: Vec<Reply>,
    pub(crate) seen: Vec<Seen>,
    /// What was left behind the last whole answer, and what is wrong with it.
    torn: Option<String>,
    /// Its answers have no body.
    to_head: bool,
}

impl End {
    pub(crate) fn statuses(&self) -> Vec<u16> {
        self.replies.iter().map(|reply| reply.status).collect()
    }

    /// Nothing went upstream, and the one answer, if there is one, is ours and has one of these statuses.
    pub(crate) fn is_refusal(&self, wanted: &[u16]) -> bool {
        let ours = |reply: &Reply| {
            wanted.contains(&reply.status)
                && reply.header("x-jobgate-decision") == Some("refused")
                && reply.header("x-request-id").is_some()
                && (self.to_head || !reply.code().is_empty())
        };
        self.seen.is_empty() && self.replies.len() <= 1 && self.replies.iter().all(ours)
    }

    /// As that, answered, and the connection is closed.
    pub(crate) fn is_closing_refusal(&self, wanted: &[u16]) -> bool {
        self.is_refusal(wanted) && self.replies.iter().all(Reply::closes)
    }
}

/// A gate in front of an upstream that records.
pub(crate) struct Scene {
    pub(crate) upstream: Recorder,
    pub(crate) gateway: Running,
    pub(crate) tally: Tally,
    /// Whether a good job must still pass at the end.
    serves: bool,
    /// How many good jobs have passed.
    pub(crate) served: AtomicUsize,
    /// Whether an answer may be cut off.
    may_cut: AtomicBool,
    /// The ids of what was answered, and how.
    answered: Mutex<Vec<(String, u16)>>,
}

impl Scene {
    pub(crate) fn new(id: &'static str, configuration: &str) -> Self {
        after::count_panics();
        let upstream = Recorder::start();
        let gateway = Running::start(upstream.address, &after::budgeted(configuration));
        Self {
            upstream,
            gateway,
            tally: Tally::new(id),
            serves: true,
            served: AtomicUsize::new(0),
            may_cut: AtomicBool::new(false),
            answered: Mutex::default(),
        }
    }

    /// From here on an answer may be cut off in its midst: upstream has cut its own, and its header has been passed on.
    pub(crate) fn may_cut(&self, may: bool) {
        self.may_cut.store(may, Ordering::Relaxed);
    }

    /// Sends bytes on a connection of their own, piece by piece, and reads all that is answered until it is closed.
    pub(crate) fn try_pieces(&self, pieces: &[&[u8]]) -> End {
        let before = self.upstream.count();
        let mut client = self.gateway.client();
        for piece in pieces {
            // Who is refused early may find the connection closed.
            let _ = client.stream.write_all(piece);
        }
        let _ = client.stream.shutdown(Shutdown::Write);
        let (bytes, closed) = client.read_to_the_end();
        let to_head = pieces.concat().starts_with(b"HEAD ");
        let (replies, torn) = strict::answers(&bytes, to_head);
        let end = End { replies, seen: self.upstream.since(before), torn, to_head };
        assert!(closed, "left open: {end:?}");
        self.check(&end);
        let refused = |reply: &Reply| reply.header("x-jobgate-decision") == Some("refused");
        if end.seen.is_empty() && end.replies.iter().all(refused) {
            self.must_serve();
        }
        end
    }

    /// What holds after every case, whatever was tried.
    fn check(&self, end: &End) {
        after::no_panic();
        assert!(end.torn.is_none() || self.may_cut.load(Ordering::Relaxed), "{end:?}");
        for reply in &end.replies {
            if !end.to_head {
                after::documented(reply, end.seen.is_empty());
            }
            let id = reply.header("x-request-id").unwrap_or_default();
            assert!(!id.is_empty(), "an answer without an id: {reply:?}");
            self.answered.lock().unwrap().push((id.to_owned(), reply.status));
        }
    }

    pub(crate) fn try_bytes(&self, bytes: &[u8]) -> End {
        self.try_pieces(&[bytes])
    }

    /// A case that is refused with one of these statuses, or closed without a word; whatever stands behind is not read.
    pub(crate) fn refuse(&mut self, bytes: &[u8], wanted: &[u16]) {
        let end = self.try_bytes(bytes);
        let good = end.is_closing_refusal(wanted);
        self.tally.refused(good, || format!("{:?}\n{end:?}", String::from_utf8_lossy(bytes)));
    }

    /// A case that is refused with this status, told so; the connection may live on.
    pub(crate) fn deny(&mut self, bytes: &[u8], status: u16) {
        let end = self.try_bytes(bytes);
        let good = end.is_refusal(&[status]) && end.replies.len() == 1;
        self.tally.refused(good, || format!("{:?}\n{end:?}", String::from_utf8_lossy(bytes)));
    }

    /// A good job on a fresh connection passes, as one well-formed request; tried after each case that was refused or closed.
    pub(crate) fn must_serve(&self) {
        let before = self.upstream.count();
        let reply = self.gateway.send(&post(JOB));
        assert_eq!(reply.status, 201, "a good request after case {}: {reply:?}", self.tally.cases());
        self.served.fetch_add(1, Ordering::Relaxed);
        let seen = self.upstream.since(before);
        assert_eq!(seen.len(), 1);
        assert!(seen[0].body == JOB.as_bytes());
    }

    /// The allowance of the one sender is used up by the cases.
    pub(crate) fn without_a_last_good_one(mut self) -> Self {
        self.serves = false;
        self
    }

    /// What must hold at the end: every line of the log is whole and of one request, no token is in it, nothing was smuggled, the
    /// ledger adds up.
    pub(crate) fn finish(self) {
        if self.serves {
            self.must_serve();
        }
        after::balanced(&self.gateway);
        let log = self.gateway.log.clone();
        let seen = self.upstream.seen();
        assert!(!seen.iter().any(|seen| seen.line.contains("smuggled")), "{seen:?}");
        // Its last lines are written when it stops.
        self.gateway.stop();
        after::one_line_each(&log.text(), &self.answered.lock().unwrap());
        after::no_panic();
        self.tally.finish();
    }
}

/// Bytes that vary from call to call and are the same in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % bound
    }
}
