//! Where the issuer's keys come from: a file that was read at the start, or a server that is asked again and again, and at once
//! when a token names a key that is not known; how often at most is bounded, since anybody can make up such a token.
//!
//! While the issuer does not answer, the keys that are known stay in use, however old they are: an outage of it is not to stop every job.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::StatusCode;
use log::{info, warn};
use parking_lot::Mutex;

use super::keys::{KeySet, Keys};
use crate::capacity::Capacity;
use crate::clock;
use crate::config::{KeySource, Upstream as Server};
use crate::contact::Contact;
use crate::courier::{Fate, Parcel};

/// The least time between an answer and the next question.
const FLOOR: Duration = Duration::from_secs(30);
/// And behind a question that was not answered: twice as long each time, up to the longest; always the first where no key is known.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(30);
/// How long keys are used before they are asked for again: while the issuer answers, one that it has withdrawn is good no longer.
const EVERY: Duration = Duration::from_secs(600);
/// How many requests wait for an answer at once, and each of them how long: the issuer may be slow, and whoever sends tokens of made-up
/// keys is not to fill the gateway meanwhile.
const WAITING: usize = 64;
const PATIENCE: Duration = Duration::from_secs(2);

/// The keys as they are now, and who is asked for others.
#[derive(Debug)]
pub(super) struct Source {
    keys: ArcSwapOption<Keys>,
    issuer: Option<Issuer>,
}

#[derive(Debug)]
struct Issuer {
    contact: Contact,
    target: String,
    /// Held while it is asked.
    asking: tokio::sync::Mutex<()>,
    /// The requests that ask, and those that wait for them.
    waiting: Arc<Capacity>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// When the keys were confirmed last; at first when the gateway started.
    confirmed: Instant,
    /// Nobody asks before.
    next: Instant,
    /// The pause behind the last question, where it was not answered.
    patience: Option<Duration>,
}

impl State {
    fn leave_alone(&mut self, pause: Duration) {
        let now = clock::now();
        self.next = now.checked_add(pause).unwrap_or(now);
    }
}

impl Source {
    pub(super) fn new(source: KeySource) -> Self {
        match source {
            KeySource::File(_, set) => {
                Self { keys: ArcSwapOption::from_pointee(Keys::new(&set)), issuer: None }
            }
            KeySource::Server { server, target, .. } => {
                Self { keys: ArcSwapOption::empty(), issuer: Some(Issuer::new(*server, target)) }
            }
        }
    }

    /// The keys; none where the issuer has not told any yet.
    pub(super) fn keys(&self) -> Option<Arc<Keys>> {
        self.keys.load_full()
    }

    /// Whether the keys are those of that instant or later. Asked before the keys are looked at, which may be newer.
    pub(super) fn is_as_of(&self, instant: Instant) -> bool {
        self.issuer.as_ref().is_none_or(|issuer| issuer.state.lock().confirmed >= instant)
    }

    /// How long ago the issuer has confirmed the keys; nothing where it is not asked.
    pub(super) fn age(&self) -> Duration {
        let since = |issuer: &Issuer| clock::now().saturating_duration_since(issuer.state.lock().confirmed);
        self.issuer.as_ref().map_or(Duration::ZERO, since)
    }

    /// How long nobody may ask; nothing where somebody may.
    pub(super) fn wait(&self) -> Duration {
        self.issuer.as_ref().map_or(Duration::ZERO, Issuer::wait)
    }

    /// How long until the keys are asked for, where no token makes somebody ask before.
    pub(super) fn pause(&self) -> Duration {
        let fails = self.issuer.as_ref().is_some_and(|issuer| issuer.state.lock().patience.is_some());
        let regular = if fails { Duration::ZERO } else { EVERY.saturating_sub(self.age()) };
        self.wait().max(regular)
    }

    /// Asks the issuer, unless it is too soon. Whoever comes while it is asked waits for that answer. What cannot be had changes nothing.
    pub(super) async fn refresh(&self) {
        let Some(issuer) = &self.issuer else { return };
        let _turn = issuer.asking.lock().await;
        if issuer.wait() > Duration::ZERO {
            return;
        }
        issuer.begin();
        let answer = issuer.ask().await;
        let is_known = self.keys().is_some();
        match answer {
            Ok(set) => {
                self.keys.store(Some(Arc::new(Keys::new(&set))));
                if issuer.answered() || !is_known {
                    info!("the issuer's keys are known");
                }
            }
            Err(why) => {
                let pause = issuer.unanswered(is_known).as_secs();
                let rest = if is_known {
                    "the keys that are known stay in use"
                } else {
                    "no keys are known yet, and no token can be verified"
                };
                warn!("identity.jwks_url: {why}; {rest}; it is asked again in {pause} s");
            }
        }
    }

