//! Where the issuer's keys come from: a file that was read at the start, or a server that is asked again and again, and at once
//! when a token names a key that is not known; how often at most is bounded, since anybody can make up such a token.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::StatusCode;
use log::{info, warn};
use tokio::sync::Mutex;

use super::keys::{KeySet, Keys};
use crate::clock;
use crate::config::{KeySource, Upstream as Server};
use crate::contact::Contact;
use crate::courier::{Fate, Parcel};

/// The least time between two questions.
const FLOOR: Duration = Duration::from_secs(30);
/// How long keys are used before they are asked for again: one that the issuer has withdrawn is good no longer than that.
pub(crate) const EVERY: Duration = Duration::from_secs(600);

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
    /// When it was asked last; held while it is asked.
    asked: Mutex<Option<Instant>>,
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

    /// Asks the issuer, unless that was done just now. Whoever comes while it is asked waits for that answer. What cannot be had
    /// changes nothing.
    pub(super) async fn refresh(&self, floor: Duration) {
        let Some(issuer) = &self.issuer else { return };
        let mut asked = issuer.asked.lock().await;
        if asked.is_some_and(|asked| clock::now().saturating_duration_since(asked) < floor) {
            return;
        }
        let answer = issuer.ask().await;
        *asked = Some(clock::now());
        match answer {
            Ok(set) => {
                if self.keys.swap(Some(Arc::new(Keys::new(&set)))).is_none() {
                    info!("the issuer's keys are known");
                }
            }
            Err(why) if self.keys().is_some() => {
                warn!("identity.jwks_url: {why}; the keys that are known stay in use");
            }
            Err(why) => {
                warn!("identity.jwks_url: {why}; no keys are known yet, and no token can be verified")
            }
        }
    }

    /// As a request with a token of an unknown key does.
    pub(super) async fn refresh_for_a_token(&self) {
        self.refresh(FLOOR).await;
    }
}

impl Issuer {
    fn new(server: Server, target: String) -> Self {
        Self { contact: Contact::new(server), target, asked: Mutex::default() }
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

    use super::*;
    use crate::config::Config;

    /// A set of one key, which is the base point of the curve.
    fn set(id: &str) -> String {
        let (x, y) =
            ("axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY", "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU");
        format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","kid":"{id}","x":"{x}","y":"{y}"}}]}}"#)
    }

    /// Answers a question after another with these.
    fn serve(answers: [(u16, String); 3]) -> std::net::SocketAddr {
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
    fn source(address: std::net::SocketAddr) -> Source {
        let text = format!(
            "[identity]\nmode = 'jwt'\nissuer = 'i'\naudience = 'a'\njwks_url = 'http://{address}/keys'"
        );
        let config = Config::parse(&text, std::path::Path::new("."), []).unwrap();
        let crate::config::Identity::Jwt(jwt) = config.identity else { panic!("{config:?}") };
        Source::new(jwt.keys)
    }

    #[tokio::test]
    async fn a_set_that_is_too_long_is_told_of_as_that() {
        let address = serve([(200, "x".repeat((1 << 20) + 1)), (200, String::new()), (200, String::new())]);
        let source = source(address);
        let told = source.issuer.as_ref().unwrap().ask().await.unwrap_err();
        assert_eq!(told, "its answer is longer than 1 MiB");
    }

    #[tokio::test]
    async fn new_keys_take_the_place_of_old_ones_and_a_failure_changes_nothing() {
        let address = serve([(200, set("old")), (503, String::new()), (200, set("new"))]);
        let source = source(address);
        let knows = |id: &str| source.keys().is_some_and(|keys| keys.find(Some(id)).is_some());
        source.refresh_for_a_token().await;
        assert!(knows("old") && !knows("new"));
        source.refresh_for_a_token().await;
        assert!(knows("old"), "it was asked just now, and is not asked again");
        source.refresh(Duration::ZERO).await;
        assert!(knows("old"), "what cannot be had changes nothing");
        source.refresh(Duration::ZERO).await;
        assert!(knows("new") && !knows("old"), "a key that was withdrawn is good no longer");
    }
}