    /// As a request with a token of an unknown key does, where not too many wait already. That the request is gone, or has waited long
    /// enough, does not end the question.
    pub(super) async fn refresh_for_a_token(self: &Arc<Self>) {
        let Some(issuer) = self.issuer.as_ref().filter(|issuer| issuer.may_answer()) else { return };
        let Some(place) = issuer.waiting.take(1) else { return };
        let source = Arc::clone(self);
        let asked = tokio::spawn(async move {
            source.refresh().await;
            drop(place);
        });
        // Nothing comes of either end that the keys do not tell.
        let _ = tokio::time::timeout(PATIENCE, asked).await;
    }
}

impl Issuer {
    fn new(server: Server, target: String) -> Self {
        let now = clock::now();
        Self {
            contact: Contact::new(server),
            target,
            asking: tokio::sync::Mutex::default(),
            waiting: Capacity::new(WAITING),
            state: Mutex::new(State { confirmed: now, next: now, patience: None }),
        }
    }

    fn wait(&self) -> Duration {
        self.state.lock().next.saturating_duration_since(clock::now())
    }

    /// Whether it is asked now, or may be.
    fn may_answer(&self) -> bool {
        self.wait() == Duration::ZERO || self.asking.try_lock().is_err()
    }

    /// It is asked now. Who would have to wait too long for the answer is told to come back then.
    fn begin(&self) {
        self.state.lock().leave_alone(FIRST);
    }

    /// It has not answered. Tells how long it is left alone.
    fn unanswered(&self, is_known: bool) -> Duration {
        let mut state = self.state.lock();
        let pause = match state.patience {
            Some(before) if is_known => before.saturating_mul(2).min(LONGEST),
            _ => FIRST,
        };
        state.patience = Some(pause);
        state.leave_alone(pause);
        pause
    }

    /// It has answered. Tells whether it had not the time before.
    fn answered(&self) -> bool {
        let mut state = self.state.lock();
        state.confirmed = clock::now();
        state.leave_alone(FLOOR);
        state.patience.take().is_some()
    }

    async fn ask(&self) -> Result<KeySet, String> {
        let head = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: jobgate/{}\r\nAccept: application/json\r\nAccept-Encoding: identity\r\n\r\n",
            self.target,
            self.contact.authority(),
            env!("CARGO_PKG_VERSION")
        );
        let parcel = Parcel { head: head.into_bytes(), body: Bytes::new() };
        match self.contact.ask(parcel).await? {
            Fate::Answered(answer) if answer.status == StatusCode::OK => {
                KeySet::parse(&answer.body).map_err(|fault| format!("what it answers {fault}"))
            }
            Fate::Answered(answer) => Err(format!("status {}", answer.status)),
            Fate::Torn(torn) if torn.too_long => Err("its answer is longer than 1 MiB".to_owned()),
            Fate::Torn(_) => Err("its answer did not come to its end".to_owned()),
            Fate::Failed(failure) => Err(format!("no answer ({})", failure.as_str())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::task::Poll;

    use super::super::{Principal, Verifier};
    use super::*;
    use crate::config::{Config, Identity, Jwt};
    use crate::rejection::{Rejection, TokenFault};

    type Verdict = Result<Result<Principal, TokenFault>, Rejection>;

    /// A set of one key, which is the base point of the curve.
    fn set(id: &str) -> String {
        let (x, y) =
            ("axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY", "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU");
        format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","kid":"{id}","x":"{x}","y":"{y}"}}]}}"#)
    }

    /// Answers a question after another with these.
    fn serve<A>(answers: A) -> std::net::SocketAddr
    where
        A: IntoIterator<Item = (u16, String), IntoIter: Send> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    head.extend(byte);
                }
                let length = body.len();
                write!(
                    stream,
                    "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
                )
                .unwrap();
            }
        });
        address
    }

    /// The keys of that server.
    fn jwt(address: std::net::SocketAddr) -> Jwt {
        let text = format!(
            "[identity]\nmode = 'jwt'\nissuer = 'i'\naudience = 'a'\njwks_url = 'http://{address}/keys'"
        );
        let config = Config::parse(&text, std::path::Path::new("."), []).unwrap();
        let Identity::Jwt(jwt) = config.identity else { panic!("{config:?}") };
        *jwt
    }

    fn source(address: std::net::SocketAddr) -> Arc<Source> {
        Arc::new(Source::new(jwt(address).keys))
    }

    #[tokio::test]
    async fn a_set_that_is_too_long_is_told_of_as_that() {
        let source = source(serve([(200, "x".repeat((1 << 20) + 1))]));
        let told = source.issuer().ask().await.unwrap_err();
        assert_eq!(told, "its answer is longer than 1 MiB");
    }

    impl Source {
        fn issuer(&self) -> &Issuer {
            self.issuer.as_ref().unwrap()
        }

        fn knows(&self, id: &str) -> bool {
            self.keys().is_some_and(|keys| keys.find(Some(id)).is_some())
        }

        /// As if nobody had asked just now.
        async fn ask_again(self: &Arc<Self>) {
            self.issuer().state.lock().next = clock::now();
            self.refresh_for_a_token().await;
        }
    }

    #[tokio::test]
    async fn new_keys_take_the_place_of_old_ones_and_a_failure_changes_nothing() {
        let source = source(serve([(200, set("old")), (503, String::new()), (200, set("new"))]));
        source.refresh_for_a_token().await;
        assert!(source.knows("old") && !source.knows("new"));
        source.refresh_for_a_token().await;
        assert!(source.knows("old"), "it was asked just now, and is not asked again");
        let before = clock::now();
        source.ask_again().await;
        assert!(source.knows("old") && !source.is_as_of(before), "what cannot be had changes nothing");
        source.ask_again().await;
        assert!(source.knows("new") && !source.knows("old"), "a key that was withdrawn is good no longer");
        assert!(source.is_as_of(before));
    }

    #[tokio::test]
    async fn an_issuer_that_does_not_answer_is_asked_again_soon_and_then_less_and_less_often() {
        let failed = || (500, String::new());
        let answers = [failed(), failed(), (200, set("a")), failed(), failed(), failed(), failed(), failed()];
        let source = source(serve(answers.into_iter().chain([(200, set("a")), failed()])));
        let s = Duration::from_secs;
        for (known, pause) in
            [(0, 5), (0, 5), (1, 600), (1, 5), (1, 10), (1, 20), (1, 30), (1, 30), (1, 600), (1, 5)]
        {
            source.ask_again().await;
            assert_eq!(source.knows("a"), known == 1);
            // However slow the machine is, it is none of the others.
            let (least, most) = (s(pause) / 2, s(pause));
            assert!((least..=most).contains(&source.pause()), "{pause}: {:?}", source.pause());
            assert!((s(1)..=s(30)).contains(&source.wait()), "{:?}", source.wait());
        }
    }

    #[tokio::test]
    async fn a_question_is_put_to_its_end_without_who_began_it_and_none_where_too_many_wait() {
        let source = source(serve([(200, set("a"))]));
        let all = source.issuer().waiting.take(WAITING);
        source.refresh_for_a_token().await;
        assert!(source.wait() == Duration::ZERO && source.keys().is_none());
        drop(all);
        let mut asked = Box::pin(source.refresh_for_a_token());
        assert!(std::future::poll_fn(|context| Poll::Ready(asked.as_mut().poll(context).is_pending())).await);
        drop(asked);
        while !source.knows("a") {
            tokio::task::yield_now().await;
        }
    }

    /// The token is not signed: what is told apart is whether its key is known, is not, or may have become known.
    #[tokio::test]
    async fn a_token_of_an_unknown_key_is_a_bad_one_only_when_the_issuer_was_asked_since() {
        let answers = [(200, set("old")), (503, String::new()), (200, set("new")), (200, set("new"))];
        let verifier = Verifier::new(jwt(serve(answers)));
        let whom = async |token: &str| verifier.whom(token.as_bytes(), clock::date()).await;
        let due = || verifier.source.issuer().state.lock().next = clock::now();
        // {"alg":"ES256","kid":"new"} and {"alg":"ES256","kid":"odd"}
        let (new, odd) =
            ("eyJhbGciOiJFUzI1NiIsImtpZCI6Im5ldyJ9.e30.AA", "eyJhbGciOiJFUzI1NiIsImtpZCI6Im9kZCJ9.e30.AA");
        let is_unknown = |verdict: &Verdict| matches!(verdict, Err(Rejection::KeysUnavailable(_)));
        verifier.source.refresh().await;
        assert!(is_unknown(&whom(new).await), "it was asked before the token came");
        due();
        assert!(is_unknown(&whom(new).await), "it was asked and did not answer");
        due();
        assert_eq!(whom(new).await.unwrap().unwrap_err(), TokenFault::Signature);
        assert!(is_unknown(&whom(odd).await));
        due();
        assert_eq!(whom(odd).await.unwrap().unwrap_err(), TokenFault::Key, "it has no such key");
    }
}
